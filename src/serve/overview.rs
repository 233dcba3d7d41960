//! What the dashboard asks for: every reading, every database, pages, endpoints and the process itself.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    App,
    api_watch::ApiFigures,
    budget::{self, BudgetReading, BudgetSummary, State as Standing},
    collect::{MonitoredDatabase, Status},
    history::Point,
    vitals::{EndpointFigures, Figure, PageFigures, VitalsFigures},
};

const TREND: usize = 60;
/// A percentile of fewer loads or calls is an anecdote, and no page or endpoint is called the slowest by it.
const FEWEST: u64 = 3;

#[derive(Debug, Serialize)]
pub(super) struct Overview {
    pub(super) taken_at: Timestamp,
    pub(super) version: &'static str,
    pub(super) interval_s: f64,
    pub(super) verdict: BudgetSummary,
    pub(super) budgets: Vec<BudgetReading>,
    pub(super) databases: Vec<Value>,
    pub(super) page_budgets: PageBudgets,
    pub(super) vitals: VitalsFigures,
    /// What applications say of their own requests.
    pub(super) apis: Vec<ApiFigures>,
    /// Why not, where it cannot be seen.
    pub(super) host: Value,
    pub(super) requests: super::RequestFigures,
    pub(super) process: super::process::ProcessFigures,
}

/// What each figure of a page may be.
#[derive(Debug, Serialize)]
pub(super) struct PageBudgets {
    load_ms: f64,
    lcp_ms: f64,
    inp_ms: f64,
    cls: f64,
}

impl PageBudgets {
    fn of(app: &App) -> Self {
        let settings = &app.settings;
        Self {
            load_ms: ms(settings.page_budget),
            lcp_ms: ms(settings.lcp_budget),
            inp_ms: ms(settings.inp_budget),
            cls: settings.cls_budget,
        }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

impl Overview {
    pub(super) fn of(app: &App) -> Self {
        let vitals = app.vitals.figures(app.now_s());
        let budgets = readings(app, &vitals);
        Self {
            taken_at: Timestamp::now(),
            version: env!("CARGO_PKG_VERSION"),
            interval_s: app.settings.interval.as_secs_f64(),
            verdict: BudgetSummary::of(&budgets),
            budgets,
            page_budgets: PageBudgets::of(app),
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

pub(super) fn readings(app: &App, vitals: &VitalsFigures) -> Vec<BudgetReading> {
    let mut readings: Vec<BudgetReading> = app.targets.iter().map(|at| queries(app, at)).collect();
    readings.push(api(app, vitals));
    readings.extend(
        app.apis
            .iter()
            .map(|api| own_api(app, &api.figures(app.now_s()))),
    );
    readings.extend(pages(app, vitals));
    readings.extend(app.host.readings());
    budget::sort(&mut readings);
    readings
}

fn queries(app: &App, watched: &MonitoredDatabase) -> BudgetReading {
    watched.read(|state| {
        let digest = state.latest.as_ref().map(|latest| &latest.digest);
        let down = matches!(state.status, Status::Down { .. });
        let value = digest
            .filter(|_| !down)
            .and_then(|digest| digest.slowest_query_ms);
        let budget = ms(app.settings.query_budget);
        let what = "slowest query on average";
        let mut reading = BudgetReading::new("database", &watched.name, what, "ms", value, budget);
        if let Status::Down { error, .. } = &state.status {
            reading.state = Standing::Down;
            reading.note = Some(error.clone());
        } else if digest.is_some_and(|digest| !digest.statements_known) {
            reading.note = Some("pg_stat_statements cannot be read".into());
        } else if value.is_none() {
            reading.note = Some("no queries from the application recently".into());
        }
        let points = state.history.thinned(TREND);
        reading.trend = points.iter().map(|point| point.slowest_query_ms).collect();
        reading
    })
}

fn api(app: &App, vitals: &VitalsFigures) -> BudgetReading {
    let what = "slowest API call, 95th percentile";
    slowest(app, &vitals.endpoints, what, "no calls yet".into())
}

/// As the application says itself.
fn own_api(app: &App, figures: &ApiFigures) -> BudgetReading {
    let what = "slowest request, 95th percentile";
    let mut reading = slowest(app, &figures.endpoints, what, "no requests yet".into());
    reading.subject = format!("{}: {}", figures.name, reading.subject);
    reading.app = Some(figures.name.clone());
    if let Some(error) = &figures.error {
        reading.state = Standing::Down;
        reading.value = None;
        reading.note = Some(error.clone());
    }
    reading
}

fn slowest(
    app: &App,
    endpoints: &[EndpointFigures],
    what: &'static str,
    none: String,
) -> BudgetReading {
    let slowest = endpoints
        .iter()
        .filter(|endpoint| endpoint.calls >= FEWEST && endpoint.p95_ms.is_some())
        .max_by(|a, b| a.p95_ms.unwrap_or(0.0).total_cmp(&b.p95_ms.unwrap_or(0.0)));
    let budget = ms(app.settings.api_budget);
    let subject = slowest.map_or(none, |endpoint| endpoint.endpoint.clone());
    let value = slowest.and_then(|endpoint| endpoint.p95_ms);
    let mut reading = BudgetReading::new("api", subject, what, "ms", value, budget);
    reading.trend = slowest.map_or(Vec::new(), |endpoint| endpoint.trend_ms.clone());
    reading
}

/// The worst page by each figure that has a budget.
fn pages(app: &App, vitals: &VitalsFigures) -> impl Iterator<Item = BudgetReading> {
    let PageBudgets {
        load_ms,
        lcp_ms,
        inp_ms,
        cls,
    } = PageBudgets::of(app);
    let none = "no page views yet";
    [
        (
            Figure::Load,
            "slowest page load, 75th percentile",
            "ms",
            load_ms,
            none,
        ),
        (
            Figure::Lcp,
            "slowest LCP, 75th percentile",
            "ms",
            lcp_ms,
            none,
        ),
        (
            Figure::Inp,
            "slowest INP, 75th percentile",
            "ms",
            inp_ms,
            "no interactions yet",
        ),
        (
            Figure::Cls,
            "worst CLS, 75th percentile",
            "score",
            cls,
            none,
        ),
    ]
    .into_iter()
    .map(|(figure, what, unit, budget, none)| {
        let of = |page: &PageFigures| (page.told(figure) >= FEWEST).then(|| page.p75(figure))?;
        let pages = vitals.pages.iter();
        let worst = pages
            .filter_map(|page| Some((page.page.as_str(), of(page)?)))
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        let (subject, value) = worst.unzip();
        let mut reading =
            BudgetReading::new("page", subject.unwrap_or(none), what, unit, value, budget);
        if let Some(page) = subject {
            reading.trend = app.vitals.trend(page, figure, app.now_s());
        }
        reading
    })
}

/// A database as the dashboard shows it.
pub(super) fn database(watched: &MonitoredDatabase) -> Value {
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
