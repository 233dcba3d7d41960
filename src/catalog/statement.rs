//! `pg_stat_statements`.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::{Error as PgError, types::Type};

use super::{
    Extension, Fact, UnreadFact,
    dialect::for_version,
    quote_identifier,
    reader::{Fields, Reader},
};
use crate::sql::OWN_MARK;

/// Statements whose text is fetched, by total and by mean time each.
/// dbaudit's own may be among them.
const TEXTS: usize = 100;

/// The extension's oldest minor version that is read: that of the oldest server.
const OLDEST: u32 = 8;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Its `queryid`; `None`: not visible to the role.
    pub query_id: Option<i64>,
    pub user: u32,
    /// Run by a client itself, not from within a function.
    pub toplevel: bool,
    pub calls: u64,
    pub total_ms: f64,
    pub mean_ms: f64,
    pub max_ms: f64,
    pub stddev_ms: f64,
    /// Rows returned or changed, all runs together.
    pub rows: u64,
    /// Blocks found in shared buffers.
    pub blocks_hit: u64,
    /// Blocks read from the operating system.
    pub blocks_read: u64,
    pub temp_blocks_read: u64,
    pub temp_blocks_written: u64,
    /// Time reading blocks, where `track_io_timing` is on.
    pub read_ms: f64,
    pub wal_bytes: u64,
    /// Its text, for those that stand out; `None`: not fetched, or not visible.
    pub text: Option<String>,
}

/// `pg_stat_statements` as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statements {
    /// The statements of this database, the costliest first.
    pub list: Vec<Statement>,
    /// Times that statements were thrown out to make room; from extension 1.9 on.
    pub evictions: Option<u64>,
    /// Since when it counts; from extension 1.9 on.
    pub stats_reset: Option<Timestamp>,
    pub kept: u64,
}

impl Statement {
    pub(super) fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            query_id: row.get()?,
            user: row.get()?,
            toplevel: row.get()?,
            calls: row.count()?,
            total_ms: row.get()?,
            mean_ms: row.get()?,
            max_ms: row.get()?,
            stddev_ms: row.get()?,
            rows: row.count()?,
            blocks_hit: row.count()?,
            blocks_read: row.count()?,
            temp_blocks_read: row.count()?,
            temp_blocks_written: row.count()?,
            read_ms: row.get()?,
            wal_bytes: row.count()?,
            text: None,
        })
    }
}

/// Reads the counters, and then the texts of those that stand out.
pub(super) async fn read(reader: &Reader<'_>, extensions: &[Extension]) -> Option<Statements> {
    let Some(extension) = extensions
        .iter()
        .find(|extension| extension.name == "pg_stat_statements")
    else {
        reader.skip(UnreadFact {
            fact: Fact::Statements,
            reason: "the extension pg_stat_statements is not installed in this database".into(),
            grant: Some(
                "CREATE EXTENSION pg_stat_statements -- and shared_preload_libraries must name it"
                    .into(),
            ),
            partial: false,
        });
        return None;
    };
    if extension.minor() < OLDEST && extension.version.starts_with("1.") {
        reader.skip(UnreadFact {
            fact: Fact::Statements,
            reason: format!(
                "the extension pg_stat_statements is version {} here, older than the server, and lacks columns",
                extension.version
            ),
            grant: Some("ALTER EXTENSION pg_stat_statements UPDATE".into()),
            partial: false,
        });
        return None;
    }
    let schema = quote_identifier(&extension.schema);
    let place = |sql: &str| {
        for_version(sql, extension.minor()).replace(
            "FROM pg_stat_statements",
            &format!("FROM {schema}.pg_stat_statements"),
        )
    };
    let sql = place(include_str!("statement.sql"));
    let info = place(include_str!("statement_info.sql"));
    let (list, info) = tokio::join!(
        reader.rows(&sql, &[], Statement::from_row),
        reader.rows(&info, &[], |row| Ok((
            row.count()?,
            row.optional_count()?,
            row.get()?
        ))),
    );
    let mut list = match list {
        Ok(list) => list,
        Err(error) => {
            reader.failed(Fact::Statements, &error);
            return None;
        }
    };
    let mut winners: HashSet<i64> = HashSet::new();
    winners.extend(list.iter().filter_map(|s| s.query_id).take(TEXTS));
    let mut by_mean: Vec<&Statement> = list.iter().collect();
    by_mean.sort_by(|a, b| b.mean_ms.total_cmp(&a.mean_ms));
    winners.extend(by_mean.iter().filter_map(|s| s.query_id).take(TEXTS));
    let ids: Vec<i64> = winners.into_iter().collect();
    let sql = place(&format!(
        "SELECT s.queryid, s.userid, left(s.query, 4000) FROM pg_stat_statements(true) s
         WHERE s.queryid = ANY ($1) OR strpos(s.query, '{OWN_MARK}') > 0"
    ));
    let row = |row: &mut Fields<'_>| Ok(((row.get()?, row.get()?), row.get()?));
    let asked = reader.rows(&sql, &[(&ids, Type::INT8_ARRAY)], row).await;
    let texts: HashMap<(i64, u32), Option<String>> = match asked {
        Ok(rows) => rows.into_iter().collect(),
        Err(error) => {
            reader.failed_in_part(Fact::Statements, &error);
            HashMap::new()
        }
    };
    // dbaudit's own statements are not the application's.
    list.retain(|statement| {
        let key = statement.query_id.map(|id| (id, statement.user));
        let text = key
            .and_then(|key| texts.get(&key))
            .and_then(Option::as_deref);
        text.is_none_or(|text| !text.contains(OWN_MARK))
    });
    for statement in &mut list {
        let key = statement.query_id.map(|id| (id, statement.user));
        statement.text = key.and_then(|key| texts.get(&key).cloned()).flatten();
    }
    let (kept, evictions, stats_reset) = info
        .ok()
        .and_then(|rows| rows.into_iter().next())
        .unwrap_or_default();
    Some(Statements {
        list,
        evictions,
        stats_reset,
        kept,
    })
}
