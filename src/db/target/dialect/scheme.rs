//! What stands before `://`.

use std::borrow::Cow;

use super::Dialect;
use crate::db::target::keyword;

/// Names of PostgreSQL in the schemes of drivers and ORMs.
const SERVERS: &[&str] = &[
    "postgres",
    "postgresql",
    "postgis",
    "pgsql",
    "psql",
    "pg",
    "pq",
    "pgx",
    "pgx4",
    "pgx5",
    "ecto",
    "asyncpg",
    "psycopg",
    "psycopg2",
    "psycopg3",
    "pdo-pgsql",
    "postgresext",
    "postgresqlext",
    "timescale",
    "jdbcpostgresql",
];

/// What SQLAlchemy and its kin write behind a `+`.
const DRIVERS: &[&str] = &[
    "asyncpg",
    "psycopg",
    "psycopg2",
    "psycopg3",
    "psycopg_async",
    "psycopg2cffi",
    "psycopgcffi",
    "aiopg",
    "pg8000",
    "pygresql",
    "pypostgresql",
    "asyncpgsa",
    "pool",
    "pooled",
];

/// What stands before `postgresql:` in the URLs of Java.
const WRAPPERS: &[&str] = &[
    "jdbc:",
    "r2dbc:",
    "vertx-reactive:",
    "pool:",
    "aws-wrapper:",
    "otel:",
    "p6spy:",
    "log4jdbc:",
];

/// Whose URL it is, and what stands behind its `://`.
pub(in crate::db::target) fn of(text: &str) -> Result<(Dialect, Cow<'_, str>), String> {
    for plain in ["postgres://", "postgresql://"] {
        if let Some(rest) = text.strip_prefix(plain) {
            return Ok((Dialect::Libpq, Cow::Borrowed(rest)));
        }
    }
    if is_of_java(text) {
        return of_java(text);
    }
    let (scheme, rest) = text.split_once("://").unwrap_or((text, ""));
    let (server, driver) = match scheme.split_once('+') {
        Some((server, driver)) => (server, Some(driver)),
        None => (scheme, None),
    };
    let server = server.to_ascii_lowercase().replace('_', "-");
    if server == "prisma" {
        return Err(format!(
            "`{scheme}://` is the address of Prisma's proxy, which does not accept SQL; use the URL of the \
             server itself, postgresql://…, as in Prisma's directUrl"
        ));
    }
    if !SERVERS.contains(&server.as_str()) {
        return Err(format!(
            "`{scheme}://` is not a PostgreSQL scheme; write postgres://"
        ));
    }
    match driver {
        None => Ok((Dialect::Libpq, Cow::Borrowed(rest))),
        Some(driver) if DRIVERS.contains(&driver.to_ascii_lowercase().as_str()) => {
            Ok((Dialect::Python, Cow::Borrowed(rest)))
        }
        Some(driver) => Err(format!(
            "`{scheme}://` names a driver that dbaudit does not know; write postgresql:// without `+{driver}` \
             if the rest is the server's address"
        )),
    }
}

/// Whether it begins as the URLs of Java do, which may go without `//`.
pub(in crate::db::target) fn is_of_java(text: &str) -> bool {
    ["jdbc:", "r2dbc:", "vertx-reactive:"]
        .iter()
        .any(|prefix| text.starts_with(prefix))
}

fn of_java(text: &str) -> Result<(Dialect, Cow<'_, str>), String> {
    let mut rest = text;
    while let Some(inner) = WRAPPERS
        .iter()
        .find_map(|wrapper| rest.strip_prefix(wrapper))
    {
        rest = inner;
    }
    let server = ["postgresql:", "postgres:", "pgsql:"];
    let Some(place) = server.iter().find_map(|server| rest.strip_prefix(server)) else {
        let scheme = &text[..text.len() - rest.len()];
        let kind = rest.split(':').next().unwrap_or_default();
        let kind = if keyword::is_word(kind) { kind } else { "…" };
        return Err(format!(
            "`{scheme}{kind}:` is not the address of a PostgreSQL server; write \
             jdbc:postgresql://host:5432/database, or postgresql://user@host:5432/database"
        ));
    };
    Ok((
        Dialect::Java,
        match place.strip_prefix("//") {
            Some(rest) => Cow::Borrowed(rest),
            // `jdbc:postgresql:database`: on this machine.
            None => Cow::Owned(format!("/{}", place.trim_start_matches('/'))),
        },
    ))
}
