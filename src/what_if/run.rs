//! From queries to the indexes that bring them within their budgets.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Advice, Queries, WhatIfConfig,
    answer::Answer,
    built::Built,
    by_rule::add_by_rule,
    candidate_facts::{CandidateFacts, add_candidates, own_candidates, subjects},
    clock::{Clock, Stop},
    examine::{ExaminedQuery, examine},
    hypopg::{choose_what_if, hypothetical},
    measure,
    planner::Planner,
    prove::prove,
    search::{PlannerOracle, SearchInput, SearchResult},
    statements::examine_statements,
};
use crate::{
    Result,
    advise::{
        IndexSpec, Memo, Search, Subset, TableFacts, Writes, folded, forget_varying_kinds, merged,
    },
    catalog::{QualifiedName, extension_schema, load_table_facts},
    db::Session,
    report::AdviseResult,
};

/// Finds the advice, and takes down whatever was built for it. At the end of its time, or interrupted, it answers with
/// the best that it has.
///
/// # Errors
/// The connection's, or [`Error::Interrupted`] before there is an answer.
pub async fn advise(advice: Advice<'_>, queries: &Queries) -> Result<AdviseResult> {
    let clock = Clock::start(advice.settings.max_time);
    let built = Built::default();
    let work = search(&advice, queries, &built, &clock);
    let outcome = clock.bound(&advice.session, advice.interrupt, work).await;
    let connection = advice.connection;
    drop(advice);
    if outcome.is_err()
        && let Err(error) = built.clean_up(connection).await
    {
        tracing::warn!(
            "indexes built for the proof may remain until the next proof drops them: {error}"
        );
    }
    outcome
}

