//! `dbaudit time-queries`: a verdict on each standard query's budget.

use std::time::Duration;

use super::{Context, embedded, timing};
use crate::{
    Outcome, Result,
    config::TimeConfig,
    db::Session,
    measure::{self, QueryTiming, heaviest_statements},
    report::{QueryList, TimingResult, timing::SavedRun},
    stats::Percentile,
    workload::{self, QueryFile},
};

pub(super) async fn run(context: &Context, settings: &TimeConfig) -> Result<Outcome> {
    if settings.list {
        let queries = settings.selection.choose(workload::load(
            settings.queries.as_deref(),
            settings.budget,
        )?)?;
        context.write(&QueryList::of(&queries))?;
        return Ok(Outcome::Success);
    }
    let result = produce(context, settings).await?;
    let outcome = timing::write(context, &result)?;
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        // The runner reads both streams; stdout holds the result alone.
        context.progress.suspend(|| {
            let _ = std::io::Write::write_all(
                &mut std::io::stderr().lock(),
                result.github_annotations().as_bytes(),
            );
        });
    }
    Ok(outcome)
}

/// Times the queries. Fails only where nothing at all can be judged; what is wrong with one query stands in
/// its result.
pub(super) async fn produce(context: &Context, settings: &TimeConfig) -> Result<TimingResult> {
    if let Some(most) = settings.from_statements {
        let session = measure::connect(&context.config.connection).await?;
        let queries = from_statements(&session, settings, most).await?;
        return produce_on(context, settings, &queries, &session).await;
    }
    let folder = settings.queries.as_deref();
    let queries = settings
        .selection
        .choose(workload::load(folder, settings.budget)?)?;
    let session = measure::connect(&context.config.connection).await?;
    embedded::check_queries(&session, folder).await?;
    produce_on(context, settings, &queries, &session).await
}

/// What a statement of pg_stat_statements may take, where nobody says.
const STATEMENT_BUDGET: (Duration, Percentile) = (Duration::from_millis(100), Percentile::P95);

async fn from_statements(
    session: &Session,
    settings: &TimeConfig,
    most: u32,
) -> Result<Vec<QueryFile>> {
    let budget = settings.budget.unwrap_or(STATEMENT_BUDGET);
    let heaviest = heaviest_statements(session, budget, most).await?;
    settings
        .selection
        .choose(heaviest.into_iter().map(|one| one.query).collect())
}

async fn produce_on(
    context: &Context,
    settings: &TimeConfig,
    queries: &[QueryFile],
    session: &Session,
) -> Result<TimingResult> {
    // A file that cannot be compared with is reported before anything is timed.
    let saved = settings
        .compare
        .as_deref()
        .map(SavedRun::read)
        .transpose()?;
    let mut result = timing::begin("time-queries", settings.strict, settings.allow_inconclusive);
    result.server = Some(timing::server(&session.version));
    let timing = QueryTiming {
        session,
        connection: &context.config.connection,
        settings: &settings.measure,
        total_time: settings.total_time,
        progress: &context.progress,
        interrupt: &context.interrupt,
    };
    let (floor, queries) = measure::time_queries(timing, queries).await?;
    result.floor = floor;
    result.queries = queries;
    timing::conclude(
        context,
        &mut result,
        (saved, settings.gates),
        settings.save.as_deref(),
    )?;
    Ok(result)
}
