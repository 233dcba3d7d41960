//! `dbaudit advise`: which indexes bring every query within its budget, found together.

mod answer;
mod built;
mod by_rule;
mod clock;
mod conclude;
mod look;
mod means;
mod measure;
pub(super) mod planner;
mod prove;
mod search;
mod statements;
mod tax;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
};

use self::{
    answer::Drawing,
    built::Built,
    by_rule::{add_by_rule, is_by_rule, refusal},
    clock::{Clock, Stop},
    look::{Looked, look},
    means::{has_extension, hypothetical, means, shares},
    planner::{Means, Planner},
    search::{Found, PlannerOracle, Task},
};
use super::{Context, embedded};
use crate::{
    Error, Outcome, Result,
    advise::{
        IndexSpec, Limits, Memo, Search, Space, Subject, Subset, TableFacts, candidates, folded,
        forget_varying_kinds, index_bytes, merged,
    },
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
            hint: "run it on a copy of the database, and confirm that with --disposable".into(),
        });
    }
    let result = produce(context, settings).await?;
    context.write(&result)?;
    Ok(result.outcome())
}

/// Finds the advice, and takes down whatever was built for it. At the end of its time, or interrupted, it answers with
/// the best that it has.
async fn produce(context: &Context, settings: &AdviseConfig) -> Result<AdviseResult> {
    let clock = Clock::start(settings.max_time);
    let session = db::connect(&context.config, "advise").await?;
    let canceller = session.canceller();
    let built = Built::default();
    let outcome = {
        let mut work = pin!(advise(context, settings, &session, &built, &clock));
        loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                () = tokio::time::sleep_until(clock.hard_end().into()), if clock.runs() => {
                    clock.stop(Stop::Late);
                }
                () = context.interrupt.requested(), if clock.stopped() != Some(Stop::Interrupted) => {
                    if !clock.can_answer() {
                        // Best effort: the server rolls an open transaction back when the connection closes.
                        let _ = canceller.cancel().await;
                        break Err(Error::Interrupted);
                    }
                    clock.stop(Stop::Interrupted);
                }
            }
            // What the server is at is of no use any more.
            let _ = canceller.cancel().await;
        }
    };
    drop(session);
    if outcome.is_err()
        && let Err(error) = built.clean_up(context).await
    {
        tracing::warn!(
            "indexes built for the proof may remain until the next proof drops them: {error}"
        );
    }
    outcome
}

