//! From the measurements of the sets to the recommendation.

use std::collections::BTreeSet;

use super::{
    answer::{largest, names, unmet_of, verdict},
    prove::Trial,
    search::{Found, Task},
    tax,
};
use crate::{
    advise::Subset,
    render::human_ms,
    report::{
        AdviseResult,
        advise::{Basis, Proven, Recommended},
        timing::{QueryResult, Verdict},
    },
};

/// Puts the best of the trials into the result. `before`: the one with no index added.
pub(super) fn conclude(
    task: &Task<'_>,
    found: &Found,
    before: &Trial,
    trials: &[Trial],
    result: &mut AdviseResult,
) {
    result.basis = Basis::Proof;
    for trial in std::iter::once(before).chain(trials) {
        let effect = found.costs(&trial.set, task.looked.len());
        let predicted = task
            .looked
            .iter()
            .zip(&effect)
            .filter(|(looked, _)| looked.error.is_none())
            .map(|(looked, costs)| largest(&looked.model.predict(costs)) / looked.model.budget_ms)
            .fold(0.0, f64::max);
        let (worst_share, worst_case) = trial.worst();
        result.proven.push(Proven {
            indexes: trial
                .set
                .iter()
                .filter_map(|id| Some(task.planner.candidates.get(*id)?.shown()))
                .collect(),
            verdict: trial.timing.verdict,
            worst_share,
            predicted_worst_share: predicted,
            size_bytes: trial.bytes(),
            worst_case,
        });
    }
    // No set, unless one does better than none.
    let best = trials.first().filter(|best| best.rank() < before.rank());
    let (chosen, predicted) = match best {
        Some(best) => (best, found.costs(&best.set, task.looked.len())),
        None => (before, found.costs(&Subset::new(), task.looked.len())),
    };
    let candidates = task.planner.candidates;
    let names = names(candidates, task.planner.tables, &chosen.set);
    let first = task_first(result);
    if first != names.values().cloned().collect() {
        result.notes.push(
            "the planner's first choice was not the best when measured: the recommendation is the set that \
             measured best"
                .into(),
        );
    }
    let mut recommended = Vec::new();
    for (id, name) in &names {
        let Some(spec) = candidates.get(*id) else {
            continue;
        };
        let known = result
            .recommended
            .iter()
            .find(|known| known.name == *name)
            .cloned();
        let (bytes, took) = chosen.built.get(id).copied().unwrap_or_default();
        let mut index = known.unwrap_or_else(|| Recommended {
            statement: spec.statement(name),
            name: name.clone(),
            table: spec.table.clone(),
            method: spec.method.as_str(),
            columns: spec.columns(),
            size_bytes: 0,
            predicted_size_bytes: task.bytes.get(*id).copied().unwrap_or(0),
            reason: "measured best".into(),
            serves: Vec::new(),
            without_it: None,
            build_ms: None,
            write_tax: None,
        });
        index.size_bytes = bytes;
        index.build_ms = Some(took);
        index.write_tax =
            tax::compare(before.taxes.get(&spec.table), chosen.taxes.get(&spec.table));
        recommended.push(index);
    }
    result.recommended = recommended;
    if chosen.set.is_empty() {
        result.redundant.clear();
    }
    for query in &mut result.queries {
        let of = |trial: &Trial| {
            trial
                .timing
                .queries
                .iter()
                .find(|timed| timed.name == query.name)
                .cloned()
        };
        let (Some(was), Some(is)) = (of(before), of(chosen)) else {
            continue;
        };
        query.predicted_worst_after_ms = task
            .looked
            .iter()
            .zip(&predicted)
            .find(|(looked, _)| looked.query.name == query.name)
            .map(|(looked, costs)| largest(&looked.model.predict(costs)));
        query.before_ms = median(&was);
        query.after_ms = median(&is);
        query.worst_before_ms = worst(&was);
        query.worst_after_ms = worst(&is);
        query.verdict = is.verdict;
        query.worst_before_is_least = was.cases.iter().any(|case| case.timed_out > 0);
        query.after_is_guess = false;
        if let Some(ms) = query.predicted_worst_after_ms
            && is_far_off(ms, query.worst_after_ms)
        {
            query.notes.push(format!(
                "predicted {}, measured {}: the planner was wrong",
                human_ms(ms),
                human_ms(query.worst_after_ms)
            ));
        }
    }
    result.unmet.retain(|unmet| unmet.error.is_some());
    for query in &result.queries {
        let looked = task
            .looked
            .iter()
            .find(|looked| looked.query.name == query.name);
        if let (Verdict::Over | Verdict::Error, Some(looked)) = (query.verdict, looked) {
            result.unmet.push(unmet_of(looked, query));
        }
    }
    result.verdict = verdict(&result.queries, &result.unmet);
}

fn task_first(result: &AdviseResult) -> BTreeSet<String> {
    result
        .recommended
        .iter()
        .map(|index| index.name.clone())
        .collect()
}

/// Ten times off, and by more than noise.
fn is_far_off(predicted: f64, measured: f64) -> bool {
    let ratio = measured.max(0.1) / predicted.max(0.1);
    (measured - predicted).abs() > 5.0 && !(0.1..=10.0).contains(&ratio)
}

fn worst(query: &QueryResult) -> f64 {
    query
        .cases
        .iter()
        .map(|case| case.judged_ms)
        .fold(0.0, f64::max)
}

fn median(query: &QueryResult) -> f64 {
    let times: Vec<f64> = query.cases.iter().map(|case| case.p50_ms).collect();
    super::answer::median(&times)
}
