//! `[schema.]table.column`, with quotes where SQL would want them.

use std::{fmt, str::FromStr};

use crate::sql::quote_identifier;

/// A column, as the query file names it. Without a schema it is looked for on the search path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRef {
    pub schema: Option<String>,
    pub table: String,
    pub column: String,
}

impl ColumnRef {
    /// The table as SQL.
    pub fn quoted_table(&self) -> String {
        let table = quote_identifier(&self.table);
        match &self.schema {
            Some(schema) => format!("{}.{table}", quote_identifier(schema)),
            None => table,
        }
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}",
            self.quoted_table(),
            quote_identifier(&self.column)
        )
    }
}

impl FromStr for ColumnRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a column (write [schema.]table.column)");
        let mut parts = Vec::new();
        let mut rest = text.trim();
        loop {
            let (part, after) = identifier(rest).ok_or_else(wrong)?;
            parts.push(part);
            match after.strip_prefix('.') {
                Some(after) => rest = after,
                None if after.is_empty() => break,
                None => return Err(wrong()),
            }
        }
        let column = parts.pop().ok_or_else(wrong)?;
        let table = parts.pop().ok_or_else(wrong)?;
        let schema = parts.pop();
        if !parts.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            schema,
            table,
            column,
        })
    }
}

/// One identifier as SQL reads it: folded to lower case unless in double quotes.
fn identifier(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut rest = quoted;
        loop {
            let at = rest.find('"')?;
            name.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            match rest.strip_prefix('"') {
                Some(after) => {
                    name.push('"');
                    rest = after;
                }
                None => return (!name.is_empty()).then_some((name, rest)),
            }
        }
    }
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .unwrap_or(text.len());
    let name = text[..end].to_ascii_lowercase();
    (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit() || c == '$'))
        .then_some((name, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_sql_reads_them() {
        for (text, shown) in [
            ("content.user_id", "content.user_id"),
            ("Public.Content.User_ID", "public.content.user_id"),
            (r#""My Schema"."T""x".c"#, r#""My Schema"."T""x".c"#),
            (r#"t."a.b""#, r#"t."a.b""#),
        ] {
            assert_eq!(text.parse::<ColumnRef>().unwrap().to_string(), shown);
        }
        for bad in [
            "", "content", "a.b.c.d", "a..b", r#"a."b"#, "a.b c", "1a.b", r#"a."""#,
        ] {
            assert!(bad.parse::<ColumnRef>().is_err(), "{bad}");
        }
    }
}
