//! One query: its cases found, timed and judged.

mod block_read;
mod case;
mod experiment;
mod load;

use std::time::{Duration, Instant};

pub(super) use self::block_read::block_read_ms;
use self::{
    case::{plan_case, time_case, time_forced},
    experiment::compare_ways,
    load::time_under_load,
};
use super::{MeasureConfig, parameters::find_cases};
use crate::{
    Error, Result,
    catalog::{QualifiedName, load_table_indexes},
    db::{ConnectionConfig, Session, is_connection_loss, sqlstate},
    explain::{QueryPlan, reasons},
    progress::Progress,
    report::timing::{CaseResult, QueryResult, Verdict, shown_parameters},
    stats::{Calibration, Design},
    workload::{Case, Label, PlanMode, QueryFile, Source},
};

/// What every part of a run needs.
pub(super) struct Run<'a> {
    pub(super) session: &'a Session,
    pub(super) connection: &'a ConnectionConfig,
    pub(super) settings: &'a MeasureConfig,
    pub(super) progress: &'a Progress,
    /// Milliseconds of a statement that does nothing.
    pub(super) floor: Vec<f64>,
    /// What costs take, where that is known and nothing is timed.
    pub(super) calibration: Option<Calibration>,
    /// What reading one block takes, where that is known.
    pub(super) block_read_ms: Option<f64>,
    pub(super) deadline: Instant,
}

/// Times a query. Fails only where the connection is lost; anything else is the query's own error.
pub(super) async fn time_query(run: &Run<'_>, query: &QueryFile) -> Result<QueryResult> {
    let file = query.file.display().to_string();
    let mut result = QueryResult {
        description: query.description.clone(),
        tags: query.tags.clone(),
        buffers_limit: query.buffers,
        skipped: query.skip.clone(),
        ..QueryResult::untimed(
            &query.name,
            file,
            query.sql.clone(),
            (query.budget, query.percentile),
        )
    };
    if query.writes
        && result.skipped.is_none()
        && !run.settings.allow_writes
        && !run.settings.plans_only
    {
        result.skipped = Some(
            "it writes or locks rows; on a copy of the database, --allow-writes --disposable times it and \
             rolls each run back"
                .into(),
        );
    }
    if result.skipped.is_none() {
        match time_cases(run, query, &mut result).await {
            Err(Error::Server { source, doing }) if is_connection_loss(&source) => {
                return Err(Error::Server {
                    source,
                    doing: format!("{}: {doing}", query.name),
                });
            }
            Err(error) => {
                result.hint = hint_of(&error);
                result.error = Some(format!("{}: {error}", place(query)));
            }
            Ok(()) => {}
        }
    }
    result.conclude();
    Ok(result)
}

/// `statement_timeout` of a query's samples.
pub(super) fn statement_timeout(query: &QueryFile) -> Duration {
    (query.budget * 20).max(Duration::from_secs(2))
}

/// Where a query stands, and its name.
fn place(query: &QueryFile) -> String {
    format!("{}:{}: {}", query.file.display(), query.line, query.name)
}

/// A case that could not be run: the error names its values, and the first is the query's own.
fn failed(query: &QueryFile, case: &Case, error: &Error, result: &mut QueryResult) -> CaseResult {
    let values = shown_parameters(&case.parameters);
    let with = if values.is_empty() {
        String::new()
    } else {
        format!(" with {values}")
    };
    let message = format!("{}: {}{with}: {error}", place(query), case.label);
    let params = case.parameters.clone();
    let why = if is_unsuited(query, error) {
        let message = format!("not timed, because the values drawn do not fit: {message}");
        (Verdict::Skipped, message)
    } else {
        if result.error.is_none() {
            result.hint = hint_of(error);
            result.error = Some(message.clone());
        }
        (Verdict::Error, message)
    };
    CaseResult::failed(case.label.clone(), params, case.mode.as_str(), why)
}

/// A row that cannot be written or deleted as it was drawn (SQLSTATE class 23, an integrity constraint's) tells of the
/// values, not of the query. Values that the header declares are meant.
fn is_unsuited(query: &QueryFile, error: &Error) -> bool {
    let Error::Server { source, .. } = error else {
        return false;
    };
    let is_drawn = query.parameters.contains(&Source::Unsaid);
    query.writes && is_drawn && sqlstate(source).is_some_and(|code| code.starts_with("23"))
}

/// What the general hints do not know: how a query is run here.
fn hint_of(error: &Error) -> Option<String> {
    let Error::Server { source, .. } = error else {
        return error.hint();
    };
    let answer = source.as_db_error().map_or("", |answer| answer.message());
    match sqlstate(source) {
        Some("25006") => Some(
            "queries are timed in a read-only transaction that is rolled back: use one that only reads".into(),
        ),
        Some("42883") if answer.starts_with("no binary output function") => {
            Some("the driver reads results in binary form: cast that column to text".into())
        }
        _ => error.hint(),
    }
}

async fn time_cases(run: &Run<'_>, query: &QueryFile, result: &mut QueryResult) -> Result<()> {
    if Instant::now() >= run.deadline {
        result.unfinished = true;
        let why = "not timed: --total-time expired";
        result.notes.push(why.into());
        return Ok(());
    }
    // Whether it can be run at all, before anything is drawn for it.
    run.session
        .prepare(&query.sql)
        .await
        .map_err(Error::server("preparing the query"))?;
    let cases = find_cases(run.session, run.settings, query, result).await?;
    let design = Design::with_limit(query.percentile, run.settings.max_samples);
    let bar = run.progress.bar(cases.len() as u64, &query.name);
    let mut left = cases.len();
    for case in &cases {
        if Instant::now() >= run.deadline {
            result.unfinished = true;
            result.notes.push(format!(
                "{left} of {} cases were not timed: --total-time expired",
                cases.len()
            ));
            break;
        }
        bar.set_message(format!("{}: {}", query.name, case.label));
        // The forced plans follow the case they belong to.
        let chosen = result.cases.iter().rfind(|known| known.plan_mode == "auto");
        let is_forced = case.mode != PlanMode::Auto;
        if is_forced
            && chosen
                .is_some_and(|chosen| chosen.samples == 0 && chosen.verdict != Verdict::Planned)
        {
            // It would fail just so.
            left -= 1;
            continue;
        }
        let timed = match (case.mode, chosen) {
            _ if run.settings.plans_only => plan_case(run, query, case, chosen).await,
            (PlanMode::Generic | PlanMode::Custom, Some(chosen)) => {
                time_forced(run, query, case, &design, chosen).await
            }
            _ => time_case(run, query, case, &design).await,
        };
        let timed = match timed {
            Ok(timed) => timed,
            Err(Error::Server { source, doing }) if is_connection_loss(&source) => {
                return Err(Error::Server { source, doing });
            }
            // The other values may well do.
            Err(error) => failed(query, case, &error, result),
        };
        result.cases.push(timed);
        bar.inc(1);
        left -= 1;
    }
    bar.finish_and_clear();
    explain_those_over(run.session, result).await?;
    // The first case is the worst.
    if let Some(worst) = cases.first().filter(|_| !result.unfinished) {
        let typical = cases.iter().find(|case| case.kind == Label::Typical);
        if let Some(load) = run.settings.load {
            result.load = Some(time_under_load(run, query, worst, load).await?);
            if let Some(typical) = typical {
                result.load_typical = Some(time_under_load(run, query, typical, load).await?);
            }
        }
        if let Some(experiment) = &run.settings.experiment {
            result.ab = Some(compare_ways(run, query, worst, experiment).await?);
        }
    }
    Ok(())
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
