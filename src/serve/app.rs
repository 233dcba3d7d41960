//! What the handlers share.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::body::Bytes;
use futures_util::FutureExt;

use super::{
    access::Access,
    api_watch::{WatchedApi, watch_for_ever},
    collect::{MonitoredDatabase, collect_for_ever},
    host_watch::HostWatch,
    metrics_text,
    notify::notify_for_ever,
    overview::Overview,
    process::Process,
    rate::{GUESSES, RateLimit},
    store::Store,
    track::{self, RequestTracking},
    vitals::Vitals,
};
use crate::config::{AppConfig, ServeConfig};

/// The application's state: what is watched, what was measured, and who may see it.
#[derive(Debug)]
pub struct App {
    pub(super) settings: ServeConfig,
    pub(super) targets: Vec<MonitoredDatabase>,
    pub(super) apis: Vec<WatchedApi>,
    pub(super) access: Access,
    pub(super) rate: RateLimit,
    pub(super) guesses: RateLimit,
    pub(super) tracking: RequestTracking,
    pub(super) store: Arc<Store>,
    pub(super) vitals: Vitals,
    pub(super) process: Process,
    pub(super) host: HostWatch,
    begun: Instant,
    overview: Mutex<Option<(Instant, Bytes)>>,
    metrics_text: tokio::sync::Mutex<Option<(Instant, Bytes)>>,
}

/// An overview, or the text of the metrics, serves whoever asks within this time.
const FRESH: Duration = Duration::from_millis(500);
/// How often what fell silent is looked for.
const UPKEEP: Duration = Duration::from_secs(5);
/// A task that panicked is begun again after so long.
const AFTER_A_FALL: Duration = Duration::from_secs(5);

impl App {
    /// Nothing is asked of a database before [`App::collectors`] run. `listen`: where the application is heard.
    pub fn new(
        settings: ServeConfig,
        targets: Vec<(String, crate::db::Target)>,
        apps: &[AppConfig],
        listen: SocketAddr,
    ) -> Arc<Self> {
        let store = Arc::new(Store::default());
        let api_ms = settings.api_budget.as_secs_f64() * 1000.0;
        Arc::new(Self {
            targets: targets
                .into_iter()
                .map(|(name, target)| MonitoredDatabase::new(name, target))
                .collect(),
            apis: apps.iter().map(WatchedApi::new).collect(),
            access: Access::new(&settings, listen),
            rate: RateLimit::new(settings.rate_limit),
            guesses: RateLimit::new(GUESSES),
            tracking: RequestTracking::with(track::SLOW, track::TOO_SLOW, Some(store.clone())),
            vitals: Vitals::new(store.clone(), api_ms),
            store,
            process: Process::new(),
            host: HostWatch::new(settings.memory_limit),
            begun: Instant::now(),
            overview: Mutex::new(None),
            metrics_text: tokio::sync::Mutex::new(None),
            settings,
        })
    }

    /// Watches everything until dropped.
    pub async fn collectors(self: Arc<Self>) {
        let mut tasks = tokio::task::JoinSet::new();
        for at in 0..self.targets.len() {
            let app = Arc::clone(&self);
            tasks.spawn(supervise(
                move || collect_for_ever(Arc::clone(&app), at),
                fell(&self, move |app, reason| {
                    if let Some(watched) = app.targets.get(at) {
                        watched.fell(reason);
                    }
                }),
            ));
        }
        for at in 0..self.apis.len() {
            let app = Arc::clone(&self);
            tasks.spawn(supervise(
                move || watch_for_ever(Arc::clone(&app), at),
                fell(&self, move |app, reason| {
                    if let Some(api) = app.apis.get(at) {
                        api.fail(reason.to_owned());
                    }
                }),
            ));
        }
        let app = Arc::clone(&self);
        let notify = move || notify_for_ever(Arc::clone(&app));
        tasks.spawn(supervise(
            notify,
            fell(&self, |_, reason| tracing::error!("the webhook: {reason}")),
        ));
        let app = Arc::clone(&self);
        let host = move || {
            let app = Arc::clone(&app);
            async move {
                loop {
                    app.host.read();
                    tokio::time::sleep(app.settings.interval).await;
                }
            }
        };
        tasks.spawn(supervise(
            host,
            fell(&self, |_, reason| tracing::error!("the host: {reason}")),
        ));
        let app = Arc::clone(&self);
        let upkeep = move || {
            let app = Arc::clone(&app);
            async move {
                loop {
                    tokio::time::sleep(UPKEEP).await;
                    app.vitals.settle(app.now_s());
                    app.store
                        .forget_idle(Duration::from_secs(super::vitals::IDLE_S));
                }
            }
        };
        tasks.spawn(supervise(
            upkeep,
            fell(&self, |_, reason| tracing::error!("upkeep: {reason}")),
        ));
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

/// What is done where a task panicked, with the reason in words.
fn fell(
    app: &Arc<App>,
    tell: impl Fn(&App, &str) + Send + 'static,
) -> impl Fn(&str) + Send + 'static {
    let app = Arc::clone(app);
    move |reason| tell(&app, reason)
}

/// A task that panics is begun again a little later: what was wrong with one reading need not be with the next.
async fn supervise<F: Future<Output = ()>>(begin: impl Fn() -> F, tell: impl Fn(&str)) {
    supervise_after(AFTER_A_FALL, begin, tell).await;
}

async fn supervise_after<F: Future<Output = ()>>(
    pause: Duration,
    begin: impl Fn() -> F,
    tell: impl Fn(&str),
) {
    loop {
        match AssertUnwindSafe(begin()).catch_unwind().await {
            Ok(()) => return,
            Err(panic) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
                tell(&format!(
                    "panicked and is restarted: {}",
                    said.unwrap_or("no reason given")
                ));
                tokio::time::sleep(pause).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_begun_again_and_said_to_have_fallen() {
        let begun = AtomicU32::new(0);
        let said = Mutex::new(Vec::new());
        let task = || async {
            assert!(begun.fetch_add(1, Ordering::Relaxed) >= 2, "planted");
        };
        supervise_after(Duration::ZERO, task, |reason| {
            said.lock().unwrap().push(reason.to_owned())
        })
        .await;
        assert_eq!(begun.load(Ordering::Relaxed), 3);
        let said = said.into_inner().unwrap();
        assert_eq!(said, ["panicked and is restarted: planted"; 2]);
    }
}
