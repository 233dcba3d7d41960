//! Values within texts of the server: arrays and ranges.

use crate::workload::array;

/// The array with each of its elements replaced; `None` where one cannot be, or the text is of another form: an array of more
/// than one dimension, or with nulls.
pub(super) fn each_of_array(
    text: &str,
    replace: &mut dyn FnMut(&str) -> Option<String>,
) -> Option<String> {
    let new: Option<Vec<String>> = elements(text)?.iter().map(|text| replace(text)).collect();
    let new = new?;
    let new: Vec<&str> = new.iter().map(String::as_str).collect();
    Some(array(&new))
}

/// <https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>
fn elements(text: &str) -> Option<Vec<String>> {
    let mut rest = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut elements = Vec::new();
    while !rest.is_empty() {
        let (element, further) = part(rest, ',')?;
        let element = match element {
            Part::Bare(word) if word.eq_ignore_ascii_case("null") || word.contains('{') => {
                return None;
            }
            Part::Bare(word) | Part::Quoted(word) => word,
        };
        elements.push(element);
        rest = further;
    }
    Some(elements)
}

/// The range with both its bounds replaced.
pub(super) fn each_of_range(
    text: &str,
    replace: &mut dyn FnMut(&str) -> Option<String>,
) -> Option<String> {
    if text == "empty" {
        return Some(text.to_owned());
    }
    let (open, close) = (text.get(..1)?, text.get(text.len().checked_sub(1)?..)?);
    let inner = text.get(1..text.len() - 1)?;
    let (low, high) = part(inner, ',')?;
    let (high, end) = part(high, ',')?;
    if !end.is_empty() {
        return None;
    }
    let mut bound = |part: Part| match part {
        // No bound.
        Part::Bare(word) if word.is_empty() => Some(word),
        Part::Bare(word) | Part::Quoted(word) => replace(&word).map(|new| format!("\"{new}\"")),
    };
    let (low, high) = (bound(low)?, bound(high)?);
    Some(format!("{open}{low},{high}{close}"))
}

enum Part {
    Bare(String),
    Quoted(String),
}

/// What stands before the next separator, and what behind it.
fn part(text: &str, separator: char) -> Option<(Part, &str)> {
    let mut word = String::new();
    let mut is_quoted = false;
    let mut within = false;
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' => word.push(signs.next()?.1),
            '"' if within && text[at + 1..].starts_with('"') => {
                signs.next();
                word.push('"');
            }
            '"' => {
                within = !within;
                is_quoted = true;
            }
            _ if sign == separator && !within => {
                let part = if is_quoted {
                    Part::Quoted(word)
                } else {
                    Part::Bare(word)
                };
                return Some((part, &text[at + 1..]));
            }
            _ => word.push(sign),
        }
    }
    let part = if is_quoted {
        Part::Quoted(word)
    } else {
        Part::Bare(word)
    };
    (!within).then_some((part, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_found_and_the_rest_stays() {
        let mut shout = |text: &str| Some(text.to_uppercase());
        for (text, expected) in [
            ("{}", Some("{}")),
            (r#"{a,"b, \"c\"",d\,e}"#, Some(r#"{"A","B, \"C\"","D,E"}"#)),
            ("{a,NULL}", None),
            (r#"{a,"NULL"}"#, Some(r#"{"A","NULL"}"#)),
            ("{{a},{b}}", None),
            ("[0:1]={a,b}", None),
            (r#"{"a"#, None),
        ] {
            assert_eq!(
                each_of_array(text, &mut shout).as_deref(),
                expected,
                "{text}"
            );
        }
        for (text, expected) in [
            ("empty", Some("empty")),
            ("[a,b)", Some(r#"["A","B")"#)),
            (r#"("a b",)"#, Some(r#"("A B",)"#)),
            ("(,)", Some("(,)")),
            ("[a,b,c)", None),
            ("", None),
        ] {
            assert_eq!(
                each_of_range(text, &mut shout).as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
