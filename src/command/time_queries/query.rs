//! One query: its cases found, timed and judged.

use std::time::Instant;

use super::{
    Run,
    case::{time_case, time_forced},
    experiment::compare_ways,
    in_ms,
    load::time_under_load,
};
use crate::{
    Error, Result,
    catalog::{QualifiedName, draw_values, load_table_indexes},
    db::{Session, is_connection_loss},
    explain::{QueryPlan, reasons},
    report::timing::{QueryResult, Verdict},
    stats::Design,
    workload::{Candidate, Case, Label, PlanMode, QueryFile, Source, Value, cases, draw},
};

/// Times a query. Fails only where the connection is lost; anything else is the query's own error.
pub(super) async fn time_query(run: &Run<'_>, query: &QueryFile) -> Result<QueryResult> {
    let mut result = QueryResult {
        name: query.name.clone(),
        file: query.file.display().to_string(),
        description: query.description.clone(),
        tags: query.tags.clone(),
        budget_ms: in_ms(query.budget),
        percentile: query.percentile,
        buffers_limit: query.buffers,
        verdict: Verdict::Skipped,
        deciding_case: None,
        skipped: query.skip.clone(),
        error: None,
        hint: None,
        notes: Vec::new(),
        cases: Vec::new(),
        load: None,
        ab: None,
        indexes: Vec::new(),
        sql: query.sql.clone(),
        unfinished: false,
    };
    if query.skip.is_none() {
        match time_cases(run, query, &mut result).await {
            Err(Error::Server { source, doing }) if is_connection_loss(&source) => {
                return Err(Error::Server {
                    source,
                    doing: format!("{}: {doing}", query.name),
                });
            }
            Err(error) => {
                result.hint = error.hint();
                result.error = Some(error.to_string());
            }
            Ok(()) => {}
        }
    }
    result.conclude();
    Ok(result)
}

async fn time_cases(run: &Run<'_>, query: &QueryFile, result: &mut QueryResult) -> Result<()> {
    // Whether it can be run at all, before anything is drawn for it.
    run.session
        .prepare(&query.sql)
        .await
        .map_err(Error::server("preparing the query"))?;
    let cases = find_cases(run, query, result).await?;
    let design = Design::new(
        query.percentile,
        run.settings
            .max_samples
            .unwrap_or_else(|| Design::default_max_samples(query.percentile)),
    );
    let bar = run.context.progress.bar(cases.len() as u64, &query.name);
    let mut left = cases.len();
    for case in &cases {
        if Instant::now() >= run.deadline {
            result.unfinished = true;
            result.notes.push(format!(
                "{left} of {} cases were not timed: the run's time (--total-time) was up",
                cases.len()
            ));
            break;
        }
        bar.set_message(format!("{}: {}", query.name, case.label));
        // The forced plans follow the case they belong to.
        let chosen = result.cases.iter().rfind(|known| known.plan_mode == "auto");
        let timed = match (case.mode, chosen) {
            (PlanMode::Generic | PlanMode::Custom, Some(chosen)) => {
                time_forced(run, query, case, &design, chosen).await?
            }
            _ => time_case(run, query, case, &design).await?,
        };
        result.cases.push(timed);
        bar.inc(1);
        left -= 1;
    }
    bar.finish_and_clear();
    explain_those_over(run.session, result).await?;
    // The first case is the worst.
    if let Some(worst) = cases.first().filter(|_| !result.unfinished) {
        if let Some(load) = run.settings.load {
            result.load = Some(time_under_load(run, query, worst, load).await?);
        }
        if let Some(experiment) = &run.settings.experiment {
            result.ab = Some(compare_ways(run, query, worst, experiment).await?);
        }
    }
    Ok(())
}

async fn find_cases(
    run: &Run<'_>,
    query: &QueryFile,
    result: &mut QueryResult,
) -> Result<Vec<Case>> {
    let mut candidates = Vec::with_capacity(query.parameters.len());
    for (n, source) in (1..).zip(&query.parameters) {
        candidates.push(match source {
            Source::Values(values) => Candidate::Listed(values.clone()),
            Source::Column(column) => {
                let drawn = draw_values(run.session, column).await?;
                let candidate = draw(&drawn);
                result.notes.extend(drawn.notes);
                candidate
            }
            Source::Query(sql) => Candidate::Listed(values_of(run.session, n, sql).await?),
        });
    }
    let limit = usize::try_from(run.settings.max_cases).unwrap_or(usize::MAX);
    let (mut cases, left_out) = cases(&candidates, limit);
    if run.settings.worst_only {
        cases.retain(|case| {
            matches!(case.kind, Label::Given | Label::Worst) && case.mode == PlanMode::Auto
        });
    }
    if left_out > 0 {
        result.notes.push(format!(
            "{left_out} combinations of parameters were left out (--max-cases {})",
            run.settings.max_cases
        ));
    }
    Ok(cases)
}

/// A parameter takes at most this many values from its query.
const MOST_VALUES: usize = 10;

/// The first column of a query's rows, as text, in a read-only transaction.
async fn values_of(session: &Session, n: u32, sql: &str) -> Result<Vec<Value>> {
    session
        .batch_execute("BEGIN READ ONLY; SET LOCAL statement_timeout = '30s'")
        .await
        .map_err(Error::server("beginning a read-only transaction"))?;
    // The simple protocol gives every type as text; that it is one statement was checked in the file.
    let answer = session.simple_query(sql).await;
    session
        .batch_execute("ROLLBACK")
        .await
        .map_err(Error::server("rolling the read-only transaction back"))?;
    let answer = answer.map_err(Error::server(format!("running the query for ${n}")))?;
    let values: Vec<Value> = answer
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some(row.try_get(0).ok().flatten().map(str::to_owned))
            }
            _ => None,
        })
        .take(MOST_VALUES)
        .collect();
    if values.is_empty() {
        return Err(Error::CannotJudge {
            message: format!("the query for ${n} returns no rows"),
            hint: "its rows are the parameter's values".into(),
        });
    }
    Ok(values)
}

/// Adds the tables' indexes, and from them the reasons, to the cases that are over.
async fn explain_those_over(session: &Session, result: &mut QueryResult) -> Result<()> {
    let explained = |result: &QueryResult| -> Vec<QueryPlan> {
        let over = result
            .cases
            .iter()
            .filter(|case| case.explanation.is_some());
        over.filter_map(|case| QueryPlan::parse(case.explained_plan.as_ref()?))
            .collect()
    };
    let mut tables: Vec<QualifiedName> = explained(result)
        .iter()
        .flat_map(QueryPlan::relations)
        .collect();
    tables.sort();
    tables.dedup();
    if !tables.is_empty() {
        result.indexes = load_table_indexes(session, &tables).await?;
    }
    for case in &mut result.cases {
        let plan = case.explained_plan.as_ref().and_then(QueryPlan::parse);
        if let (Some(explanation), Some(plan)) = (&mut case.explanation, plan) {
            explanation.reasons = reasons(&plan, &result.indexes);
        }
    }
    Ok(())
}
