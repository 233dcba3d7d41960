//! `dbaudit time-queries`: a verdict on each standard query's budget.

mod case;
pub(super) mod cases;
mod cold;
mod experiment;
pub(super) mod infer;
mod list;
mod load;
mod query;
mod session;

use std::time::{Duration, Instant};

use self::query::time_query;
use super::{Context, embedded, sampling::run_time, statements::heaviest};
use crate::{
    Error, Outcome, Result,
    config::TimeConfig,
    db::Session,
    duration::HumanDuration,
    measure::{CpuWaits, time_no_op},
    render::{self, Format},
    report::{
        TimingResult,
        timing::{Floor, SavedRun, Server, Verdict, compare},
    },
    stats::{Percentile, Summary},
    workload::{self, QueryFile},
};

pub(super) async fn run(context: &Context, settings: &TimeConfig) -> Result<Outcome> {
    if settings.list {
        let queries = settings.selection.choose(workload::load(
            settings.queries.as_deref(),
            settings.budget,
        )?)?;
        context.write(&list::QueryList::of(&queries))?;
        return Ok(Outcome::Success);
    }
    let result = produce(context, settings).await?;
    result.warn_of_inconclusive();
    context.write(&result)?;
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        // The runner reads both streams; stdout holds the result alone.
        context.progress.suspend(|| {
            let _ = std::io::Write::write_all(
                &mut std::io::stderr().lock(),
                result.github_annotations().as_bytes(),
            );
        });
    }
    Ok(result.outcome())
}

/// Times the queries. Fails only where nothing at all can be judged; what is wrong with one query stands in
/// its result.
pub(super) async fn produce(context: &Context, settings: &TimeConfig) -> Result<TimingResult> {
    if let Some(most) = settings.from_statements {
        let queries = from_statements(context, settings, most).await?;
        return produce_of(context, settings, &queries).await;
    }
    let folder = settings.queries.as_deref();
    let queries = settings
        .selection
        .choose(workload::load(folder, settings.budget)?)?;
    let session = session::connect(&context.config).await?;
    embedded::check_queries(&session, folder).await?;
    produce_on(context, settings, &queries, session).await
}

/// What a statement of pg_stat_statements may take, where nobody says.
const STATEMENT_BUDGET: (Duration, Percentile) = (Duration::from_millis(100), Percentile::P95);

async fn from_statements(
    context: &Context,
    settings: &TimeConfig,
    most: u32,
) -> Result<Vec<QueryFile>> {
    let session = session::connect(&context.config).await?;
    let budget = settings.budget.unwrap_or(STATEMENT_BUDGET);
    let heavy = heaviest(&session, budget, most).await?;
    settings
        .selection
        .choose(heavy.into_iter().map(|one| one.query).collect())
}

/// The same of queries that are loaded, or come from elsewhere than files.
pub(super) async fn produce_of(
    context: &Context,
    settings: &TimeConfig,
    queries: &[QueryFile],
) -> Result<TimingResult> {
    let session = session::connect(&context.config).await?;
    produce_on(context, settings, queries, session).await
}

async fn produce_on(
    context: &Context,
    settings: &TimeConfig,
    queries: &[QueryFile],
    session: Session,
) -> Result<TimingResult> {
    // A file that cannot be compared with is reported before anything is timed.
    let saved = settings
        .compare
        .as_deref()
        .map(SavedRun::read)
        .transpose()?;
    let total_time = settings.total_time.unwrap_or_else(|| {
        let budgets = queries.iter().map(|query| (query.budget, query.percentile));
        run_time(budgets, settings.max_samples)
    });
    let canceller = session.canceller();
    let mut result = TimingResult {
        schema_version: 1,
        command: "time-queries",
        verdict: Verdict::Within,
        strict: settings.strict,
        allow_inconclusive: settings.allow_inconclusive,
        taken_at: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        server: Some(Server {
            version: session.version.text.clone(),
            version_num: session.version.number,
        }),
        floor: None,
        queries: Vec::new(),
        comparison: None,
        notes: Vec::new(),
    };
    let timing = async {
        let floor = measure_floor(&session).await?;
        result.floor = Some(describe_floor(&session, &floor).await);
        let run = Run {
            context,
            settings,
            session: &session,
            floor,
            block_read_ms: cold::block_read_ms(&session, settings).await?,
            deadline: Instant::now() + total_time,
        };
        for query in queries {
            let timed = time_query(&run, query).await?;
            if !context.progress.is_enabled() {
                tracing::info!("{}: {}", timed.name, timed.verdict.as_str());
            }
            result.queries.push(timed);
        }
        Ok(())
    };
    let hung = total_time + patience(queries, settings);
    tokio::select! {
        done = timing => done?,
        // The limits between samples, and the server's own timeouts, end a run before; unless nobody answers.
        () = tokio::time::sleep(hung) => {
            return Err(Error::CannotJudge {
                message: format!(
                    "the run exceeded --total-time {} by far, and the server still does not respond",
                    HumanDuration(total_time)
                ),
                hint: "check that the server is running and that the network is up".into(),
            });
        }
        () = context.interrupt.requested() => {
            // Best effort: the server rolls the transaction back when the connection closes.
            let _ = canceller.cancel().await;
            return Err(Error::Interrupted);
        }
    }
    result.verdict = Verdict::of_all(result.queries.iter().map(|query| query.verdict));
    result.comparison = saved.map(|saved| compare(&result, &saved, settings.fail_on_plan_change));
    if let Some(path) = &settings.save {
        let json = render::render(&result, Format::Json, &context.config.output)?;
        context.config.output.to_file(path).write(&json)?;
    }
    Ok(result)
}

/// How long what is under way when the run's time is up may still take: each statement runs into its timeout at the
/// latest, unless nobody is there to tell it.
fn patience(queries: &[QueryFile], settings: &TimeConfig) -> Duration {
    const UNANSWERED: Duration = Duration::from_secs(10);
    // A sample, and its plan asked for in each way; or the fewest pairs, warmed up.
    let statements = if settings.experiment.is_some() { 45 } else { 5 };
    let longest = queries.iter().map(statement_timeout).max();
    let load = settings.load.map(|_| settings.load_time);
    longest.unwrap_or_default() * statements + load.unwrap_or_default() + UNANSWERED
}

/// `statement_timeout` of a query's samples.
fn statement_timeout(query: &QueryFile) -> Duration {
    (query.budget * 20).max(Duration::from_secs(2))
}

/// What every part of a run needs.
struct Run<'a> {
    context: &'a Context,
    settings: &'a TimeConfig,
    session: &'a Session,
    /// Milliseconds of a statement that does nothing.
    floor: Vec<f64>,
    /// What reading one block takes, where that is known.
    block_read_ms: Option<f64>,
    deadline: Instant,
}

const FLOOR_SAMPLES: usize = 200;

async fn measure_floor(session: &Session) -> Result<Vec<f64>> {
    let samples = time_no_op(session, FLOOR_SAMPLES, Duration::from_secs(2)).await?;
    Ok(samples.into_iter().map(in_ms).collect())
}

async fn describe_floor(session: &Session, samples: &[f64]) -> Floor {
    let summary = Summary::of(samples, Percentile::P95);
    let of = |pick: fn(&Summary) -> f64| summary.as_ref().map_or(0.0, pick);
    Floor {
        samples: samples.len(),
        p50_ms: of(|s| s.p50),
        p95_ms: of(|s| s.p95),
        p99_ms: of(|s| s.p99),
        max_ms: of(|s| s.max),
        sees_backend: CpuWaits::of(session).await.sees_backend(),
    }
}

fn in_ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
