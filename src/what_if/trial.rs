//! A set that was built for real, and what it did.

use std::collections::BTreeMap;

use super::write_tax;
use crate::{
    advise::Subset,
    catalog::QualifiedName,
    report::timing::{QueryResult, Verdict},
};

/// A set that stood, and what it did.
pub(super) struct Trial {
    pub(super) set: Subset,
    pub(super) queries: Vec<QueryResult>,
    /// For each member: its size, how long its build took.
    pub(super) built: BTreeMap<usize, (u64, f64)>,
    pub(super) taxes: BTreeMap<QualifiedName, write_tax::Sample>,
    /// What the queries cost that were stopped by the clock: of them no time is known to compare.
    pub(super) stopped_units: f64,
    /// What could not be built.
    pub(super) refused: Vec<String>,
}

impl Trial {
    /// The worst case of all, as a share of its budget, and where.
    pub(super) fn worst(&self) -> (f64, String) {
        let mut worst = (0.0, String::new());
        for query in &self.queries {
            for case in &query.cases {
                let share = case.judged_ms / query.budget_ms;
                if share > worst.0 {
                    worst = (share, format!("{}: {}", query.name, case.label));
                }
            }
        }
        worst
    }

    pub(super) fn bytes(&self) -> u64 {
        self.built.values().map(|(bytes, _)| bytes).sum()
    }

    /// Fewest queries that are not within; then the least by which the worst is over; then the cost of what was stopped,
    /// in steps of a quarter; then bytes.
    pub(super) fn rank(&self) -> (usize, u64, u64, u64, usize) {
        let missed = self
            .queries
            .iter()
            .filter(|query| query.verdict != Verdict::Within)
            .count();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a logarithm of a number of one or more"
        )]
        let steps = |of: f64| (of.max(1.0).log2() * 4.0).round() as u64;
        let (over, stopped) = (steps(self.worst().0), steps(self.stopped_units));
        (missed, over, stopped, self.bytes(), self.set.len())
    }
}
