//! What the text of a query shows and its plan does not: `LIMIT $2`, `OFFSET 100000`, `SELECT *`.

use std::collections::BTreeMap;

use super::{Operand, TableFacts, Term, terms};
use crate::{
    catalog::QualifiedName,
    explain::{Node, QueryPlan},
    workload::{ColumnRef, QueryFile, Source, Token, TokenKind, array, replaced, tokens},
};

/// What stands behind a clause's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amount {
    /// `$n`
    Parameter(usize),
    Number(u64),
}

/// The clauses of a statement, outermost or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clauses {
    /// Behind LIMIT, or FETCH FIRST.
    pub limit: Option<Amount>,
    pub offset: Option<Amount>,
    /// `*` in the list of what is selected.
    pub star: bool,
    /// GROUP BY, or an aggregate's name.
    pub aggregates: bool,
    /// ORDER BY, anywhere.
    pub orders: bool,
    /// It begins as a statement that writes.
    pub writes: bool,
}

impl Clauses {
    /// Reads the text; anything that is not SQL has no clauses.
    pub fn of(sql: &str) -> Self {
        let mut found = Self::default();
        let mut before: Option<Token<'_>> = None;
        let mut all = tokens(sql).peekable();
        let mut begun = false;
        while let Some(token) = all.next() {
            if !begun && token.text != "(" {
                begun = true;
                let writing = ["insert", "update", "delete", "merge"];
                found.writes = writing.iter().any(|word| token.is(word));
            }
            let next = all.peek();
            let amount = || {
                let next = next?;
                match next.kind {
                    TokenKind::Parameter => next.parameter().map(Amount::Parameter),
                    _ => next.text.replace('_', "").parse().ok().map(Amount::Number),
                }
            };
            if token.is("limit") || token.is("first") {
                found.limit = found.limit.take().or_else(amount);
            } else if token.is("offset") {
                found.offset = amount().or(found.offset.take());
            } else if token.text == "*" {
                let begins = ["select", ".", ",", "distinct", "all"];
                found.star |= before
                    .as_ref()
                    .is_some_and(|before| begins.iter().any(|word| before.is(word)));
            } else if token.is("order") {
                found.orders = true;
            } else {
                let calls = next.is_some_and(|next| next.text == "(");
                let sums = ["count", "sum", "avg", "min", "max"];
                found.aggregates |=
                    token.is("group") || (calls && sums.iter().any(|word| token.is(word)));
            }
            before = Some(token);
        }
        found
    }

    /// The rows that LIMIT and OFFSET make the server find with these parameters; `None` without a LIMIT.
    pub fn rows_wanted(&self, parameters: &[Option<String>]) -> Option<u64> {
        let value = |amount: &Option<Amount>| match amount {
            Some(Amount::Number(number)) => Some(*number),
            Some(Amount::Parameter(n)) => parameters.get(n.checked_sub(1)?)?.as_ref()?.parse().ok(),
            None => None,
        };
        Some(value(&self.limit)?.saturating_add(value(&self.offset).unwrap_or(0)))
    }
}

/// Lists shorter than this stay as they are.
const LONG_LIST: usize = 32;

/// A statement as pg_stat_statements keeps it, written so that it can be prepared and understood:
/// - `interval $1` and `extract($1 from x)`, where a constant stood that no parameter may stand for;
/// - the long lists of `IN ($1, $2, …)` that object-relational mappers make, each as one array: `= ANY ($1)`.
pub fn preparable(sql: &str) -> Rewritten {
    let all: Vec<Token<'_>> = tokens(sql).collect();
    let mut parts = Vec::new();
    let mut parameters: Vec<Vec<usize>> = Vec::new();
    let mut known: BTreeMap<usize, usize> = BTreeMap::new();
    let mut at = 0;
    while let Some(token) = all.get(at) {
        if let Some((taken, list, negated)) = long_list(&all[at..]) {
            parameters.push(list);
            let operator = if negated { "<> ALL" } else { "= ANY" };
            let end = all[at + taken - 1].range.end;
            let text = format!("{operator} (${})", parameters.len());
            parts.push((token.range.start..end, text));
            at += taken;
            continue;
        }
        let mut number = |old: usize| {
            *known.entry(old).or_insert_with(|| {
                parameters.push(vec![old]);
                parameters.len()
            })
        };
        if let [extract, open, field, from, ..] = &all[at..]
            && extract.is("extract")
            && open.text == "("
            && from.is("from")
            && let Some(old) = field.parameter()
        {
            let range = extract.range.start..from.range.end;
            let text = format!("pg_catalog.date_part(${},", number(old));
            parts.push((range, text));
            at += 4;
            continue;
        }
        if let Some(old) = token.parameter() {
            let n = number(old);
            let name = at.checked_sub(1).and_then(|at| all.get(at));
            let types = ["interval", "date", "time", "timestamp", "timestamptz"];
            let of_type = name.filter(|name| types.iter().any(|word| name.is(word)));
            parts.push(match of_type {
                Some(name) => (
                    name.range.start..token.range.end,
                    format!("${n}::{}", name.text.to_ascii_lowercase()),
                ),
                None => (token.range.clone(), format!("${n}")),
            });
        }
        at += 1;
    }
    Rewritten {
        sql: replaced(sql, &parts),
        parameters,
    }
}

