//! `dbaudit time-endpoints`: a verdict on each endpoint's and page's budget, by the engine that judges queries.

mod endpoint;
mod page;

use std::time::{Duration, Instant};

use self::{endpoint::time_endpoint, page::time_pages};
use super::{
    Context,
    sampling::{Until, run_time, time_needed},
};
use crate::{
    Error, Outcome, Result,
    config::EndpointsConfig,
    endpoint::Trust,
    render::{self, Format},
    report::{
        TimingResult,
        timing::{QueryResult, SavedRun, Verdict, compare},
    },
    stats::{Design, Percentile},
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
    let mut result = TimingResult {
        schema_version: 1,
        command: "time-endpoints",
        verdict: Verdict::Within,
        strict: settings.strict,
        allow_inconclusive: settings.allow_inconclusive,
        taken_at: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        server: None,
        floor: None,
        queries: Vec::new(),
        comparison: None,
        notes: Vec::new(),
    };
    tokio::select! {
        timed = time(context, settings) => result.queries = timed?,
        () = context.interrupt.requested() => return Err(Error::Interrupted),
    }
    result.verdict = Verdict::of_all(result.queries.iter().map(|query| query.verdict));
    result.comparison = saved.map(|saved| compare(&result, &saved, false));
    if let Some(path) = &settings.save {
        let json = render::render(&result, Format::Json, &context.config.output)?;
        context.config.output.to_file(path).write(&json)?;
    }
    result.warn_of_inconclusive();
    context.write(&result)?;
    Ok(result.outcome())
}

async fn time(context: &Context, settings: &EndpointsConfig) -> Result<Vec<QueryResult>> {
    let run = Run {
        settings,
        trust: Trust::new(settings.ca_file.as_deref(), settings.insecure)?,
        deadline: Instant::now() + total_time(settings),
    };
    let mut timed = Vec::new();
    let bar = context.progress.bar(
        (settings.endpoints.len() + settings.pages.len()) as u64,
        "endpoints",
    );
    for endpoint in &settings.endpoints {
        bar.set_message(endpoint.name.clone());
        timed.push(time_endpoint(&run, endpoint).await);
        bar.inc(1);
    }
    if !settings.pages.is_empty() {
        bar.set_message("pages");
        timed.extend(time_pages(&run, &settings.pages).await?);
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

/// What every part of a run needs.
struct Run<'a> {
    settings: &'a EndpointsConfig,
    trust: Trust,
    deadline: Instant,
}

impl Run<'_> {
    fn until(&self, budget: Duration, percentile: Percentile) -> Until {
        let needed = time_needed(budget, percentile, self.settings.max_samples);
        Until::from_now(self.settings.max_time, needed, self.deadline)
    }

    fn design(&self, percentile: Percentile) -> Design {
        super::sampling::design(percentile, self.settings.max_samples)
    }
}

/// Nothing known yet but what it is.
fn untimed(name: &str, request: String, budget: Duration, percentile: Percentile) -> QueryResult {
    QueryResult {
        name: name.to_owned(),
        file: "dbaudit.toml".to_owned(),
        description: None,
        tags: Vec::new(),
        budget_ms: super::sampling::in_ms(budget),
        percentile,
        buffers_limit: None,
        verdict: Verdict::Skipped,
        deciding_case: None,
        skipped: None,
        error: None,
        hint: None,
        notes: Vec::new(),
        cases: Vec::new(),
        sources: Vec::new(),
        load: None,
        load_typical: None,
        ab: None,
        indexes: Vec::new(),
        sql: request,
        unfinished: false,
    }
}

fn failed(result: &mut QueryResult, error: &Error) {
    result.hint = error.hint();
    result.error = Some(error.to_string());
}
