//! From what a query needs of a table to the indexes that could give it.

use std::collections::BTreeMap;

use super::{IndexSpec, Key, Method, Need, PresentIndex, TableFacts};
use crate::catalog::QualifiedName;

/// At most so many candidates for one scan of a table.
const MOST_PER_NEED: usize = 18;
/// Columns carried along at most, and their bytes.
const MOST_INCLUDED: usize = 4;
const MOST_INCLUDED_BYTES: f64 = 96.0;
/// Values longer than this are better hashed than sorted, where only equality is asked for.
const LONG_VALUE_BYTES: f64 = 24.0;
/// A table of fewer pages needs no summary of its blocks.
const BRIN_PAGES: f64 = 2_000.0;
const BRIN_CORRELATION: f64 = 0.95;

/// The indexes that could serve the needs, without those that are there already, each once, in a fixed order.
/// `trigrams`: the operator class `gin_trgm_ops` can be used.
#[must_use]
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
        if need.columns.is_empty() && need.equal.is_empty() && need.joined.is_empty() {
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
        own.gin(trigrams);
        own.made
            .retain(|spec| !facts.indexes.iter().any(|index| serves_as(index, spec)));
        own.made.truncate(MOST_PER_NEED);
        for spec in own.made {
            if !all.contains(&spec) {
                all.push(spec);
            }
        }
    }
    all
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
        tails.extend(need.prefix.iter().map(|key| vec![self.by_letters(key)]));
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
        keys.extend(self.need.arms.iter().cloned());
        for keys in keys {
            self.add(Method::Btree, keys, Vec::new(), None);
        }
    }

    /// With only the rows that the query's constants leave.
    fn partial(&mut self) {
        let implied = self.need.implied.clone();
        if implied.is_empty() {
            return;
        }
        let equal = self.equalities();
        let mut tails = self.tails();
        tails.push(Vec::new());
        let joined: Vec<Vec<Key>> = std::iter::once(Vec::new())
            .chain(self.need.joined.iter().map(|key| vec![key.clone()]))
            .collect();
        let mut sets: Vec<Vec<(String, Option<Key>)>> =
            implied.iter().map(|one| vec![one.clone()]).collect();
        if implied.len() > 1 {
            sets.insert(0, implied);
        }
        for set in sets.into_iter().take(3) {
            let predicate = match set.as_slice() {
                [(one, _)] => one.clone(),
                all => {
                    let parts: Vec<&str> = all.iter().map(|(sql, _)| sql.as_str()).collect();
                    format!("({})", parts.join(" AND "))
                }
            };
            let fixed = |key: &Key| {
                set.iter()
                    .any(|(_, of)| of.as_ref().is_some_and(|of| of.sql == key.sql))
            };
            let in_predicate = |key: &Key| set.iter().any(|(sql, _)| sql.contains(&key.sql));
            let left: Vec<Key> = equal.iter().filter(|key| !fixed(key)).cloned().collect();
            for join in &joined {
                for tail in &tails {
                    let tail: Vec<Key> = tail.iter().filter(|key| !fixed(key)).cloned().collect();
                    let mut keys = join.clone();
                    keys.extend(left.iter().cloned());
                    keys.extend(tail);
                    if keys.iter().all(in_predicate) && keys.len() > 1 {
                        continue;
                    }
                    self.add_front(keys, predicate.clone());
                }
            }
        }
    }

    fn add_front(&mut self, keys: Vec<Key>, predicate: String) {
        let before = self.made.len();
        self.add(Method::Btree, keys, Vec::new(), Some(predicate));
        // Small and made for the query: not to be lost among the others.
        if self.made.len() > before
            && let Some(spec) = self.made.pop()
        {
            let at = (2 * self
                .made
                .iter()
                .filter(|spec| spec.predicate.is_some())
                .count()
                + 1)
            .min(self.made.len());
            self.made.insert(at, spec);
        }
    }

    /// With the other columns that the query reads, where they are few and short.
    fn covering(&mut self) {
        let sorted: Vec<IndexSpec> = self
            .made
            .iter()
            .filter(|spec| spec.keys.iter().all(|key| !key.expression))
            .take(5)
            .cloned()
            .collect();
        let mut at = 1;
        for spec in sorted {
            let keyed = spec.columns();
            let fixed_by_predicate = |column: &String| {
                spec.predicate.is_some()
                    && self.need.implied.iter().any(|(sql, key)| {
                        spec.predicate
                            .as_ref()
                            .is_some_and(|whole| whole.contains(sql.as_str()))
                            && key.as_ref().is_some_and(|key| key.columns.contains(column))
                    })
            };
            let rest: Vec<String> = self
                .need
                .columns
                .iter()
                .filter(|column| !keyed.contains(column) && !fixed_by_predicate(column))
                .cloned()
                .collect();
            let bytes: f64 = rest
                .iter()
                .map(|name| {
                    self.facts
                        .columns
                        .get(name)
                        .map_or(f64::INFINITY, |column| column.width)
                })
                .sum();
            if rest.is_empty() || rest.len() > MOST_INCLUDED || bytes > MOST_INCLUDED_BYTES {
                continue;
            }
            let covering = IndexSpec {
                include: rest,
                ..spec
            };
            if !self.made.contains(&covering) {
                let place = (at * 2).min(self.made.len());
                self.made.insert(place, covering);
            }
            at += 1;
        }
    }

    fn hashed(&mut self) {
        let equal: Vec<Key> = self
            .need
            .equal
            .iter()
            .chain(&self.need.joined)
            .cloned()
            .collect();
        for key in equal {
            let long = key.columns.iter().any(|name| {
                self.facts
                    .columns
                    .get(name)
                    .is_some_and(|c| c.width > LONG_VALUE_BYTES)
            });
            if long {
                self.add(Method::Hash, vec![key], Vec::new(), None);
                if let Some(spec) = self.made.pop() {
                    self.made.insert(self.made.len().min(3), spec);
                }
            }
        }
    }

    fn brin(&mut self) {
        if self.facts.pages < BRIN_PAGES {
            return;
        }
        for key in self.need.range.clone() {
            let sorted = key
                .columns
                .first()
                .and_then(|name| self.facts.columns.get(name));
            if !key.expression && sorted.is_some_and(|c| c.correlation.abs() > BRIN_CORRELATION) {
                self.add(Method::Brin, vec![key], Vec::new(), None);
                if let Some(spec) = self.made.pop() {
                    self.made.insert(self.made.len().min(4), spec);
                }
            }
        }
    }

    fn gin(&mut self, trigrams: bool) {
        let within = self.need.within.clone();
        for key in within {
            self.add(Method::Gin, vec![key], Vec::new(), None);
            self.first_place();
        }
        if trigrams {
            for key in self.need.infix.clone() {
                let key = Key {
                    order: " gin_trgm_ops".into(),
                    ..key
                };
                self.add(Method::Gin, vec![key], Vec::new(), None);
                self.first_place();
            }
        }
    }

    fn first_place(&mut self) {
        if let Some(spec) = self.made.pop() {
            self.made.insert(0, spec);
        }
    }

    /// Sorted by bytes, where the collation sorts otherwise: only so is a prefix a range.
    fn by_letters(&self, key: &Key) -> Key {
        let column = key
            .columns
            .first()
            .and_then(|name| self.facts.columns.get(name));
        if !key.expression && column.is_some_and(|column| !column.collated) {
            return key.clone();
        }
        let class = match column.map(|column| column.type_name.as_str()) {
            Some("varchar") if !key.expression => " varchar_pattern_ops",
            Some("bpchar") if !key.expression => " bpchar_pattern_ops",
            _ => " text_pattern_ops",
        };
        Key {
            order: class.into(),
            ..key.clone()
        }
    }
}

/// Whether a present index does all that the other would: its keys begin with them.
#[must_use]
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
