//! What became of a plan that was carried out.

use std::time::Duration;

use super::Step;

#[derive(Debug, Clone, PartialEq)]
pub struct StepOutcome {
    pub step: Step,
    /// What was sent, in order.
    pub sent: Vec<String>,
    pub duration: Duration,
    pub attempts: u32,
    /// The index's size when it was done.
    pub index_bytes: u64,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationEnding {
    /// Carried out, or recorded, in this run.
    Applied,
    AlreadyApplied,
    /// A step failed or was refused.
    Failed,
    /// Not begun, since an earlier one on the same table failed.
    Skipped,
    /// Not begun: interrupted.
    Pending,
}

#[derive(Debug, Clone)]
pub struct MigrationOutcome {
    /// Its place in the plan.
    pub migration: usize,
    pub outcome: MigrationEnding,
    pub steps: Vec<StepOutcome>,
    /// Why it could not be recorded, although it was carried out.
    pub not_recorded: Option<String>,
}

impl StepOutcome {
    /// A step that nothing was done about.
    pub fn untouched(step: &Step, error: Option<String>) -> Self {
        Self {
            step: step.clone(),
            sent: Vec::new(),
            duration: Duration::ZERO,
            attempts: 0,
            index_bytes: step.index_bytes,
            error,
        }
    }
}
