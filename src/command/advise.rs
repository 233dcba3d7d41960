//! `dbaudit advise`: which indexes bring every query within its budget, found together.

mod answer;
mod built;
mod by_rule;
mod conclude;
mod look;
mod means;
pub(super) mod planner;
mod prove;
mod search;
mod statements;
mod tax;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use self::{
    answer::Drawing,
    built::Built,
    by_rule::{add_by_rule, is_by_rule, refusal},
    look::{Looked, look, measure},
    means::{has_extension, means, shares},
    planner::{Ask, Means, Planner},
    search::Task,
};
use super::{Context, embedded};
use crate::{
    Error, Outcome, Result,
    advise::{IndexSpec, Limits, Subset, TableFacts, candidates, folded, index_bytes},
    catalog::{QualifiedName, load_table_facts},
    config::AdviseConfig,
    db::{self, Session},
    demo,
    report::AdviseResult,
    stats::Percentile,
    workload,
};

pub(super) async fn run(context: &Context, settings: &AdviseConfig) -> Result<Outcome> {
    if settings.prove
        && !settings.disposable
        && context.config.target()?.database() != demo::DATABASE
    {
        return Err(Error::Usage {
            message: "--prove builds indexes, locks tables and runs every query many times".into(),
            hint: "run it on a copy of the database, and say so with --disposable".into(),
        });
    }
    let result = produce(context, settings).await?;
    context.write(&result)?;
    Ok(result.outcome())
}

/// Finds the advice, and takes down whatever was built for it.
async fn produce(context: &Context, settings: &AdviseConfig) -> Result<AdviseResult> {
    let session = db::connect(&context.config, "advise").await?;
    let canceller = session.canceller();
    let built = Built::default();
    let outcome = tokio::select! {
        outcome = advise(context, settings, &session, &built) => outcome,
        () = context.interrupt.requested() => {
            // Best effort: the server rolls an open transaction back when the connection closes.
            let _ = canceller.cancel().await;
            Err(Error::Interrupted)
        }
    };
    drop(session);
    if outcome.is_err()
        && let Err(error) = built.clean_up(context).await
    {
        tracing::warn!(
            "what was built for the proof may still stand, until the next proof drops it: {error}"
        );
    }
    outcome
}

async fn advise(
    context: &Context,
    settings: &AdviseConfig,
    session: &Session,
    built: &Built,
) -> Result<AdviseResult> {
    let begun = Instant::now();
    if settings.prove {
        built.begin(session, begun + settings.max_time).await?;
    }
    let spinner = context.progress.spinner("looking at the queries");
    let mut looked = look_at_all(session, settings).await?;
    let relations: BTreeSet<QualifiedName> = looked.iter().flat_map(Looked::relations).collect();
    let tables = load_table_facts(session, &relations).await?;
    let by_name: BTreeMap<QualifiedName, &TableFacts> = tables
        .iter()
        .map(|(name, facts)| (name.clone(), facts))
        .collect();
    measure_all(session, &mut looked, &tables, &by_name).await?;

    let over: Vec<&Looked> = looked
        .iter()
        .filter(|one| one.error.is_none() && one.model.is_over())
        .collect();
    let trigrams = has_extension(session, "pg_trgm").await?.is_some();
    let mut all: Vec<IndexSpec> = Vec::new();
    for one in &over {
        for spec in candidates(&one.needs, &by_name, trigrams) {
            if !all.contains(&spec) {
                all.push(spec);
            }
        }
    }
    spinner.set_message("asking the planner");
    let means = means(session, settings, &all, built).await?;
    let planner = Planner {
        session,
        means,
        candidates: &all,
        tables: &tables,
    };
    let (plannable, mut refused) = planner.check().await?;
    let mut by_rule = Subset::new();
    for (id, spec) in all.iter().enumerate() {
        if is_by_rule(&all, id) && !plannable.contains(&id) {
            match refusal(session, spec).await? {
                None => drop(by_rule.insert(id)),
                Some(why) => drop(refused.insert(id, why)),
            }
        }
    }
    let shares = shares(session, &all, &tables).await?;
    let bytes: Vec<u64> = all
        .iter()
        .zip(&shares)
        .map(|(spec, share)| {
            tables
                .get(&spec.table)
                .map_or(0, |facts| index_bytes(spec, facts, *share))
        })
        .collect();
    let usable: Vec<Looked> = looked
        .iter()
        .filter(|one| one.error.is_none())
        .cloned()
        .collect();
    let relevant: Vec<Vec<usize>> = usable
        .iter()
        .map(|one| relevant(one, &all, &plannable))
        .collect();
    let task = Task {
        planner: &planner,
        looked: &usable,
        relevant: &relevant,
        bytes: &bytes,
        limits: Limits {
            indexes: settings.max_indexes,
            bytes: settings.max_size,
        },
        deadline: begun + settings.max_time,
    };
    let mut found = task.run().await?;
    let added = add_by_rule(&task, &mut found, &by_rule, settings).await?;
    spinner.finish_and_clear();

    let mut drawing = Drawing {
        task: &task,
        looked: &looked,
        tables: &tables,
        begun,
        found: &found,
        by_rule: &by_rule,
        notes: refused
            .iter()
            .filter_map(|(id, why)| {
                Some(format!("{} cannot be built: {why}", all.get(*id)?.shown()))
            })
            .collect(),
    };
    if !added.is_empty() && !settings.prove {
        drawing.notes.push(
            "hypopg knows neither GIN nor GiST: whether those indexes help was judged by rule; `--prove` measures it"
                .into(),
        );
    }
    let mut result = drawing.draw(session).await?;
    if settings.prove {
        built.take_down(session).await?;
        prove::prove(
            context,
            settings,
            session,
            &task,
            &found,
            built,
            &mut result,
        )
        .await?;
    }
    if let Some(folder) = &settings.write {
        result.written = write::write(folder, &result)?;
    }
    Ok(result)
}

