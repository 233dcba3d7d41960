//! `/metrics`: what the reports know, whether each database is up, the requests, browsers and the process.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    App,
    budget::BudgetReading,
    collect::{Collection, MonitoredDatabase, State, Status},
    overview,
};
use crate::{
    catalog::Statement,
    render::{self, Exposition, Kind, Labels},
};

pub(super) fn text(app: &App) -> String {
    let up: Vec<Arc<Collection>> = app
        .targets
        .iter()
        // A database that is down has no figures, rather than old ones.
        .filter_map(|watched| {
            watched.read(|state| match state.status {
                Status::Up { .. } => state.latest.clone(),
                _ => None,
            })
        })
        .collect();
    let reports: Vec<_> = up.iter().map(|collected| &collected.report).collect();
    let mut text = Exposition::default();
    render::write_prometheus(&reports, &mut text);
    databases(app, &mut text);
    statements(&up, &mut text);
    budgets(app, &mut text);
    host(app, &mut text);
    own(app, &mut text);
    apis(app, &mut text);
    app.store.write(&mut text);
    text.into_text()
}

fn label(key: &'static str, value: &str) -> Labels {
    vec![(key.into(), value.to_owned())]
}

#[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
fn databases(app: &App, text: &mut Exposition) {
    type Read = fn(&State) -> Option<f64>;
    const METRICS: [(&str, Kind, &str, Read); 4] = [
        (
            "up",
            Kind::Gauge,
            "1 if the last collection from the database succeeded.",
            |state| {
                Some(f64::from(u8::from(matches!(
                    state.status,
                    Status::Up { .. }
                ))))
            },
        ),
        (
            "collections_total",
            Kind::Counter,
            "Collections from the database.",
            |state| Some(state.collections as f64),
        ),
        (
            "collections_failed_total",
            Kind::Counter,
            "Failed collections from the database; each leaves a gap.",
            |state| Some(state.failures as f64),
        ),
        (
            "collect_duration_seconds",
            Kind::Gauge,
            "Duration of the last collection.",
            |state| Some(state.latest.as_ref()?.took.as_secs_f64()),
        ),
    ];
    for (name, kind, help, of) in METRICS {
        let sample = |at: &MonitoredDatabase| Some((label("database", &at.name), at.read(of)?));
        text.family(name, kind, help, app.targets.iter().filter_map(sample));
    }
}

/// A statement is identified by its number alone: its text is not a label.
#[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
fn statements(up: &[Arc<Collection>], text: &mut Exposition) {
    type Read = fn(&Statement) -> f64;
    const METRICS: [(&str, &str, Read); 3] = [
        ("statement_calls_total", "Runs of the statement.", |s| {
            s.calls as f64
        }),
        (
            "statement_seconds_total",
            "Total time of the statement.",
            |s| s.total_ms / 1000.0,
        ),
        (
            "statement_rows_total",
            "Rows returned or affected by the statement.",
            |s| s.rows as f64,
        ),
    ];
    for (name, help, of) in METRICS {
        let samples = up.iter().flat_map(|collected| {
            let report = &collected.report;
            // One statement may be there for several users: the format wants each series once.
            let mut sums: BTreeMap<i64, f64> = BTreeMap::new();
            for statement in report.statements.iter().flat_map(|all| &all.by_total) {
                if let Some(id) = statement.query_id {
                    *sums.entry(id).or_default() += of(statement);
                }
            }
            let database = report.label.as_ref().unwrap_or(&report.database.name);
            sums.into_iter().map(move |(id, value)| {
                let mut labels = label("database", database);
                labels.push(("query_id".into(), id.to_string()));
                (labels, value)
            })
        });
        text.family(name, Kind::Counter, help, samples);
    }
}

fn apis(app: &App, text: &mut Exposition) {
    let figures = app.apis.iter().map(|api| api.figures(app.now_s()));
    let samples = figures.map(|api| (label("app", &api.name), u8::from(api.error.is_none())));
    let help = "1 if the application's own metrics could be read last time.";
    text.family("api_up", Kind::Gauge, help, samples);
}

