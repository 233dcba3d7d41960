//! The result of `report`.

mod baseline;
mod changes;
mod index_row;
mod origin;
mod saved;
mod sessions;
mod set;
mod statements;
mod table_row;
mod vacuum;

use jiff::Timestamp;
use serde::Serialize;

pub use self::{
    baseline::Baseline,
    changes::Changes,
    index_row::IndexRow,
    origin::{IndexOrigin, Origins},
    saved::SavedFacts,
    sessions::{Blocker, SessionSummary},
    set::ReportSet,
    statements::StatementSummary,
    table_row::TableRow,
    vacuum::VacuumSummary,
};
use crate::{
    catalog::{
        Archiver, Catalog, Checkpoints, ConnectionSummary, Io, PreparedTransaction,
        ReplicationSender, ReplicationSlot, Setting, Standby, Wal,
    },
    check::{Finding, IgnoreRule, Severity, SkippedCheck, Verdicts},
};

/// The report on one database. Its serialisation is the JSON contract.
#[derive(Debug, Clone, Serialize)]
pub struct DatabaseReport {
    pub schema_version: u32,
    pub command: &'static str,
    pub taken_at: Timestamp,
    pub server: ServerSummary,
    pub database: DatabaseSummary,
    pub connections: ConnectionSummary,
    /// Tables, the largest first; a partitioned table is one row.
    pub tables: Vec<TableRow>,
    pub indexes: Vec<IndexRow>,
    pub sessions: SessionSummary,
    /// Statements; `None`: could not be read.
    pub statements: Option<StatementSummary>,
    pub replication: ReplicationSummary,
    /// WAL, checkpoints, archive and I/O, of the whole server.
    pub writes: WriteSummary,
    pub vacuum: VacuumSummary,
    /// The machine or container that the server runs in; `None`: it cannot be seen, and `skipped` says why.
    pub host: Option<crate::catalog::host::Host>,
    /// Settings that were changed from their defaults, and those that wait for a restart.
    pub settings: Vec<Setting>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// What changed since an earlier snapshot, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// Findings that a rule of the configuration ignored.
    pub ignored: usize,
    pub skipped: Vec<SkippedCheck>,
    pub cost: crate::catalog::Cost,
    /// Rules that are past their day.
    #[serde(skip)]
    pub expired_rules: Vec<IgnoreRule>,
    /// The facts, for formats that show more than the contract.
    #[serde(skip)]
    pub catalog: Catalog,
    #[serde(skip)]
    pub view: View,
    /// Each finding is marked as new, or as known to the baseline.
    #[serde(skip)]
    pub compared: bool,
    /// Where in the project findings belong, for formats that say so.
    #[serde(skip)]
    pub origins: Origins,
    /// What Prometheus labels it with, instead of the database's name: two servers may have one of the same name.
    #[serde(skip)]
    pub label: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplicationSummary {
    pub slots: Vec<ReplicationSlot>,
    pub standbys: Vec<ReplicationSender>,
    /// The standby's own view, where this is one.
    pub standby: Option<Standby>,
    pub prepared_transactions: Vec<PreparedTransaction>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WriteSummary {
    /// WAL; from 14 on.
    pub wal: Option<Wal>,
    pub checkpoints: Option<Checkpoints>,
    pub archiver: Option<Archiver>,
    /// I/O; from 16 on.
    pub io: Vec<Io>,
}

/// How a report is shown; no format's figures depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Rows shown per table by formats that people read.
    pub limit: usize,
    pub section: Section,
    /// From which severity on a finding is an objection; `None`: never.
    pub fail_on: Option<Severity>,
    /// It shows the definitions of all indexes.
    pub definitions: bool,
}

/// A section of the report, as CSV holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Section {
    #[default]
    Tables,
    Indexes,
    Findings,
    Skipped,
    /// `pg_stat_statements`.
    Statements,
    Sessions,
    Settings,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerSummary {
    pub version: String,
    /// `150018`
    pub version_num: u32,
    pub started_at: Timestamp,
    pub uptime_s: i64,
    pub in_recovery: bool,
    /// Data checksums; `None`: not visible.
    pub checksums: Option<bool>,
    pub role: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DatabaseSummary {
    pub name: String,
    pub size_bytes: u64,
    /// The size is from `relpages`, not from the file system.
    pub size_estimated: bool,
    /// `UTF8`
    pub encoding: String,
    pub collation: String,
    /// Since when the counters count; `None`: unknown.
    pub stats_reset: Option<Timestamp>,
    pub commits: u64,
    pub rollbacks: u64,
    /// Share of block reads found in shared buffers.
    pub cache_hit_ratio: Option<f64>,
    pub deadlocks: u64,
    pub temp_files: u64,
    pub temp_bytes: u64,
    /// Transactions since the oldest one not frozen.
    pub xid_age: u32,
    pub multixact_age: u32,
}

impl DatabaseReport {
    /// From the facts and what the checks made of them.
    pub fn new(catalog: Catalog, verdicts: Verdicts, view: View) -> Self {
        let (server, database) = (&catalog.server, &catalog.database);
        Self {
            schema_version: 1,
            command: "report",
            taken_at: server.taken_at,
            server: ServerSummary {
                version: server.version.clone(),
                version_num: server.version_num,
                started_at: server.started_at,
                uptime_s: server.taken_at.duration_since(server.started_at).as_secs(),
                in_recovery: server.in_recovery,
                checksums: catalog.settings.is_on("data_checksums"),
                role: server.role.name.clone(),
            },
            database: DatabaseSummary {
                name: database.name.clone(),
                size_bytes: database.size_bytes,
                size_estimated: database.size_estimated,
                encoding: database.encoding.clone(),
                collation: database.collation.clone(),
                stats_reset: database.stats_reset,
                commits: database.commits,
                rollbacks: database.rollbacks,
                cache_hit_ratio: database.cache_hit_ratio(),
                deadlocks: database.deadlocks,
                temp_files: database.temp_files,
                temp_bytes: database.temp_bytes,
                xid_age: database.xid_age,
                multixact_age: database.multixact_age,
            },
            connections: ConnectionSummary::of(&catalog),
            tables: table_row::rows(&catalog),
            indexes: index_row::rows(&catalog, view.definitions),
            sessions: sessions::summary(&catalog),
            statements: statements::summary(&catalog, view.limit),
            replication: ReplicationSummary {
                slots: catalog.slots.clone(),
                standbys: catalog.senders.clone(),
                standby: catalog.standby.clone(),
                prepared_transactions: catalog.prepared.clone(),
            },
            writes: WriteSummary {
                wal: catalog.wal.clone(),
                checkpoints: catalog.checkpoints.clone(),
                archiver: catalog.archiver.clone(),
                io: catalog.io.clone(),
            },
            vacuum: vacuum::summary(&catalog),
            host: catalog.host.clone(),
            settings: catalog.settings.changed().cloned().collect(),
            findings: verdicts.findings,
            changes: None,
            ignored: verdicts.ignored,
            skipped: verdicts.skipped,
            cost: catalog.cost.clone(),
            expired_rules: verdicts.expired,
            catalog,
            view,
            compared: false,
            origins: Origins::default(),
            label: None,
        }
    }

    /// Whether the finding makes the exit status 1.
    pub fn objects_to(&self, finding: &Finding) -> bool {
        !finding.known
            && self
                .view
                .fail_on
                .is_some_and(|limit| finding.severity >= limit)
    }

    pub fn objects(&self) -> bool {
        self.findings.iter().any(|finding| self.objects_to(finding))
    }

    /// Marks the findings that an earlier report had already.
    pub fn mark_known(&mut self, baseline: &Baseline) {
        for finding in &mut self.findings {
            finding.known = baseline.knows(&self.database.name, finding);
        }
        // What is new comes first; a stable sort keeps the worst of each first.
        self.findings.sort_by_key(|finding| finding.known);
        self.compared = true;
    }
}
