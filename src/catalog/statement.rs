//! `pg_stat_statements`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::reader::Fields;

/// A statement's counters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Its `queryid`; `None`: not visible to the role.
    pub query_id: Option<i64>,
    /// The role that ran it.
    pub user: u32,
    /// Run by a client itself, not from within a function.
    pub toplevel: bool,
    /// Times run.
    pub calls: u64,
    /// All runs together.
    pub total_ms: f64,
    /// One run on average.
    pub mean_ms: f64,
    /// The slowest run.
    pub max_ms: f64,
    /// Standard deviation of the runs.
    pub stddev_ms: f64,
    /// Rows returned or changed, all runs together.
    pub rows: u64,
    /// Blocks found in shared buffers.
    pub blocks_hit: u64,
    /// Blocks read from the operating system.
    pub blocks_read: u64,
    /// Blocks of temporary files read.
    pub temp_blocks_read: u64,
    /// Blocks of temporary files written.
    pub temp_blocks_written: u64,
    /// Time reading blocks, where `track_io_timing` is on.
    pub read_ms: f64,
    /// WAL written.
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
    /// Statements kept, of all databases.
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
