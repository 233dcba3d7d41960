//! An endpoint: one request after the other until its percentile is decided, then many at once.

use std::time::Duration;

use super::{
    Counts, Endpoint, EndpointClock, EndpointTiming,
    timing::{failed, untimed},
};
use crate::{
    Error, Result,
    duration::in_ms,
    human::human_ms,
    measure::{Clock, closed_loop, judge_load, sample, warm_up},
    report::timing::{CaseResult, LoadResult, QueryResult, Verdict},
};

/// Caches and pools of the application fill; so does the connection.
const WARM_UPS: u32 = 3;
const WARM_UP_TIME: Duration = Duration::from_secs(10);
const ALONE: &str = "one at a time";

/// What is wrong with the endpoint stands in its result.
pub async fn time_endpoint(timing: &EndpointTiming, endpoint: &Endpoint) -> QueryResult {
    let request = format!("{} {}", endpoint.method, endpoint.url);
    let mut result = untimed(
        &endpoint.name,
        request,
        (endpoint.budget, endpoint.percentile),
    );
    let mut clock = EndpointClock::new(endpoint, &timing.trust);
    match alone(timing, endpoint, &mut clock).await {
        Ok(mut case) => {
            judge_errors(endpoint, clock.counts(), &mut case, &mut result);
            result.cases.push(case);
        }
        Err(error) if endpoint.errors.is_some() && clock.counts().failed > 0 => {
            // More failures than any budget for errors has room for.
            let told = (Verdict::Over, error.to_string());
            let case = CaseResult::failed(ALONE.to_owned(), Vec::new(), "auto", told);
            result.cases.push(case);
        }
        Err(error) => failed(&mut result, &error),
    }
    if let Some(clients) = endpoint.concurrency.filter(|_| result.error.is_none()) {
        match at_once(timing, endpoint, clients).await {
            Ok(load) => result.load = Some(load),
            Err(error) => failed(&mut result, &error),
        }
    }
    result.conclude();
    result
}

async fn alone(
    timing: &EndpointTiming,
    endpoint: &Endpoint,
    clock: &mut EndpointClock<'_>,
) -> Result<CaseResult> {
    let design = timing.design(endpoint.percentile);
    let limits = timing.limits(endpoint.budget, endpoint.percentile);
    warm_up(clock, WARM_UPS, WARM_UP_TIME, limits).await?;
    clock.forget_counts();
    let sampled = sample(clock, endpoint.budget, &design, limits).await?;
    clock.end().await?;
    let judged = (endpoint.budget, endpoint.percentile);
    let case = sampled.case(ALONE, Vec::new(), judged, &[]);
    case.ok_or_else(|| Error::CannotJudge {
        message: "no request was timed".into(),
        hint: "raise --max-time".into(),
    })
}

/// Requests that failed are none of the times; they have a budget of their own.
fn judge_errors(
    endpoint: &Endpoint,
    counts: &Counts,
    case: &mut CaseResult,
    result: &mut QueryResult,
) {
    if counts.protocol == "HTTP/2" {
        result.notes.push("measured over HTTP/2".into());
    }
    if counts.sent_again > 0 {
        result.notes.push(format!(
            "{} of {} requests were sent again on a new connection, because the server had closed the \
             kept-alive one",
            counts.sent_again, counts.requests
        ));
    }
    let (Some(told), Some(limit)) = (counts.failures(), endpoint.errors) else {
        return;
    };
    let shown = limit * 100.0;
    if counts.share() > limit {
        case.verdict = Verdict::Over;
        case.reason = Some(format!("{told}; at most {shown} % may fail"));
    } else {
        result
            .notes
            .push(format!("{told}; within the allowed {shown} %"));
    }
}

/// Each client asks again as soon as it has its answer. Held against the budget at its percentile, and the average
/// against a budget of its own.
async fn at_once(timing: &EndpointTiming, endpoint: &Endpoint, clients: u32) -> Result<LoadResult> {
    let mut clocks: Vec<EndpointClock<'_>> = (0..clients)
        .map(|_| EndpointClock::new(endpoint, &timing.trust))
        .collect();
    let samples = closed_loop(&mut clocks, timing.load_time).await?;
    let mut counts = Counts::default();
    for clock in &clocks {
        counts.add(clock.counts());
    }
    let level = judge_load(
        endpoint.budget,
        endpoint.percentile,
        clients,
        None,
        &samples,
        &[],
    );
    let finished = || samples.samples.iter().filter(|sample| !sample.timed_out);
    let total: f64 = finished().map(|sample| in_ms(sample.elapsed)).sum();
    #[expect(clippy::cast_precision_loss, reason = "an average")]
    let average = total / finished().count().max(1) as f64;
    let timed_out = samples.samples.len() - finished().count();
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
    if timed_out > 0 {
        summary.push_str(&format!(
            ", {timed_out} of {} timed out",
            samples.samples.len()
        ));
    }
    if let Some(told) = counts.failures() {
        summary.push_str(&format!(", {told}"));
    }
    let over_errors = endpoint.errors.is_some_and(|limit| counts.share() > limit);
    Ok(LoadResult {
        case: ALONE.to_owned(),
        verdict: if over_average || over_errors {
            Verdict::Over
        } else {
            level.verdict
        },
        levels: vec![level],
        holds_up_to: None,
        summary,
    })
}
