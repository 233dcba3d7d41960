//! A throwaway server with a snapshot's schema, as far as it may still be migrated.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    pages, rows,
    session::{open, run},
    snapshot::Snapshot,
    statistics::give_statistics,
};
use crate::{
    Error, Result,
    catalog::{quote_identifier, quote_literal},
    db::{self, ConnectionConfig, Session},
    demo::{Binaries, Listen, Server},
    off_thread::off_thread,
};

/// A running server with the twin on it.
#[derive(Debug)]
pub struct Twin {
    pub server: Server,
    pub database: String,
    /// For each relation of the snapshot, its OID here: whatever migrates the schema may rename it.
    pub(super) oids: Vec<Option<u32>>,
}

impl Twin {
    pub fn url(&self) -> String {
        self.server.url(&self.database)
    }
}

/// Nothing of the twin may be rewritten behind its back; its schema, thousands of tables, is made in one transaction; and its
/// log is of no use to anyone.
const SETTINGS: [(&str, &str); 7] = [
    ("autovacuum", "off"),
    ("shared_buffers", "128MB"),
    ("max_locks_per_transaction", "1024"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("min_wal_size", "2MB"),
    ("max_wal_size", "8MB"),
];

/// Starts a server with the schema and the statistics; its tables are empty. Migrations can be run on it now, and
/// [`furnish`](super::furnish) makes the twin of it. `binaries`: of the snapshot's major version.
///
/// # Errors
/// The server lacks what the schema needs, or could not be started or filled. Nothing stays behind.
pub async fn build(
    config: &ConnectionConfig,
    snapshot: &Snapshot,
    binaries: Binaries,
) -> Result<Twin> {
    if snapshot.server.block_size != pages::BLOCK {
        return Err(Error::CannotJudge {
            message: format!(
                "the snapshot is of a server with blocks of {} bytes",
                snapshot.server.block_size
            ),
            hint: format!(
                "only servers with blocks of {} bytes can have a twin",
                pages::BLOCK
            ),
        });
    }
    let server = off_thread(move || {
        let mut settings = SETTINGS.to_vec();
        if binaries.has_library("pg_stat_statements") {
            settings.push(("shared_preload_libraries", "pg_stat_statements"));
        }
        Server::start(&binaries, Listen::Socket, &settings)
    })
    .await?;
    let maintenance = open(config, &server, "template1").await?;
    has_extensions(&maintenance, snapshot).await?;
    make_tablespaces(&maintenance, snapshot).await?;
    make_database(&maintenance, snapshot).await?;
    drop(maintenance);
    let database = snapshot.database.name.clone();
    let session = open(config, &server, &database).await?;
    run(&session, "making the schema", &snapshot.schema).await?;
    drop(session);
    let session = open(config, &server, &database).await?;
    give_statistics(&session, snapshot).await?;
    let oids = oids(&session, snapshot).await?;
    let by_name = snapshot.oids_by_name(&oids);
    for history in &snapshot.history {
        let Some(oid) = by_name.get(&history.table()) else {
            continue;
        };
        if let Some(why) = rows::insert(&session, *oid, history).await? {
            tracing::warn!(
                "the twin lacks the migration history in {}.{} ({why}): its tool takes no migration for applied",
                history.schema,
                history.table
            );
        }
    }
    Ok(Twin {
        server,
        database,
        oids,
    })
}

async fn oids(session: &Session, snapshot: &Snapshot) -> Result<Vec<Option<u32>>> {
    let row = session
        .query_one(
            "SELECT coalesce(array_agg(c.oid ORDER BY g.place), '{}')
             FROM json_array_elements($1::text::json) WITH ORDINALITY AS g (relation, place)
             LEFT JOIN pg_namespace n ON n.nspname = g.relation ->> 'schema'
             LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = g.relation ->> 'name'",
            &[&json!(snapshot.relations).to_string()],
        )
        .await
        .map_err(Error::server("looking for the relations"))?;
    Ok(row.get(0))
}

async fn has_extensions(session: &Session, snapshot: &Snapshot) -> Result<()> {
    let missing: Vec<String> = session
        .query_one(
            "SELECT array(SELECT unnest($1::text[]) EXCEPT SELECT name FROM pg_available_extensions)::text[]",
            &[&snapshot.extensions],
        )
        .await
        .map_err(Error::server("looking for extensions"))?
        .get(0);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::CannotJudge {
        message: format!(
            "the schema needs extensions that PostgreSQL {} does not have on this machine: {}",
            snapshot.server.major,
            missing.join(", ")
        ),
        hint: "install them, or name a server that has them: --server-bin DIR".into(),
    })
}

