//! What the dashboard asks for: every reading, every database, pages, endpoints and the process itself.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    App,
    api_watch::ApiFigures,
    budget::{Reading, State as Standing},
    collect::{Status, Watched},
    history::Point,
    vitals::{EndpointFigures, VitalsFigures},
};

/// Points of a sparkline.
const TREND: usize = 60;
/// A percentile of fewer loads or calls is an anecdote, and no page or endpoint is called the slowest by it.
const FEWEST: u64 = 3;

/// Everything at a glance.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    pub(super) taken_at: Timestamp,
    pub(super) version: &'static str,
    pub(super) interval_s: f64,
    pub(super) budgets: Vec<Reading>,
    pub(super) databases: Vec<Value>,
    pub(super) vitals: VitalsFigures,
    /// What applications say of their own requests.
    pub(super) apis: Vec<ApiFigures>,
    /// Why not, where it cannot be seen.
    pub(super) host: Value,
    pub(super) requests: super::RequestFigures,
    pub(super) process: super::process::ProcessFigures,
}

impl Overview {
    pub(super) fn of(app: &App) -> Self {
        let vitals = app.vitals.figures(app.now_s());
        Self {
            taken_at: Timestamp::now(),
            version: env!("CARGO_PKG_VERSION"),
            interval_s: app.settings.interval.as_secs_f64(),
            budgets: readings(app, &vitals),
            databases: app.targets.iter().map(database).collect(),
            vitals,
            apis: app
                .apis
                .iter()
                .map(|api| api.figures(app.now_s()))
                .collect(),
            host: host(app),
            requests: app.tracking.stats().figures(),
            process: app.process.figures(),
        }
    }
}

/// Everything that has a budget.
pub(super) fn readings(app: &App, vitals: &VitalsFigures) -> Vec<Reading> {
    let mut readings: Vec<Reading> = app.targets.iter().map(|at| queries(app, at)).collect();
    readings.push(api(app, vitals));
    readings.extend(
        app.apis
            .iter()
            .map(|api| own_api(app, &api.figures(app.now_s()))),
    );
    readings.push(page(app, vitals));
    readings.extend(app.host.readings());
    readings
}

fn queries(app: &App, watched: &Watched) -> Reading {
    watched.read(|state| {
        let digest = state.latest.as_ref().map(|latest| &latest.digest);
        let down = matches!(state.status, Status::Down { .. });
        let value = digest
            .filter(|_| !down)
            .and_then(|digest| digest.slowest_query_ms);
        let budget = app.settings.query_budget.as_secs_f64() * 1000.0;
        let what = "slowest query on average";
        let mut reading = Reading::new("database", &watched.name, what, "ms", value, budget);
        if let Status::Down { error, .. } = &state.status {
            reading.state = Standing::Down;
            reading.note = Some(error.clone());
        } else if digest.is_some_and(|digest| !digest.statements_known) {
            reading.note = Some("pg_stat_statements cannot be read".into());
        } else if value.is_none() {
            reading.note = Some("no query of the application ran lately".into());
        }
        let points = state.history.thinned(TREND);
        reading.trend = points.iter().map(|point| point.slowest_query_ms).collect();
        reading
    })
}

fn api(app: &App, vitals: &VitalsFigures) -> Reading {
    let what = "slowest API call, 95th percentile";
    slowest(app, &vitals.endpoints, what, "no calls seen yet".into())
}

/// As the application says itself.
fn own_api(app: &App, figures: &ApiFigures) -> Reading {
    let what = "slowest request, 95th percentile";
    let mut reading = slowest(app, &figures.endpoints, what, "no requests seen yet".into());
    reading.subject = format!("{}: {}", figures.name, reading.subject);
    reading.app = Some(figures.name.clone());
    if let Some(error) = &figures.error {
        reading.state = Standing::Down;
        reading.value = None;
        reading.note = Some(error.clone());
    }
    reading
}

fn slowest(app: &App, endpoints: &[EndpointFigures], what: &'static str, none: String) -> Reading {
    let slowest = endpoints
        .iter()
        .filter(|endpoint| endpoint.calls >= FEWEST && endpoint.p95_ms.is_some())
        .max_by(|a, b| a.p95_ms.unwrap_or(0.0).total_cmp(&b.p95_ms.unwrap_or(0.0)));
    let budget = app.settings.api_budget.as_secs_f64() * 1000.0;
    let subject = slowest.map_or(none, |endpoint| endpoint.endpoint.clone());
    let value = slowest.and_then(|endpoint| endpoint.p95_ms);
    let mut reading = Reading::new("api", subject, what, "ms", value, budget);
    reading.trend = slowest.map_or(Vec::new(), |endpoint| endpoint.trend_ms.clone());
    reading
}

fn page(app: &App, vitals: &VitalsFigures) -> Reading {
    let slowest = vitals
        .pages
        .iter()
        .filter(|page| page.loads >= FEWEST && page.load_p75_ms.is_some())
        .max_by(|a, b| {
            a.load_p75_ms
                .unwrap_or(0.0)
                .total_cmp(&b.load_p75_ms.unwrap_or(0.0))
        });
    let budget = app.settings.page_budget.as_secs_f64() * 1000.0;
    let subject = slowest.map_or("no pages seen yet", |page| &page.page);
    let value = slowest.and_then(|page| page.load_p75_ms);
    let what = "slowest page load, 75th percentile";
    let mut reading = Reading::new("page", subject, what, "ms", value, budget);
    reading.trend = slowest.map_or(Vec::new(), |page| page.trend_ms.clone());
    reading
}

/// A database as the dashboard shows it.
pub(super) fn database(watched: &Watched) -> Value {
    watched.read(|state| {
        let points = state.history.thinned(TREND);
        let trend = |of: fn(&Point) -> Option<f64>| points.iter().map(of).collect::<Vec<_>>();
        #[expect(clippy::cast_precision_loss, reason = "drawn, not judged")]
        let trends = json!({
            "size_bytes": trend(|p| p.size_bytes.map(|n| n as f64)),
            "connections": trend(|p| p.connections.map(|n| n as f64)),
            "commits_per_s": trend(|p| p.commits_per_s),
        });
        json!({
            "name": watched.name,
            "status": state.status,
            "gaps": state.history.points().filter(|point| !point.up).count(),
            "collect_ms": state.latest.as_ref().map(|latest| latest.took.as_secs_f64() * 1000.0),
            "trends": trends,
            // Of a database that is down: what was known last, under its own time.
            "latest": state.latest.as_ref().map(|latest| &latest.digest),
        })
    })
}

/// The machine or container, or why it cannot be seen.
pub(super) fn host(app: &App) -> Value {
    match app.host.latest() {
        Ok(host) => json!(host),
        Err(reason) => json!({"skipped": reason}),
    }
}
