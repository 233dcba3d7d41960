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
    advise::{Cost, Subset},
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
    /// What the queries cost that were stopped by the clock: of them no time is known to compare.
    pub(super) stopped_units: f64,
    /// What could not be built.
    pub(super) refused: Vec<String>,
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

    /// Fewest queries that are not within; then the least by which the worst is over; then the cost of what was stopped,
    /// in steps of a quarter; then bytes.
    pub(super) fn rank(&self) -> (usize, u64, u64, u64, usize) {
        let missed = self
            .timing
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
        let mut trial = attempt(context, settings, session, task, set, built, &touched).await?;
        built.take_down(session).await?;
        trial.stopped_units = stopped_units(task, found, &trial);
        for refused in trial.refused.drain(..) {
            if !result.notes.contains(&refused) {
                result.notes.push(refused);
            }
        }
        trials.push(trial);
    }
    let before = trials.remove(0);
    trials.sort_by_key(Trial::rank);
    conclude(task, found, &before, &trials, result);
    Ok(())
}

fn stopped_units(task: &Task<'_>, found: &Found, trial: &Trial) -> f64 {
    let costs = found.costs(&trial.set, task.looked.len());
    let stopped = task.looked.iter().zip(&costs).filter(|(looked, _)| {
        trial.timing.queries.iter().any(|query| {
            query.name == looked.query.name && query.cases.iter().any(|case| case.timed_out > 0)
        })
    });
    let of = |costs: &Vec<Cost>| costs.iter().map(|cost| cost.units).fold(0.0, f64::max);
    stopped.map(|(_, costs)| of(costs)).sum()
}

async fn attempt(
    context: &Context,
    settings: &AdviseConfig,
    session: &Session,
    task: &Task<'_>,
    mut set: Subset,
    built: &Built,
    touched: &BTreeMap<QualifiedName, Vec<String>>,
) -> Result<Trial> {
    let mut sizes = BTreeMap::new();
    let mut refused = Vec::new();
    for id in &set.clone() {
        let Some(spec) = task.planner.candidates.get(*id) else {
            continue;
        };
        let took = match built.build(session, *id, spec).await? {
            Ok(took) => took,
            Err(why) => {
                refused.push(format!("{} cannot be built: {why}", spec.shown()));
                set.remove(id);
                continue;
            }
        };
        if spec.keys.iter().any(|key| key.expression) {
            session
                .batch_execute(&format!("ANALYZE {}", spec.table.quoted()))
                .await
                .map_err(Error::server(format!("analyzing {}", spec.table)))?;
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
        .filter(|looked| looked.error.is_none())
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
        stopped_units: 0.0,
        refused,
    })
}
