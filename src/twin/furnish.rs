//! What makes the server plan as production does: a few rows, the sizes of tables and indexes, and that both stay.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::json;

use super::{
    build::Twin,
    new_indexes::{self, Size},
    pages, rows,
    session::{open, run},
    snapshot::Snapshot,
};
use crate::{
    Error, Result,
    catalog::{extension_schema, quote_identifier, quote_literal},
    db::{ConnectionConfig, Session},
    demo::ShutdownMode,
    measure::CALIBRATION,
    off_thread::off_thread,
};

/// Makes the twin of a built server. Indexes that migrations made meanwhile get the size that they would have on production.
///
/// # Errors
/// The server could not be filled or started again. Nothing stays behind.
pub async fn furnish(
    config: &ConnectionConfig,
    snapshot: &Snapshot,
    mut twin: Twin,
) -> Result<Twin> {
    let session = open(config, &twin.server, &twin.database).await?;
    insert_ends(&session, snapshot, &twin.oids).await?;
    let known: Vec<Size> = snapshot
        .relations
        .iter()
        .zip(&twin.oids)
        .filter_map(|(relation, oid)| {
            Some(Size {
                oid: (*oid)?,
                pages: relation.pages,
                tuples: relation.tuples.clone(),
                all_visible: relation.all_visible,
                blocks: relation.blocks,
                height: relation.height.unwrap_or(0),
                gin: relation.gin,
                // A migration tool reads its table.
                is_table: matches!(relation.kind.as_str(), "r" | "m")
                    && !snapshot.history.iter().any(|rows| {
                        rows.table() == (relation.schema.as_str(), relation.name.as_str())
                    }),
            })
        })
        .collect();
    twin = give_sizes(session, twin, &known).await?;
    let session = open(config, &twin.server, &twin.database).await?;
    let new = new_indexes::sizes(&session, &known).await?;
    if new.is_empty() {
        drop(session);
    } else {
        twin = give_sizes(session, twin, &new).await?;
    }
    let session = open(config, &twin.server, &twin.database).await?;
    give_statements(&session, snapshot).await?;
    give_calibration(&session, snapshot).await?;
    run(
        &session,
        "protecting the statistics",
        include_str!("refuse.sql"),
    )
    .await?;
    Ok(twin)
}

/// Inserts the rows at the ends of the indexes; triggers, foreign keys and other constraints are not asked, which a redacted
/// row may break.
async fn insert_ends(session: &Session, snapshot: &Snapshot, oids: &[Option<u32>]) -> Result<()> {
    run(session, "lifting the constraints", include_str!("lift.sql")).await?;
    let oids = snapshot.oids_by_name(oids);
    for ends in &snapshot.rows {
        // Of a migration tool's table all rows are there.
        if snapshot
            .history
            .iter()
            .any(|rows| rows.table() == ends.table())
        {
            continue;
        }
        let Some(oid) = oids.get(&ends.table()) else {
            continue;
        };
        if let Some(why) = rows::insert(session, *oid, ends).await? {
            tracing::warn!(
                "the twin lacks the rows at the ends of the indexes of {}.{} ({why}): what lies beyond its histograms is \
                 planned as rare",
                ends.schema,
                ends.table
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

/// Lets the twin's pg_stat_statements show production's statements.
async fn give_statements(session: &Session, snapshot: &Snapshot) -> Result<()> {
    let schema = extension_schema(session, "pg_stat_statements").await?;
    let Some(schema) = schema.filter(|_| !snapshot.statements.is_empty()) else {
        return Ok(());
    };
    let doing = "writing the statements";
    let schema = quote_identifier(&schema);
    let script = include_str!("give_statements.sql").replace("{schema}", &schema);
    run(session, doing, &script).await?;
    let insert = format!(
        "INSERT INTO {schema}.dbaudit_statements
         SELECT (json_populate_record(NULL::{schema}.dbaudit_statements,
                 (statement::jsonb || jsonb_build_object('userid', 10, 'dbid', d.oid))::json)).*
         FROM json_array_elements($1::text::json) AS statement, pg_database d WHERE d.datname = current_database()"
    );
    session
        .execute(&insert, &[&json!(snapshot.statements).to_string()])
        .await
        .map_err(Error::server(doing))?;
    Ok(())
}

/// Every session of the twin's can read it: [`CALIBRATION`].
async fn give_calibration(session: &Session, snapshot: &Snapshot) -> Result<()> {
    if snapshot.calibration.is_empty() {
        return Ok(());
    }
    let set = format!(
        "ALTER DATABASE {} SET {CALIBRATION} = {}",
        quote_identifier(&snapshot.database.name),
        quote_literal(&json!(snapshot.calibration).to_string())
    );
    run(session, "writing the times", &set).await
}

/// Writes the sizes into the catalog, and makes the files as long.
async fn give_sizes(session: Session, twin: Twin, sizes: &[Size]) -> Result<Twin> {
    session
        .execute(include_str!("sizes.sql"), &[&json!(sizes).to_string()])
        .await
        .map_err(Error::server("writing the sizes"))?;
    let oids: Vec<u32> = sizes.iter().map(|size| size.oid).collect();
    let rows = session
        .query(
            "SELECT oid, pg_relation_filepath(oid) FROM pg_class
             WHERE oid = ANY ($1) AND pg_relation_filepath(oid) IS NOT NULL",
            &[&oids],
        )
        .await
        .map_err(Error::server("looking for the relations' files"))?;
    drop(session);
    let paths: BTreeMap<u32, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let files: Vec<(String, Size)> = sizes
        .iter()
        .filter(|size| size.blocks > 0)
        .filter_map(|size| Some((paths.get(&size.oid)?.clone(), size.clone())))
        .collect();
    off_thread(move || {
        let mut twin = twin;
        twin.server.stop(ShutdownMode::Fast)?;
        let data = twin.server.data_directory();
        for (path, size) in &files {
            let file: PathBuf = data.join(path);
            let sized = if size.is_table {
                pages::extend_table(&file, size.blocks)
            } else {
                pages::extend(&file, size.blocks)
                    .and_then(|()| pages::raise(&file, size.height))
                    .and_then(|()| pages::count(&file, size.gin))
            };
            sized.map_err(|source| Error::File {
                doing: "writing",
                path: file.clone(),
                source,
            })?;
        }
        twin.server.start_again()?;
        Ok(twin)
    })
    .await
}
