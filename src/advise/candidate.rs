//! From what a query needs of a table to the indexes that could give it.

mod narrow;
mod special;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{IndexSpec, Key, Method, Need, PresentIndex, TableFacts};
use crate::catalog::QualifiedName;

/// Maximum number of candidates for one scan of a table.
const MOST_PER_NEED: usize = 18;
/// A table of one page is read at once; an index on it would be a second page to read.
const FEWEST_PAGES: f64 = 2.0;
/// Up to this many equalities, each comes first once; with more, there would be too many candidates.
const MOST_TURNED: usize = 3;

/// A value of a third of a page cannot be in a sorted index: where they are this long on average, one of them is.
const LONGEST_SORTED: f64 = 600.0;

/// The indexes that could serve the needs, without those that are there already, each once, in a fixed order.
/// `trigrams`: the operator class `gin_trgm_ops` can be used.
pub fn candidates(
    needs: &[Need],
    tables: &BTreeMap<QualifiedName, &TableFacts>,
    trigrams: bool,
) -> Vec<IndexSpec> {
    let mut all: Vec<IndexSpec> = Vec::new();
    for need in needs {
        let Some(facts) = need
            .table
            .as_ref()
            .and_then(|name| tables.values().find(|facts| facts.name() == *name))
        else {
            continue;
        };
        let asks_for_nothing =
            need.columns.is_empty() && need.equal.is_empty() && need.joined.is_empty();
        if asks_for_nothing || facts.pages < FEWEST_PAGES || is_the_systems(facts) {
            continue;
        }
        let mut own = Maker {
            need,
            facts,
            made: Vec::new(),
        };
        own.sorted();
        own.partial();
        own.covering();
        own.hashed();
        own.brin();
        own.within(trigrams);
        own.made.retain(|spec| {
            !facts
                .indexes
                .iter()
                .any(|index| makes_needless(index, spec))
        });
        own.made.truncate(MOST_PER_NEED);
        for spec in own.made {
            if !all.contains(&spec) {
                all.push(spec);
            }
        }
    }
    all
}

/// Nobody may add an index there.
fn is_the_systems(facts: &TableFacts) -> bool {
    let schema = facts.name().schema;
    schema.starts_with("pg_") || schema == "information_schema"
}

struct Maker<'a> {
    need: &'a Need,
    facts: &'a TableFacts,
    made: Vec<IndexSpec>,
}

