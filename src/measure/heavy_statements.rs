//! The statements that take most of the server's time, as queries.

use std::{path::PathBuf, time::Duration};

use crate::{
    Error, Result, advise::preparable, catalog::extension_schema, db::Session, sql::PREPARE_PREFIX,
    stats::Percentile, workload::QueryFile,
};

/// A statement with its share of all time.
#[derive(Debug)]
pub struct HeavyStatement {
    pub query: QueryFile,
    pub weight: f64,
    pub mean_ms: f64,
    pub calls: f64,
}

/// The schema of pg_stat_statements.
///
/// # Errors
/// [`Error::CannotJudge`] where this database does not have it.
pub async fn statements_schema(session: &Session) -> Result<String> {
    let schema = extension_schema(session, "pg_stat_statements").await?;
    schema.ok_or_else(|| Error::CannotJudge {
        message: "the extension pg_stat_statements is not installed in this database".into(),
        hint: "add it to shared_preload_libraries and run CREATE EXTENSION pg_stat_statements, or leave out the option that \
             asks for its statements"
            .into(),
    })
}

/// The heaviest of this database, by pg_stat_statements. Where their parameters come from is unsaid.
pub async fn heaviest_statements(
    session: &Session,
    budget: (Duration, Percentile),
    most: u32,
) -> Result<Vec<HeavyStatement>> {
    let schema = statements_schema(session).await?;
    let sql = include_str!("heavy_statements.sql")
        .replace("/* schema */", &crate::catalog::quote_identifier(&schema));
    let rows = session
        .query(&sql, &[&i64::from(most), &PREPARE_PREFIX])
        .await
        .map_err(Error::server("reading pg_stat_statements"))?;
    let heavy = |row: &tokio_postgres::Row| {
        let id: i64 = row.get(0);
        let text: String = row.get(1);
        HeavyStatement {
            query: QueryFile::of_statement(
                format!("statement_{:016x}", id.cast_unsigned()),
                PathBuf::from("pg_stat_statements"),
                &preparable(text.trim().trim_end_matches(';')).sql,
                budget,
            ),
            weight: row.get::<_, f64>(2).max(1e-6),
            mean_ms: row.get(3),
            calls: row.get(4),
        }
    };
    Ok(rows.iter().map(heavy).collect())
}
