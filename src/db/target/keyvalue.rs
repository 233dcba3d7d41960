//! libpq's `key=value` strings: `host=db port=5432 password='it''s'` with backslash escapes.

/// Reads pairs as `conninfo_parse` in `fe-connect.c` does. The messages never repeat a value: it may be a
/// password.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| c == '=' || c.is_whitespace())
            .unwrap_or(rest.len());
        let key = &rest[..end];
        let Some(value) = rest[end..].trim_start().strip_prefix('=') else {
            return Err(if pairs.is_empty() {
                "there is no `=` after the first word".to_owned()
            } else {
                "a word has no `=` after it; a value that contains spaces needs single quotes"
                    .to_owned()
            });
        };
        if !super::keyword::is_word(key) {
            return Err("the text before a `=` is not a word".to_owned());
        }
        let (value, after) = read_value(value.trim_start())
            .ok_or_else(|| format!("the quoted value of `{key}` is not closed"))?;
        pairs.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(pairs)
}

/// The value at the start of `text`, unescaped, and what follows it; `None`: a quote is not closed.
fn read_value(text: &str) -> Option<(String, &str)> {
    let quoted = text.starts_with('\'');
    let body = if quoted { &text[1..] } else { text };
    let mut value = String::new();
    let mut characters = body.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            // A backslash at the very end stands for nothing, as in libpq.
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Some((value, &body[at + 1..])),
            c if !quoted && c.is_whitespace() => return Some((value, &body[at..])),
            c => value.push(c),
        }
    }
    (!quoted).then_some((value, ""))
}

/// `value` as it is written after `key=`.
pub(in crate::db) fn quote(value: &str) -> String {
    let plain = !value.is_empty()
        && !value
            .chars()
            .any(|c| c.is_whitespace() || c == '\'' || c == '\\');
    if plain {
        return value.to_owned();
    }
    let escaped = value.replace('\\', r"\\").replace('\'', r"\'");
    format!("'{escaped}'")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_escapes_and_spaces_are_read_as_libpq_reads_them() {
        let pairs = parse(r"host = db  password='it\'s a \\' user=a\ b dbname=''").unwrap();
        let expected = [
            ("host", "db"),
            ("password", r"it's a \"),
            ("user", "a b"),
            ("dbname", ""),
        ];
        assert_eq!(
            pairs,
            expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn broken_strings_are_refused_without_repeating_what_may_be_a_password() {
        for text in ["s3cret", "host=h s3cret", "password='s3cret", "=s3cret"] {
            let message = parse(text).unwrap_err();
            assert!(!message.contains("s3cret"), "{message}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_quoted_is_read_back(
            pairs in proptest::collection::vec(("[a-z_]{1,12}", any::<String>()), 0..5)
        ) {
            let text: Vec<String> = pairs
                .iter()
                .map(|(key, value)| format!("{key}={}", quote(value)))
                .collect();
            prop_assert_eq!(parse(&text.join(" ")).unwrap(), pairs);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
