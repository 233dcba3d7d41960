//! `/metrics`: what the reports know, whether each database is up, the requests, browsers and the process.

use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use super::{
    App,
    budget::Reading,
    collect::{Collected, State, Status},
    overview,
};
use crate::{catalog::Statement, render};

pub(super) fn text(app: &App) -> String {
    let up: Vec<Arc<Collected>> = app
        .targets
        .iter()
        // Of a database that is down there are no figures, rather than old ones.
        .filter_map(|watched| {
            watched.read(|state| match state.status {
                Status::Up { .. } => state.latest.clone(),
                _ => None,
            })
        })
        .collect();
    let reports: Vec<_> = up.iter().map(|collected| &collected.report).collect();
    let mut text = render::prometheus(&reports);
    databases(app, &mut text);
    statements(&up, &mut text);
    budgets(app, &mut text);
    host(app, &mut text);
    own(app, &mut text);
    text.push_str(&app.metrics.render());
    text
}

fn databases(app: &App, text: &mut String) {
    head(
        text,
        "dbaudit_up",
        "gauge",
        "1: the database answered last time.",
    );
    for watched in &app.targets {
        let up = watched.read(|state| matches!(state.status, Status::Up { .. }));
        let name = escaped(&watched.name);
        line(
            text,
            &format!("dbaudit_up{{database=\"{name}\"}}"),
            f64::from(u8::from(up)),
        );
    }
    type Of = fn(&State) -> u64;
    const COUNTS: [(&str, &str, Of); 2] = [
        (
            "dbaudit_collections_total",
            "How often the database was read.",
            |state| state.collections,
        ),
        (
            "dbaudit_collections_failed_total",
            "How often reading the database failed: each is a gap.",
            |state| state.failures,
        ),
    ];
    for (metric, help, of) in COUNTS {
        head(text, metric, "counter", help);
        for watched in &app.targets {
            let name = escaped(&watched.name);
            #[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
            let count = watched.read(of) as f64;
            line(text, &format!("{metric}{{database=\"{name}\"}}"), count);
        }
    }
    head(
        text,
        "dbaudit_collect_duration_seconds",
        "gauge",
        "What the last collection took.",
    );
    for watched in &app.targets {
        if let Some(took) = watched.read(|state| state.latest.as_ref().map(|c| c.took)) {
            let name = escaped(&watched.name);
            let sample = format!("dbaudit_collect_duration_seconds{{database=\"{name}\"}}");
            line(text, &sample, took.as_secs_f64());
        }
    }
}

/// A statement is known by its number alone: its text is no label.
#[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
fn statements(up: &[Arc<Collected>], text: &mut String) {
    type Of = fn(&Statement) -> f64;
    const METRICS: [(&str, &str, Of); 3] = [
        (
            "dbaudit_statement_calls_total",
            "Runs of the statement.",
            |s| s.calls as f64,
        ),
        (
            "dbaudit_statement_seconds_total",
            "Time of all its runs.",
            |s| s.total_ms / 1000.0,
        ),
        (
            "dbaudit_statement_rows_total",
            "Rows of all its runs.",
            |s| s.rows as f64,
        ),
    ];
    for (name, help, of) in METRICS {
        head(text, name, "counter", help);
        for report in up.iter().map(|collected| &collected.report) {
            let database = escaped(report.label.as_ref().unwrap_or(&report.database.name));
            // One statement may be there for several users: the format wants each series once.
            let mut sums: BTreeMap<i64, f64> = BTreeMap::new();
            for statement in report.statements.iter().flat_map(|all| &all.by_total) {
                if let Some(id) = statement.query_id {
                    *sums.entry(id).or_default() += of(statement);
                }
            }
            for (id, value) in sums {
                line(
                    text,
                    &format!("{name}{{database=\"{database}\",query_id=\"{id}\"}}"),
                    value,
                );
            }
        }
    }
}

