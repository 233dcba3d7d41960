//! Builds sets for real, times every case, and takes down again what was built.

use std::{cell::RefCell, collections::BTreeMap, time::Instant};

use super::{
    answer::{advice, names, verdict},
    planner::Means,
    search::{Found, Task},
    tax,
};
use crate::{
    Error, Result,
    advise::{Cost, IndexSpec, Subset},
    catalog::QualifiedName,
    command::{Context, time_queries},
    config::{AdviseConfig, TimeConfig},
    db::{self, Session, is_connection_loss},
    report::{
        AdviseResult, TimingResult,
        advise::{Basis, Proven, Unmet},
        timing::{QueryResult, Verdict},
    },
};

/// Every index that is built here begins with this, so that a run that was killed is cleaned up after by the next.
const PREFIX: &str = "dbaudit_advise_";
/// Sets built, besides none.
const MOST_SETS: usize = 3;

/// What was built and not yet dropped.
#[derive(Debug, Default)]
pub(super) struct Built(RefCell<Vec<QualifiedName>>);

impl Built {
    fn note(&self, name: &QualifiedName) {
        self.0.borrow_mut().push(name.clone());
    }

    /// Drops everything over a connection of its own: the other may be gone, or in the middle of something.
    pub(super) async fn drop_all(&self, context: &Context) -> Result<()> {
        let names = self.0.take();
        if names.is_empty() {
            return Ok(());
        }
        let session = db::connect(&context.config, "advise clean-up").await?;
        drop_indexes(&session, &names).await
    }
}

async fn drop_indexes(session: &Session, names: &[QualifiedName]) -> Result<()> {
    for name in names {
        session
            .batch_execute(&format!("DROP INDEX IF EXISTS {}", name.quoted()))
            .await
            .map_err(Error::server(format!("dropping {name}")))?;
    }
    Ok(())
}

/// What a killed run left behind.
pub(super) async fn drop_leftovers(session: &Session) -> Result<()> {
    let rows = session
        .query(
            "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relkind IN ('i', 'I') AND NOT c.relispartition AND c.relname ~ '^dbaudit_advise_[0-9]+$'",
            &[],
        )
        .await
        .map_err(Error::server("looking for what an earlier proof left"))?;
    let names: Vec<QualifiedName> = rows
        .iter()
        .map(|row| QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1)))
        .collect();
    drop_indexes(session, &names).await
}

fn name_of(id: usize, spec: &IndexSpec) -> QualifiedName {
    QualifiedName::new(&spec.table.schema, format!("{PREFIX}{id}"))
}

/// Builds all candidates, for a planner that has no other way to judge them. What cannot be built is left out.
///
/// # Errors
/// The connection's.
pub(super) async fn build_candidates(
    session: &Session,
    all: &[IndexSpec],
    built: &Built,
) -> Result<Means> {
    let mut means = BTreeMap::new();
    for (id, spec) in all.iter().enumerate() {
        if build(session, id, spec, built).await?.is_some() {
            means.insert(id, parts(session, &name_of(id, spec)).await?);
        }
    }
    Ok(Means::Built(means))
}

/// How long it took; `None`: the server refuses it.
async fn build(
    session: &Session,
    id: usize,
    spec: &IndexSpec,
    built: &Built,
) -> Result<Option<f64>> {
    let name = name_of(id, spec);
    built.note(&name);
    let begun = Instant::now();
    match session
        .batch_execute(&spec.plain_statement(Some(&name.name), &spec.table))
        .await
    {
        Ok(()) => Ok(Some(begun.elapsed().as_secs_f64() * 1000.0)),
        Err(error) if is_connection_loss(&error) => {
            Err(Error::server(format!("building {}", spec.shown()))(error))
        }
        Err(error) => {
            tracing::debug!(
                "{} cannot be built: {}",
                spec.shown(),
                db::describe_error(&error)
            );
            Ok(None)
        }
    }
}

/// An index and those of its partitions.
async fn parts(session: &Session, name: &QualifiedName) -> Result<Vec<QualifiedName>> {
    let rows = session
        .query(
            "SELECT n.nspname::text, c.relname::text
               FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)) t
               JOIN pg_catalog.pg_class c ON c.oid = t.relid
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY t.level, 1, 2",
            &[&name.quoted()],
        )
        .await
        .map_err(Error::server("reading an index's partitions"))?;
    let mut found = vec![name.clone()];
    for row in &rows {
        let part = QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        if part != *name {
            found.push(part);
        }
    }
    Ok(found)
}

