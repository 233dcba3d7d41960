//! An application's own metrics: its `/metrics`, read at every interval.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use metrics::{counter, histogram};
use serde::Serialize;

use super::{
    App,
    samples::{self, Bound, EndpointCounts},
    store::Store,
    vitals::{EndpointFigures, EndpointTable},
};
use crate::{config::AppConfig, endpoint::Connection};

const TIMEOUT: Duration = Duration::from_secs(10);
/// More text than this is not read.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// The requests of a bucket are spread over it, at this many points.
const POINTS: u32 = 8;

#[derive(Debug)]
pub(super) struct WatchedApi {
    pub(super) name: String,
    settings: AppConfig,
    held: Mutex<ApiState>,
}

#[derive(Debug)]
struct ApiState {
    endpoints: EndpointTable,
    /// What it had counted when it was read last.
    before: Option<BTreeMap<String, EndpointCounts>>,
    /// Why it could not be read last time.
    error: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct ApiFigures {
    pub(super) name: String,
    /// `None`: it was read.
    pub(super) error: Option<String>,
    pub(super) endpoints: Vec<EndpointFigures>,
}

impl WatchedApi {
    pub(super) fn new(settings: &AppConfig) -> Self {
        Self {
            name: settings.name.clone(),
            settings: settings.clone(),
            held: Mutex::new(ApiState {
                endpoints: EndpointTable::default(),
                before: None,
                error: None,
            }),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ApiState> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn figures(&self, now: u64) -> ApiFigures {
        let held = self.lock();
        ApiFigures {
            name: self.name.clone(),
            error: held.error.clone(),
            endpoints: held.endpoints.figures(now),
        }
    }

    /// Counts what was added since the last time. A count that fell is of an application that was started again.
    fn take(
        &self,
        counted: BTreeMap<String, EndpointCounts>,
        slow_ms: f64,
        now: u64,
        store: &Store,
    ) {
        let mut held = self.lock();
        held.error = None;
        // What it counted before it was watched is not of the last minutes.
        if let Some(before) = held.before.take() {
            for (name, counted) in &counted {
                let (requests, failed) = added(before.get(name), counted);
                let (endpoint, series) = held.endpoints.of(name, now);
                for (ms, times) in &requests {
                    series.add(now, *ms, *times, slow_ms);
                }
                series.fail(failed);
                metrics::with_local_recorder(store, || {
                    self.record(&endpoint, &requests, failed);
                });
            }
        }
        held.before = Some(counted);
    }

    fn record(&self, endpoint: &str, requests: &[(f64, u32)], failed: u32) {
        let labels = [
            ("app", self.name.clone()),
            ("endpoint", endpoint.to_owned()),
        ];
        let all: u64 = requests.iter().map(|(_, times)| u64::from(*times)).sum();
        counter!("api_requests_total", &labels).increment(all);
        counter!("api_errors_total", &labels).increment(u64::from(failed));
        let durations = histogram!("api_request_duration_seconds", &labels);
        for (ms, times) in requests {
            durations.record_many(ms / 1000.0, usize::try_from(*times).unwrap_or(usize::MAX));
        }
    }

    pub(super) fn fail(&self, error: String) {
        let mut held = self.lock();
        if held.error.is_none() {
            tracing::warn!("{}: {error}", self.name);
        }
        // The next counts may be of another process: what lies between is not known.
        held.error = Some(error);
        held.before = None;
    }

    async fn read(&self) -> Result<BTreeMap<String, EndpointCounts>, String> {
        let url = &self.settings.url;
        let mut connection = Connection::open(url).await?;
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let host = url.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::get(path).header(header::HOST, host);
        for (name, value) in &self.settings.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(Bytes::new()))
            .map_err(|error| error.to_string())?;
        let answer = connection
            .send(request)
            .await
            .map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!(
                "its metrics endpoint answered with {}",
                answer.status()
            ));
        }
        let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
        let body = body
            .map_err(|error| format!("reading its metrics: {error}"))?
            .to_bytes();
        samples::read(&String::from_utf8_lossy(&body), &self.settings)
    }
}

/// What was added since, as durations in milliseconds and how many of each; and how many failed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a cast saturates, and counts are not negative"
)]
fn added(before: Option<&EndpointCounts>, now: &EndpointCounts) -> (Vec<(f64, u32)>, u32) {
    let all = |of: &EndpointCounts| of.below.get(&Bound::MAX).copied().unwrap_or(0.0);
    // Started again since: all of it is new.
    let before = before.filter(|before| all(before) <= all(now));
    let mut requests = Vec::new();
    let (mut low, mut below) = (0.0, 0.0);
    for (bound, count) in &now.below {
        let old = before
            .and_then(|before| before.below.get(bound))
            .copied()
            .unwrap_or(0.0);
        let upto = (count - old).max(below);
        let here = (upto - below).round() as u32;
        below = upto;
        let high = if *bound == Bound::MAX {
            low
        } else {
            *bound as f64 / 1000.0
        };
        let points = here.min(POINTS);
        for point in 0..points {
            let times = here / points + u32::from(point < here % points);
            let at = (f64::from(point) + 0.5) / f64::from(points);
            requests.push((low + (high - low) * at, times));
        }
        low = high;
    }
    let failed = (now.failed - before.map_or(0.0, |before| before.failed)).max(0.0);
    (requests, failed.round() as u32)
}

/// Reads for ever. Dropped when serve ends.
pub(super) async fn watch_for_ever(app: Arc<App>, at: usize) {
    let Some(api) = app.apis.get(at) else {
        return;
    };
    let slow_ms = app.settings.api_budget.as_secs_f64() * 1000.0;
    loop {
        match tokio::time::timeout(TIMEOUT, api.read()).await {
            Ok(Ok(counted)) => api.take(counted, slow_ms, app.now_s(), &app.store),
            Ok(Err(error)) => api.fail(error),
            Err(_) => api.fail(format!("no metrics within {} seconds", TIMEOUT.as_secs())),
        }
        tokio::time::sleep(app.settings.interval).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(below: &[(Bound, f64)]) -> EndpointCounts {
        EndpointCounts {
            below: below.iter().copied().collect(),
            failed: 0.0,
        }
    }

    #[test]
    fn only_what_was_added_counts_and_a_restart_begins_anew() {
        let before = counted(&[(100_000, 50.0), (1_000_000, 60.0), (Bound::MAX, 60.0)]);
        let now = counted(&[(100_000, 50.0), (1_000_000, 160.0), (Bound::MAX, 161.0)]);
        let (requests, _) = added(Some(&before), &now);
        let all: u32 = requests.iter().map(|(_, times)| times).sum();
        assert_eq!(all, 101);
        // As Prometheus's own histogram_quantile: evenly over the bucket, and what is beyond the last bound is at it.
        assert!(
            requests
                .iter()
                .all(|(ms, _)| (100.0..=1_000.0).contains(ms))
        );
        assert_eq!(requests.last(), Some(&(1_000.0, 1)));
        let restarted = counted(&[(100_000, 5.0), (1_000_000, 5.0), (Bound::MAX, 5.0)]);
        let (requests, _) = added(Some(&now), &restarted);
        assert_eq!(requests.iter().map(|(_, times)| times).sum::<u32>(), 5);
    }
}
