//! From the measurements of the sets to the recommendation.

use std::collections::BTreeSet;

use super::{
    answer::{largest, names, unmet_of, verdict, write_cost},
    search::{SearchInput, SearchResult},
    trial::Trial,
    write_tax,
};
use crate::{
    advise::Subset,
    human::human_ms,
    report::{
        AdviseResult,
        advise::{Basis, Proven, Recommended},
        timing::{QueryResult, Verdict},
    },
};

/// Puts the best of the trials into the result, and tells its set. `before`: the one with no index added.
pub(super) fn conclude(
    input: &SearchInput<'_>,
    found: &SearchResult,
    before: &Trial,
    trials: &[Trial],
    result: &mut AdviseResult,
) -> Subset {
    result.basis = Basis::Proof;
    for trial in std::iter::once(before).chain(trials) {
        let effect = found.costs(&trial.set, input.examined.len());
        let predicted = input
            .examined
            .iter()
            .zip(&effect)
            .filter(|(examined, _)| examined.error.is_none())
            .map(|(examined, costs)| {
                largest(&examined.model.predict(costs)) / examined.model.budget_ms
            })
            .fold(0.0, f64::max);
        let (worst_share, worst_case) = trial.worst();
        result.proven.push(Proven {
            indexes: trial
                .set
                .iter()
                .filter_map(|id| Some(input.planner.candidates.get(*id)?.shown()))
                .collect(),
            verdict: Verdict::of_all(trial.queries.iter().map(|query| query.verdict)),
            worst_share,
            predicted_worst_share: predicted,
            size_bytes: trial.bytes(),
            worst_case,
        });
    }
    // No set, unless one does better than none.
    let best = trials.first().filter(|best| best.rank() < before.rank());
    let (chosen, predicted) = match best {
        Some(best) => (best, found.costs(&best.set, input.examined.len())),
        None => (before, found.costs(&Subset::new(), input.examined.len())),
    };
    let candidates = input.planner.candidates;
    let names = names(candidates, input.planner.tables, &chosen.set);
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
            predicted_size_bytes: input.bytes.get(*id).copied().unwrap_or(0),
            reason: "measured best".into(),
            serves: Vec::new(),
            without_it: None,
            up_to_it: None,
            build_ms: None,
            write_tax: None,
            writes: write_cost(input, spec, &chosen.set),
        });
        index.size_bytes = bytes;
        index.build_ms = Some(took);
        index.write_tax =
            write_tax::compare(before.taxes.get(&spec.table), chosen.taxes.get(&spec.table));
        recommended.push(index);
    }
    result.recommended = recommended;
    if chosen.set.is_empty() {
        result.redundant.clear();
    }
    for query in &mut result.queries {
        let of = |trial: &Trial| {
            trial
                .queries
                .iter()
                .find(|timed| timed.name == query.name)
                .cloned()
        };
        let (Some(was), Some(is)) = (of(before), of(chosen)) else {
            continue;
        };
        query.predicted_worst_after_ms = input
            .examined
            .iter()
            .zip(&predicted)
            .find(|(examined, _)| examined.query.name == query.name)
            .map(|(examined, costs)| largest(&examined.model.predict(costs)));
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
        let examined = input
            .examined
            .iter()
            .find(|examined| examined.query.name == query.name);
        if let (Verdict::Over | Verdict::Error, Some(examined)) = (query.verdict, examined) {
            result.unmet.push(unmet_of(examined, query));
        }
    }
    result.verdict = verdict(&result.queries, &result.unmet);
    chosen.set.clone()
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
