//! What holds back vacuum and WAL for others: slots, standbys, prepared transactions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact,
    reader::{Entity, Fields},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationSlot {
    pub name: String,
    /// `physical` or `logical`.
    pub kind: String,
    /// The plugin of a logical slot.
    pub plugin: Option<String>,
    /// Its database, of a logical slot.
    pub database: Option<String>,
    /// Someone is reading from it.
    pub active: bool,
    pub active_pid: Option<i32>,
    /// Gone when the session that made it ends.
    pub temporary: bool,
    /// Transactions it holds back from vacuum.
    pub xmin_age: Option<u32>,
    /// Transactions of the catalogs it holds back from vacuum.
    pub catalog_xmin_age: Option<u32>,
    /// WAL it keeps from being removed.
    pub retained_bytes: Option<u64>,
    /// `reserved`, `extended`, `unreserved`, `lost`.
    pub wal_status: Option<String>,
    /// WAL that may still be written before it is lost, where there is a limit.
    pub safe_wal_bytes: Option<i64>,
}

impl Entity for ReplicationSlot {
    const FACT: Fact = Fact::ReplicationSlots;
    const SQL: &'static str = include_str!("replication_slot.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            name: row.get()?,
            kind: row.get()?,
            plugin: row.get()?,
            database: row.get()?,
            active: row.get()?,
            active_pid: row.get()?,
            temporary: row.get()?,
            xmin_age: row.optional_small_count()?,
            catalog_xmin_age: row.optional_small_count()?,
            retained_bytes: row.optional_count()?,
            wal_status: row.get()?,
            safe_wal_bytes: row.get()?,
        })
    }
}

/// A standby or other receiver that is connected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplicationSender {
    pub pid: i32,
    pub user: Option<String>,
    pub application: Option<String>,
    pub client: Option<String>,
    /// `streaming`, `catchup`, `backup`, …
    pub state: Option<String>,
    /// `async`, `sync`, `quorum`, `potential`.
    pub sync_state: Option<String>,
    /// Transactions it holds back from vacuum by feedback.
    pub xmin_age: Option<u32>,
    /// WAL not yet replayed by it.
    pub replay_lag_bytes: Option<u64>,
    /// Time from write here to replay there.
    pub replay_lag_ms: Option<f64>,
}

impl Entity for ReplicationSender {
    const FACT: Fact = Fact::ReplicationSenders;
    const SQL: &'static str = include_str!("replication_sender.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            pid: row.get()?,
            user: row.get()?,
            application: row.get()?,
            client: row.get()?,
            state: row.get()?,
            sync_state: row.get()?,
            xmin_age: row.optional_small_count()?,
            replay_lag_bytes: row.optional_count()?,
            replay_lag_ms: row.get()?,
        })
    }
}

/// A standby's own view of its replication; on a primary there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standby {
    /// WAL received and not yet replayed.
    pub replay_lag_bytes: Option<u64>,
    /// Age of the last transaction replayed. Grows on an idle primary too.
    pub last_replayed_age_ms: Option<f64>,
    pub paused: bool,
    /// `streaming`, …; `None`: no receiver is running, or not visible.
    pub receiver_status: Option<String>,
}

impl Entity for Standby {
    const FACT: Fact = Fact::Standby;
    const SQL: &'static str = include_str!("standby.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            replay_lag_bytes: row.optional_count()?,
            last_replayed_age_ms: row.get()?,
            paused: row.get::<Option<bool>>()?.unwrap_or(false),
            receiver_status: row.get()?,
        })
    }
}

/// A transaction prepared for two-phase commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedTransaction {
    pub name: String,
    /// When.
    pub prepared_at: Timestamp,
    /// By whom.
    pub owner: String,
    pub database: String,
    /// Transactions it holds back from vacuum.
    pub xid_age: Option<u32>,
}

impl Entity for PreparedTransaction {
    const FACT: Fact = Fact::PreparedTransactions;
    const SQL: &'static str = include_str!("prepared_transaction.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            name: row.get()?,
            prepared_at: row.get()?,
            owner: row.get()?,
            database: row.get()?,
            xid_age: row.optional_small_count()?,
        })
    }
}
