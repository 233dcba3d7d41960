//! What can be read from a server, and what could not be.

use serde::{Deserialize, Serialize};

/// One kind of fact. A check names those it judges on; where one was not read, the check is reported as
/// skipped instead of saying "fine".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// `pg_settings`.
    Settings,
    /// This database's row of `pg_database` and `pg_stat_database`.
    Database,
    Databases,
    /// `pg_stat_activity`.
    Activity,
    /// Who holds or awaits an exclusive lock on a table.
    Locks,
    /// `pg_prepared_xacts`.
    PreparedTransactions,
    /// `pg_replication_slots`.
    ReplicationSlots,
    /// `pg_stat_replication`.
    ReplicationSenders,
    /// `pg_stat_wal_receiver` and the standby's replay position.
    Standby,
    Tables,
    Columns,
    ColumnStatistics,
    Indexes,
    /// The texts of index expressions and predicates.
    IndexExpressions,
    Collations,
    Constraints,
    /// Triggers that do not fire as usual.
    Triggers,
    /// Sequences: their limits.
    Sequences,
    /// Sequences: their last values.
    SequenceValues,
    /// Sizes of the largest relations, from the file system.
    Sizes,
    /// `pg_stat_statements`.
    Statements,
    /// `pg_stat_wal`.
    Wal,
    Checkpoints,
    /// `pg_stat_io`.
    Io,
    /// `pg_stat_archiver`.
    Archiver,
    /// `pg_stat_progress_vacuum`.
    VacuumProgress,
    /// `pg_stat_progress_create_index`.
    IndexProgress,
    /// The machine or container that the server runs in.
    Host,
    /// Exact bloat by pgstattuple.
    ExactBloat,
}

impl Fact {
    /// The fact's name in output: `column-statistics`.
    pub fn name(self) -> &'static str {
        match self {
            Fact::Settings => "settings",
            Fact::Database => "database",
            Fact::Databases => "databases",
            Fact::Activity => "activity",
            Fact::Locks => "locks",
            Fact::PreparedTransactions => "prepared-transactions",
            Fact::ReplicationSlots => "replication-slots",
            Fact::ReplicationSenders => "replication-senders",
            Fact::Standby => "standby",
            Fact::Tables => "tables",
            Fact::Columns => "columns",
            Fact::ColumnStatistics => "column-statistics",
            Fact::Indexes => "indexes",
            Fact::IndexExpressions => "index-expressions",
            Fact::Collations => "collations",
            Fact::Constraints => "constraints",
            Fact::Triggers => "triggers",
            Fact::Sequences => "sequences",
            Fact::SequenceValues => "sequence-values",
            Fact::Sizes => "sizes",
            Fact::Statements => "statements",
            Fact::Wal => "wal",
            Fact::Checkpoints => "checkpoints",
            Fact::Io => "io",
            Fact::Archiver => "archiver",
            Fact::VacuumProgress => "vacuum-progress",
            Fact::IndexProgress => "index-progress",
            Fact::Host => "host",
            Fact::ExactBloat => "exact-bloat",
        }
    }
}

/// A fact that could not be read, or only in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadFact {
    pub fact: Fact,
    /// Why, in words.
    pub reason: String,
    /// The statement that would make it readable, where one would.
    pub grant: Option<String>,
    /// Some of it was read: checks run on that part, and are listed as skipped for the rest.
    pub partial: bool,
}
