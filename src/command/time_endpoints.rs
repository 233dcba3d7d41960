//! `dbaudit time-endpoints`: a verdict on each endpoint's and page's budget, by the engine that judges queries.

use std::time::{Duration, Instant};

use super::{Context, timing};
use crate::{
    Error, Outcome, Result,
    config::EndpointsConfig,
    endpoint::{EndpointTiming, Trust, time_endpoint, time_pages},
    report::timing::{Gates, QueryResult, SavedRun},
    stats::run_time,
};

pub(super) async fn run(context: &Context, settings: &EndpointsConfig) -> Result<Outcome> {
    if settings.endpoints.is_empty() && settings.pages.is_empty() {
        return Err(Error::Config {
            message: "the configuration has no [[endpoint]] and no [[page]] to time".into(),
            hint: "the annotated dbaudit.toml in the repository shows how to write them".into(),
        });
    }
    let saved = settings
        .compare
        .as_deref()
        .map(SavedRun::read)
        .transpose()?;
    let mut result = timing::begin(
        "time-endpoints",
        settings.strict,
        settings.allow_inconclusive,
    );
    tokio::select! {
        timed = time(context, settings) => result.queries = timed?,
        () = context.interrupt.requested() => return Err(Error::Interrupted),
    }
    timing::conclude(
        context,
        &mut result,
        (saved, Gates::default()),
        settings.save.as_deref(),
    )?;
    timing::write(context, &result)
}

async fn time(context: &Context, settings: &EndpointsConfig) -> Result<Vec<QueryResult>> {
    let timing = EndpointTiming {
        trust: Trust::new(settings.ca_file.as_deref(), settings.insecure)?,
        insecure: settings.insecure,
        max_samples: settings.max_samples,
        max_time: settings.max_time,
        load_time: settings.load_time,
        deadline: Instant::now() + total_time(settings),
    };
    let mut timed = Vec::new();
    let bar = context.progress.bar(
        (settings.endpoints.len() + settings.pages.len()) as u64,
        "endpoints",
    );
    for endpoint in &settings.endpoints {
        bar.set_message(endpoint.name.clone());
        timed.push(time_endpoint(&timing, endpoint).await);
        bar.inc(1);
    }
    if !settings.pages.is_empty() {
        bar.set_message("pages");
        timed.extend(time_pages(&timing, &settings.pages).await?);
    }
    bar.finish_and_clear();
    Ok(timed)
}

/// As given; else what all of it needs, and a quarter of an hour at least.
fn total_time(settings: &EndpointsConfig) -> Duration {
    let endpoints = settings.endpoints.iter().map(|e| (e.budget, e.percentile));
    let pages = settings.pages.iter().map(|p| (p.budget, p.percentile));
    settings
        .total_time
        .unwrap_or_else(|| run_time(endpoints.chain(pages), settings.max_samples))
}
