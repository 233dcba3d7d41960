//! The cost of indexes for the writers of a table: rows are written in a transaction that is rolled back.

use crate::{
    Error, Result,
    catalog::{QualifiedName, quote_identifier},
    db::{Session, is_connection_loss},
    explain::QueryPlan,
    report::advise::WriteTax,
};

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sample {
    insert_records: f64,
    update_records: f64,
    hot_share: f64,
}

const ROWS: u32 = 200;

/// Before and after.
pub(super) fn compare(before: Option<&Sample>, after: Option<&Sample>) -> Option<WriteTax> {
    let (before, after) = (before?, after?);
    Some(WriteTax {
        insert_records_before: before.insert_records,
        insert_records_after: after.insert_records,
        update_records_before: before.update_records,
        update_records_after: after.update_records,
        hot_share_before: before.hot_share,
        hot_share_after: after.hot_share,
    })
}

/// Deletes some rows and inserts them again, then updates those columns of theirs; all rolled back. `None`: the
/// table does not take it (a trigger or constraint objects, or the role may not).
pub(super) async fn measure(
    session: &Session,
    table: &QualifiedName,
    columns: &[String],
) -> Result<Option<Sample>> {
    let outcome = write(session, table, columns).await;
    let ended = session.batch_execute("ROLLBACK").await;
    ended.map_err(Error::server("rolling back the written rows"))?;
    match outcome {
        Ok(sample) => Ok(sample),
        Err(error) if is_connection_loss(&error) => {
            Err(Error::server(format!("measuring writes to {table}"))(error))
        }
        Err(error) => {
            tracing::info!(
                "the write cost for {table} could not be measured: {}",
                crate::db::describe_error(&error)
            );
            Ok(None)
        }
    }
}

async fn write(
    session: &Session,
    table: &QualifiedName,
    columns: &[String],
) -> Result<Option<Sample>, tokio_postgres::Error> {
    let (name, quoted) = (table.quoted(), columns_of(session, table).await?);
    if quoted.is_empty() {
        return Ok(None);
    }
    let list = quoted.join(", ");
    session
        .batch_execute("BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '60s'")
        .await?;
    // Triggers and foreign keys have costs of their own, and may object.
    let _ = session
        .batch_execute("SAVEPOINT quiet; SET LOCAL session_replication_role = replica")
        .await;
    session
        .batch_execute("ROLLBACK TO SAVEPOINT quiet")
        .await
        .ok();
    if session.is_superuser() == Some(true) {
        session
            .batch_execute("SET LOCAL session_replication_role = replica")
            .await?;
    }
    session
        .batch_execute(&format!(
            "CREATE TEMPORARY TABLE dbaudit_rows ON COMMIT DROP AS \
             SELECT tableoid AS dbaudit_table, ctid AS dbaudit_row, {list} FROM {name} LIMIT {ROWS}; \
             DELETE FROM {name} t USING dbaudit_rows r \
             WHERE t.ctid = r.dbaudit_row AND t.tableoid = r.dbaudit_table"
        ))
        .await?;
    let insert = explain(
        session,
        &format!(
            "INSERT INTO {name} ({list}) OVERRIDING SYSTEM VALUE SELECT {list} FROM dbaudit_rows"
        ),
    )
    .await?;
    let mut changed: Vec<String> = columns
        .iter()
        .map(|column| quote_identifier(column))
        .filter(|column| quoted.contains(column))
        .collect();
    changed.sort();
    changed.dedup();
    // Each row takes the values of the next, so that they differ, and are ones that may occur.
    let next: Vec<String> = changed
        .iter()
        .enumerate()
        .map(|(at, column)| {
            format!("coalesce(lead({column}) OVER (), first_value({column}) OVER ()) AS n{at}")
        })
        .collect();
    let set: Vec<String> = changed
        .iter()
        .enumerate()
        .map(|(at, column)| format!("{column} = f.n{at}"))
        .collect();
    let hot_before = hot(session, table).await?;
    let update = explain(
        session,
        &format!(
            "UPDATE {name} t SET {} FROM (SELECT tableoid, ctid, {} FROM {name} LIMIT {ROWS}) f \
             WHERE t.ctid = f.ctid AND t.tableoid = f.tableoid",
            set.join(", "),
            next.join(", ")
        ),
    )
    .await?;
    let hot_after = hot(session, table).await?;
    let updated = (hot_after.1 - hot_before.1).max(1.0);
    Ok(Some(Sample {
        insert_records: insert.0 / insert.1.max(1.0),
        update_records: update.0 / update.1.max(1.0),
        hot_share: ((hot_after.0 - hot_before.0) / updated).clamp(0.0, 1.0),
    }))
}

/// The columns that can be written.
async fn columns_of(
    session: &Session,
    table: &QualifiedName,
) -> Result<Vec<String>, tokio_postgres::Error> {
    let rows = session
        .query(
            "SELECT a.attname::text FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = pg_catalog.to_regclass($1)::oid AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attgenerated = '' ORDER BY a.attnum",
            &[&table.quoted()],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| quote_identifier(&row.get::<_, String>(0)))
        .collect())
}

async fn explain(session: &Session, statement: &str) -> Result<(f64, f64), tokio_postgres::Error> {
    let sql = format!("EXPLAIN (ANALYZE, WAL, TIMING OFF, FORMAT JSON) {statement}");
    let row = session.query_one(&sql, &[]).await?;
    let plan = QueryPlan::parse(&row.try_get(0)?);
    let root = plan.map(|plan| plan.root).unwrap_or_default();
    let rows = root.children.first().and_then(|child| child.actual_rows);
    #[expect(clippy::cast_precision_loss, reason = "a few records a row")]
    Ok((root.wal_records as f64, rows.unwrap_or(0.0)))
}

/// Updates of this transaction that touched no index, and all of them.
async fn hot(
    session: &Session,
    table: &QualifiedName,
) -> Result<(f64, f64), tokio_postgres::Error> {
    let leaves = "SELECT coalesce(sum(pg_catalog.pg_stat_get_xact_tuples_hot_updated(l)), 0)::float8,
                         coalesce(sum(pg_catalog.pg_stat_get_xact_tuples_updated(l)), 0)::float8
                    FROM (SELECT relid::oid AS l FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1))
                          UNION SELECT pg_catalog.to_regclass($1)::oid) AS leaves";
    let row = session.query_one(leaves, &[&table.quoted()]).await?;
    Ok((row.get(0), row.get(1)))
}
