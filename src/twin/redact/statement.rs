//! Texts of statements, in which pg_stat_statements has put parameters in the places of constants; as far as it has.

use crate::workload::{Token, TokenKind, tokens};

/// The types whose names numbers may follow, in parentheses.
const WITH_MODIFIER: [&str; 12] = [
    "varchar",
    "varying",
    "char",
    "character",
    "bpchar",
    "bit",
    "numeric",
    "decimal",
    "timestamp",
    "timestamptz",
    "time",
    "interval",
];

/// The text without its comments; nothing where it may hold a constant.
pub(super) fn statement(text: &str) -> Option<String> {
    let mut written = String::with_capacity(text.len());
    let mut end = 0;
    let mut numbers = Numbers::None;
    let mut before: Option<Token<'_>> = None;
    for token in tokens(text) {
        numbers = numbers.after(before.as_ref(), &token);
        let is_constant = match token.kind {
            TokenKind::Text => true,
            TokenKind::Number => matches!(numbers, Numbers::None),
            _ => false,
        };
        if is_constant {
            return None;
        }
        if token.range.start > end && !written.is_empty() {
            written.push(' ');
        }
        written.push_str(token.text);
        end = token.range.end;
        before = Some(token);
    }
    Some(written)
}

/// Where numbers are none of the data's.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Numbers {
    None,
    /// `numeric(10, 2)`
    Modifier,
    /// `ORDER BY 1, 2`
    Places,
}

impl Numbers {
    fn after(self, before: Option<&Token<'_>>, token: &Token<'_>) -> Self {
        let is_modifier = |before: &Token<'_>| WITH_MODIFIER.iter().any(|name| before.is(name));
        match token.text {
            "(" if before.is_some_and(is_modifier) => Self::Modifier,
            "," => self,
            _ if token.kind == TokenKind::Number => self,
            _ if token.is("by") => Self::Places,
            _ if self == Self::Places && (token.is("desc") || token.is("asc")) => self,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_what_is_the_statements_own_stay_and_comments_go() {
        for (text, expected) in [
            (
                "SELECT *\n  FROM t /* user='bob' */ WHERE a = $1 -- for bob\n AND b IN ($2 /*, ... */)",
                "SELECT * FROM t WHERE a = $1 AND b IN ($2 )",
            ),
            (
                "SELECT a::numeric(10, 2), \"My Column\" FROM t ORDER BY 2 DESC, 1",
                "SELECT a::numeric(10, 2), \"My Column\" FROM t ORDER BY 2 DESC, 1",
            ),
        ] {
            assert_eq!(statement(text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_text_with_a_constant_is_left_out() {
        for text in [
            "SELECT * FROM t WHERE a = 4711",
            "SELECT * FROM t WHERE a = 'x'",
            "SELECT * FROM t WHERE a = $$x$$",
            "SELECT * FROM t WHERE a = E'\\x41'",
            "SELECT * FROM t WHERE a IN (1, 2)",
            "SELECT * FROM t WHERE f(12) ORDER BY a + 1",
            "SELECT * FROM t ORDER BY a, 12 LIMIT 10",
            "SELECT 1.5e3",
        ] {
            assert_eq!(statement(text), None, "{text}");
        }
    }
}
