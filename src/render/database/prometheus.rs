//! What a report knows, as Prometheus metrics: base units, `_total` for counters.

mod metrics;

use crate::{
    catalog::{Catalog, Setting},
    check::{CHECKS, Severity},
    render::{Exposition, Kind, Labels},
    report::DatabaseReport,
};

pub(super) fn write(reports: &[&DatabaseReport], text: &mut Exposition) {
    let (told, labels) = of_servers(reports);
    text.each(metrics::DATABASE, &labelled(reports, database));
    locks(reports, text);
    connections(reports, text);
    text.each(metrics::SERVER, &labelled(&told, labels));
    settings(reports, text);
    relations(reports, text);
    findings(reports, text);
}

fn labelled<'a>(
    reports: &[&'a DatabaseReport],
    labels: fn(&DatabaseReport) -> Labels,
) -> Vec<(Labels, &'a DatabaseReport)> {
    let labelled = reports.iter().map(|report| (labels(report), *report));
    labelled.collect()
}

fn locks(reports: &[&DatabaseReport], text: &mut Exposition) {
    let locks = reports.iter().flat_map(|report| {
        let held = &report.catalog.database.locks;
        // A mode that nobody holds is 0: an alert must not lose its series.
        LOCK_MODES.iter().map(move |mode| {
            let labels = with(database(report), [("mode", (*mode).to_owned())]);
            (labels, held.get(*mode).copied().unwrap_or(0))
        })
    });
    text.family(
        "locks",
        Kind::Gauge,
        "Locks held or awaited in the database, by mode.",
        locks,
    );
}

const LOCK_MODES: [&str; 9] = [
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
    "SIReadLock",
];

/// What is the server's: told once, whatever databases were reported on; unless each is of a server of its own.
fn of_servers<'a>(
    reports: &[&'a DatabaseReport],
) -> (Vec<&'a DatabaseReport>, fn(&DatabaseReport) -> Labels) {
    if reports.iter().any(|report| report.label.is_some()) {
        (reports.to_vec(), database)
    } else {
        let first = reports.iter().copied().take(1).collect();
        (first, |_| Labels::new())
    }
}

fn connections(reports: &[&DatabaseReport], text: &mut Exposition) {
    let (told, labels) = of_servers(reports);
    let samples = told.iter().flat_map(|report| {
        let by_state = report.connections.by_state.iter();
        by_state
            .map(move |(state, count)| (with(labels(report), [("state", state.clone())]), count))
    });
    let help = "Client sessions by state.";
    text.family("connections", Kind::Gauge, help, samples);
}

/// Every setting that is a number, in bytes, seconds or as it is; switches are 1 and 0.
fn settings(reports: &[&DatabaseReport], text: &mut Exposition) {
    let (told, labels) = of_servers(reports);
    let samples = told.iter().flat_map(|report| {
        report
            .catalog
            .settings
            .0
            .values()
            .filter_map(move |setting| {
                let (unit, value) = figure(setting)?;
                let its = [("name", setting.name.clone()), ("unit", unit.to_owned())];
                Some((with(labels(report), its), value))
            })
    });
    text.family(
        "setting",
        Kind::Gauge,
        "Settings with numeric or boolean values, in the unit of the label.",
        samples,
    );
}

fn figure(setting: &Setting) -> Option<(&'static str, f64)> {
    match setting.value.as_str() {
        "on" => return Some(("", 1.0)),
        "off" => return Some(("", 0.0)),
        _ => {}
    }
    let number: f64 = setting.value.parse().ok()?;
    let (unit, times) = match setting.unit.as_deref() {
        None => ("", 1.0),
        Some("ms") => ("seconds", 0.001),
        Some("s") => ("seconds", 1.0),
        Some("min") => ("seconds", 60.0),
        Some("B") => ("bytes", 1.0),
        Some("kB") => ("bytes", 1024.0),
        Some("8kB") => ("bytes", 8192.0),
        Some("MB") => ("bytes", 1_048_576.0),
        // A block size of another build, or one to come: no unit is better than a wrong one.
        Some(_) => return None,
    };
    // -1 says "none" or "as the other setting says", whatever the unit.
    let times = if number < 0.0 { 1.0 } else { times };
    number.is_finite().then_some((unit, number * times))
}

/// An index has the labels of its table's series, so that the two join; that of a partition is one of the whole
/// table, and says of which partition.
fn relations(reports: &[&DatabaseReport], text: &mut Exposition) {
    let tables = reports.iter().flat_map(|report| {
        report.tables.iter().map(|table| {
            let its = [
                ("schema", table.schema.clone()),
                ("table", table.name.clone()),
            ];
            (with(database(report), its), table)
        })
    });
    text.each(metrics::TABLE, &tables.collect::<Vec<_>>());
    let indexes = reports.iter().flat_map(|report| {
        report.catalog.indexes.iter().map(|index| {
            let labels = with(database(report), of_table(&report.catalog, index.table));
            (with(labels, [("index", index.name.clone())]), index)
        })
    });
    text.each(metrics::INDEX, &indexes.collect::<Vec<_>>());
}

fn of_table(catalog: &Catalog, oid: u32) -> Vec<(&'static str, String)> {
    let Some(own) = catalog.table(oid) else {
        return Vec::new();
    };
    let mut top = own;
    while let Some(parent) = top.parent.and_then(|oid| catalog.table(oid)) {
        top = parent;
    }
    let mut labels = vec![("schema", top.schema.clone()), ("table", top.name.clone())];
    if top.oid != own.oid {
        labels.push(("partition", own.qualified().to_string()));
    }
    labels
}

fn findings(reports: &[&DatabaseReport], text: &mut Exposition) {
    // Zero for a check that found nothing, nothing for one that could not judge: an alert must not
    // take the one for the other.
    let samples = reports.iter().flat_map(|report| {
        CHECKS.iter().flat_map(move |check| {
            let skipped = report
                .skipped
                .iter()
                .any(|skipped| skipped.check == check.code && !skipped.partial);
            [Severity::Info, Severity::Warning, Severity::Error]
                .into_iter()
                .filter(move |_| !skipped)
                .map(move |severity| {
                    let of = |f: &&crate::check::Finding| {
                        f.check == check.code && f.severity == severity
                    };
                    let its = [
                        ("check", check.code.to_owned()),
                        ("severity", severity.to_string()),
                    ];
                    (
                        with(database(report), its),
                        report.findings.iter().filter(of).count(),
                    )
                })
        })
    });
    let help = "Findings by check and severity.";
    text.family("findings", Kind::Gauge, help, samples);
    let skipped = reports.iter().flat_map(|report| {
        CHECKS.iter().map(move |check| {
            let skipped = report
                .skipped
                .iter()
                .any(|skipped| skipped.check == check.code);
            let labels = with(database(report), [("check", check.code.to_owned())]);
            (labels, u64::from(skipped))
        })
    });
    text.family(
        "check_skipped",
        Kind::Gauge,
        "1 if the check could not judge, or judged only in part.",
        skipped,
    );
}

fn database(report: &DatabaseReport) -> Labels {
    let name = report.label.as_ref().unwrap_or(&report.database.name);
    vec![("database".into(), name.clone())]
}

fn with(mut labels: Labels, more: impl IntoIterator<Item = (&'static str, String)>) -> Labels {
    labels.extend(more.into_iter().map(|(key, value)| (key.into(), value)));
    labels
}