impl Maker<'_> {
    fn add(
        &mut self,
        method: Method,
        keys: Vec<Key>,
        include: Vec<String>,
        predicate: Option<String>,
    ) {
        let mut unique: Vec<Key> = Vec::new();
        for key in keys {
            if !unique.iter().any(|known| known.sql == key.sql) {
                unique.push(key);
            }
        }
        let has_system = unique
            .iter()
            .flat_map(|key| &key.columns)
            .any(|column| !self.facts.columns.contains_key(column));
        if unique.is_empty() || unique.len() > 6 || has_system {
            return;
        }
        // What cannot be sorted, or not by its own type's default, is in no sorted index.
        if method == Method::Btree && !unique.iter().all(|key| self.sorts(key)) {
            return;
        }
        let spec = IndexSpec {
            table: self.facts.name(),
            method,
            keys: unique,
            include,
            predicate,
        };
        if !self.made.contains(&spec) {
            self.made.push(spec);
        }
    }

    fn sorts(&self, key: &Key) -> bool {
        let named = key.order.ends_with("_ops");
        let column = key
            .columns
            .first()
            .and_then(|name| self.facts.columns.get(name));
        column.is_none_or(|column| column.width <= LONGEST_SORTED)
            && (named || self.fits(key, Method::Btree))
    }

    /// An index of this method takes the key; of an expression that is not known before it is tried.
    fn fits(&self, key: &Key, method: Method) -> bool {
        let column = key
            .columns
            .first()
            .and_then(|name| self.facts.columns.get(name));
        key.expression || column.is_some_and(|column| column.fits(method.as_str()))
    }

    /// The equalities, the most selective first; ties by name.
    fn equalities(&self) -> Vec<Key> {
        let mut keys = self.need.equal.clone();
        keys.sort_by(|a, b| {
            let distinct = |key: &Key| self.distinct(key);
            distinct(b)
                .total_cmp(&distinct(a))
                .then_with(|| a.sql.cmp(&b.sql))
        });
        keys
    }

    fn distinct(&self, key: &Key) -> f64 {
        let known = key
            .columns
            .first()
            .and_then(|name| self.facts.columns.get(name)?.distinct);
        known.unwrap_or(1.0)
    }

    /// What may stand behind the equalities: what the rows are wanted sorted by, or one range.
    fn tails(&self) -> Vec<Vec<Key>> {
        let need = self.need;
        let mut tails = Vec::new();
        if !need.order.is_empty() {
            tails.push(need.order.clone());
        }
        tails.extend(need.range.iter().map(|key| vec![key.clone()]));
        tails.extend(
            need.prefix
                .iter()
                .filter_map(|key| Some(vec![self.by_letters(key)?])),
        );
        if !need.grouped.is_empty() {
            tails.push(need.grouped.clone());
        }
        tails.extend(need.listed.iter().map(|key| vec![key.clone()]));
        tails
    }

    fn sorted(&mut self) {
        let equal = self.equalities();
        let joined = self.need.joined.clone();
        let tails = self.tails();
        let chain = |parts: &[&[Key]]| -> Vec<Key> {
            parts.iter().flat_map(|part| part.iter().cloned()).collect()
        };
        let mut keys: Vec<Vec<Key>> = Vec::new();
        for tail in &tails {
            keys.push(chain(&[&equal, tail]));
        }
        keys.push(equal.clone());
        for join in &joined {
            let join = std::slice::from_ref(join);
            keys.push(join.to_vec());
            if !equal.is_empty() {
                keys.push(chain(&[join, &equal]));
            }
            for tail in &tails {
                keys.push(chain(&[join, &equal, tail]));
            }
        }
        // A listed or ranged value after the order spares reading the rows that are thrown away.
        if !self.need.order.is_empty() {
            for more in self.need.listed.iter().chain(&self.need.range) {
                keys.push(chain(&[
                    &equal,
                    &self.need.order,
                    std::slice::from_ref(more),
                ]));
            }
        }
        for range in &self.need.range {
            for listed in &self.need.listed {
                keys.push(chain(&[
                    &equal,
                    std::slice::from_ref(listed),
                    std::slice::from_ref(range),
                ]));
            }
        }
        // Fewer equalities: smaller, and good for more queries.
        if equal.len() > 1 {
            for one in &equal {
                let one = std::slice::from_ref(one);
                keys.push(one.to_vec());
                for tail in tails.iter().take(1) {
                    keys.push(chain(&[one, tail]));
                }
            }
        }
        if !equal.is_empty() {
            keys.extend(tails.iter().cloned());
        }
        // In another order they serve this query as well, and one more that asks for the first alone.
        if equal.len() <= MOST_TURNED {
            let none = Vec::new();
            for first in 1..equal.len() {
                let mut turned = equal.clone();
                turned[..=first].rotate_right(1);
                keys.push(chain(&[&turned, tails.first().unwrap_or(&none)]));
            }
        }
        keys.extend(self.need.arms.iter().cloned());
        for keys in keys {
            self.add(Method::Btree, keys, Vec::new(), None);
        }
    }

    /// Sorted by bytes, where the collation sorts otherwise: only so is a prefix a range. `None`: its type has no
    /// such class.
    fn by_letters(&self, key: &Key) -> Option<Key> {
        let column = key
            .columns
            .first()
            .and_then(|name| self.facts.columns.get(name));
        let class = match column.filter(|_| !key.expression) {
            Some(column) if !column.collated => return Some(key.clone()),
            Some(column) => match column.type_name.as_str() {
                "text" => "text_pattern_ops",
                "varchar" => "varchar_pattern_ops",
                "bpchar" => "bpchar_pattern_ops",
                _ => return None,
            },
            None => "text_pattern_ops",
        };
        Some(Key {
            order: format!(" {class}"),
            ..key.clone()
        })
    }
}

/// Whether an index that is there leaves the other nothing to do: it serves as well, or finds the one row that there
/// is of what the other begins with.
fn makes_needless(index: &PresentIndex, spec: &IndexSpec) -> bool {
    let finds_one = index.enforces
        && index.valid
        && index.method == "btree"
        && index.predicate.is_none()
        && matches!(spec.method, Method::Btree | Method::Hash)
        && spec.keys.len() >= index.keys.len()
        && index.keys.iter().all(|key| {
            let mut first = spec.keys.iter().take(index.keys.len());
            first.any(|own| bare(&own.as_sql()) == bare(key))
        });
    finds_one || serves_as(index, spec)
}

/// Whether a present index does all that the other would: its keys begin with them.
pub(super) fn serves_as(index: &PresentIndex, spec: &IndexSpec) -> bool {
    let keys: Vec<String> = spec.keys.iter().map(|key| bare(&key.as_sql())).collect();
    let present: Vec<String> = index.keys.iter().map(|key| bare(key)).collect();
    let begins = match spec.method {
        Method::Btree => present.starts_with(&keys),
        _ => present == keys,
    };
    let carries = |column: &String| {
        let quoted = bare(&crate::catalog::quote_identifier(column));
        index.include.contains(column) || present.contains(&quoted)
    };
    index.valid
        && index.method == spec.method.as_str()
        && begins
        && same_predicate(index.predicate.as_deref(), spec.predicate.as_deref())
        && spec.include.iter().all(carries)
}

/// An expression as it can be compared: a plan's and a catalog's parentheses differ, and `= true` says nothing.
pub(super) fn bare(text: &str) -> String {
    text.replace(['(', ')'], "").replace(" = true", "")
}

fn same_predicate(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (None, _) => other.is_none(),
        (Some(one), Some(other)) => bare(one) == bare(other),
        (Some(_), None) => false,
    }
}
