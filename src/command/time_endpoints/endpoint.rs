//! An endpoint: one request after the other until its percentile is decided, then many at once.

use std::time::Duration;

use super::{Run, failed, untimed};
use crate::{
    Error, Result,
    command::sampling::{in_ms, sample, sum_up, warm_up},
    endpoint::{Endpoint, EndpointClock},
    measure::{Clock, closed_loop},
    render::human_ms,
    report::timing::{CaseResult, LoadResult, QueryResult, Verdict},
};

/// Caches and pools of the application fill; so does the connection.
const WARM_UPS: u32 = 3;
const WARM_UP_TIME: Duration = Duration::from_secs(10);
const ALONE: &str = "one at a time";

/// What is wrong with the endpoint stands in its result.
pub(super) async fn time_endpoint(run: &Run<'_>, endpoint: &Endpoint) -> QueryResult {
    let request = format!("{} {}", endpoint.method, endpoint.url);
    let mut result = untimed(
        &endpoint.name,
        request,
        endpoint.budget,
        endpoint.percentile,
    );
    match alone(run, endpoint).await {
        Ok(case) => result.cases.push(case),
        Err(error) => failed(&mut result, &error),
    }
    if let Some(clients) = endpoint.concurrency.filter(|_| result.error.is_none()) {
        match at_once(run, endpoint, clients).await {
            Ok(load) => result.load = Some(load),
            Err(error) => failed(&mut result, &error),
        }
    }
    result.conclude();
    result
}

async fn alone(run: &Run<'_>, endpoint: &Endpoint) -> Result<CaseResult> {
    let mut clock = EndpointClock::new(endpoint);
    let design = run.design(endpoint.percentile);
    let until = run.until(endpoint.budget, endpoint.percentile);
    warm_up(&mut clock, WARM_UPS, WARM_UP_TIME, until).await?;
    let sampled = sample(&mut clock, endpoint.budget, &design, until).await?;
    clock.end().await?;
    let judged = (endpoint.budget, endpoint.percentile);
    let case = sampled.case(ALONE, Vec::new(), judged, &[]);
    case.ok_or_else(|| Error::CannotJudge {
        message: "no request was timed".into(),
        hint: "raise --max-time".into(),
    })
}

/// Each client asks again as soon as it has its answer. Held against the budget at its percentile, and the average
/// against a budget of its own.
async fn at_once(run: &Run<'_>, endpoint: &Endpoint, clients: u32) -> Result<LoadResult> {
    let mut clocks: Vec<EndpointClock<'_>> =
        (0..clients).map(|_| EndpointClock::new(endpoint)).collect();
    let samples = closed_loop(&mut clocks, run.settings.load_time).await?;
    let level = sum_up(
        endpoint.budget,
        endpoint.percentile,
        clients,
        None,
        &samples,
        &[],
    );
    let total: f64 = samples
        .latencies
        .iter()
        .map(|(latency, _)| in_ms(*latency))
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "an average")]
    let average = total / samples.latencies.len().max(1) as f64;
    let limit = endpoint.average_budget.map(in_ms);
    let over_average = limit.is_some_and(|limit| average > limit);
    let mut summary = format!("{clients} at once: {} on average", human_ms(average));
    if let Some(limit) = limit {
        summary.push_str(&format!(
            " ({}, budget {})",
            if over_average { "over" } else { "within" },
            human_ms(limit)
        ));
    }
    summary.push_str(&format!(
        ", {} {}, {:.0} requests per second",
        endpoint.percentile,
        human_ms(level.judged_ms),
        level.per_second
    ));
    Ok(LoadResult {
        case: ALONE.to_owned(),
        verdict: if over_average {
            Verdict::Over
        } else {
            level.verdict
        },
        levels: vec![level],
        holds_up_to: None,
        summary,
    })
}
