//! PURE: removes what no page may show: literals, comments and numbers in statements.

use serde_json::Value;

/// The statement without anything that may be a value: strings, numbers and comments. What was cut off within a
/// string ends there.
pub(super) fn without_literals(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let taken = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '\'' {
            let prefixed = out
                .strip_suffix(['E', 'e'])
                .is_some_and(|out| !ends_with_word(out));
            out.push('?');
            string_length(rest, prefixed)
        } else if let Some(length) = dollar_quoted(rest).filter(|_| !ends_with_word(&out)) {
            out.push('?');
            length
        } else if first.is_ascii_digit() && !ends_with_word(&out) {
            out.push('?');
            let number = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
            rest.find(|c| !number(c)).unwrap_or(rest.len())
        } else if first == '"' {
            let length = quoted_name(rest);
            out.push_str(&rest[..length]);
            length
        } else {
            out.push(first);
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    out
}

/// Of `$1` the digit belongs to the parameter, of `t1` to the name.
fn ends_with_word(out: &str) -> bool {
    out.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$')
}

/// To behind the closing quote; all of it where there is none.
fn string_length(text: &str, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if escapes => {
                chars.next();
            }
            '\'' if chars.peek().is_some_and(|(_, next)| *next == '\'') => {
                chars.next();
            }
            '\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn quoted_name(text: &str) -> usize {
    text[1..].find('"').map_or(text.len(), |end| end + 2)
}

/// `$$…$$` and `$tag$…$tag$`.
fn dollar_quoted(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('$')?;
    let end = inner.find('$')?;
    let tag = &inner[..end];
    let fit = |(at, c): (usize, char)| c.is_alphabetic() || c == '_' || (at > 0 && c.is_numeric());
    if !tag.char_indices().all(fit) {
        return None;
    }
    let delimiter = &text[..end + 2];
    let body = &text[delimiter.len()..];
    let length = body
        .find(delimiter)
        .map_or(body.len(), |at| at + delimiter.len());
    Some(delimiter.len() + length)
}

/// The same for every statement in a document: what stands under a key that holds one.
pub(super) fn redact(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(redact),
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if STATEMENTS.contains(&key.as_str()) => {
                        *text = without_literals(text);
                    }
                    other => redact(other),
                }
            }
        }
        _ => {}
    }
}

/// Keys of the report that hold what a client sent. Definitions of indexes and remedies are the schema's own.
const STATEMENTS: [&str; 3] = ["query", "text", "statement"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_numbers_and_comments_go_and_the_shape_stays() {
        for (sql, shown) in [
            (
                "SELECT * FROM t1 WHERE a = 'it''s' AND b = $1 AND c = 42.5",
                "SELECT * FROM t1 WHERE a = ? AND b = $1 AND c = ?",
            ),
            (
                r"SELECT E'a\'b', U&'x' /* token=abc */ -- why",
                "SELECT E?, U&?  ",
            ),
            (
                "CREATE ROLE r PASSWORD 'hunter2'",
                "CREATE ROLE r PASSWORD ?",
            ),
            ("DO $x$ SELECT 'a' $x$", "DO ?"),
            ("SELECT $$secret", "SELECT ?"),
            (r"SELECT a LIKE'\', 'secret'", "SELECT a LIKE?, ?"),
            ("SELECT 'cut off he", "SELECT ?"),
            (r#"SELECT "it's 7" FROM "a""#, r#"SELECT "it's 7" FROM "a""#),
            ("SELECT 0xFF, 1_000, 1e5, x$1", "SELECT ?, ?, ?, x$1"),
            ("SELECT 'ä', 'ö'", "SELECT ?, ?"),
        ] {
            assert_eq!(without_literals(sql), shown, "{sql}");
        }
    }

    #[test]
    fn only_what_a_client_sent_is_redacted_in_a_document() {
        let mut document = serde_json::json!({
            "sessions": [{"query": "SELECT 'secret'"}],
            "findings": [{"evidence": {"query": "UPDATE a SET b = 7"}, "remedy": "DROP INDEX i1"}],
        });
        redact(&mut document);
        assert_eq!(
            document,
            serde_json::json!({
                "sessions": [{"query": "SELECT ?"}],
                "findings": [{"evidence": {"query": "UPDATE a SET b = ?"}, "remedy": "DROP INDEX i1"}],
            })
        );
    }
}