/// What is not measured has no figure: an alert must not take it for good.
fn budgets(app: &App, text: &mut String) {
    let readings = overview::readings(app, &app.vitals.figures(app.now_s()));
    let labelled = |reading: &Reading| {
        // The slowest page or endpoint changes from one time to the next; the database stays.
        let subject = if reading.scope == "database" {
            escaped(&reading.subject)
        } else {
            String::new()
        };
        format!(
            "{{scope=\"{}\",database=\"{subject}\",what=\"{}\"}}",
            reading.scope, reading.what
        )
    };
    let seconds = |reading: &Reading, value: f64| {
        if reading.unit == "ms" {
            value / 1000.0
        } else {
            value
        }
    };
    head(
        text,
        "dbaudit_budget_value",
        "gauge",
        "What has a budget, in seconds or as a ratio.",
    );
    for reading in &readings {
        if let Some(value) = reading.value {
            let sample = format!("dbaudit_budget_value{}", labelled(reading));
            line(text, &sample, seconds(reading, value));
        }
    }
    head(text, "dbaudit_budget_limit", "gauge", "Its budget.");
    for reading in &readings {
        let sample = format!("dbaudit_budget_limit{}", labelled(reading));
        line(text, &sample, seconds(reading, reading.budget));
    }
}

#[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
fn host(app: &App, text: &mut String) {
    let Ok(host) = app.host.latest() else {
        return;
    };
    let memory = host.memory.as_ref();
    for (name, help, value) in [
        (
            "dbaudit_host_memory_used_bytes",
            "Memory in use, of the container or the machine.",
            memory.map(|memory| memory.used_bytes as f64),
        ),
        (
            "dbaudit_host_memory_limit_bytes",
            "Memory there is.",
            memory.map(|memory| memory.limit_bytes as f64),
        ),
        (
            "dbaudit_host_cpu_ratio",
            "CPU in use, as a share of all there is.",
            host.cpu.as_ref().map(|cpu| cpu.ratio),
        ),
        (
            "dbaudit_host_throttled_ratio",
            "Share of the scheduler's periods in which CPU was withheld.",
            host.throttled.as_ref().map(|throttled| throttled.ratio),
        ),
    ] {
        if let Some(value) = value {
            head(text, name, "gauge", help);
            line(text, name, value);
        }
    }
    if !host.disks.is_empty() {
        head(
            text,
            "dbaudit_host_disk_ratio",
            "gauge",
            "Share of the file system in use.",
        );
        for disk in &host.disks {
            let path = escaped(&disk.path);
            line(
                text,
                &format!("dbaudit_host_disk_ratio{{path=\"{path}\"}}"),
                disk.ratio(),
            );
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
fn own(app: &App, text: &mut String) {
    let requests = app.tracking.stats().figures();
    let process = app.process.figures();
    for (name, kind, help, value) in [
        (
            "http_request_duration_average_seconds",
            "gauge",
            "What a request took on average.",
            Some(requests.average_ms / 1000.0),
        ),
        (
            "http_request_duration_max_seconds",
            "gauge",
            "What the slowest request took.",
            Some(requests.max_ms / 1000.0),
        ),
        (
            "http_requests_per_minute",
            "gauge",
            "Requests answered within the last minute.",
            Some(requests.per_minute as f64),
        ),
        (
            "process_cpu_seconds_total",
            "counter",
            "CPU time of this process.",
            process.cpu_s,
        ),
        (
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory of this process.",
            process.resident_bytes.map(|bytes| bytes as f64),
        ),
        (
            "process_start_time_seconds",
            "gauge",
            "When this process started.",
            Some(process.started_at.as_second() as f64),
        ),
        (
            "process_uptime_seconds",
            "gauge",
            "How long this process runs.",
            Some(process.uptime_s),
        ),
    ] {
        if let Some(value) = value {
            head(text, name, kind, help);
            line(text, name, value);
        }
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing into memory cannot fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

fn line(text: &mut String, sample: &str, value: f64) {
    let _ = writeln!(text, "{sample} {value}");
}

fn escaped(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
