//! PURE: (migrations, catalog, history, policy) → a [`Plan`] of [`Step`]s, each with its statements and locks.
//!
//! The plan is a value: `--dry-run` prints exactly the statements that `apply` sends. `apply` sends the first
//! statement of a step, looks again and decides anew, so what was true a moment ago is never relied upon.

mod decide;
mod inputs;
mod leftover;
mod outcome;
mod partition;
mod record;
mod replay;
mod sql_statement;
mod step;
#[cfg(test)]
mod tests;

pub use self::{
    inputs::{Definitions, DeployPolicy, Snapshot},
    leftover::{built_name, is_reindex_leftover, partition_index_name, retired_name},
    outcome::{MigrationEnding, MigrationOutcome, StepOutcome},
    record::{
        RecordState, Recorded, RecordedMigration, RecordedStatement, StatementKind, same_statement,
    },
    replay::StatementPosition,
    sql_statement::{Lock, SqlStatement},
    step::{
        Action, MigrationStanding, Plan, PlannedMigration, RestsOn, Step, decide, passed_over,
        plan, to_record,
    },
};