async fn search(
    advice: &Advice<'_>,
    queries: &Queries,
    built: &Built,
    clock: &Clock,
) -> Result<AdviseResult> {
    let (session, settings) = (&advice.session, advice.settings);
    if settings.prove {
        built.begin(session, clock.hard_end()).await?;
    }
    let spinner = advice.progress.spinner("examining the queries");
    let mut examined = examine_all(session, settings, queries, clock).await?;
    let relations: BTreeSet<QualifiedName> =
        examined.iter().flat_map(ExaminedQuery::relations).collect();
    let tables = load_table_facts(session, &relations).await?;
    let by_name: BTreeMap<QualifiedName, &TableFacts> = tables
        .iter()
        .map(|(name, facts)| (name.clone(), facts))
        .collect();
    let trigrams = extension_schema(session, "pg_trgm").await?.is_some();
    let replies = measure::plan_all(session, &mut examined, &tables, &by_name, clock).await?;
    forget_varying_kinds(examined.iter_mut().map(|one| &mut one.needs));
    let mut writes = Writes::default();
    for (query, one) in examined.iter().enumerate() {
        if let Some(plan) = &one.bare_plan {
            writes.note(query, (one.query.sql.as_str(), one.calls), plan, &tables);
        }
    }

    // What seems to be over its budget by its cost, before it is measured: by then a first set stands.
    let mut all: Vec<IndexSpec> = Vec::new();
    let mut memo = Memo::new(examined.len());
    for (query, reply) in replies.into_iter().enumerate() {
        memo.note(query, Subset::new(), reply);
    }
    let mut asked = 0;
    let hypothetical = hypothetical(session).await?;
    if let Some(what_if) = &hypothetical {
        spinner.set_message("asking the planner");
        add_candidates(&examined, &by_name, trigrams, &mut all);
        let facts = CandidateFacts::prepare(session, what_if.clone(), &all, &tables).await?;
        let subjects = subjects(&examined, &all, &facts.plannable, &facts.plannable, &writes);
        let planner = Planner::new(session, what_if.clone(), &all, &tables);
        let oracle = PlannerOracle {
            planner: &planner,
            examined: &examined,
            clock,
        };
        let space = facts.space(&subjects, &all, &writes, settings);
        let mut search = Search::new(&oracle, space, memo);
        search.relaxed().await?;
        asked = search.asked;
        memo = search.into_memo();
        clock.has_answer();
    }
    if !settings.plans_only {
        spinner.set_message("measuring the queries");
        measure::measure_all(session, &mut examined, clock).await?;
    }

    add_candidates(&examined, &by_name, trigrams, &mut all);
    let mut wanted = own_candidates(&examined, &by_name, trigrams, &all);
    let used: Vec<&IndexSpec> = memo.used().iter().filter_map(|id| all.get(*id)).collect();
    for spec in merged(&used) {
        if !all.contains(&spec) {
            wanted.insert(all.len());
            all.push(spec);
        }
    }
    spinner.set_message("asking the planner");
    let what_if = match hypothetical {
        Some(what_if) => what_if,
        None => choose_what_if(session, settings, &all, built).await?,
    };
    let facts = CandidateFacts::prepare(session, what_if.clone(), &all, &tables).await?;
    let planner = Planner::new(session, what_if, &all, &tables);
    let by_rule: Subset = facts.by_rule.intersection(&wanted).copied().collect();
    let subjects = subjects(&examined, &all, &facts.plannable, &wanted, &writes);
    let oracle = PlannerOracle {
        planner: &planner,
        examined: &examined,
        clock,
    };
    let space = facts.space(&subjects, &all, &writes, settings);
    let mut search = Search::new(&oracle, space, memo);
    search.asked = asked;
    let effects = search.run().await?;
    let best = effects.first().cloned();
    let weights = match &best {
        Some(best) => search.weights(best).await?,
        None => Vec::new(),
    };
    let mut found = SearchResult {
        sets: effects.iter().map(|effect| effect.set.clone()).collect(),
        alone: best.map_or_else(BTreeMap::new, |best| search.alone(&best)),
        complete: search.complete,
        asked: search.asked,
        weights,
        effects,
    };
    let input = SearchInput {
        planner: &planner,
        examined: &examined,
        bytes: &facts.bytes,
        writes: &writes,
    };
    let added = add_by_rule(&input, &mut found, &by_rule, settings);
    spinner.finish_and_clear();

    let mut answer = Answer {
        input: &input,
        tables: &tables,
        clock,
        found: &found,
        by_rule: &by_rule,
        wanted: wanted.len(),
        notes: facts.notes(&all, &wanted, &tables),
    };
    if !added.is_empty() && !settings.prove {
        answer.notes.push(
            "hypopg supports neither GIN nor GiST: those indexes were judged by rule; `--prove` measures them"
                .into(),
        );
    }
    if settings.plans_only {
        answer.notes.push(
            "--plans-only: no query was run. A statement takes what the server counted, in proportion to its cost; the times \
             of query files are guesses based on costs alone"
                .into(),
        );
    }
    let mut result = answer.result(session);
    if settings.prove && clock.stopped() != Some(Stop::Interrupted) {
        clock.begin_proof();
        planner.forget().await?;
        built.take_down(session).await?;
        prove(advice, &input, &found, built, &mut result).await?;
    }
    Ok(result)
}

pub(super) async fn examine_all(
    session: &Session,
    settings: &WhatIfConfig,
    queries: &Queries,
    clock: &Clock,
) -> Result<Vec<ExaminedQuery>> {
    let queries = match queries {
        Queries::Heaviest(most) => {
            return examine_statements(session, settings, *most, clock).await;
        }
        Queries::Files(queries) => queries,
    };
    let mut examined = Vec::new();
    for (number, query) in queries.iter().enumerate() {
        if query.skip.is_none() {
            let query = folded(query);
            examined.push(if clock.stopped().is_some() {
                ExaminedQuery::left_out(&query)
            } else {
                examine(session, &query, number, settings).await?
            });
        }
    }
    Ok(examined)
}
