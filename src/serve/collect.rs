//! One database, every interval: connect, read, judge, keep. Failures are shown, and retried.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::OnceCell;

use super::{
    App,
    digest::Digest,
    history::{History, Point},
    host_watch::HostWatch,
    redact::redact,
};
use crate::{
    Error, Result,
    catalog::{self, Catalog, IndexTexts, LoadOptions},
    check,
    config::ServeConfig,
    db::{self, Session, Target, mask_text},
    host::{self, ELSEWHERE},
    report::{Changes, DatabaseReport},
};

#[derive(Debug)]
pub(super) struct MonitoredDatabase {
    /// As it is shown, and labelled in `/metrics`.
    pub(super) name: String,
    target: Target,
    state: RwLock<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) status: Status,
    pub(super) latest: Option<Arc<Collection>>,
    pub(super) history: History,
    /// How often it was read since the start, and how often in vain.
    pub(super) collections: u64,
    pub(super) failures: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub(super) enum Status {
    /// It has not been asked yet.
    Waiting,
    Up {
        since: Timestamp,
    },
    Down {
        since: Timestamp,
        error: String,
    },
}

#[derive(Debug)]
pub(super) struct Collection {
    pub(super) report: DatabaseReport,
    pub(super) digest: Digest,
    pub(super) took: Duration,
    document: OnceCell<Bytes>,
}

impl Collection {
    /// The report as `report --format json` writes it, but for what may be a value in a statement. Made once, when it is first
    /// asked for: of thousands of tables it is megabytes.
    pub(super) async fn document(self: Arc<Self>) -> Bytes {
        let collected = Arc::clone(&self);
        let made = self.document.get_or_init(|| async {
            let write = tokio::task::spawn_blocking(move || {
                let mut document = serde_json::to_value(&collected.report).unwrap_or_default();
                redact(&mut document);
                serde_json::to_vec(&document).unwrap_or_default()
            });
            Bytes::from(write.await.unwrap_or_default())
        });
        made.await.clone()
    }
}

impl MonitoredDatabase {
    pub(super) fn new(name: String, target: Target) -> Self {
        Self {
            name,
            target,
            state: RwLock::new(State {
                status: Status::Waiting,
                latest: None,
                history: History::default(),
                collections: 0,
                failures: 0,
            }),
        }
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A database that is down is tried again this soon.
const RETRY: Duration = Duration::from_secs(10);
/// A collection that takes longer has met a server that says nothing more.
const PATIENCE: Duration = Duration::from_secs(60);

/// Collects for ever. Dropped when the application ends.
pub(super) async fn collect_for_ever(app: Arc<App>, at: usize) {
    let Some(watched) = app.targets.get(at) else {
        return;
    };
    let mut session = None;
    loop {
        let begun = Instant::now();
        // What it returns is kept where everyone can see it.
        let up = collect(&app, watched, &mut session).await;
        let interval = app.settings.interval;
        let next = if up { interval } else { interval.min(RETRY) };
        tokio::time::sleep(next.saturating_sub(begun.elapsed())).await;
    }
}

async fn collect(app: &App, watched: &MonitoredDatabase, session: &mut Option<Session>) -> bool {
    let begun = Instant::now();
    let loading = load(watched, &app.settings, &app.host, session);
    let loaded = match tokio::time::timeout(PATIENCE, loading).await {
        Ok(loaded) => loaded,
        Err(_) => Err(Error::CannotJudge {
            message: format!("no answer within {} seconds", PATIENCE.as_secs()),
            hint: String::new(),
        }),
    };
    let kept = match loaded {
        Ok(catalog) => keep(app, watched, catalog, begun).await,
        Err(error) => Err(error),
    };
    match kept {
        Ok(()) => true,
        Err(error) => {
            // Whatever it was: the next one begins with a connection of its own.
            *session = None;
            go_down(watched, &error.to_string());
            false
        }
    }
}

async fn load(
    watched: &MonitoredDatabase,
    settings: &ServeConfig,
    host: &HostWatch,
    session: &mut Option<Session>,
) -> Result<Catalog> {
    let open = match session.take().filter(|session| !session.is_closed()) {
        Some(open) => open,
        None => db::connect_to(&watched.target, "serve").await?,
    };
    let limits = LoadOptions {
        lock_timeout: settings.report.lock_timeout.0,
        statement_timeout: settings.report.statement_timeout.0,
        index_texts: IndexTexts::All,
        exact_bloat: None,
    };
    let session = session.insert(open);
    let mut catalog = catalog::load(session, &limits).await?;
    let local = host::is_served_here(&catalog, session.ask_backend_pid().await?);
    catalog.see_host(if local {
        host.latest()
    } else {
        Err(ELSEWHERE.into())
    });
    Ok(catalog)
}

/// Judging thousands of tables takes a while, and must not keep requests waiting.
async fn keep(
    app: &App,
    watched: &MonitoredDatabase,
    catalog: Catalog,
    begun: Instant,
) -> Result<()> {
    let before = watched.read(|state| state.latest.clone());
    let settings = app.settings.report.clone();
    let name = watched.name.clone();
    let judged = tokio::task::spawn_blocking(move || {
        let verdicts = check::judge(&catalog, &[], &settings.policy);
        let mut report = DatabaseReport::new(catalog, verdicts, settings.view);
        report.label = Some(name);
        report.changes = before
            .as_ref()
            .and_then(|before| Changes::between(&before.report.catalog, &report.catalog));
        report
    });
    let report = judged.await.map_err(|error| Error::CannotJudge {
        message: format!("judging {}: {error}", watched.name),
        hint: String::new(),
    })?;
    let budget_ms = app.settings.query_budget.as_secs_f64() * 1000.0;
    watched.write(|state| {
        let growing = state.history.growth(report.taken_at, &report.tables);
        let digest = Digest::of(&report, growing, budget_ms);
        state.history.add(digest.point(&report));
        state.collections += 1;
        match state.status {
            Status::Up { .. } => {}
            Status::Waiting | Status::Down { .. } => {
                tracing::info!("{}: up, {}", watched.name, report.server.version);
                state.status = Status::Up {
                    since: report.taken_at,
                };
            }
        }
        state.latest = Some(Arc::new(Collection {
            report,
            digest,
            took: begun.elapsed(),
            document: OnceCell::new(),
        }));
    });
    Ok(())
}

impl MonitoredDatabase {
    /// Its collector panicked: shown as down until the next one has read it.
    pub(super) fn fell(&self, reason: &str) {
        go_down(self, &format!("its collector {reason}"));
    }
}

fn go_down(watched: &MonitoredDatabase, error: &str) {
    let (now, error) = (Timestamp::now(), one_line(&mask_text(error)));
    watched.write(|state| {
        state.history.add(Point::gap(now));
        state.failures += 1;
        state.status = match &state.status {
            Status::Down { since, .. } => Status::Down {
                since: *since,
                error,
            },
            Status::Waiting | Status::Up { .. } => {
                tracing::warn!("{}: down: {error}", watched.name);
                Status::Down { since: now, error }
            }
        };
    });
}

/// A server's words may hold a name that somebody made up: no line of the log is theirs, and no colour.
fn one_line(text: &str) -> String {
    let mark = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_one_line_without_escapes() {
        let said = "relation \"x\r\n2026-01-01 ERROR all is lost\u{1b}[31m\u{9b}\" is gone";
        let kept = one_line(said);
        assert!(!kept.chars().any(char::is_control), "{kept:?}");
        assert!(kept.starts_with("relation \"x  2026-01-01"), "{kept}");
    }
}
