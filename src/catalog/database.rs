//! This database, and its neighbours.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::{Error as PgError, types::Json};

use super::{
    Fact,
    reader::{Entity, Fields},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Database {
    /// `pg_database.oid`.
    pub oid: u32,
    pub name: String,
    pub size_bytes: u64,
    /// The size is from `relpages`, not from the file system.
    pub size_estimated: bool,
    /// `UTF8`.
    pub encoding: String,
    /// `datcollate`.
    pub collation: String,
    /// Transactions since `datfrozenxid`.
    pub xid_age: u32,
    /// Multixacts since `datminmxid`.
    pub multixact_age: u32,
    /// `datconnlimit`, where there is one.
    pub connection_limit: Option<u32>,
    pub commits: u64,
    pub rollbacks: u64,
    /// Blocks read from the operating system.
    pub blocks_read: u64,
    /// Blocks found in shared buffers.
    pub blocks_hit: u64,
    pub deadlocks: u64,
    /// Conflicts with recovery, on a standby.
    pub conflicts: u64,
    pub temp_files: u64,
    /// Bytes written to temporary files.
    pub temp_bytes: u64,
    /// Data pages whose checksum did not match; `None` where checksums are off.
    pub checksum_failures: Option<u64>,
    /// Time spent reading, where `track_io_timing` is on.
    pub read_ms: f64,
    /// Time spent writing, where `track_io_timing` is on.
    pub write_ms: f64,
    /// Since when the counters count; `None`: unknown (a fresh cluster, or a crash since).
    pub stats_reset: Option<Timestamp>,
    /// Rows that scans looked at.
    #[serde(default)]
    pub rows_returned: u64,
    #[serde(default)]
    pub rows_fetched: u64,
    #[serde(default)]
    pub rows_inserted: u64,
    #[serde(default)]
    pub rows_updated: u64,
    #[serde(default)]
    pub rows_deleted: u64,
    /// Locks held and waited for on anything in it, by mode.
    #[serde(default)]
    pub locks: BTreeMap<String, u64>,
}

impl Database {
    /// The share of block reads found in shared buffers, 0 to 1; `None` where nothing was read.
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub fn cache_hit_ratio(&self) -> Option<f64> {
        let all = self.blocks_hit + self.blocks_read;
        (all > 0).then(|| self.blocks_hit as f64 / all as f64)
    }
}

impl Entity for Database {
    const FACT: Fact = Fact::Database;
    const SQL: &'static str = include_str!("database.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            oid: row.get()?,
            name: row.get()?,
            size_bytes: row.count()?,
            size_estimated: row.get()?,
            encoding: row.get()?,
            collation: row.get()?,
            xid_age: row.optional_small_count()?.unwrap_or(0),
            multixact_age: row.optional_small_count()?.unwrap_or(0),
            connection_limit: row.optional_small_count()?,
            commits: row.count()?,
            rollbacks: row.count()?,
            blocks_read: row.count()?,
            blocks_hit: row.count()?,
            deadlocks: row.count()?,
            conflicts: row.count()?,
            temp_files: row.count()?,
            temp_bytes: row.count()?,
            checksum_failures: row.optional_count()?,
            read_ms: row.get::<Option<f64>>()?.unwrap_or(0.0),
            write_ms: row.get::<Option<f64>>()?.unwrap_or(0.0),
            stats_reset: row.get()?,
            rows_returned: row.count()?,
            rows_fetched: row.count()?,
            rows_inserted: row.count()?,
            rows_updated: row.count()?,
            rows_deleted: row.count()?,
            locks: row.get::<Json<BTreeMap<String, u64>>>()?.0,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    pub name: String,
    /// Accepts connections, and is not a template.
    pub connectable: bool,
    /// Transactions since `datfrozenxid`.
    pub xid_age: u32,
    /// Multixacts since `datminmxid`.
    pub multixact_age: u32,
    /// Sessions in it now.
    pub sessions: u32,
}

impl Entity for Neighbour {
    const FACT: Fact = Fact::Databases;
    const SQL: &'static str = include_str!("neighbour.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            name: row.get()?,
            connectable: row.get()?,
            xid_age: row.optional_small_count()?.unwrap_or(0),
            multixact_age: row.optional_small_count()?.unwrap_or(0),
            sessions: row.optional_small_count()?.unwrap_or(0),
        })
    }
}
