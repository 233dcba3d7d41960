//! Where a parameter's values come from.

use super::{ColumnRef, statement::Statement};

/// A parameter's value as text, as the server's input functions read it; `None` is NULL.
pub type Value = Option<String>;

/// Where a parameter's values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Values(Vec<Value>),
    Column(ColumnRef),
    /// The first column of a query's rows.
    Query(String),
    /// The header does not say: the statement and its plan tell.
    Unsaid,
    /// Lists of this many values of a column, as one array each.
    Lists(ColumnRef, Vec<usize>),
    /// Values that occur in a column, and none that does not: what is written must suit the constraints.
    Occurring(ColumnRef),
    /// A value that the column does not hold: what is inserted must be new.
    New(ColumnRef),
    /// The ends of what a column holds: everything from its lowest value on, or up to its highest.
    End(ColumnRef, End),
}

/// An end of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `column >= $1`
    Lowest,
    /// `column < $1`
    Highest,
}

impl Source {
    /// `values a, b`, `column [schema.]table.column` or `query SELECT …`.
    ///
    /// # Errors
    /// What is wrong, and how to write it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        match kind {
            "values" => parse_values(rest).map(Source::Values),
            "column" => rest.parse().map(Source::Column),
            "query" => {
                let statement = Statement::parse(rest)
                    .map_err(|problem| format!("{} {}", problem.message, problem.hint))?;
                if !statement.parameters.is_empty() {
                    return Err("the query for a parameter cannot have parameters itself".into());
                }
                Ok(Source::Query(statement.sql))
            }
            _ => Err(format!(
                "`{text}` is not a source; write `values a, b`, `column table.column` or `query SELECT …`"
            )),
        }
    }
}

/// Comma-separated; in single quotes where a value holds a comma, a quote (doubled) or outer blanks.
fn parse_values(text: &str) -> Result<Vec<Value>, String> {
    let mut values = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let value;
        if let Some(quoted) = rest.strip_prefix('\'') {
            let (inner, after) =
                parse_quoted(quoted).ok_or_else(|| format!("a quote is not closed in `{text}`"))?;
            value = Some(inner);
            rest = after.trim_start();
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(format!(
                    "a comma is missing after a quoted value in `{text}`"
                ));
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let bare = rest[..end].trim();
            if bare.is_empty() {
                return Err("a value is missing; write '' for an empty string".into());
            }
            value = (!bare.eq_ignore_ascii_case("null")).then(|| bare.to_owned());
            rest = &rest[end..];
        }
        values.push(value);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => return Ok(values),
        }
    }
}

/// Up to the closing quote; the value, and what follows.
fn parse_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let at = rest.find('\'')?;
        value.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => return Some((value, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_at_commas_outside_quotes() {
        let list = |values: &[&str]| -> Result<Source, String> {
            Ok(Source::Values(
                values.iter().map(|v| Some((*v).to_owned())).collect(),
            ))
        };
        assert_eq!(Source::parse("values 0, 1000"), list(&["0", "1000"]));
        assert_eq!(
            Source::parse("values 'a, b', c d ,''"),
            list(&["a, b", "c d", ""])
        );
        assert_eq!(Source::parse("values 'it''s'"), list(&["it's"]));
        assert_eq!(Source::parse("values NULL"), Ok(Source::Values(vec![None])));
        for bad in [
            "values",
            "values a,,b",
            "values 'a",
            "values 'a' b",
            "value 1",
            "",
            "query",
            "query SELECT $1",
            "query SELECT 1; SELECT 2",
        ] {
            assert!(Source::parse(bad).is_err(), "{bad}");
        }
    }
}