/// What is not measured has no figure: an alert must not take it for good.
fn budgets(app: &App, text: &mut Exposition) {
    let readings = overview::readings(app, &app.vitals.figures(app.now_s()));
    let labels = |reading: &BudgetReading| {
        // The slowest page or endpoint changes from one time to the next; the database stays.
        let database = if reading.scope == "database" {
            reading.subject.as_str()
        } else {
            ""
        };
        let mut labels = label("scope", reading.scope);
        labels.extend(label("database", database));
        labels.extend(label("what", reading.what));
        labels.extend(reading.app.iter().flat_map(|app| label("app", app)));
        labels
    };
    let base = |reading: &BudgetReading, value: f64| {
        if reading.unit == "ms" {
            value / 1000.0
        } else {
            value
        }
    };
    let measured = readings
        .iter()
        .filter_map(|of| Some((labels(of), base(of, of.value?))));
    text.family(
        "budget_value",
        Kind::Gauge,
        "Measured value that has a budget, in seconds or as a ratio.",
        measured,
    );
    let limits = readings.iter().map(|of| (labels(of), base(of, of.budget)));
    text.family(
        "budget_limit",
        Kind::Gauge,
        "Budget of the measured value.",
        limits,
    );
}

#[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
fn host(app: &App, text: &mut Exposition) {
    let Ok(host) = app.host.latest() else {
        return;
    };
    let memory = host.memory.as_ref();
    for (name, help, value) in [
        (
            "host_memory_used_bytes",
            "Memory in use by the container or the machine.",
            memory.map(|memory| memory.used_bytes as f64),
        ),
        (
            "host_memory_limit_bytes",
            "Memory available to the container or the machine.",
            memory.map(|memory| memory.limit_bytes as f64),
        ),
        (
            "host_cpu_ratio",
            "CPU in use, as a share of all available.",
            host.cpu.as_ref().map(|cpu| cpu.ratio),
        ),
        (
            "host_throttled_ratio",
            "Share of the scheduler periods in which CPU was throttled.",
            host.throttled.as_ref().map(|throttled| throttled.ratio),
        ),
    ] {
        text.single(name, Kind::Gauge, help, value);
    }
    let disks = host
        .disks
        .iter()
        .map(|disk| (label("path", &disk.path), disk.ratio()));
    let help = "Share of the file system in use.";
    text.family("host_disk_ratio", Kind::Gauge, help, disks);
}

#[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
fn own(app: &App, text: &mut Exposition) {
    let requests = app.tracking.stats().figures();
    let process = app.process.figures();
    for (name, kind, help, value) in [
        (
            "http_request_duration_average_seconds",
            Kind::Gauge,
            "Average duration of requests to dbaudit serve.",
            Some(requests.average_ms / 1000.0),
        ),
        (
            "http_request_duration_max_seconds",
            Kind::Gauge,
            "Duration of the slowest request to dbaudit serve.",
            Some(requests.max_ms / 1000.0),
        ),
        (
            "http_requests_per_minute",
            Kind::Gauge,
            "Requests that dbaudit serve answered in the last minute.",
            Some(requests.per_minute as f64),
        ),
        (
            "process_cpu_seconds_total",
            Kind::Counter,
            "CPU time of this process.",
            process.cpu_s,
        ),
        (
            "process_resident_memory_bytes",
            Kind::Gauge,
            "Resident memory of this process.",
            process.resident_bytes.map(|bytes| bytes as f64),
        ),
        (
            "process_start_time_seconds",
            Kind::Gauge,
            "Time at which this process started.",
            Some(process.started_at.as_second() as f64),
        ),
        (
            "process_uptime_seconds",
            Kind::Gauge,
            "Uptime of this process.",
            Some(process.uptime_s),
        ),
    ] {
        text.single(name, kind, help, value);
    }
}
