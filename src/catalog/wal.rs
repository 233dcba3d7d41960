//! What the server writes: WAL, checkpoints, archive, and I/O by kind.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact,
    reader::{Entity, Fields},
};

/// `pg_stat_wal`; from 14 on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wal {
    pub records: u64,
    pub full_page_images: u64,
    /// Bytes written.
    pub bytes: u64,
    /// How often the WAL buffers were full.
    pub buffers_full: u64,
    /// Since when it counts.
    pub stats_reset: Option<Timestamp>,
}

impl Entity for Wal {
    const FACT: Fact = Fact::Wal;
    const SQL: &'static str = include_str!("wal.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            records: row.count()?,
            full_page_images: row.count()?,
            bytes: row.count()?,
            buffers_full: row.count()?,
            stats_reset: row.get()?,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoints {
    /// Started because `checkpoint_timeout` was over.
    pub timed: u64,
    /// Started because the WAL had grown to `max_wal_size`, or by hand.
    pub requested: u64,
    pub write_ms: f64,
    /// Time spent in fsync.
    pub sync_ms: f64,
    /// Buffers written by checkpoints.
    pub buffers_checkpoint: u64,
    /// Buffers written by the background writer.
    pub buffers_clean: u64,
    /// How often the background writer stopped because it had written enough.
    pub maxwritten_clean: u64,
    /// Buffers written by sessions themselves; up to 16.
    pub buffers_backend: Option<u64>,
    /// Since when it counts.
    pub stats_reset: Option<Timestamp>,
}

impl Entity for Checkpoints {
    const FACT: Fact = Fact::Checkpoints;
    const SQL: &'static str = include_str!("checkpoints.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            timed: row.count()?,
            requested: row.count()?,
            write_ms: row.get()?,
            sync_ms: row.get()?,
            buffers_checkpoint: row.count()?,
            buffers_clean: row.count()?,
            maxwritten_clean: row.count()?,
            buffers_backend: row.optional_count()?,
            stats_reset: row.get()?,
        })
    }
}

/// `pg_stat_archiver`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archiver {
    pub archived: u64,
    pub last_archived_at: Option<Timestamp>,
    pub failed: u64,
    pub last_failed_at: Option<Timestamp>,
    /// Since when it counts.
    pub stats_reset: Option<Timestamp>,
}

impl Entity for Archiver {
    const FACT: Fact = Fact::Archiver;
    const SQL: &'static str = include_str!("archiver.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            archived: row.count()?,
            last_archived_at: row.get()?,
            failed: row.count()?,
            last_failed_at: row.get()?,
            stats_reset: row.get()?,
        })
    }
}

/// A row of `pg_stat_io` that counted anything; from 16 on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Io {
    /// `client backend`, `autovacuum worker`, …
    pub backend_type: String,
    /// `relation`, `temp relation`, `wal`.
    pub object: String,
    /// `normal`, `vacuum`, `bulkread`, …
    pub context: String,
    pub reads: u64,
    /// Time they took, where `track_io_timing` is on.
    pub read_ms: f64,
    pub writes: u64,
    /// Time they took, where `track_io_timing` is on.
    pub write_ms: f64,
    pub extends: u64,
    /// Blocks found in shared buffers.
    pub hits: u64,
    /// Blocks thrown out of shared buffers to make room.
    pub evictions: u64,
    pub fsyncs: u64,
    /// Since when it counts.
    pub stats_reset: Option<Timestamp>,
}

impl Entity for Io {
    const FACT: Fact = Fact::Io;
    const SQL: &'static str = include_str!("io.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            backend_type: row.get()?,
            object: row.get()?,
            context: row.get()?,
            reads: row.count()?,
            read_ms: row.get::<Option<f64>>()?.unwrap_or(0.0),
            writes: row.count()?,
            write_ms: row.get::<Option<f64>>()?.unwrap_or(0.0),
            extends: row.count()?,
            hits: row.count()?,
            evictions: row.count()?,
            fsyncs: row.count()?,
            stats_reset: row.get()?,
        })
    }
}