async fn look_at_all(session: &Session, settings: &AdviseConfig) -> Result<Vec<Looked>> {
    if let Some(most) = settings.from_statements {
        return statements::look_at_statements(session, settings, most).await;
    }
    let queries = settings.selection.choose(workload::load(
        settings.queries.as_deref(),
        Some((settings.budget, Percentile::P95)),
    )?)?;
    embedded::check_queries(session, settings.queries.as_deref()).await?;
    let mut looked = Vec::new();
    for (number, query) in queries.iter().enumerate() {
        if query.skip.is_none() {
            let query = folded(query);
            looked.push(look(session, &query, number, settings.max_cases).await?);
        }
    }
    Ok(looked)
}

async fn measure_all(
    session: &Session,
    looked: &mut [Looked],
    tables: &BTreeMap<QualifiedName, TableFacts>,
    by_name: &BTreeMap<QualifiedName, &TableFacts>,
) -> Result<()> {
    let planner = Planner {
        session,
        means: Means::Built(BTreeMap::new()),
        candidates: &[],
        tables,
    };
    for one in looked.iter_mut().filter(|one| one.error.is_none()) {
        one.read_needs(by_name);
        let answers = planner
            .ask(&[Ask {
                looked: one,
                set: Subset::new(),
            }])
            .await?;
        let Some(answer) = answers
            .into_iter()
            .next()
            .filter(|answer| !answer.plans.is_empty())
        else {
            one.error = Some((
                "the server does not plan it with these parameters".into(),
                None,
            ));
            continue;
        };
        measure(session, one, &answer.plans, &answer.costs).await?;
    }
    Ok(())
}

/// Candidates of a query besides its own at most.
const MOST_OF_OTHERS: usize = 12;

/// The candidates that could serve a query: on its tables, and leading with something that it asks for.
fn relevant(looked: &Looked, all: &[IndexSpec], plannable: &Subset) -> Vec<usize> {
    let leads = |spec: &IndexSpec| {
        looked
            .needs
            .iter()
            .filter(|need| need.table.as_ref() == Some(&spec.table))
            .any(|need| {
                let lists = [
                    &need.equal,
                    &need.listed,
                    &need.joined,
                    &need.range,
                    &need.prefix,
                    &need.order,
                    &need.grouped,
                ];
                let arms = need.arms.iter().flatten();
                let mut keys = lists.into_iter().flatten().chain(arms);
                spec.keys
                    .first()
                    .is_some_and(|first| keys.any(|key| key.sql == first.sql))
            })
    };
    let ids = (0..all.len()).filter(|id| plannable.contains(id));
    let mut serving: Vec<usize> = ids.filter(|id| all.get(*id).is_some_and(leads)).collect();
    serving.truncate(18 * looked.needs.len().max(1) + MOST_OF_OTHERS);
    serving
}
