//! What a report knows, as Prometheus metrics: base units, `_total` for counters.

use crate::{
    catalog::{Catalog, Setting},
    check::{CHECKS, Severity},
    render::{Exposition, Kind, Labels},
    report::{DatabaseReport, TableRow},
};

pub(super) fn write(reports: &[&DatabaseReport], text: &mut Exposition) {
    whole(reports, text);
    connections(reports, text);
    server(reports, text);
    settings(reports, text);
    tables(reports, text);
    indexes(reports, text);
    findings(reports, text);
}

/// A metric of a whole database, or server.
type Whole = (
    &'static str,
    Kind,
    &'static str,
    fn(&DatabaseReport) -> Option<f64>,
);

#[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
fn whole(reports: &[&DatabaseReport], text: &mut Exposition) {
    use Kind::{Counter, Gauge};
    let metrics: &[Whole] = &[
        (
            "dbaudit_report_timestamp_seconds",
            Gauge,
            "Time at which the report was taken.",
            |r| Some(r.taken_at.as_second() as f64),
        ),
        (
            "dbaudit_database_size_bytes",
            Gauge,
            "Size of the database.",
            |r| Some(r.database.size_bytes as f64),
        ),
        (
            "dbaudit_database_commits_total",
            Counter,
            "Transactions committed.",
            |r| Some(r.database.commits as f64),
        ),
        (
            "dbaudit_database_rollbacks_total",
            Counter,
            "Transactions rolled back.",
            |r| Some(r.database.rollbacks as f64),
        ),
        (
            "dbaudit_database_deadlocks_total",
            Counter,
            "Deadlocks.",
            |r| Some(r.database.deadlocks as f64),
        ),
        (
            "dbaudit_database_conflicts_total",
            Counter,
            "Queries cancelled because of a conflict with recovery, on a standby.",
            |r| Some(r.catalog.database.conflicts as f64),
        ),
        (
            "dbaudit_database_temp_files_total",
            Counter,
            "Temporary files written.",
            |r| Some(r.database.temp_files as f64),
        ),
        (
            "dbaudit_database_temp_bytes_total",
            Counter,
            "Bytes written to temporary files.",
            |r| Some(r.database.temp_bytes as f64),
        ),
        (
            "dbaudit_database_blocks_hit_total",
            Counter,
            "Blocks found in shared buffers.",
            |r| Some(r.catalog.database.blocks_hit as f64),
        ),
        (
            "dbaudit_database_blocks_read_total",
            Counter,
            "Blocks read from outside shared buffers.",
            |r| Some(r.catalog.database.blocks_read as f64),
        ),
        (
            "dbaudit_database_cache_hit_ratio",
            Gauge,
            "Share of block reads found in shared buffers.",
            |r| r.database.cache_hit_ratio,
        ),
        (
            "dbaudit_database_rows_returned_total",
            Counter,
            "Rows read by scans.",
            |r| Some(r.catalog.database.rows_returned as f64),
        ),
        (
            "dbaudit_database_rows_fetched_total",
            Counter,
            "Rows fetched by index scans.",
            |r| Some(r.catalog.database.rows_fetched as f64),
        ),
        (
            "dbaudit_database_rows_inserted_total",
            Counter,
            "Rows inserted.",
            |r| Some(r.catalog.database.rows_inserted as f64),
        ),
        (
            "dbaudit_database_rows_updated_total",
            Counter,
            "Rows updated.",
            |r| Some(r.catalog.database.rows_updated as f64),
        ),
        (
            "dbaudit_database_rows_deleted_total",
            Counter,
            "Rows deleted.",
            |r| Some(r.catalog.database.rows_deleted as f64),
        ),
        (
            "dbaudit_database_stats_reset_timestamp_seconds",
            Gauge,
            "Start time of the database's counters; absent if unknown.",
            |r| r.database.stats_reset.map(|at| at.as_second() as f64),
        ),
        (
            "dbaudit_database_xid_age",
            Gauge,
            "Age of the oldest unfrozen transaction ID, in transactions.",
            |r| Some(f64::from(r.database.xid_age)),
        ),
        ("dbaudit_connections_max", Gauge, "max_connections.", |r| {
            r.connections.max.map(|max| max as f64)
        }),
        (
            "dbaudit_longest_transaction_seconds",
            Gauge,
            "Age of the oldest open transaction in the database.",
            |r| Some(longest_transaction_s(&r.catalog)),
        ),
    ];
    each(metrics, reports, database, text);
    let locks = reports.iter().flat_map(|report| {
        let held = &report.catalog.database.locks;
        // A mode that nobody holds is 0: an alert must not lose its series.
        LOCK_MODES.iter().map(move |mode| {
            let labels = with(database(report), [("mode", (*mode).to_owned())]);
            (labels, held.get(*mode).copied().unwrap_or(0))
        })
    });
    text.family(
        "dbaudit_locks",
        Gauge,
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

fn longest_transaction_s(catalog: &Catalog) -> f64 {
    let now = catalog.server.taken_at;
    catalog
        .activity
        .iter()
        .filter(|one| !one.own && one.database.as_deref() == Some(&*catalog.database.name))
        .filter_map(|one| Some(now.duration_since(one.transaction_began?).as_secs_f64()))
        .fold(0.0, f64::max)
}

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
    text.family("dbaudit_connections", Kind::Gauge, help, samples);
}

#[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
fn server(reports: &[&DatabaseReport], text: &mut Exposition) {
    use Kind::{Counter, Gauge};
    let metrics: &[Whole] = &[
        (
            "dbaudit_checkpoints_timed_total",
            Counter,
            "Checkpoints started by checkpoint_timeout.",
            |r| Some(r.writes.checkpoints.as_ref()?.timed as f64),
        ),
        (
            "dbaudit_checkpoints_requested_total",
            Counter,
            "Checkpoints started by max_wal_size or on request.",
            |r| Some(r.writes.checkpoints.as_ref()?.requested as f64),
        ),
        (
            "dbaudit_checkpoint_write_seconds_total",
            Counter,
            "Time that checkpoints spent writing files.",
            |r| Some(r.writes.checkpoints.as_ref()?.write_ms / 1000.0),
        ),
        (
            "dbaudit_checkpoint_sync_seconds_total",
            Counter,
            "Time that checkpoints spent syncing files.",
            |r| Some(r.writes.checkpoints.as_ref()?.sync_ms / 1000.0),
        ),
        (
            "dbaudit_checkpoint_buffers_total",
            Counter,
            "Buffers written by checkpoints.",
            |r| Some(r.writes.checkpoints.as_ref()?.buffers_checkpoint as f64),
        ),
        (
            "dbaudit_bgwriter_buffers_total",
            Counter,
            "Buffers written by the background writer.",
            |r| Some(r.writes.checkpoints.as_ref()?.buffers_clean as f64),
        ),
        (
            "dbaudit_bgwriter_maxwritten_total",
            Counter,
            "Times the background writer stopped because of bgwriter_lru_maxpages.",
            |r| Some(r.writes.checkpoints.as_ref()?.maxwritten_clean as f64),
        ),
        (
            "dbaudit_backend_buffers_total",
            Counter,
            "Buffers written directly by backends; up to server version 16.",
            |r| Some(r.writes.checkpoints.as_ref()?.buffers_backend? as f64),
        ),
        (
            "dbaudit_checkpoints_stats_reset_timestamp_seconds",
            Gauge,
            "Start time of the checkpoint counters.",
            |r| Some(r.writes.checkpoints.as_ref()?.stats_reset?.as_second() as f64),
        ),
        (
            "dbaudit_archiver_archived_total",
            Counter,
            "WAL files archived.",
            |r| Some(r.writes.archiver.as_ref()?.archived as f64),
        ),
        (
            "dbaudit_archiver_failed_total",
            Counter,
            "Failed attempts to archive a WAL file.",
            |r| Some(r.writes.archiver.as_ref()?.failed as f64),
        ),
        (
            "dbaudit_archiver_last_archived_timestamp_seconds",
            Gauge,
            "Time of the last successful WAL archiving.",
            |r| Some(r.writes.archiver.as_ref()?.last_archived_at?.as_second() as f64),
        ),
        (
            "dbaudit_archiver_last_failed_timestamp_seconds",
            Gauge,
            "Time of the last failed WAL archiving.",
            |r| Some(r.writes.archiver.as_ref()?.last_failed_at?.as_second() as f64),
        ),
        (
            "dbaudit_archiver_stats_reset_timestamp_seconds",
            Gauge,
            "Start time of the archiver counters.",
            |r| Some(r.writes.archiver.as_ref()?.stats_reset?.as_second() as f64),
        ),
        (
            "dbaudit_wal_bytes_total",
            Counter,
            "WAL written; from server version 14.",
            |r| Some(r.writes.wal.as_ref()?.bytes as f64),
        ),
        (
            "dbaudit_server_start_timestamp_seconds",
            Gauge,
            "Time at which the server was started.",
            |r| Some(r.server.started_at.as_second() as f64),
        ),
    ];
    let (told, labels) = of_servers(reports);
    each(metrics, &told, labels, text);
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
        "dbaudit_setting",
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

fn tables(reports: &[&DatabaseReport], text: &mut Exposition) {
    use Kind::{Counter, Gauge};
    type Metric = (&'static str, Kind, &'static str, fn(&TableRow) -> u64);
    const METRICS: &[Metric] = &[
        (
            "dbaudit_table_heap_bytes",
            Gauge,
            "Size of the table's main data.",
            |t| t.heap_bytes,
        ),
        (
            "dbaudit_table_index_bytes",
            Gauge,
            "Size of the indexes.",
            |t| t.index_bytes,
        ),
        (
            "dbaudit_table_toast_bytes",
            Gauge,
            "Size of the TOAST table.",
            |t| t.toast_bytes,
        ),
        (
            "dbaudit_table_live_rows",
            Gauge,
            "Live rows, estimated.",
            |t| t.live_tuples,
        ),
        (
            "dbaudit_table_dead_rows",
            Gauge,
            "Dead rows, estimated.",
            |t| t.dead_tuples,
        ),
        (
            "dbaudit_table_inserts_total",
            Counter,
            "Rows inserted.",
            |t| t.inserts,
        ),
        (
            "dbaudit_table_updates_total",
            Counter,
            "Rows updated.",
            |t| t.updates,
        ),
        (
            "dbaudit_table_hot_updates_total",
            Counter,
            "Updates that changed no index (HOT).",
            |t| t.hot_updates,
        ),
        (
            "dbaudit_table_deletes_total",
            Counter,
            "Rows deleted.",
            |t| t.deletes,
        ),
        (
            "dbaudit_table_seq_scans_total",
            Counter,
            "Sequential scans.",
            |t| t.seq_scans,
        ),
        (
            "dbaudit_table_idx_scans_total",
            Counter,
            "Index scans.",
            |t| t.idx_scans,
        ),
    ];
    for (name, kind, help, value) in METRICS {
        let samples = reports.iter().flat_map(|report| {
            report.tables.iter().map(|table| {
                let its = [
                    ("schema", table.schema.clone()),
                    ("table", table.name.clone()),
                ];
                (with(database(report), its), value(table))
            })
        });
        text.family(name, *kind, help, samples);
    }
}

/// An index has the labels of its table's series, so that the two join; that of a partition is one of the whole
/// table, and says of which partition.
fn indexes(reports: &[&DatabaseReport], text: &mut Exposition) {
    use Kind::{Counter, Gauge};
    type Metric = (
        &'static str,
        Kind,
        &'static str,
        fn(&crate::catalog::Index) -> u64,
    );
    const METRICS: &[Metric] = &[
        (
            "dbaudit_index_size_bytes",
            Gauge,
            "Size of the index.",
            |i| i.bytes,
        ),
        (
            "dbaudit_index_scans_total",
            Counter,
            "Scans of the index.",
            |i| i.scans,
        ),
        (
            "dbaudit_index_valid",
            Gauge,
            "1 if queries can use the index.",
            |i| u64::from(i.valid),
        ),
    ];
    for (name, kind, help, value) in METRICS {
        let samples = reports.iter().flat_map(|report| {
            report.catalog.indexes.iter().map(|index| {
                let labels = with(database(report), of_table(&report.catalog, index.table));
                (with(labels, [("index", index.name.clone())]), value(index))
            })
        });
        text.family(name, *kind, help, samples);
    }
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
    text.family("dbaudit_findings", Kind::Gauge, help, samples);
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
        "dbaudit_check_skipped",
        Kind::Gauge,
        "1 if the check could not judge, or judged only in part.",
        skipped,
    );
}

fn each(
    metrics: &[Whole],
    reports: &[&DatabaseReport],
    labels: fn(&DatabaseReport) -> Labels,
    text: &mut Exposition,
) {
    for (name, kind, help, value) in metrics {
        let samples = reports
            .iter()
            .filter_map(|report| Some((labels(report), value(report)?)));
        text.family(name, *kind, help, samples);
    }
}

fn database(report: &DatabaseReport) -> Labels {
    let name = report.label.as_ref().unwrap_or(&report.database.name);
    vec![("database".into(), name.clone())]
}

fn with(mut labels: Labels, more: impl IntoIterator<Item = (&'static str, String)>) -> Labels {
    labels.extend(more.into_iter().map(|(key, value)| (key.into(), value)));
    labels
}
