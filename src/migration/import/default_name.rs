//! The name that Postgres gives to an index without one, as far as the text tells it.

use squawk_syntax::SourceFile;

use crate::migration::{Name, parse::tokens::Tokens};

/// An index without a name, of plain columns: the statement with the name that Postgres would choose, and the name.
/// `is_taken`: of a name, in the schema of the index's table.
pub(super) fn named(text: &str, is_taken: impl Fn(&Name) -> bool) -> Option<(String, String)> {
    let mut tokens = Tokens::of(&SourceFile::parse(text).syntax_node());
    tokens.word("CREATE").ok()?;
    tokens.take("UNIQUE");
    tokens.word("INDEX").ok()?;
    tokens.word("CONCURRENTLY").ok()?;
    let at = tokens.offset();
    tokens.word("ON").ok()?;
    let table = tokens.name().ok()?;
    if tokens.take("USING") {
        tokens.identifier().ok()?;
    }
    let mut columns = Vec::new();
    list(&mut tokens, &mut columns)?;
    if tokens.take("INCLUDE") {
        list(&mut tokens, &mut columns)?;
    }
    let columns = addition(&columns);
    let mut number = 0;
    let name = loop {
        let label = match number {
            0 => "idx".to_owned(),
            _ => format!("idx{number}"),
        };
        let index = Name {
            schema: table.schema.clone(),
            name: object_name(&table.name, &columns, &label),
        };
        if !is_taken(&index) {
            break index.name;
        }
        number += 1;
    };
    let quoted = crate::sql::quote_identifier(&name);
    Some((
        format!("{}{quoted} {}", text.get(..at)?, text.get(at..)?),
        name,
    ))
}

/// `(a DESC, b text_pattern_ops)`; `None`: an expression is among them, or a column twice.
fn list(tokens: &mut Tokens, columns: &mut Vec<String>) -> Option<()> {
    tokens.word("(").ok()?;
    loop {
        let column = tokens.identifier().ok()?;
        if columns.contains(&column) {
            return None;
        }
        columns.push(column);
        while !tokens.peek(",") && !tokens.peek(")") {
            // A word of an operator class or an order; anything else makes it an expression.
            tokens.identifier().ok()?;
        }
        if tokens.take(")") {
            return Some(());
        }
        tokens.word(",").ok()?;
    }
}

/// `ChooseIndexNameAddition` of indexcmds.c.
fn addition(columns: &[String]) -> String {
    let mut text = String::new();
    for column in columns {
        if !text.is_empty() {
            text.push('_');
        }
        text.push_str(column);
        if text.len() >= 64 {
            break;
        }
    }
    text
}

/// `makeObjectName` of indexcmds.c.
fn object_name(table: &str, columns: &str, label: &str) -> String {
    let available = 63 - "_".len() - "_".len() - label.len().min(50);
    let (mut first, mut second) = (table.len(), columns.len());
    while first + second > available {
        if first > second {
            first -= 1;
        } else {
            second -= 1;
        }
    }
    let clip = |text: &str, mut end: usize| {
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text[..end].to_owned()
    };
    format!("{}_{}_{label}", clip(table, first), clip(columns, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<String> {
        named(text, |taken| taken.name == "u_a_idx").map(|(_, name)| name)
    }

    #[test]
    fn plain_columns_make_the_name() {
        for (text, expected) in [
            (
                "CREATE INDEX CONCURRENTLY ON s.t (a, \"B\" DESC NULLS LAST)",
                Some("t_a_B_idx"),
            ),
            (
                "create unique index concurrently on t using btree (a text_pattern_ops) include (b) where a > 1;",
                Some("t_a_b_idx"),
            ),
            ("CREATE INDEX CONCURRENTLY ON u (a)", Some("u_a_idx1")),
            ("CREATE INDEX CONCURRENTLY ON t (lower(a))", None),
            ("CREATE INDEX CONCURRENTLY ON t ((a + b))", None),
            ("CREATE INDEX CONCURRENTLY i ON t (a)", None),
        ] {
            assert_eq!(name(text).as_deref(), expected, "{text}");
        }
    }
}
