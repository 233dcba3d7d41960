//! A run: queries one after the other, within the time there is for all of them.

use std::time::{Duration, Instant};

use super::{
    CpuWaits, MeasureConfig,
    query::{self, Run},
    time_no_op,
};
use crate::{
    Error, Result,
    db::{ConnectionConfig, Session},
    duration::{HumanDuration, in_ms},
    interrupt::Interrupt,
    progress::Progress,
    report::timing::{Floor, QueryResult},
    stats::{Calibration, Percentile, Summary, run_time},
    workload::QueryFile,
};

/// What queries are timed with.
#[derive(Debug, Clone, Copy)]
pub struct QueryTiming<'a> {
    pub session: &'a Session,
    /// For the further sessions of a load.
    pub connection: &'a ConnectionConfig,
    pub settings: &'a MeasureConfig,
    /// For the whole run; `None`: what the budgets need.
    pub total_time: Option<Duration>,
    pub progress: &'a Progress,
    pub interrupt: &'a Interrupt,
}

/// Times the queries, after a statement that does nothing. What is wrong with one query stands in its result.
///
/// # Errors
/// Nothing at all can be judged: the connection is lost, nobody answers; [`Error::Interrupted`].
pub async fn time_queries(
    timing: QueryTiming<'_>,
    queries: &[QueryFile],
) -> Result<(Option<Floor>, Vec<QueryResult>)> {
    let total_time = timing.total_time.unwrap_or_else(|| {
        let budgets = queries.iter().map(|query| (query.budget, query.percentile));
        run_time(budgets, timing.settings.max_samples)
    });
    let canceller = timing.session.canceller();
    tokio::select! {
        timed = time_all(timing, queries, total_time) => timed,
        // The limits between samples, and the server's own timeouts, end a run before; unless nobody answers.
        () = tokio::time::sleep(total_time + patience(queries, timing.settings)) => {
            Err(Error::CannotJudge {
                message: format!(
                    "the run exceeded --total-time {} by far, and the server still does not respond",
                    HumanDuration(total_time)
                ),
                hint: "check that the server is running and that the network is up".into(),
            })
        }
        () = timing.interrupt.requested() => {
            // Best effort: the server rolls the transaction back when the connection closes.
            let _ = canceller.cancel().await;
            Err(Error::Interrupted)
        }
    }
}

/// The setting by which a twin knows what costs and times production's statements have: a JSON array of pairs.
pub const CALIBRATION: &str = "dbaudit.calibration";

async fn calibration(session: &Session) -> Result<Option<Calibration>> {
    let row = session
        .query_one(
            "SELECT /* dbaudit */ current_setting($1, true)",
            &[&CALIBRATION],
        )
        .await
        .map_err(Error::server("reading what costs take"))?;
    let points: Option<Vec<(f64, f64)>> = row
        .get::<_, Option<String>>(0)
        .and_then(|json| serde_json::from_str(&json).ok());
    Ok(Calibration::new(points.unwrap_or_default()))
}

async fn time_all(
    timing: QueryTiming<'_>,
    queries: &[QueryFile],
    total_time: Duration,
) -> Result<(Option<Floor>, Vec<QueryResult>)> {
    let QueryTiming {
        session,
        connection,
        settings,
        progress,
        ..
    } = timing;
    let floor = match settings.plans_only {
        true => Vec::new(),
        false => measure_floor(session).await?,
    };
    let described = match settings.plans_only {
        true => None,
        false => Some(describe_floor(session, &floor).await),
    };
    let calibration = match settings.plans_only {
        true => calibration(session).await?,
        false => None,
    };
    let run = Run {
        session,
        connection,
        settings,
        progress,
        floor,
        calibration,
        block_read_ms: query::block_read_ms(session, settings.cold_read).await?,
        deadline: Instant::now() + total_time,
    };
    let mut timed = Vec::with_capacity(queries.len());
    for query in queries {
        let result = query::time_query(&run, query).await?;
        if !progress.is_enabled() {
            tracing::info!("{}: {}", result.name, result.verdict.as_str());
        }
        timed.push(result);
    }
    Ok((described, timed))
}

/// How long what is under way when the run's time is up may still take: each statement runs into its timeout at the
/// latest, unless nobody is there to tell it.
fn patience(queries: &[QueryFile], settings: &MeasureConfig) -> Duration {
    const UNANSWERED: Duration = Duration::from_secs(10);
    // A sample, and its plan asked for in each way; or the fewest pairs, warmed up.
    let statements = if settings.experiment.is_some() { 45 } else { 5 };
    let longest = queries.iter().map(query::statement_timeout).max();
    let load = settings.load.map(|_| settings.load_time);
    longest.unwrap_or_default() * statements + load.unwrap_or_default() + UNANSWERED
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
