//! What the text of a query says and its plan does not: `LIMIT $2`, `OFFSET 100000`, `SELECT *`.

use std::collections::BTreeMap;

use serde_json::Value;
use squawk_syntax::{SourceFile, SyntaxKind};

use super::{Operand, TableFacts, Term, terms};
use crate::{catalog::QualifiedName, workload::ColumnRef};

/// What stands behind a clause's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amount {
    /// `$n`
    Parameter(usize),
    /// A number.
    Number(u64),
}

/// The clauses of a statement, outermost or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clauses {
    /// Behind LIMIT, or FETCH FIRST.
    pub limit: Option<Amount>,
    /// Behind OFFSET.
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
    /// Reads the text; what is no SQL has no clauses.
    #[must_use]
    pub fn of(sql: &str) -> Self {
        let mut found = Self::default();
        let tree = SourceFile::parse(sql).syntax_node();
        let tokens: Vec<(SyntaxKind, String)> = tree
            .descendants_with_tokens()
            .filter_map(|element| element.into_token())
            .filter(|token| !matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT))
            .map(|token| (token.kind(), token.text().to_ascii_lowercase()))
            .collect();
        found.writes = tokens
            .iter()
            .find(|(_, word)| word != "(")
            .is_some_and(|(_, word)| {
                matches!(word.as_str(), "insert" | "update" | "delete" | "merge")
            });
        for (at, (_, word)) in tokens.iter().enumerate() {
            let next = tokens.get(at + 1);
            let amount = || {
                let (kind, text) = next?;
                match kind {
                    SyntaxKind::POSITIONAL_PARAM => text[1..].parse().ok().map(Amount::Parameter),
                    _ => text.replace('_', "").parse().ok().map(Amount::Number),
                }
            };
            match word.as_str() {
                "limit" | "first" => found.limit = found.limit.take().or(amount()),
                "offset" => found.offset = amount().or(found.offset.take()),
                "*" => {
                    let before = at
                        .checked_sub(1)
                        .and_then(|at| tokens.get(at))
                        .map(|(_, t)| t.as_str());
                    found.star |= matches!(before, Some("select" | "." | "," | "distinct" | "all"));
                }
                "group" => found.aggregates = true,
                "count" | "sum" | "avg" | "min" | "max"
                    if next.is_some_and(|(_, text)| text == "(") =>
                {
                    found.aggregates = true;
                }
                "order" => found.orders = true,
                _ => {}
            }
        }
        found
    }

    /// The rows that LIMIT and OFFSET make the server find with these parameters; `None` without a LIMIT.
    #[must_use]
    pub fn rows_wanted(&self, parameters: &[Option<String>]) -> Option<u64> {
        let value = |amount: &Option<Amount>| match amount {
            Some(Amount::Number(number)) => Some(*number),
            Some(Amount::Parameter(n)) => parameters.get(n.checked_sub(1)?)?.as_ref()?.parse().ok(),
            None => None,
        };
        Some(value(&self.limit)?.saturating_add(value(&self.offset).unwrap_or(0)))
    }
}

/// A statement as pg_stat_statements keeps it, with `interval $1` written so that it can be prepared: where a
/// constant stood behind its type's name, no parameter may.
#[must_use]
pub fn preparable(sql: &str) -> String {
    let tree = SourceFile::parse(sql).syntax_node();
    let tokens: Vec<_> = tree
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .filter(|token| !matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT))
        .collect();
    let mut text = sql.to_owned();
    for pair in tokens.windows(2).rev() {
        let [name, value] = pair else { continue };
        let word = name.text().to_ascii_lowercase();
        let is_type = matches!(
            word.as_str(),
            "interval" | "date" | "time" | "timestamp" | "timestamptz"
        );
        if is_type && value.kind() == SyntaxKind::POSITIONAL_PARAM {
            let from = usize::from(name.text_range().start());
            let to = usize::from(value.text_range().end());
            text.replace_range(from..to, &format!("{}::{word}", value.text()));
        }
    }
    text
}

/// A column that a parameter is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterUse {
    /// The column.
    pub column: ColumnRef,
    /// As if the column stood on the left: `=`, `>=`, `~~`, `= ANY`.
    pub operator: String,
    /// The parameter is itself the list of an `= ANY`.
    pub is_list: bool,
}

/// What each parameter is compared with, from a generic plan's conditions.
#[must_use]
pub fn parameter_uses(
    plan: &Value,
    tables: &BTreeMap<QualifiedName, &TableFacts>,
) -> BTreeMap<usize, Vec<ParameterUse>> {
    let root = plan.get(0).unwrap_or(plan).get("Plan").unwrap_or(plan);
    let mut aliases = BTreeMap::new();
    let mut conditions = Vec::new();
    collect(root, &mut aliases, &mut conditions);
    let mut found = BTreeMap::new();
    for condition in conditions {
        pair(&terms(&condition), &aliases, tables, &mut found);
    }
    found
}

fn collect(
    node: &Value,
    aliases: &mut BTreeMap<String, QualifiedName>,
    conditions: &mut Vec<String>,
) {
    let text = |key: &str| node.get(key).and_then(Value::as_str);
    if let (Some(schema), Some(name)) = (text("Schema"), text("Relation Name")) {
        let alias = text("Alias").unwrap_or(name);
        aliases.insert(alias.to_owned(), QualifiedName::new(schema, name));
    }
    for (key, value) in node.as_object().into_iter().flatten() {
        if (key.ends_with("Cond") || key.ends_with("Filter"))
            && let Some(text) = value.as_str()
        {
            conditions.push(text.to_owned());
        }
    }
    for child in node
        .get("Plans")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        collect(child, aliases, conditions);
    }
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
            ),
            "SELECT a FROM t WHERE at > now() - $1::interval AND day = $2::date AND b = $3"
        );
    }
}
