//! The result of `apply-indexes` and `status`.

use serde::Serialize;

use super::Server;
use crate::{
    Outcome,
    catalog::BlockingSession,
    plan::{
        Action, MigrationEnding, MigrationOutcome, MigrationStanding, Plan, PlannedMigration,
        RecordState, Step, StepOutcome,
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplyOutcome {
    /// Something was done, and everything is as desired.
    Applied,
    NothingToDo,
    /// `--dry-run` and `status`: nothing was done.
    Planned,
    Failed,
    Interrupted,
    /// The server was lost in the middle, and could not be reached again.
    ServerGone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationStatus {
    /// Carried out in this run.
    Applied,
    /// As desired before this run.
    AlreadyApplied,
    Pending,
    /// Failed or refused.
    Failed,
    /// Not begun, since an earlier one on its table failed.
    Skipped,
}

#[derive(Debug, Clone, Serialize)]
pub struct MigrationResult {
    pub version: i64,
    pub name: String,
    pub file: String,
    pub status: MigrationStatus,
    pub steps: Vec<StepResult>,
}

#[derive(Debug, Clone, Serialize)]
pub struct StepResult {
    /// What was, or is to be, done.
    pub action: Action,
    pub state: &'static str,
    /// `schema.name`
    pub index: String,
    /// `schema.name`
    pub table: String,
    pub reason: String,
    /// What was, or is to be, sent.
    pub statements: Vec<String>,
    /// The strongest lock each kind of statement takes.
    pub locks: Vec<&'static str>,
    pub duration_ms: f64,
    pub size_bytes: u64,
    /// The table's size, its partitions included, by `relpages`.
    pub table_bytes: u64,
    pub attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The result of `apply-indexes` and `status`.
#[derive(Debug, Clone, Serialize)]
pub struct ApplyResult {
    pub schema_version: u32,
    /// `apply-indexes` or `status`
    pub command: &'static str,
    pub outcome: ApplyOutcome,
    pub server: Server,
    /// How long it took after connecting.
    pub duration_ms: f64,
    pub migrations: Vec<MigrationResult>,
    /// With `--dry-run`: transactions that a build would have to wait for if it began now.
    pub held_up_by: Vec<BlockingSession>,
    pub warnings: Vec<String>,
    /// What was passed over on purpose, and why that is right.
    pub notes: Vec<String>,
}

impl ApplyResult {
    /// Of a plan that is not carried out.
    pub fn planned(command: &'static str, server: Server, plan: &Plan) -> Self {
        let migrations = plan.migrations.iter().map(|migration| {
            let status = match migration.standing() {
                MigrationStanding::AlreadyApplied => MigrationStatus::AlreadyApplied,
                MigrationStanding::Pending => MigrationStatus::Pending,
                MigrationStanding::Refused => MigrationStatus::Failed,
            };
            let steps = migration.steps.iter().map(|step| {
                let error = (step.action == Action::Refuse).then(|| step.reason.clone());
                let mut result =
                    StepResult::of(&StepOutcome::untouched(step, error), step.statements());
                if step.is_settled() && status == MigrationStatus::Pending {
                    result.state = "not recorded";
                }
                result
            });
            MigrationResult::of(migration, status, steps.collect())
        });
        Self {
            schema_version: 1,
            command,
            outcome: ApplyOutcome::Planned,
            server,
            duration_ms: 0.0,
            migrations: migrations.collect(),
            held_up_by: Vec::new(),
            warnings: warnings(plan),
            notes: notes(plan),
        }
    }

    /// Of a plan that was carried out.
    pub fn carried_out(server: Server, plan: &Plan, ended: &[MigrationOutcome]) -> Self {
        let migrations: Vec<MigrationResult> = ended
            .iter()
            .map(|migration| {
                let status = match migration.outcome {
                    MigrationEnding::Applied => MigrationStatus::Applied,
                    MigrationEnding::AlreadyApplied => MigrationStatus::AlreadyApplied,
                    MigrationEnding::Failed => MigrationStatus::Failed,
                    MigrationEnding::Skipped => MigrationStatus::Skipped,
                    MigrationEnding::Pending => MigrationStatus::Pending,
                };
                let steps = migration
                    .steps
                    .iter()
                    .map(|step| StepResult::of(step, step.sent.clone()));
                MigrationResult::of(
                    &plan.migrations[migration.migration],
                    status,
                    steps.collect(),
                )
            })
            .collect();
        let all = |status: MigrationStatus| migrations.iter().all(|m| m.status == status);
        let good = |m: &MigrationResult| {
            matches!(
                m.status,
                MigrationStatus::Applied | MigrationStatus::AlreadyApplied
            )
        };
        let outcome = if all(MigrationStatus::AlreadyApplied) {
            ApplyOutcome::NothingToDo
        } else if migrations.iter().all(good) {
            ApplyOutcome::Applied
        } else {
            ApplyOutcome::Failed
        };
        let mut result = Self {
            outcome,
            migrations,
            ..Self::planned("apply-indexes", server, plan)
        };
        result.warnings.extend(ended.iter().filter_map(|migration| {
            let why = migration.not_recorded.as_ref()?;
            let version = plan.migrations[migration.migration].version;
            Some(format!("V{version} was applied but not recorded: {why}"))
        }));
        result
    }

    pub fn exit(&self) -> Outcome {
        let bad = |m: &MigrationResult| match self.command {
            "status" => m.status != MigrationStatus::AlreadyApplied,
            _ => m.status == MigrationStatus::Failed,
        };
        match self.outcome {
            ApplyOutcome::Interrupted => Outcome::Interrupted,
            ApplyOutcome::ServerGone => Outcome::CannotJudge,
            ApplyOutcome::Failed => Outcome::Objection,
            ApplyOutcome::Planned if self.migrations.iter().any(bad) => Outcome::Objection,
            _ => Outcome::Success,
        }
    }
}

fn warnings(plan: &Plan) -> Vec<String> {
    let mut warnings: Vec<String> = plan
        .migrations
        .iter()
        .filter(|migration| migration.record == RecordState::Edited && !is_settled(migration))
        .map(|migration| {
            format!(
                "{} was edited after it was applied; its indexes are compared with its current text",
                migration.file.display()
            )
        })
        .collect();
    if !plan.unknown_versions.is_empty() {
        let versions: Vec<String> = plan
            .unknown_versions
            .iter()
            .map(|v| format!("V{v}"))
            .collect();
        warnings.push(format!(
            "the history contains {}, which the folder lacks: is an older release being deployed? What those \
             migrations did is kept",
            versions.join(", ")
        ));
    }
    warnings
}

fn is_settled(migration: &PlannedMigration) -> bool {
    migration.standing() == MigrationStanding::AlreadyApplied
}

fn notes(plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    for migration in &plan.migrations {
        let file = migration.file.display();
        let retouched = match migration.record {
            RecordState::Retouched => Some("its name or a comment"),
            RecordState::Edited if is_settled(migration) => Some("it"),
            _ => None,
        };
        if let Some(what) = retouched {
            notes.push(format!(
                "{file}: {what} changed after it was applied; its indexes still match"
            ));
        }
        if migration.left_out > 0 {
            notes.push(format!(
                "{file}: only its Up section is used; its Down section ({} statement{}) is ignored",
                migration.left_out,
                if migration.left_out == 1 { "" } else { "s" }
            ));
        }
        for step in migration.steps.iter().filter(|step| step.is_past) {
            notes.push(format!("{file}: {}: {}", step.index, step.reason));
        }
    }
    notes
}

impl MigrationResult {
    fn of(migration: &PlannedMigration, status: MigrationStatus, steps: Vec<StepResult>) -> Self {
        Self {
            version: migration.version,
            name: migration.name.clone(),
            file: migration.file.display().to_string(),
            status,
            steps,
        }
    }
}

impl StepResult {
    fn of(outcome: &StepOutcome, statements: Vec<String>) -> Self {
        let step: &Step = &outcome.step;
        let mut locks: Vec<&'static str> = step
            .sends
            .iter()
            .map(|send| send.lock().describe())
            .collect();
        locks.dedup();
        Self {
            action: step.action,
            state: state_before(step.action),
            index: step.index.clone(),
            table: step.table.clone(),
            reason: step.reason.clone(),
            statements,
            locks,
            duration_ms: outcome.duration.as_secs_f64() * 1000.0,
            size_bytes: outcome.index_bytes,
            table_bytes: step.table_bytes,
            attempts: outcome.attempts,
            error: outcome.error.clone(),
        }
    }
}

/// How an index stood for which this action was decided.
fn state_before(action: Action) -> &'static str {
    match action {
        Action::Keep => "as desired",
        Action::Create => "missing",
        Action::Rebuild => "invalid",
        Action::Adopt => "building",
        Action::Replace => "different",
        Action::Drop => "to be dropped",
        Action::Refuse => "refused",
    }
}
