//! Builds sets for real, times every case, and takes down again what was built.

use std::collections::BTreeMap;

use super::{
    Advice,
    built::{self, Built},
    conclude::conclude,
    search::{SearchInput, SearchResult},
    statistics::prove_statistics,
    trial::Trial,
    write_tax,
};
use crate::{
    Error, Result,
    advise::{Cost, Subset},
    catalog::QualifiedName,
    measure::{self, MeasureConfig, QueryTiming},
    report::AdviseResult,
};

/// Sets built, besides none.
const MOST_SETS: usize = 3;

/// Proves the best sets, recommends the best of them by measurement, and puts it into the result.
///
/// # Errors
/// The connection's; what could be built is noted either way.
pub(super) async fn prove(
    advice: &Advice<'_>,
    input: &SearchInput<'_>,
    found: &SearchResult,
    built: &Built,
    result: &mut AdviseResult,
) -> Result<()> {
    let session = &advice.session;
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
        .filter_map(|id| input.planner.candidates.get(*id))
    {
        touched
            .entry(spec.table.clone())
            .or_default()
            .extend(spec.columns());
    }
    let mut trials = Vec::new();
    for set in std::iter::once(Subset::new()).chain(sets) {
        let mut trial = attempt(advice, input, set, built, &touched).await?;
        built.take_down(session).await?;
        trial.stopped_units = stopped_units(input, found, &trial);
        for refused in trial.refused.drain(..) {
            if !result.notes.contains(&refused) {
                result.notes.push(refused);
            }
        }
        trials.push(trial);
    }
    let before = trials.remove(0);
    trials.sort_by_key(Trial::rank);
    let chosen = conclude(input, found, &before, &trials, result);
    for (id, spec) in chosen
        .iter()
        .filter_map(|id| Some((id, input.planner.candidates.get(*id)?)))
    {
        // What could be built before can be again; if not, the plans are compared without it.
        let _ = built.build(session, *id, spec).await?;
    }
    prove_statistics(session, input, result).await?;
    built.take_down(session).await
}

fn stopped_units(input: &SearchInput<'_>, found: &SearchResult, trial: &Trial) -> f64 {
    let costs = found.costs(&trial.set, input.examined.len());
    let stopped = input.examined.iter().zip(&costs).filter(|(examined, _)| {
        trial.queries.iter().any(|query| {
            query.name == examined.query.name && query.cases.iter().any(|case| case.timed_out > 0)
        })
    });
    let of = |costs: &Vec<Cost>| costs.iter().map(|cost| cost.units).fold(0.0, f64::max);
    stopped.map(|(_, costs)| of(costs)).sum()
}

async fn attempt(
    advice: &Advice<'_>,
    input: &SearchInput<'_>,
    mut set: Subset,
    built: &Built,
    touched: &BTreeMap<QualifiedName, Vec<String>>,
) -> Result<Trial> {
    let session = &advice.session;
    let mut sizes = BTreeMap::new();
    let mut refused = Vec::new();
    for id in &set.clone() {
        let Some(spec) = input.planner.candidates.get(*id) else {
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
        if let Some(sample) = write_tax::measure(session, table, columns).await? {
            taxes.insert(table.clone(), sample);
        }
    }
    let queries: Vec<_> = input
        .examined
        .iter()
        .filter(|examined| examined.error.is_none())
        .map(|examined| examined.query.clone())
        .collect();
    let settings = MeasureConfig {
        max_cases: advice.settings.max_cases.max(8),
        ..MeasureConfig::default()
    };
    let timing = QueryTiming {
        session: &measure::connect(advice.connection).await?,
        connection: advice.connection,
        settings: &settings,
        total_time: None,
        progress: advice.progress,
        interrupt: advice.interrupt,
    };
    let (_, queries) = measure::time_queries(timing, &queries).await?;
    Ok(Trial {
        set,
        queries,
        built: sizes,
        taxes,
        stopped_units: 0.0,
        refused,
    })
}