async fn advise(
    context: &Context,
    settings: &AdviseConfig,
    session: &Session,
    built: &Built,
    clock: &Clock,
) -> Result<AdviseResult> {
    if settings.prove {
        built.begin(session, clock.hard_end()).await?;
    }
    let spinner = context.progress.spinner("examining the queries");
    let mut looked = look_at_all(session, settings, clock).await?;
    let relations: BTreeSet<QualifiedName> = looked.iter().flat_map(Looked::relations).collect();
    let tables = load_table_facts(session, &relations).await?;
    let by_name: BTreeMap<QualifiedName, &TableFacts> = tables
        .iter()
        .map(|(name, facts)| (name.clone(), facts))
        .collect();
    let trigrams = has_extension(session, "pg_trgm").await?.is_some();
    let replies = measure::plan_all(session, &mut looked, &tables, &by_name, clock).await?;
    forget_varying_kinds(looked.iter_mut().map(|one| &mut one.needs));

    // What seems to be over its budget by its cost, before it is measured: by then a first set stands.
    let mut all: Vec<IndexSpec> = Vec::new();
    let mut memo = Memo::new(looked.len());
    for (query, reply) in replies.into_iter().enumerate() {
        memo.note(query, Subset::new(), reply);
    }
    let mut asked = 0;
    let hypothetical = hypothetical(session).await?;
    if let Some(means) = &hypothetical {
        spinner.set_message("asking the planner");
        add_candidates(&looked, &by_name, trigrams, &mut all);
        let ground = Ground::prepare(session, means.clone(), &all, &tables).await?;
        let subjects = subjects(&looked, &all, &ground.plannable, &ground.plannable);
        let planner = Planner::new(session, means.clone(), &all, &tables);
        let oracle = PlannerOracle {
            planner: &planner,
            looked: &looked,
            clock,
        };
        let mut search = Search::new(&oracle, ground.space(&subjects, &all, settings), memo);
        search.relaxed().await?;
        asked = search.asked;
        memo = search.into_memo();
        clock.has_answer();
    }
    spinner.set_message("measuring the queries");
    measure::measure_all(session, &mut looked, clock).await?;

    add_candidates(&looked, &by_name, trigrams, &mut all);
    let mut wanted = own_candidates(&looked, &by_name, trigrams, &all);
    let used: Vec<&IndexSpec> = memo.used().iter().filter_map(|id| all.get(*id)).collect();
    for spec in merged(&used) {
        if !all.contains(&spec) {
            wanted.insert(all.len());
            all.push(spec);
        }
    }
    spinner.set_message("asking the planner");
    let means = match hypothetical {
        Some(means) => means,
        None => means(session, settings, &all, built).await?,
    };
    let ground = Ground::prepare(session, means.clone(), &all, &tables).await?;
    let planner = Planner::new(session, means, &all, &tables);
    let by_rule: Subset = ground.by_rule.intersection(&wanted).copied().collect();
    let subjects = subjects(&looked, &all, &ground.plannable, &wanted);
    let oracle = PlannerOracle {
        planner: &planner,
        looked: &looked,
        clock,
    };
    let mut search = Search::new(&oracle, ground.space(&subjects, &all, settings), memo);
    search.asked = asked;
    let effects = search.run().await?;
    let best = effects.first().cloned();
    let without = match &best {
        Some(best) => search.without(best).await?,
        None => BTreeMap::new(),
    };
    let mut found = Found {
        sets: effects.iter().map(|effect| effect.set.clone()).collect(),
        alone: best.map_or_else(BTreeMap::new, |best| search.alone(&best)),
        complete: search.complete,
        asked: search.asked,
        without,
        effects,
    };
    let task = Task {
        planner: &planner,
        looked: &looked,
        bytes: &ground.bytes,
    };
    let added = add_by_rule(&task, &mut found, &by_rule, settings);
    spinner.finish_and_clear();

    let mut drawing = Drawing {
        task: &task,
        tables: &tables,
        clock,
        found: &found,
        by_rule: &by_rule,
        wanted: wanted.len(),
        notes: ground.notes(&all, &wanted),
    };
    if !added.is_empty() && !settings.prove {
        drawing.notes.push(
            "hypopg supports neither GIN nor GiST: those indexes were judged by rule; `--prove` measures them"
                .into(),
        );
    }
    let mut result = drawing.draw(session);
    if settings.prove && clock.stopped() != Some(Stop::Interrupted) {
        clock.begin_proof();
        planner.forget().await?;
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

async fn look_at_all(
    session: &Session,
    settings: &AdviseConfig,
    clock: &Clock,
) -> Result<Vec<Looked>> {
    if let Some(most) = settings.from_statements {
        return statements::look_at_statements(session, settings, most, clock).await;
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
            looked.push(if clock.stopped().is_some() {
                Looked::left_out(&query)
            } else {
                look(session, &query, number, settings.max_cases).await?
            });
        }
    }
    Ok(looked)
}

/// The candidates of the queries that are over their budget, as far as is known, behind those that there are.
fn add_candidates(
    looked: &[Looked],
    by_name: &BTreeMap<QualifiedName, &TableFacts>,
    trigrams: bool,
    all: &mut Vec<IndexSpec>,
) {
    for one in looked.iter().filter(|one| one.is_over()) {
        for spec in candidates(&one.needs, by_name, trigrams) {
            if !all.contains(&spec) {
                all.push(spec);
            }
        }
    }
}

fn own_candidates(
    looked: &[Looked],
    by_name: &BTreeMap<QualifiedName, &TableFacts>,
    trigrams: bool,
    all: &[IndexSpec],
) -> Subset {
    let over = looked.iter().filter(|one| one.is_over());
    let specs = over.flat_map(|one| candidates(&one.needs, by_name, trigrams));
    specs
        .filter_map(|spec| all.iter().position(|known| *known == spec))
        .collect()
}

/// What is known of the candidates before the search.
struct Ground {
    /// The planner can be asked about these.
    plannable: Subset,
    /// These it cannot, but the server would build them.
    by_rule: Subset,
    /// Why the server would not build the others.
    refused: BTreeMap<usize, String>,
    bytes: Vec<u64>,
}

/// A value that is not rarer needs no index of its own.
const RARE: f64 = 0.05;

impl Ground {
    async fn prepare(
        session: &Session,
        means: Means,
        all: &[IndexSpec],
        tables: &BTreeMap<QualifiedName, TableFacts>,
    ) -> Result<Self> {
        let (mut plannable, mut refused) =
            Planner::new(session, means, all, tables).check().await?;
        let mut by_rule = Subset::new();
        for (id, spec) in all.iter().enumerate() {
            if is_by_rule(all, id) && !plannable.contains(&id) {
                match refusal(session, spec).await? {
                    None => drop(by_rule.insert(id)),
                    Some(why) => drop(refused.insert(id, why)),
                }
            }
        }
        let shares = shares(session, all, tables).await?;
        let mut bytes = Vec::with_capacity(all.len());
        for (id, (spec, share)) in all.iter().zip(&shares).enumerate() {
            let facts = tables.get(&spec.table);
            bytes.push(facts.map_or(0, |facts| index_bytes(spec, facts, *share)));
            // A constant in quotes is one kind of several; a flag is one of two.
            let is_of_kind = spec
                .predicate
                .as_ref()
                .is_some_and(|text| text.contains('\''));
            if is_of_kind && *share > RARE {
                plannable.remove(&id);
            }
        }
        Ok(Self {
            plannable,
            by_rule,
            refused,
            bytes,
        })
    }

    fn space<'a>(
        &'a self,
        subjects: &'a [Subject],
        candidates: &'a [IndexSpec],
        settings: &AdviseConfig,
    ) -> Space<'a> {
        Space {
            subjects,
            candidates,
            bytes: &self.bytes,
            limits: Limits {
                indexes: settings.max_indexes,
                bytes: settings.max_size,
            },
        }
    }

    fn notes(&self, all: &[IndexSpec], wanted: &Subset) -> Vec<String> {
        let refused = self.refused.iter().filter(|(id, _)| wanted.contains(id));
        refused
            .filter_map(|(id, why)| {
                Some(format!("{} cannot be built: {why}", all.get(*id)?.shown()))
            })
            .collect()
    }
}

/// The queries as the search sees them.
fn subjects(
    looked: &[Looked],
    all: &[IndexSpec],
    plannable: &Subset,
    wanted: &Subset,
) -> Vec<Subject> {
    let usable: Subset = plannable.intersection(wanted).copied().collect();
    looked
        .iter()
        .map(|one| Subject {
            model: one.model.clone(),
            relevant: if one.error.is_none() {
                relevant(one, all, &usable)
            } else {
                Vec::new()
            },
            together: one.uses_a_table_twice(),
        })
        .collect()
}

/// Candidates of a query besides its own at most.
const MOST_OF_OTHERS: usize = 24;

/// The candidates that could serve a query: on its tables, and leading with something that it asks for.
fn relevant(looked: &Looked, all: &[IndexSpec], usable: &Subset) -> Vec<usize> {
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
    let ids = (0..all.len()).filter(|id| usable.contains(id));
    let mut serving: Vec<usize> = ids.filter(|id| all.get(*id).is_some_and(leads)).collect();
    serving.truncate(18 * looked.needs.len().max(1) + MOST_OF_OTHERS);
    serving
}
