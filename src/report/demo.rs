//! The result of `demo`: the three commands' own results, and what changed between them.

mod comparison;

use serde::Serialize;

pub use self::comparison::{Comparison, compare};
use super::{ApplyResult, DatabaseReport, TimingResult};
use crate::Outcome;

/// Everything that a demo found out. Its serialisation is the JSON contract.
#[derive(Debug, Clone, Serialize)]
pub struct DemoResult {
    pub schema_version: u32,
    pub command: &'static str,
    /// Rows of content in the sample.
    pub rows: u64,
    /// Without the indexes.
    pub before: Before,
    pub apply: ApplyResult,
    pub after: After,
    pub summary: Vec<Comparison>,
}

/// Without the indexes.
#[derive(Debug, Clone, Serialize)]
pub struct Before {
    pub report: DatabaseReport,
    pub timing: TimingResult,
}

#[derive(Debug, Clone, Serialize)]
pub struct After {
    pub timing: TimingResult,
}

impl DemoResult {
    pub fn new(
        rows: u64,
        report: DatabaseReport,
        before: TimingResult,
        apply: ApplyResult,
        after: TimingResult,
    ) -> Self {
        Self {
            schema_version: 1,
            command: "demo",
            rows,
            summary: compare(&before, &after),
            before: Before {
                report,
                timing: before,
            },
            apply,
            after: After { timing: after },
        }
    }

    /// Good, if every index was built and every query is within its budget in the end.
    pub fn outcome(&self) -> Outcome {
        match self.apply.exit() {
            Outcome::Success => self.after.timing.outcome(),
            not_built => not_built,
        }
    }
}
