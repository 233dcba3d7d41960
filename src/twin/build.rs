//! A throwaway server that is given a snapshot.

use std::{fmt::Write as _, path::PathBuf};

use serde_json::json;

use super::{pages, snapshot::Snapshot};
use crate::{
    Error, Result,
    catalog::{quote_identifier, quote_literal},
    db::{self, ConnectionConfig, Session},
    demo::{Binaries, Listen, Server, ShutdownMode},
};

/// A running server with the twin on it.
#[derive(Debug)]
pub struct Twin {
    pub server: Server,
    pub database: String,
}

impl Twin {
    pub fn url(&self) -> String {
        self.server.url(&self.database)
    }
}

/// Nothing of the twin may be rewritten behind its back; and its schema, thousands of tables, is made in one transaction.
const SETTINGS: [(&str, &str); 3] = [
    ("autovacuum", "off"),
    ("shared_buffers", "128MB"),
    ("max_locks_per_transaction", "1024"),
];

/// Builds the twin. `binaries`: of the snapshot's major version.
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
    let open = async |server: &Server, database: &str| {
        db::connect(&config.on_own_server(&server.url(database)), "twin").await
    };
    let maintenance = open(&server, "template1").await?;
    has_extensions(&maintenance, snapshot).await?;
    make_database(&maintenance, snapshot).await?;
    drop(maintenance);
    let twin = Twin {
        server,
        database: snapshot.database.name.clone(),
    };
    let session = open(&twin.server, &twin.database).await?;
    run(&session, "making the schema", &snapshot.schema).await?;
    insert_ends(&session, snapshot).await?;
    let files = files(&session, snapshot).await?;
    drop(session);
    let twin = off_thread(move || write_files(twin, &files)).await?;
    let session = open(&twin.server, &twin.database).await?;
    give_statistics(&session, snapshot).await?;
    drop(session);
    Ok(twin)
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|stopped| {
            Err(Error::CannotJudge {
                message: stopped.to_string(),
                hint: String::new(),
            })
        })
}

async fn run(session: &Session, doing: &str, statements: &str) -> Result<()> {
    session
        .batch_execute(statements)
        .await
        .map_err(Error::server(doing))
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
    let mut settings = String::new();
    for (key, value) in &snapshot.settings {
        // A list, which quotes its own parts.
        let value = if key == "search_path" {
            value.clone()
        } else {
            quote_literal(value)
        };
        let _ = write!(
            settings,
            "ALTER DATABASE {name} SET {} = {value};",
            quote_identifier(key)
        );
    }
    run(session, "setting what the planner goes by", &settings).await
}

/// Inserts the rows at the ends of the indexes; triggers, foreign keys and other constraints are not asked, which a redacted
/// row may break.
async fn insert_ends(session: &Session, snapshot: &Snapshot) -> Result<()> {
    run(
        session,
        "preparing the session",
        "SET session_replication_role = replica; SET search_path = pg_catalog",
    )
    .await?;
    run(session, "lifting the constraints", include_str!("lift.sql")).await?;
    for ends in &snapshot.rows {
        let table = format!(
            "{}.{}",
            quote_identifier(&ends.schema),
            quote_identifier(&ends.table)
        );
        let columns: String = session
            .query_one(
                "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
                 WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
                &[&table],
            )
            .await
            .map_err(Error::server(format!("reading the columns of {table}")))?
            .get(0);
        let insert = format!(
            "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
             SELECT {columns} FROM json_populate_recordset(NULL::{table}, $1::text::json)"
        );
        if let Err(error) = session.execute(&insert, &[&ends.rows.to_string()]).await {
            if session.is_closed() {
                return Err(Error::server(format!("inserting the last rows of {table}"))(error));
            }
            tracing::warn!(
                "the twin lacks the rows at the ends of the indexes of {table} ({}): what lies beyond its histograms is \
                 planned as rare",
                db::describe_error(&error)
            );
        }
    }
    run(
        session,
        "restoring the constraints",
        include_str!("restore.sql"),
    )
    .await?;
    let pending =
        "SELECT gin_clean_pending_list(c.oid) FROM pg_class c JOIN pg_am am ON am.oid = c.relam
         WHERE am.amname = 'gin' AND c.relkind = 'i'; CHECKPOINT";
    run(session, "writing the indexes", pending).await
}

