//! What the handlers share.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::body::Bytes;
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
    store::Store,
    track::{self, RequestTracking},
    vitals::Vitals,
};
use crate::config::ServeConfig;

/// The application's state: what is watched, what was measured, and who may see it.
#[derive(Debug)]
pub struct App {
    pub(super) settings: ServeConfig,
    pub(super) targets: Vec<Watched>,
    pub(super) access: Access,
    pub(super) rate: RateLimit,
    pub(super) tracking: RequestTracking,
    pub(super) store: Arc<Store>,
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
/// How often what fell silent is looked for.
const UPKEEP: Duration = Duration::from_secs(5);

impl App {
    /// Nothing is asked of a database before [`App::collectors`] run. `listen`: where the application is heard.
    #[must_use]
    pub fn new(
        settings: ServeConfig,
        targets: Vec<(String, crate::db::Target)>,
        listen: SocketAddr,
    ) -> Arc<Self> {
        let store = Arc::new(Store::default());
        let api_ms = settings.api_budget.as_secs_f64() * 1000.0;
        Arc::new(Self {
            targets: targets
                .into_iter()
                .map(|(name, target)| Watched::new(name, target))
                .collect(),
            access: Access::new(&settings, listen),
            rate: RateLimit::new(settings.rate_limit),
            tracking: RequestTracking::with(track::SLOW, track::TOO_SLOW, Some(store.clone())),
            vitals: Vitals::new(store.clone(), api_ms),
            store,
            process: Process::new(),
            host: HostWatch::new(settings.memory_limit),
            begun: Instant::now(),
            overview: Mutex::new(None),
            metrics_text: tokio::sync::Mutex::new(None),
            writers: Semaphore::new(WRITERS),
            settings,
        })
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
                self.store
                    .forget_idle(Duration::from_secs(super::vitals::IDLE_S));
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
