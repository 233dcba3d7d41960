//! What the handlers share.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::body::Bytes;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use tokio::sync::Semaphore;

use super::{
    access::Access,
    collect::{Watched, collect_for_ever},
    host_watch::HostWatch,
    metrics_text,
    notify::notify_for_ever,
    overview::Overview,
    process::Process,
    rate::RateLimit,
    track::{self, RequestTracking},
    vitals::Vitals,
};
use crate::{Error, Result, config::ServeConfig};

/// The application's state: what is watched, what was measured, and who may see it.
#[derive(Debug)]
pub struct App {
    pub(super) settings: ServeConfig,
    pub(super) targets: Vec<Watched>,
    pub(super) access: Access,
    pub(super) rate: RateLimit,
    pub(super) tracking: RequestTracking,
    pub(super) metrics: PrometheusHandle,
    pub(super) vitals: Vitals,
    pub(super) process: Process,
    pub(super) host: HostWatch,
    begun: Instant,
    overview: Mutex<Option<(Instant, Bytes)>>,
    metrics_text: tokio::sync::Mutex<Option<(Instant, Bytes)>>,
    /// Whole reports are large: so many are written at the same time.
    pub(super) writers: Semaphore,
}

/// An overview, or the text of the metrics, serves whoever asks within this time.
const FRESH: Duration = Duration::from_millis(500);
const WRITERS: usize = 2;
/// The exporter keeps each observation of a histogram until it is asked to sort them in.
const UPKEEP: Duration = Duration::from_secs(5);

/// Seconds; the budgets of 100 ms, 1 s and 2 s are bounds.
const DURATIONS: [f64; 14] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0, 30.0,
];
const SHIFTS: [f64; 6] = [0.01, 0.05, 0.1, 0.15, 0.25, 0.5];

impl App {
    /// Nothing is asked of a database before [`App::collectors`] run. `listen`: where the application is heard.
    ///
    /// # Errors
    /// [`Error::Config`] where the metrics cannot be set up; there is no reason for it.
    pub fn new(
        settings: ServeConfig,
        targets: Vec<(String, crate::db::Target)>,
        listen: SocketAddr,
    ) -> Result<Arc<Self>> {
        let wrong = |error: metrics_exporter_prometheus::BuildError| Error::Config {
            message: format!("the metrics: {error}"),
            hint: String::new(),
        };
        let recorder = PrometheusBuilder::new()
            .set_buckets(&DURATIONS)
            .map_err(wrong)?
            .set_buckets_for_metric(Matcher::Full("page_cls".into()), &SHIFTS)
            .map_err(wrong)?
            // A page that nobody visits any more gives its series up, as in `vitals`.
            .idle_timeout(
                MetricKindMask::HISTOGRAM,
                Some(Duration::from_secs(super::vitals::IDLE_S)),
            )
            .build_recorder();
        let metrics = recorder.handle();
        let recorder = Arc::new(recorder);
        let api_ms = settings.api_budget.as_secs_f64() * 1000.0;
        Ok(Arc::new(Self {
            targets: targets
                .into_iter()
                .map(|(name, target)| Watched::new(name, target))
                .collect(),
            access: Access::new(&settings, listen),
            rate: RateLimit::new(settings.rate_limit),
            tracking: RequestTracking::with(track::SLOW, track::TOO_SLOW, Some(recorder.clone())),
            metrics,
            vitals: Vitals::new(recorder, api_ms),
            process: Process::new(),
            host: HostWatch::new(settings.memory_limit),
            begun: Instant::now(),
            overview: Mutex::new(None),
            metrics_text: tokio::sync::Mutex::new(None),
            writers: Semaphore::new(WRITERS),
            settings,
        }))
    }

    /// Watches every database until dropped.
    pub async fn collectors(self: Arc<Self>) {
        let mut tasks = tokio::task::JoinSet::new();
        for at in 0..self.targets.len() {
            tasks.spawn(collect_for_ever(Arc::clone(&self), at));
        }
        tasks.spawn(notify_for_ever(Arc::clone(&self)));
        let app = Arc::clone(&self);
        tasks.spawn(async move {
            loop {
                app.host.read();
                tokio::time::sleep(app.settings.interval).await;
            }
        });
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                self.vitals.settle(self.now_s());
                self.metrics.run_upkeep();
            }
        });
        while tasks.join_next().await.is_some() {}
    }

    /// Seconds since the start.
    pub(super) fn now_s(&self) -> u64 {
        self.begun.elapsed().as_secs()
    }

    /// The overview as JSON, made at most twice a second.
    pub(super) fn overview(&self) -> Bytes {
        let mut kept = self.overview.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, bytes)) = &*kept
            && made.elapsed() < FRESH
        {
            return bytes.clone();
        }
        let bytes = Bytes::from(serde_json::to_vec(&Overview::of(self)).unwrap_or_default());
        *kept = Some((Instant::now(), bytes.clone()));
        bytes
    }
    /// `/metrics`, made at most twice a second, by one at a time, and shared by all who ask: thousands of tables are a
    /// megabyte of text, and whoever asks may be slow to read it.
    pub(super) async fn metrics_text(self: &Arc<Self>) -> Bytes {
        let mut kept = self.metrics_text.lock().await;
        if let Some((made, bytes)) = &*kept
            && made.elapsed() < FRESH
        {
            return bytes.clone();
        }
        let app = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || metrics_text::text(&app)).await;
        let bytes = Bytes::from(made.unwrap_or_default());
        *kept = Some((Instant::now(), bytes.clone()));
        bytes
    }
}
