//! `dbaudit advise`: which indexes bring every query within its budget, found together.

mod answer;
mod built;
mod conclude;
mod look;
mod planner;
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
    look::{Looked, look, measure},
    planner::{Ask, Means, Planner},
    search::{Found, Task},
};
use super::Context;
use crate::{
    Error, Outcome, Result,
    advise::{IndexSpec, Limits, Method, Subset, TableFacts, candidates, index_bytes},
    catalog::{QualifiedName, load_table_facts},
    config::AdviseConfig,
    db::{self, Session, is_connection_loss},
    demo, render,
    report::AdviseResult,
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
    let text = render::render(&result, context.config.format, &context.config.output)?;
    context.config.output.write(&text)?;
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
    let plannable = planner.check().await?;
    let by_rule: Subset = (0..all.len())
        .filter(|id| !plannable.contains(id) && is_gin(&all, *id))
        .collect();
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
        notes: Vec::new(),
    };
    if !added.is_empty() && !settings.prove {
        drawing.notes.push(
            "hypopg knows no GIN index: whether those recommended help was judged by rule; `--prove` measures it"
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
    let queries = settings
        .selection
        .choose(workload::load(settings.queries.as_deref())?)?;
    let mut looked = Vec::new();
    for (number, query) in queries.iter().enumerate() {
        if query.skip.is_none() {
            looked.push(look(session, query, number, settings.max_cases).await?);
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

/// The schema of an extension of this database.
async fn has_extension(session: &Session, name: &str) -> Result<Option<String>> {
    let row = session
        .query_opt(
            "SELECT n.nspname::text FROM pg_catalog.pg_extension e
               JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = $1",
            &[&name],
        )
        .await
        .map_err(Error::server(format!("looking for the extension {name}")))?;
    Ok(row.map(|row| row.get(0)))
}

/// How the candidates come before the planner.
async fn means(
    session: &Session,
    settings: &AdviseConfig,
    all: &[IndexSpec],
    built: &Built,
) -> Result<Means> {
    if all.is_empty() {
        return Ok(Means::Built(BTreeMap::new()));
    }
    if let Some(schema) = has_extension(session, "hypopg").await? {
        return Ok(Means::Hypothetical(schema));
    }
    let version = session.version.major();
    let ways = format!(
        "install its package (Debian, Ubuntu: postgresql-{version}-hypopg) and run CREATE EXTENSION hypopg, \
         or let --create-extension do the latter; or build for real, on a copy of the database: --prove --disposable"
    );
    if settings.create_extension {
        let created = session.batch_execute("CREATE EXTENSION hypopg").await;
        return match created {
            Ok(()) => {
                tracing::info!(
                    "the extension hypopg was installed; DROP EXTENSION hypopg removes it"
                );
                let schema = has_extension(session, "hypopg").await?;
                Ok(Means::Hypothetical(
                    schema.unwrap_or_else(|| "public".into()),
                ))
            }
            Err(error) if is_connection_loss(&error) => {
                Err(Error::server("installing the extension hypopg")(error))
            }
            Err(error) => Err(Error::CannotJudge {
                message: format!("CREATE EXTENSION hypopg: {}", db::describe_error(&error)),
                hint: ways,
            }),
        };
    }
    if settings.prove {
        return built.build_candidates(session, all).await;
    }
    Err(Error::CannotJudge {
        message: "a query is over its budget, and the extension hypopg, which lets the planner judge indexes \
                  that are not built, is not in this database"
            .into(),
        hint: ways,
    })
}

fn is_gin(all: &[IndexSpec], id: usize) -> bool {
    all.get(id).is_some_and(|spec| spec.method == Method::Gin)
}

/// The share of the table's rows that each candidate holds, as the planner sees it.
async fn shares(
    session: &Session,
    all: &[IndexSpec],
    tables: &BTreeMap<QualifiedName, TableFacts>,
) -> Result<Vec<f64>> {
    let mut known: BTreeMap<(QualifiedName, String), f64> = BTreeMap::new();
    let mut shares = Vec::with_capacity(all.len());
    for spec in all {
        let Some(predicate) = &spec.predicate else {
            shares.push(1.0);
            continue;
        };
        let key = (spec.table.clone(), predicate.clone());
        if !known.contains_key(&key) {
            let sql = format!(
                "EXPLAIN (FORMAT JSON) SELECT FROM {} WHERE {predicate}",
                spec.table.quoted()
            );
            let rows = match session.query_one(&sql, &[]).await {
                Ok(row) => row
                    .try_get::<_, serde_json::Value>(0)
                    .ok()
                    .and_then(|plan| plan[0]["Plan"]["Plan Rows"].as_f64()),
                Err(error) if is_connection_loss(&error) => {
                    return Err(Error::server("asking how many rows a partial index holds")(
                        error,
                    ));
                }
                Err(_) => None,
            };
            let of = tables
                .get(&spec.table)
                .map_or(1.0, |facts| facts.rows.max(1.0));
            known.insert(
                key.clone(),
                rows.map_or(1.0, |rows| (rows / of).clamp(0.0, 1.0)),
            );
        }
        shares.push(known.get(&key).copied().unwrap_or(1.0));
    }
    Ok(shares)
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
                    &need.infix,
                    &need.within,
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

/// What no planner can be asked about without building it joins the best set where a query needs it.
async fn add_by_rule(
    task: &Task<'_>,
    found: &mut Found,
    by_rule: &Subset,
    settings: &AdviseConfig,
) -> Result<Subset> {
    let mut added = Subset::new();
    let Some(best) = found.sets.first().cloned() else {
        return Ok(added);
    };
    let effect = task.effect(&best).await?;
    for (looked, costs) in task.looked.iter().zip(&effect.costs) {
        if looked.model.is_over() && looked.model.excess(costs) > 0.0 {
            let ids = by_rule.iter().filter(|id| {
                task.planner
                    .candidates
                    .get(**id)
                    .is_some_and(|spec| answer::serves_by_rule(looked, spec))
            });
            added.extend(ids.take(1));
        }
    }
    if let Some(most) = settings.max_indexes {
        added = added
            .into_iter()
            .take(most.saturating_sub(best.len()))
            .collect();
    }
    if !added.is_empty() {
        let with: Subset = best.union(&added).copied().collect();
        found.sets.insert(0, with);
    }
    Ok(added)
}