/// In the server's own folder, which its older minor versions cannot.
async fn make_tablespaces(session: &Session, snapshot: &Snapshot) -> Result<()> {
    let doing = "making the tablespaces";
    if snapshot.tablespaces.iter().any(|it| it.name.is_some()) {
        run(session, doing, "SET allow_in_place_tablespaces = on").await?;
    }
    for tablespace in &snapshot.tablespaces {
        let options = tablespace.options.join(", ");
        let make = match &tablespace.name {
            None => format!("ALTER TABLESPACE pg_default SET ({options})"),
            Some(name) => {
                let with = match options.as_str() {
                    "" => String::new(),
                    options => format!(" WITH ({options})"),
                };
                format!(
                    "CREATE TABLESPACE {} LOCATION ''{with}",
                    quote_identifier(name)
                )
            }
        };
        run(session, doing, &make).await?;
    }
    Ok(())
}

async fn make_database(session: &Session, snapshot: &Snapshot) -> Result<()> {
    for role in &snapshot.roles {
        let create = format!("CREATE ROLE {}", quote_identifier(role));
        run(session, "creating the roles", &create).await?;
    }
    let database = &snapshot.database;
    let name = quote_identifier(&database.name);
    // That of this name which a cluster comes with has another locale.
    let drop = format!("DROP DATABASE IF EXISTS {name}");
    run(session, "making room for the database", &drop).await?;
    let mut create = format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}",
        quote_literal(&database.encoding),
        quote_literal(&database.collate),
        quote_literal(&database.ctype)
    );
    match (database.provider.as_str(), &database.locale) {
        ("icu", Some(locale)) => {
            let _ = write!(
                create,
                " LOCALE_PROVIDER icu ICU_LOCALE {}",
                quote_literal(locale)
            );
        }
        ("builtin", Some(locale)) => {
            let _ = write!(
                create,
                " LOCALE_PROVIDER builtin BUILTIN_LOCALE {}",
                quote_literal(locale)
            );
        }
        _ => {}
    }
    session.batch_execute(&create).await.map_err(|error| Error::CannotJudge {
        message: format!(
            "a database with the locale of production ({}) could not be made: {}",
            database.collate,
            db::describe_error(&error)
        ),
        hint: format!(
            "install the locale on this machine (Debian, Ubuntu: add it to /etc/locale.gen and run locale-gen): {}",
            database.collate
        ),
    })?;
    for (key, value) in &snapshot.settings {
        // A list, which quotes its own parts.
        let quoted = if key == "search_path" {
            value.clone()
        } else {
            quote_literal(value)
        };
        let set = format!(
            "ALTER DATABASE {name} SET {} = {quoted}",
            quote_identifier(key)
        );
        match session.batch_execute(&set).await {
            Err(error) if session.is_closed() => {
                return Err(Error::server("setting what the planner goes by")(error));
            }
            // A setting of a fork of PostgreSQL, or a time zone that this machine does not know.
            Err(error) => tracing::warn!(
                "the twin lacks the setting {key} = {value} ({}): plans may differ",
                db::describe_error(&error)
            ),
            Ok(()) => {}
        }
    }
    Ok(())
}
