//! The password file, `~/.pgpass`: `host:port:database:user:password`, the first line that matches.

use std::path::Path;

/// Finds the password for this connection in the file's text, as `passwordFromFile` in `fe-connect.c` does:
/// `*` matches anything, a backslash escapes a colon or a backslash, `#` at the start comments a line out.
pub(super) fn find(text: &str, host: &str, port: u16, dbname: &str, user: &str) -> Option<String> {
    let port = port.to_string();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .find_map(|line| {
            let mut rest = line.strip_suffix('\r').unwrap_or(line);
            for wanted in [host, &port, dbname, user] {
                let (field, after) = field(rest);
                // An escaped `\*` is a name, not the wildcard.
                if !rest.starts_with("*:") && field != wanted {
                    return None;
                }
                rest = after?;
            }
            Some(field_to_end(rest)).filter(|password| !password.is_empty())
        })
}

/// Unescapes up to the next bare colon; what follows it, where there is one.
fn field(text: &str) -> (String, Option<&str>) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            ':' => return (value, Some(&text[at + 1..])),
            '\\' => value.push(characters.next().map_or('\\', |(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    (value, None)
}

/// The password is the last field: bare colons in it end it, as in libpq.
fn field_to_end(text: &str) -> String {
    field(text).0
}

/// The file's text, or why it is not used: libpq warns and goes on without it when others may read it.
pub(super) fn read(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    if !metadata.is_file() {
        tracing::warn!(
            "password file {} is not a plain file; not used",
            path.display()
        );
        return None;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o077 != 0 {
            tracing::warn!(
                "password file {} has group or world access; not used: permissions should be u=rw (0600) or \
                 less",
                path.display()
            );
            return None;
        }
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) => {
            tracing::warn!("password file {}: {error}; not used", path.display());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_line_that_matches_counts() {
        let text = "# comment\n\
                    db:5432:shop:ann:first\n\
                    db:5432:shop:ann:second\n\
                    db:*:*:bob:with\\:colon\\\\\n\
                    a\\:b:*:*:*:v6\r\n\
                    short:line\n\
                    *:*:*:ann:any";
        for (host, port, dbname, user, expected) in [
            ("db", 5432, "shop", "ann", Some("first")),
            ("db", 1, "x", "bob", Some(r"with:colon\")),
            ("a:b", 1, "x", "zoe", Some("v6")),
            ("other", 1, "x", "ann", Some("any")),
            ("other", 1, "x", "zoe", None),
        ] {
            assert_eq!(
                find(text, host, port, dbname, user).as_deref(),
                expected,
                "{host} {user}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        let set = |mode| {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set(0o640);
        assert!(read(file.path()).is_none());
        set(0o600);
        assert!(read(file.path()).is_some());
    }

    fn escape(text: &str) -> String {
        text.replace('\\', r"\\")
            .replace(':', r"\:")
            .replace('*', r"\*")
    }

    proptest! {
        #[test]
        fn whatever_is_escaped_is_found_again(
            host in "[^#\r\n][^\r\n]{0,8}", dbname in "[^\r\n]{1,9}", user in "[^\r\n]{1,9}",
            password in "[^\r\n]{1,9}", port in 1..u16::MAX
        ) {
            let line = [&host, &port.to_string(), &dbname, &user, &password]
                .map(|field| escape(field))
                .join(":");
            prop_assert_eq!(find(&line, &host, port, &dbname, &user), Some(password));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = find(&text, "h", 1, "d", "u");
        }
    }
}
