//! No password in any output.

use super::target::{is_public, is_url, quote, read_connection_string};

/// The connection string as key=value pairs, or a URL, with everything secret replaced by `***`. A string that
/// cannot be read may have its password anywhere, and is not shown at all.
pub fn mask_password(text: &str) -> String {
    let text = text.trim();
    let Ok(pairs) = read_connection_string(text) else {
        return "*** (not a readable connection string)".to_owned();
    };
    let shown = |key: &str, value: &str| {
        let value = if is_public(key) { value } else { "***" };
        format!("{key}={value}")
    };
    if !is_url(text) {
        let is_secret = |(key, value): &(String, String)| !is_public(key) && !value.is_empty();
        if !pairs.iter().any(is_secret) {
            return text.to_owned();
        }
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(key, value)| shown(key, &quote(value)))
            .collect();
        return pairs.join(" ");
    }
    let (before, query) = text.split_once('?').unwrap_or((text, ""));
    let (scheme, rest) = before.split_once("://").unwrap_or((before, ""));
    let (authority, path) = rest
        .split_once('/')
        .map_or((rest, None), |(authority, path)| (authority, Some(path)));
    let mut masked = scheme.to_owned();
    if scheme.len() < before.len() {
        masked.push_str("://");
    }
    match authority.rsplit_once('@') {
        Some((user, hosts)) => {
            let user = match user.split_once(':') {
                Some((user, _)) => format!("{user}:***"),
                None => user.to_owned(),
            };
            masked.push_str(&format!("{user}@{hosts}"));
        }
        None => masked.push_str(authority),
    }
    if let Some(path) = path {
        masked.push('/');
        masked.push_str(path);
    }
    // A key may be percent-encoded: whatever is not one of the known public words is masked.
    let query: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((key, value)) => shown(key, value),
            None => "***".to_owned(),
        })
        .collect();
    if !query.is_empty() {
        masked.push('?');
        masked.push_str(&query.join("&"));
    }
    masked
}

/// A free text (an error about a line of a file, say) with whatever looks like a password in it masked.
pub fn mask_text(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(mask_line).collect();
    lines.join("\n")
}

fn mask_line(line: &str) -> String {
    let mut masked = line.to_owned();
    if let Some(start) = masked.find("://").map(|at| at + 3)
        && let Some(at) = masked[start..].rfind('@').map(|at| start + at)
        && let Some(colon) = masked[start..at].find(':').map(|at| start + at)
    {
        masked.replace_range(colon + 1..at, "***");
    }
    let mut from = 0;
    while let Some(at) = masked[from..].to_ascii_lowercase().find("password") {
        let key_end = from + at + "password".len();
        let rest = masked[key_end..].trim_start();
        let Some(value) = rest.strip_prefix('=').map(str::trim_start) else {
            from = key_end;
            continue;
        };
        let begin = masked.len() - value.len();
        let end = match value.chars().next() {
            // Up to the end of the line: where exactly the quote ends is not worth a mistake.
            Some('\'' | '"') => masked.len(),
            _ => value
                .find(|c: char| matches!(c, '&' | '"' | '\'') || c.is_whitespace())
                .map_or(masked.len(), |length| begin + length),
        };
        masked.replace_range(begin..end, "***");
        from = begin + 3;
    }
    masked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        for (text, shown) in [
            (
                "postgres://ann:s3cret@h:5432/db",
                "postgres://ann:***@h:5432/db",
            ),
            (
                "postgresql://ann:s@c:ret@h/db?sslmode=require",
                "postgresql://ann:***@h/db?sslmode=require",
            ),
            (
                "postgres://ann@h/db?password=s3cret&sslmode=require",
                "postgres://ann@h/db?password=***&sslmode=require",
            ),
            (
                "postgres://ann@h/db?pass%77ord=s3cret",
                "postgres://ann@h/db?pass%77ord=***",
            ),
            (
                "host=h password=s3cret dbname=d",
                "host=h password=*** dbname=d",
            ),
            (
                r"host=h password = 's3 cr\'et' dbname=d",
                "host=h password=*** dbname=d",
            ),
            ("host=h passwort=s3cret", "host=h passwort=***"),
            (
                "host=h password='s3cret",
                "*** (not a readable connection string)",
            ),
            ("postgres://h/db", "postgres://h/db"),
        ] {
            assert_eq!(mask_password(text), shown);
        }
    }

    #[test]
    fn lines_of_files_are_masked() {
        for (text, shown) in [
            (
                "1 | database-url = \"postgres://ann:s3cret@h/d\"",
                "1 | database-url = \"postgres://ann:***@h/d\"",
            ),
            ("password = \"s3 cret\"", "password = ***"),
            (
                "url = \"host=h password=s3cret\"",
                "url = \"host=h password=***\"",
            ),
            ("no password here", "no password here"),
        ] {
            assert_eq!(mask_text(text), shown);
        }
    }

    proptest! {
        #[test]
        fn no_password_survives(password in "[A-Z0-9@:/?&= ]{6,12}") {
            let secret = password.as_str();
            for text in [
                format!("postgres://u:{secret}@h/d"),
                format!("host=h password='{secret}' dbname=d"),
            ] {
                let shown = mask_password(&text);
                prop_assert!(!shown.contains(secret), "{} shows {}", text, shown);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = mask_text(&text);
            let _ = mask_password(&text);
        }
    }
}
