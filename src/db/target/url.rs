//! Connection URLs: `postgres://user:password@host:port,host:port/database?key=value`.

use super::dialect::{self, Dialect, Reading};

/// Whether this is meant as a URL (of whatever scheme).
pub(in crate::db) fn is_url(text: &str) -> bool {
    if dialect::is_of_java(text) {
        return true;
    }
    let scheme = text.split("://").next().unwrap_or_default();
    scheme.len() < text.len()
        && !scheme.is_empty()
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | ':'))
}

/// Reads the URL into libpq keywords, as `conninfo_uri_parse_options` in `fe-connect.c` does: the parts are
/// split first, then percent-decoded. The messages never repeat a value: it may be a password.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let (dialect, rest) = dialect::of(text)?;
    let mut reading = Reading::new(dialect);
    let mut push = |key: &str, value: &str| -> Result<(), String> {
        if !value.is_empty() {
            reading.push(key, decode(value)?);
        }
        Ok(())
    };
    let (before_query, query) = split(&rest, '?');
    let (authority, database) = split(before_query, '/');
    let hosts = match authority.rsplit_once('@') {
        Some((user, hosts)) => {
            let (user, password) = split(user, ':');
            push("user", user)?;
            push("password", password)?;
            hosts
        }
        None => authority,
    };
    // Otherwise half a password would be taken for a port or a database, and shown as one.
    if database.contains('@') {
        return Err(
            "an `@` follows a `/`; write / as %2F in a user name or password, and @ as %40 in a database name"
                .to_owned(),
        );
    }
    let (hosts, ports) = hosts_and_ports(hosts)?;
    push("host", &hosts)?;
    push("port", &ports)?;
    push("dbname", database)?;
    let parameters = query.split('&').filter(|pair| !pair.is_empty());
    for (at, pair) in parameters.enumerate() {
        let (key, value) = match pair.split_once('=') {
            // A switch to JDBC: `?ssl`.
            None if dialect == Dialect::Java => (pair, ""),
            pair => pair.ok_or("a parameter after the `?` has no `=`")?,
        };
        // Python and Java read what forms send, libpq does not.
        let value = match dialect {
            Dialect::Libpq => decode(value)?,
            Dialect::Python | Dialect::Java => decode(&value.replace('+', " "))?,
        };
        reading.parameter(at + 1, &decode(key)?, value)?;
    }
    reading.end()
}

/// `a:1,[::1]:2` → (`a,::1`, `1,2`); no ports at all give an empty text.
fn hosts_and_ports(text: &str) -> Result<(String, String), String> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for entry in text.split(',') {
        let (host, port) = match entry.strip_prefix('[') {
            Some(bracketed) => {
                let (host, after) = bracketed
                    .split_once(']')
                    .ok_or("an IPv6 address is not closed with `]`")?;
                let port = after
                    .strip_prefix(':')
                    .or(after.is_empty().then_some(""))
                    .ok_or("only `:port` may follow the `]` of an IPv6 address")?;
                (host, port)
            }
            None => split(entry, ':'),
        };
        if !port.chars().all(|c| c.is_ascii_digit()) {
            return Err("a port is not a number; write characters such as / @ : ? % in a user name or password \
                 in percent-encoding"
                .to_owned());
        }
        hosts.push(host);
        ports.push(port);
    }
    let ports = if ports.iter().all(|port| port.is_empty()) {
        String::new()
    } else {
        ports.join(",")
    };
    let hosts = if hosts == [""] {
        String::new()
    } else {
        hosts.join(",")
    };
    Ok((hosts, ports))
}

/// What stands before and after the first `at`; without one, all of it and nothing.
fn split(text: &str, at: char) -> (&str, &str) {
    text.split_once(at).unwrap_or((text, ""))
}

/// `%41` → `A`. `%00` and half an escape are errors, as in libpq.
fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| {
            digit
                .and_then(|digit| char::from(digit).to_digit(16))
                .and_then(|digit| u8::try_from(digit).ok())
        });
        match digits {
            [Some(0), Some(0)] => return Err("a URL cannot contain `%00`".to_owned()),
            [Some(high), Some(low)] => bytes.push(high * 16 + low),
            _ => {
                return Err(
                    "a `%` is not followed by two hexadecimal digits; write a literal one as %25"
                        .to_owned(),
                );
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| "a percent-encoded part is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> String {
        let pairs = parse(text).unwrap();
        let shown: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
        shown.join(" ")
    }

    #[test]
    fn the_forms_of_libpqs_documentation_are_read() {
        for (url, expected) in [
            ("postgresql://", ""),
            ("postgresql://localhost", "host=localhost"),
            ("postgresql://localhost:5433", "host=localhost port=5433"),
            ("postgresql://localhost/mydb", "host=localhost dbname=mydb"),
            ("postgresql://user@localhost", "user=user host=localhost"),
            (
                "postgresql://user:secret@localhost",
                "user=user password=secret host=localhost",
            ),
            (
                "postgresql://other@localhost/otherdb?connect_timeout=10&application_name=myapp",
                "user=other host=localhost dbname=otherdb connect_timeout=10 application_name=myapp",
            ),
            (
                "postgresql://host1:123,host2:456/somedb?target_session_attrs=any",
                "host=host1,host2 port=123,456 dbname=somedb target_session_attrs=any",
            ),
            (
                "postgresql:///mydb?host=localhost&port=5433",
                "dbname=mydb host=localhost port=5433",
            ),
            (
                "postgresql://[2001:db8::1234]/database",
                "host=2001:db8::1234 dbname=database",
            ),
            (
                "postgresql://%2Fvar%2Flib%2Fpostgresql/dbname",
                "host=/var/lib/postgresql dbname=dbname",
            ),
            (
                "postgres://a%40b:p%2Fw%25@h/d?ssl=true",
                "user=a@b password=p/w% host=h dbname=d sslmode=require",
            ),
            ("postgres://a,b:2/", "host=a,b port=,2"),
        ] {
            assert_eq!(pairs(url), expected, "{url}");
        }
    }

    #[test]
    fn broken_urls_are_refused_without_repeating_what_may_be_a_password() {
        for (url, says) in [
            ("mysql://u:s3cret@h/d", "mysql://"),
            ("postgres://u:s3cret%zz@h/d", "%25"),
            ("postgres://u:s3cret@[::1/d", "]"),
            ("postgres://u@h/d?s3cret", "="),
            ("postgres://u:s3cret%00@h/d", "%00"),
        ] {
            let message = parse(url).unwrap_err();
            assert!(message.contains(says), "{url}: {message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }

    fn encode(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_read_back(
            user in "[^\0]{1,9}", password in "[^\0]{1,9}", dbname in "[^\0]{1,9}", options in "[^\0]{1,9}"
        ) {
            let url = format!(
                "postgres://{}:{}@h:1/{}?options={}",
                encode(&user), encode(&password), encode(&dbname), encode(&options)
            );
            let expected = [
                ("user", user.as_str()), ("password", &password), ("host", "h"), ("port", "1"),
                ("dbname", &dbname), ("options", &options),
            ].map(|(key, value)| (key.to_owned(), value.to_owned()));
            prop_assert_eq!(parse(&url).unwrap(), expected);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = is_url(&text);
            let _ = parse(&format!("postgres://{text}"));
        }
    }
}