/// A relation's file in the data directory, its blocks, and a B-tree's height.
type RelationFile = (String, u32, u32);

async fn files(session: &Session, snapshot: &Snapshot) -> Result<Vec<RelationFile>> {
    let rows = session
        .query(
            include_str!("files.sql"),
            &[&json!(snapshot.relations).to_string()],
        )
        .await
        .map_err(Error::server("looking for the relations' files"))?;
    Ok(rows
        .iter()
        .map(|row| {
            let number = |at| {
                row.get::<_, Option<i64>>(at)
                    .and_then(|n| u32::try_from(n).ok())
                    .unwrap_or(0)
            };
            (row.get(2), number(0), number(1))
        })
        .collect())
}

fn write_files(mut twin: Twin, files: &[RelationFile]) -> Result<Twin> {
    twin.server.stop(ShutdownMode::Fast)?;
    let data = twin.server.data_directory();
    for (path, blocks, height) in files {
        let file: PathBuf = data.join(path);
        pages::extend(&file, *blocks)
            .and_then(|()| pages::raise(&file, *height))
            .map_err(|source| Error::File {
                doing: "writing",
                path: file.clone(),
                source,
            })?;
    }
    twin.server.start_again()?;
    Ok(twin)
}

async fn give_statistics(session: &Session, snapshot: &Snapshot) -> Result<()> {
    let doing = || Error::server("writing the statistics");
    run(
        session,
        "writing the statistics",
        include_str!("functions.sql"),
    )
    .await?;
    run(
        session,
        "writing the statistics",
        "DELETE FROM pg_statistic WHERE starelid >= 16384",
    )
    .await?;
    run(session, "lifting the constraints", include_str!("lift.sql")).await?;
    // Through a table with statistics of its own: the planner cannot know how many rows a JSON document holds.
    let columns = json!(snapshot.columns).to_string();
    session
        .execute(
            "INSERT INTO given OVERRIDING USER VALUE
             SELECT * FROM json_populate_recordset(NULL::given, $1::text::json)",
            &[&columns],
        )
        .await
        .map_err(doing())?;
    let insert = concat!("ANALYZE given;", include_str!("statistics.sql"));
    run(session, "writing the statistics", insert).await?;
    run(
        session,
        "restoring the constraints",
        include_str!("restore.sql"),
    )
    .await?;
    let relations = json!(snapshot.relations).to_string();
    session
        .execute(include_str!("sizes.sql"), &[&relations])
        .await
        .map_err(doing())?;
    // No input function takes them; the bytes are the server's own.
    let casts: String = ["pg_ndistinct", "pg_dependencies", "pg_mcv_list"]
        .map(|kind| format!("CREATE CAST (bytea AS {kind}) WITHOUT FUNCTION;"))
        .concat();
    run(session, "writing the extended statistics", &casts).await?;
    let inherited = if snapshot.server.major >= 15 {
        "stxdinherit, "
    } else {
        ""
    };
    let value = if snapshot.server.major >= 15 {
        "g.inherited, "
    } else {
        ""
    };
    let insert = format!(
        "INSERT INTO pg_statistic_ext_data (stxoid, {inherited}stxdndistinct, stxddependencies, stxdmcv)
         SELECT e.oid, {value}decode(n_distinct, 'hex')::pg_ndistinct, decode(dependencies, 'hex')::pg_dependencies,
                decode(most_common_vals, 'hex')::pg_mcv_list
         FROM json_to_recordset($1::text::json) AS g (schema text, name text, inherited bool, n_distinct text,
              dependencies text, most_common_vals text, portable bool)
         JOIN pg_namespace n ON n.nspname = g.schema
         JOIN pg_statistic_ext e ON e.stxnamespace = n.oid AND e.stxname = g.name
         WHERE g.portable"
    );
    if snapshot.server.major < 15 {
        // There the rows are made with the objects.
        run(
            session,
            "writing the extended statistics",
            "DELETE FROM pg_statistic_ext_data",
        )
        .await?;
    }
    session
        .execute(&insert, &[&json!(snapshot.extended).to_string()])
        .await
        .map_err(doing())?;
    run(
        session,
        "writing the extended statistics",
        "DROP CAST (bytea AS pg_ndistinct); DROP CAST (bytea AS pg_dependencies); DROP CAST (bytea AS pg_mcv_list)",
    )
    .await
}