async fn size(session: &Session, name: &QualifiedName) -> Result<u64> {
    let mut bytes = 0;
    for part in parts(session, name).await? {
        let row = session
            .query_one(
                "SELECT coalesce(pg_catalog.pg_relation_size(pg_catalog.to_regclass($1)), 0)",
                &[&part.quoted()],
            )
            .await
            .map_err(Error::server("measuring an index"))?;
        bytes += u64::try_from(row.get::<_, i64>(0)).unwrap_or(0);
    }
    Ok(bytes)
}

impl Means {
    /// Drops what was built to plan with.
    ///
    /// # Errors
    /// The server's.
    pub(super) async fn take_down(&self, session: &Session, built: &Built) -> Result<()> {
        if let Means::Built(_) = self {
            let names = built.0.borrow().clone();
            drop_indexes(session, &names).await?;
            built.0.borrow_mut().clear();
        }
        Ok(())
    }
}

/// A set that stood, and what it did.
struct Trial {
    set: Subset,
    timing: TimingResult,
    /// For each member: its size, how long its build took.
    built: BTreeMap<usize, (u64, f64)>,
    taxes: BTreeMap<QualifiedName, tax::Sample>,
}

impl Trial {
    /// The worst case of all, as a share of its budget, and where.
    fn worst(&self) -> (f64, String) {
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

    fn bytes(&self) -> u64 {
        self.built.values().map(|(bytes, _)| bytes).sum()
    }

    /// Fewest queries that are not within; then the least by which the worst is over; then bytes.
    fn rank(&self) -> (usize, u64, u64, usize) {
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
        let trial = attempt(context, settings, session, task, set, built, &touched).await;
        let names = built.0.borrow().clone();
        drop_indexes(session, &names).await?;
        built.0.borrow_mut().clear();
        trials.push(trial?);
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
        let took = build(session, *id, spec, built)
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
        sizes.insert(*id, (size(session, &name_of(*id, spec)).await?, took));
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

fn conclude(
    task: &Task<'_>,
    found: &Found,
    before: &Trial,
    trials: &[Trial],
    result: &mut AdviseResult,
) {
    result.basis = Basis::Proof;
    for trial in std::iter::once(before).chain(trials) {
        let effect = costs_of(task, found, &trial.set);
        let predicted = task
            .looked
            .iter()
            .zip(&effect)
            .map(|(looked, costs)| {
                super::answer::largest(&looked.model.predict(costs)) / looked.model.budget_ms
            })
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
        Some(best) => (best, costs_of(task, found, &best.set)),
        None => (before, costs_of(task, found, &Subset::new())),
    };
    let candidates = task.planner.candidates;
    let names = names(candidates, task.planner.tables, &chosen.set);
    let first = task_first(result);
    if first != names.values().cloned().collect::<Vec<_>>() {
        result.notes.push(
            "the planner's first choice did not prove to be the best: what is recommended is the set that \
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
        let mut index = known.unwrap_or_else(|| crate::report::advise::Recommended {
            statement: spec.statement(name),
            name: name.clone(),
            table: spec.table.clone(),
            method: spec.method.as_str(),
            columns: spec.columns(),
            size_bytes: 0,
            predicted_size_bytes: task.bytes.get(*id).copied().unwrap_or(0),
            reason: "measured best".into(),
            serves: Vec::new(),
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
    for (at, query) in result.queries.iter_mut().enumerate() {
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
            .get(at)
            .zip(predicted.get(at))
            .map(|(looked, costs)| super::answer::largest(&looked.model.predict(costs)));
        query.before_ms = median(&was);
        query.after_ms = median(&is);
        query.worst_before_ms = worst(&was);
        query.worst_after_ms = worst(&is);
        query.verdict = is.verdict;
        if let Some(ms) = query.predicted_worst_after_ms
            && is_far_off(ms, query.worst_after_ms)
        {
            query.notes.push(format!(
                "predicted {}, measured {}: the planner was wrong",
                crate::render::human_ms(ms),
                crate::render::human_ms(query.worst_after_ms)
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
            result.unmet.push(Unmet {
                query: query.name.clone(),
                instead: advice(looked),
                error: None,
                in_passing: false,
            });
        }
    }
    result.verdict = verdict(&result.queries, &result.unmet);
}

/// The costs that were predicted of a set; of one with members that no planner knew, those of the rest.
fn costs_of(task: &Task<'_>, found: &Found, set: &Subset) -> Vec<Vec<Cost>> {
    let nearest = found
        .costs
        .iter()
        .filter(|(known, _)| known.is_subset(set))
        .max_by_key(|(known, _)| known.len());
    nearest.map(|(_, costs)| costs.clone()).unwrap_or_else(|| {
        task.looked
            .iter()
            .map(|looked| looked.model.costs_now())
            .collect()
    })
}

fn task_first(result: &AdviseResult) -> Vec<String> {
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