/// A statement written so that it can be prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    pub sql: String,
    /// The numbers that each of its parameters had: one, or those of a list.
    pub parameters: Vec<Vec<usize>>,
}

/// A query with its long lists folded; where their values come from is kept.
pub fn folded(query: &QueryFile) -> QueryFile {
    let rewritten = preparable(&query.sql);
    if rewritten.parameters.iter().all(|old| old.len() == 1) {
        return query.clone();
    }
    let source = |n: &usize| query.parameters.get(n - 1).unwrap_or(&Source::Unsaid);
    let of_list = |old: &[usize]| {
        let first = old.first().map_or(&Source::Unsaid, source);
        let values = || -> Option<Vec<&str>> {
            let first_of = |n| match source(n) {
                Source::Values(values) => values.first()?.as_deref(),
                _ => None,
            };
            old.iter().map(first_of).collect()
        };
        match first {
            Source::Column(column) if old.iter().all(|n| source(n) == first) => {
                Source::Lists(column.clone(), vec![old.len()])
            }
            Source::Values(_) => values().map_or(Source::Unsaid, |values| {
                Source::Values(vec![Some(array(&values))])
            }),
            _ => Source::Unsaid,
        }
    };
    let new = rewritten.parameters.iter();
    QueryFile {
        parameters: new
            .clone()
            .map(|old| match old.as_slice() {
                [one] => source(one).clone(),
                list => of_list(list),
            })
            .collect(),
        parameter_names: vec![None; rewritten.parameters.len()],
        roles: new
            .map(|old| match old.as_slice() {
                [one] => query.roles.get(one - 1).cloned().flatten(),
                _ => None,
            })
            .collect(),
        sql: rewritten.sql,
        ..query.clone()
    }
}

/// Of tokens that begin with `IN ($1, $2, …)` or `NOT IN (…)`: how many they are, the parameters, and whether it is
/// the latter.
fn long_list(all: &[Token<'_>]) -> Option<(usize, Vec<usize>, bool)> {
    let negated = all.first()?.is("not");
    let from = usize::from(negated);
    if !all.get(from)?.is("in") || all.get(from + 1)?.text != "(" {
        return None;
    }
    let mut list = Vec::new();
    for pair in all[from + 2..].chunks(2) {
        list.push(pair[0].parameter()?);
        match pair.get(1)?.text {
            "," => {}
            ")" if list.len() >= LONG_LIST => {
                return Some((from + 2 + 2 * list.len(), list, negated));
            }
            _ => return None,
        }
    }
    None
}

/// A column that a parameter is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterUse {
    pub column: ColumnRef,
    /// As if the column stood on the left: `=`, `>=`, `~~`, `= ANY`.
    pub operator: String,
    /// The parameter is itself the list of an `= ANY`.
    pub is_list: bool,
}

/// What each parameter is compared with, from a generic plan's conditions.
pub fn parameter_uses(
    plan: &QueryPlan,
    tables: &BTreeMap<QualifiedName, &TableFacts>,
) -> BTreeMap<usize, Vec<ParameterUse>> {
    let relation = |node: &Node| {
        let relation = node.relation.clone()?;
        Some((
            node.alias.clone().unwrap_or_else(|| relation.name.clone()),
            relation,
        ))
    };
    let aliases = plan.root.walk().filter_map(relation).collect();
    let mut found = BTreeMap::new();
    for (_, condition) in plan.root.walk().flat_map(|node| &node.conditions) {
        pair(&terms(condition), &aliases, tables, &mut found);
    }
    found
}

