//! Builds sets for real, times every case, and takes down again what was built.

use std::collections::BTreeMap;

use super::{
    built::{self, Built},
    conclude::conclude,
    search::{Found, Task},
    tax,
};
use crate::{
    Error, Result,
    advise::Subset,
    catalog::QualifiedName,
    command::{Context, time_queries},
    config::{AdviseConfig, TimeConfig},
    db::Session,
    report::{AdviseResult, TimingResult, timing::Verdict},
};

/// Sets built, besides none.
const MOST_SETS: usize = 3;

/// A set that stood, and what it did.
pub(super) struct Trial {
    pub(super) set: Subset,
    pub(super) timing: TimingResult,
    /// For each member: its size, how long its build took.
    pub(super) built: BTreeMap<usize, (u64, f64)>,
    pub(super) taxes: BTreeMap<QualifiedName, tax::Sample>,
}

impl Trial {
    /// The worst case of all, as a share of its budget, and where.
    pub(super) fn worst(&self) -> (f64, String) {
        let mut worst = (0.0, String::new());
        for query in &self.timing.queries {
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

    /// Fewest queries that are not within; then the least by which the worst is over; then bytes.
    pub(super) fn rank(&self) -> (usize, u64, u64, usize) {
        let missed = self
            .timing
            .queries
            .iter()
            .filter(|query| query.verdict != Verdict::Within)
            .count();
        let over = (self.worst().0.max(1.0).log2() * 4.0).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a logarithm of a share, not negative"
        )]
        let over = over as u64;
        (missed, over, self.bytes(), self.set.len())
    }
}

/// Proves the best sets, recommends the best of them by measurement, and puts it into the result.
///
/// # Errors
/// The connection's; what could be built is noted either way.
pub(super) async fn prove(
    context: &Context,
    settings: &AdviseConfig,
    session: &Session,
    task: &Task<'_>,
    found: &Found,
    built: &Built,
    result: &mut AdviseResult,
) -> Result<()> {
    let mut sets: Vec<Subset> = Vec::new();
    for set in found.sets.iter().filter(|set| !set.is_empty()) {
        if sets.len() < MOST_SETS && !sets.contains(set) {
            sets.push(set.clone());
        }
    }
    let mut touched: BTreeMap<QualifiedName, Vec<String>> = BTreeMap::new();
    for spec in sets
        .iter()
        .flatten()
        .filter_map(|id| task.planner.candidates.get(*id))
    {
        touched
            .entry(spec.table.clone())
            .or_default()
            .extend(spec.columns());
    }
    let mut trials = Vec::new();
    for set in std::iter::once(Subset::new()).chain(sets) {
        let trial = attempt(context, settings, session, task, set, built, &touched).await?;
        built.take_down(session).await?;
        trials.push(trial);
    }
    let before = trials.remove(0);
    trials.sort_by_key(Trial::rank);
    conclude(task, found, &before, &trials, result);
    Ok(())
}

async fn attempt(
    context: &Context,
    settings: &AdviseConfig,
    session: &Session,
    task: &Task<'_>,
    set: Subset,
    built: &Built,
    touched: &BTreeMap<QualifiedName, Vec<String>>,
) -> Result<Trial> {
    let mut sizes = BTreeMap::new();
    for id in &set {
        let Some(spec) = task.planner.candidates.get(*id) else {
            continue;
        };
        let took = built
            .build(session, *id, spec)
            .await?
            .ok_or_else(|| Error::CannotJudge {
                message: format!("{} could not be built", spec.shown()),
                hint: String::new(),
            })?;
        if spec.keys.iter().any(|key| key.expression) {
            session
                .batch_execute(&format!("ANALYZE {}", spec.table.quoted()))
                .await
                .map_err(Error::server(format!("analysing {}", spec.table)))?;
        }
        sizes.insert(
            *id,
            (built::size(session, &built.name_of(*id, spec)).await?, took),
        );
    }
    let mut taxes = BTreeMap::new();
    for (table, columns) in touched {
        if let Some(sample) = tax::measure(session, table, columns).await? {
            taxes.insert(table.clone(), sample);
        }
    }
    let queries: Vec<_> = task
        .looked
        .iter()
        .map(|looked| looked.query.clone())
        .collect();
    let timing = TimeConfig {
        max_cases: settings.max_cases.max(8),
        ..TimeConfig::default()
    };
    let timing = time_queries::produce_of(context, &timing, &queries).await?;
    Ok(Trial {
        set,
        timing,
        built: sizes,
        taxes,
    })
}
