//! The plan as a whole.

use std::path::PathBuf;

use serde::Serialize;

use super::{Policy, Recorded, Seen, Send, decide::decide};
use crate::{
    catalog::index_state::{Holder, Oid},
    migration::{Desired, Migration},
};

/// What is done about one desired index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// There is none: build it.
    Create,
    /// There is an invalid one, or one to be rebuilt: build it anew.
    Rebuild,
    /// There is another of that name: build the new one beside it and swap the names.
    Replace,
    /// A session is building it: wait for that, then look again.
    Adopt,
    /// It is as desired.
    Keep,
    /// It shall be gone, or left-overs of it shall.
    Drop,
    /// It cannot be brought about; nothing is done.
    Refuse,
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Action::Create => "create",
            Action::Rebuild => "rebuild",
            Action::Replace => "replace",
            Action::Adopt => "adopt",
            Action::Keep => "keep",
            Action::Drop => "drop",
            Action::Refuse => "refuse",
        })
    }
}

/// What is done about one statement of the desired state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its place in the desired state.
    pub desired: usize,
    /// What is done.
    pub action: Action,
    /// The index, `schema.name` where the schema is known.
    pub index: String,
    /// Its table, likewise.
    pub table: String,
    /// Why this action.
    pub reason: String,
    /// What is sent, in order.
    pub sends: Vec<Send>,
    /// The table on the server; steps on one table are carried out one after the other.
    pub table_oid: Option<Oid>,
    /// The table's size by `relpages`, its partitions included.
    pub table_bytes: u64,
    /// The index's size by `relpages`, where it stands.
    pub index_bytes: u64,
    /// Whom to wait for: the session that builds it, or holds the lock a build needs.
    pub wait_for: Option<Holder>,
}

impl Step {
    /// Everything is as desired.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.action == Action::Keep && self.sends.is_empty()
    }

    /// Whether the first that it does is to build an index, for which it need not know who is at work at this very moment:
    /// at worst the name is taken by then, and the server says so. Whoever waits, drops, attaches or swaps must know.
    #[must_use]
    pub fn begins_with_a_new_index(&self) -> bool {
        self.wait_for.is_none() && matches!(self.sends.first(), Some(Send::Create { .. }))
    }

    /// The SQL of everything it sends, in order.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        self.sends.iter().flat_map(Send::sql).collect()
    }
}

/// How a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Recorded, and everything as desired.
    AlreadyApplied,
    /// Not recorded, or not everything as desired.
    Pending,
    /// A step of it is refused: nothing of it is carried out.
    Refused,
}

/// One migration with its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedMigration {
    /// Its place in the migrations.
    pub migration: usize,
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// The history has it.
    pub recorded: bool,
    /// The history has it with another checksum: the file was edited since.
    pub edited: bool,
    /// What is done.
    pub steps: Vec<Step>,
}

impl PlannedMigration {
    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        if self.steps.iter().any(|step| step.action == Action::Refuse) {
            Standing::Refused
        } else if self.recorded && !self.edited && self.steps.iter().all(Step::is_settled) {
            Standing::AlreadyApplied
        } else {
            Standing::Pending
        }
    }
}

/// Every migration with what is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In the order of their versions.
    pub migrations: Vec<PlannedMigration>,
    /// Versions that the history has and the folder has not.
    pub unknown_versions: Vec<i64>,
}

impl Plan {
    /// Everything is as desired and recorded.
    #[must_use]
    pub fn is_nothing_to_do(&self) -> bool {
        self.migrations
            .iter()
            .all(|migration| migration.standing() == Standing::AlreadyApplied)
    }

    /// Carrying it out ends with a new row in the history.
    #[must_use]
    pub fn has_to_record(&self) -> bool {
        self.migrations
            .iter()
            .filter(|migration| migration.standing() == Standing::Pending)
            .any(|migration| !migration.recorded || migration.edited)
    }

    /// There is something to send, to wait for or to record.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.migrations
            .iter()
            .any(|migration| migration.standing() == Standing::Pending)
    }
}

/// Compares the desired state with what was seen and recorded.
#[must_use]
pub fn plan(
    migrations: &[Migration],
    desired: &[Desired],
    seen: &Seen,
    recorded: &Recorded,
    policy: &Policy,
) -> Plan {
    let is_recorded: Vec<bool> = migrations.iter().map(|m| recorded.has(m.version)).collect();
    let planned = migrations
        .iter()
        .enumerate()
        .map(|(at, migration)| PlannedMigration {
            migration: at,
            version: migration.version,
            name: migration.name.clone(),
            file: migration.file.clone(),
            recorded: is_recorded[at],
            edited: recorded.differs(migration.version, migration.checksum),
            steps: (0..desired.len())
                .filter(|one| desired[*one].migration == at)
                .map(|one| decide(desired, one, seen, &is_recorded, policy))
                .collect(),
        });
    let known = |version: &i64| migrations.iter().any(|m| m.version == *version);
    Plan {
        migrations: planned.collect(),
        unknown_versions: recorded.0.keys().copied().filter(|v| !known(v)).collect(),
    }
}
