//! The plan as a whole.

use std::path::PathBuf;

use serde::Serialize;

use super::{
    DeployPolicy, RecordState, RecordedStatement, Snapshot, SqlStatement, StatementPosition,
    replay::Replay,
};
use crate::{
    catalog::{
        QualifiedName,
        index_state::{IndexHealth, IndexState, LockHolder, Oid},
    },
    migration::Migration,
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

/// What is done about one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub place: StatementPosition,
    pub action: Action,
    /// The index, `schema.name` where the schema is known.
    pub index: String,
    pub table: String,
    pub reason: String,
    /// What is sent, in order.
    pub sends: Vec<SqlStatement>,
    /// Of a statement that another one supersedes: its own effect holds all the same.
    pub holds: bool,
    /// What it was about is gone, or was changed since by somebody else: it is settled.
    pub is_past: bool,
    /// The table on the server; steps on one table are carried out one after the other.
    pub table_oid: Option<Oid>,
    /// The table's size by `relpages`, its partitions included.
    pub table_bytes: u64,
    /// The index's size by `relpages`, where it stands.
    pub index_bytes: u64,
    /// Whom to wait for: the session that builds it, or holds the lock a build needs.
    pub wait_for: Option<LockHolder>,
}

impl Step {
    /// Everything is as desired.
    pub fn is_settled(&self) -> bool {
        self.action == Action::Keep && self.sends.is_empty()
    }

    /// Whether the first that it does is to build an index, for which it need not know who is at work at this very moment:
    /// at worst the name is taken by then, and the server says so. Whoever waits, drops, attaches or swaps must know.
    pub fn begins_with_a_new_index(&self) -> bool {
        self.wait_for.is_none() && matches!(self.sends.first(), Some(SqlStatement::Create { .. }))
    }

    /// It builds a partition tree piece by piece, each of which is there for good once the server has taken it.
    pub fn is_of_pieces(&self) -> bool {
        self.sends.iter().any(|send| {
            matches!(
                send,
                SqlStatement::CreateOnly { .. } | SqlStatement::Attach { .. }
            )
        })
    }

    /// The SQL of everything it sends, in order.
    pub fn statements(&self) -> Vec<String> {
        self.sends.iter().flat_map(SqlStatement::sql).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationStanding {
    /// Recorded, and everything as desired.
    AlreadyApplied,
    /// Not recorded, or not everything as desired.
    Pending,
    /// A step of it is refused: nothing of it is carried out.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedMigration {
    /// Its place in the migrations.
    pub migration: usize,
    pub version: i64,
    pub name: String,
    pub file: PathBuf,
    pub record: RecordState,
    /// What is done, statement by statement.
    pub steps: Vec<Step>,
    /// Steps of other migrations that decide about the same objects: (migration, step), by this one's step where it
    /// has one.
    pub rests_on: Vec<RestsOn>,
    /// How many statements of a Down part were left out.
    pub left_out: usize,
}

/// What one statement's object waits for in another place of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestsOn {
    /// The statement's own step, whose effect may hold all the same.
    pub own: Option<usize>,
    pub migration: usize,
    pub step: usize,
}

impl PlannedMigration {
    pub fn standing(&self) -> MigrationStanding {
        if self.steps.iter().any(|step| step.action == Action::Refuse) {
            MigrationStanding::Refused
        } else if self.record != RecordState::New && self.steps.iter().all(Step::is_settled) {
            MigrationStanding::AlreadyApplied
        } else {
            MigrationStanding::Pending
        }
    }

    /// Whether its row in the history is to be written once its effects hold.
    pub fn is_to_record(&self) -> bool {
        self.record != RecordState::Recorded
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
    /// Carrying it out ends with a row in the history.
    pub fn has_to_record(&self) -> bool {
        self.migrations
            .iter()
            .any(|m| m.is_to_record() && m.standing() != MigrationStanding::Refused)
    }

    /// There is something to send, to wait for or to record.
    pub fn has_work(&self) -> bool {
        self.has_to_record()
            || self
                .migrations
                .iter()
                .any(|migration| migration.standing() == MigrationStanding::Pending)
    }
}

/// Compares what the files say with what was seen.
pub fn plan(migrations: &[Migration], seen: &Snapshot, policy: &DeployPolicy) -> Plan {
    let replay = Replay::new(migrations, seen, policy);
    // For each statement, its step's number in its migration.
    let mut numbers: Vec<Vec<Option<usize>>> = Vec::new();
    let mut planned = Vec::new();
    for (at, migration) in migrations.iter().enumerate() {
        let (mut steps, mut known) = (Vec::new(), Vec::new());
        for number in 0..migration.statements.len() {
            let step = replay.step((at, number));
            known.push(step.as_ref().map(|_| steps.len()));
            steps.extend(step);
        }
        numbers.push(known);
        planned.push(PlannedMigration {
            migration: at,
            version: migration.version,
            name: migration.name.clone(),
            file: migration.file.clone(),
            record: seen.recorded.state(migration),
            steps,
            rests_on: Vec::new(),
            left_out: migration.left_out,
        });
    }
    for (at, migration) in migrations.iter().enumerate() {
        for number in 0..migration.statements.len() {
            let Some(Some((other, decides))) = replay.superseded_by((at, number)) else {
                continue;
            };
            let step = numbers.get(other).and_then(|steps| *steps.get(decides)?);
            planned[at].rests_on.extend(step.map(|step| RestsOn {
                own: numbers[at][number],
                migration: other,
                step,
            }));
        }
    }
    let known = |version: &i64| migrations.iter().any(|m| m.version == *version);
    let versions = seen.recorded.0.keys().copied();
    Plan {
        migrations: planned,
        unknown_versions: versions.filter(|version| !known(version)).collect(),
    }
}

/// Decides upon one statement anew, by what is seen now. `None`: it is a comment, which belongs to its index.
pub fn decide(
    migrations: &[Migration],
    place: StatementPosition,
    seen: &Snapshot,
    policy: &DeployPolicy,
) -> Option<Step> {
    Replay::new(migrations, seen, policy).step(place)
}

/// What a `REINDEX TABLE` that was carried out left invalid, and no file of these has rebuilt: the server passes over such
/// indexes.
pub fn passed_over<'s>(
    migrations: &[Migration],
    table: &QualifiedName,
    seen: &'s Snapshot,
    policy: &DeployPolicy,
) -> Vec<&'s IndexState> {
    let replay = Replay::new(migrations, seen, policy);
    let relation = seen
        .catalog
        .relations
        .iter()
        .find(|r| r.qualified() == *table);
    let indexes = relation.map(|relation| &relation.indexes);
    indexes
        .into_iter()
        .flatten()
        .filter(|index| {
            index.health() == IndexHealth::Invalid && !replay.is_seen_to(&index.qualified())
        })
        .collect()
}

/// A migration's statements as the history keeps them, by what is seen once they are carried out.
pub fn to_record(
    migrations: &[Migration],
    migration: usize,
    seen: &Snapshot,
    policy: &DeployPolicy,
) -> Vec<RecordedStatement> {
    Replay::new(migrations, seen, policy).to_record(migration)
}
