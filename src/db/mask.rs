//! No password in any output.

/// The connection string with every password in it replaced by `***`: in a URL's user part, in its
/// query, and in key=value form.
#[must_use]
pub fn mask_password(text: &str) -> String {
    let mut masked = text.to_owned();
    if let Some(start) = masked.find("://").map(|at| at + 3) {
        let authority_end = masked[start..]
            .find(['/', '?'])
            .map_or(masked.len(), |at| start + at);
        if let Some(at) = masked[start..authority_end].rfind('@').map(|at| start + at)
            && let Some(colon) = masked[start..at].find(':').map(|colon| start + colon)
        {
            masked.replace_range(colon + 1..at, "***");
        }
    }
    for key in ["password", "sslpassword"] {
        let mut from = 0;
        while let Some(at) = masked[from..].find(key).map(|at| from + at) {
            let rest = &masked[at + key.len()..];
            let value = rest.trim_start().strip_prefix('=').map(str::trim_start);
            let Some(value) = value else {
                from = at + key.len();
                continue;
            };
            let begin = masked.len() - value.len();
            let end = begin
                + if let Some(quoted) = value.strip_prefix('\'') {
                    let mut escaped = false;
                    quoted
                        .char_indices()
                        .find(|&(_, c)| {
                            let ends = c == '\'' && !escaped;
                            escaped = c == '\\' && !escaped;
                            ends
                        })
                        .map_or(value.len(), |(at, _)| at + 2)
                } else {
                    value
                        .find(|c: char| c == '&' || c.is_whitespace())
                        .unwrap_or(value.len())
                };
            masked.replace_range(begin..end, "***");
            from = begin + 3;
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::mask_password;

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
                "host=h password=s3cret dbname=d",
                "host=h password=*** dbname=d",
            ),
            (
                r"host=h password = 's3 cr\'et' dbname=d",
                "host=h password = *** dbname=d",
            ),
            ("postgres://h/db", "postgres://h/db"),
        ] {
            assert_eq!(mask_password(text), shown);
        }
    }
}