fn pair(
    terms: &[Term],
    aliases: &BTreeMap<String, QualifiedName>,
    tables: &BTreeMap<QualifiedName, &TableFacts>,
    found: &mut BTreeMap<usize, Vec<ParameterUse>>,
) {
    for term in terms {
        match term {
            Term::Compare {
                left,
                right,
                operator,
                ..
            } => {
                compare(left, operator, right, aliases, tables, found);
                compare(right, flipped(operator), left, aliases, tables, found);
            }
            Term::Any(arms) => {
                for arm in arms {
                    pair(arm, aliases, tables, found);
                }
            }
            _ => {}
        }
    }
}

/// `a < b` is `b > a`.
fn flipped(operator: &str) -> &str {
    match operator {
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        ">=" => "<=",
        other => other,
    }
}

/// `column op $1`, `f(column) op g($1)`, `column = ANY ($1)`, each of `column = ANY (ARRAY[$1, $2])`, and the columns of
/// `ROW(a, b) < ROW($1, $2)` with the parameters in their places.
fn compare(
    side: &Operand,
    operator: &str,
    other: &Operand,
    aliases: &BTreeMap<String, QualifiedName>,
    tables: &BTreeMap<QualifiedName, &TableFacts>,
    found: &mut BTreeMap<usize, Vec<ParameterUse>>,
) {
    let is_row = side.columns.len() > 1 && side.columns.len() == other.parameters.len();
    for (at, n) in other.parameters.iter().enumerate() {
        let column = side.columns.get(if is_row { at } else { 0 });
        let Some(column) = column.filter(|_| other.columns.is_empty()) else {
            continue;
        };
        let Some(relation) = aliases.get(&column.alias) else {
            continue;
        };
        let table = tables
            .get(relation)
            .map_or(relation.clone(), |facts| facts.name());
        found.entry(*n).or_default().push(ParameterUse {
            column: ColumnRef {
                schema: Some(table.schema.clone()),
                table: table.name.clone(),
                column: column.column.clone(),
            },
            operator: operator.to_owned(),
            is_list: operator.ends_with("ANY") && other.parameter == Some(*n),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_found_in_the_text() {
        let clauses =
            Clauses::of("SELECT c.*, 2 * 3 FROM c ORDER BY x LIMIT $2 OFFSET 100000 -- limit 5");
        assert_eq!(clauses.limit, Some(Amount::Parameter(2)));
        assert_eq!(clauses.offset, Some(Amount::Number(100_000)));
        assert!(clauses.star && clauses.orders && !clauses.aggregates);
        assert!(Clauses::of("SELECT a, count(*) FROM t GROUP BY a").aggregates);
        assert!(!Clauses::of("SELECT a * 2 FROM t").star);
        assert_eq!(Clauses::of("no sql at all (").limit, None);
    }

    #[test]
    fn a_parameter_behind_a_types_name_is_cast_instead() {
        assert_eq!(
            preparable(
                "SELECT a FROM t WHERE at > now() - interval $1 AND day = DATE $2 AND b = $3"
            )
            .sql,
            "SELECT a FROM t WHERE at > now() - $1::interval AND day = $2::date AND b = $3"
        );
        assert_eq!(
            preparable("SELECT EXTRACT ($1 FROM at), $2 FROM t").sql,
            "SELECT pg_catalog.date_part($1, at), $2 FROM t"
        );
    }

    #[test]
    fn a_mappers_list_is_folded_into_one_array_and_the_rest_is_numbered_anew() {
        let list = |from: usize, count: usize| {
            let all: Vec<String> = (from..from + count).map(|n| format!("${n}")).collect();
            all.join(", ")
        };
        for count in [40, 5_000] {
            let sql = format!(
                "SELECT * FROM t WHERE a = $1 AND b IN ({}) AND c NOT IN ({}) LIMIT ${}",
                list(2, count),
                list(2 + count, count),
                2 + 2 * count
            );
            assert_eq!(
                preparable(&sql).sql,
                "SELECT * FROM t WHERE a = $1 AND b = ANY ($2) AND c <> ALL ($3) LIMIT $4"
            );
        }
        let short = format!("SELECT * FROM t WHERE b IN ({})", list(1, 3));
        assert_eq!(preparable(&short).sql, short);
        let rows = "SELECT * FROM t WHERE (a, b) IN (($1, $2), ($3, $4))";
        assert_eq!(preparable(rows).sql, rows);
    }
}
