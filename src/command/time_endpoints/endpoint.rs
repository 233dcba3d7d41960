//! An endpoint: one request after the other until its percentile is decided, then many at once.

use super::{Run, failed, untimed};
use crate::{
    Error, Result,
    command::sampling::{cpu_wait, in_ms, sample, sum_up},
    endpoint::{Endpoint, EndpointClock},
    measure::{Clock, closed_loop},
    render::human_ms,
    report::timing::{CaseResult, LoadResult, QueryResult, Verdict},
    stats::{Decision, Summary},
};

/// Caches and pools of the application fill; so does the connection.
const WARM_UPS: u32 = 3;
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
    for _ in 0..WARM_UPS {
        if clock.sample().await?.timed_out {
            break;
        }
    }
    let design = run.design(endpoint.percentile);
    let sampled = sample(&mut clock, endpoint.budget, &design, run.until()).await?;
    clock.end().await?;
    let times: Vec<f64> = sampled.samples.iter().map(|s| in_ms(s.elapsed)).collect();
    let Some(summary) = Summary::of(&times, endpoint.percentile) else {
        return Err(Error::CannotJudge {
            message: "no request was timed".into(),
            hint: "raise --max-time".into(),
        });
    };
    let verdict = match sampled.decision {
        Some(Decision::Within) => Verdict::Within,
        Some(Decision::Over) => Verdict::Over,
        None => Verdict::Inconclusive,
    };
    let label = ALONE.to_owned();
    let mut case = CaseResult::new(label, Vec::new(), verdict, &summary, &times);
    case.exceedances = sampled.exceedances;
    case.timed_out = count(sampled.samples.iter().filter(|s| s.timed_out).count());
    case.cpu_wait = cpu_wait(endpoint.budget, &sampled.samples);
    if sampled.decision.is_none() {
        case.reason = Some(sampled.undecided(endpoint.percentile));
    }
    Ok(case)
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

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
