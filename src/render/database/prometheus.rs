//! Prometheus text exposition 0.0.4: base units, `_total` for counters, one HELP and TYPE for each name.

use std::fmt::Write;

use crate::{
    check::{CHECKS, Severity},
    report::{DatabaseReport, TableRow},
};

pub(super) fn render(reports: &[&DatabaseReport]) -> String {
    let mut text = Exposition(String::new());
    text.whole(reports);
    text.connections(reports);
    text.tables(reports);
    text.indexes(reports);
    text.findings(reports);
    text.0
}

struct Exposition(String);

impl Exposition {
    fn metric(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl Iterator<Item = Sample<impl std::fmt::Display>>,
    ) {
        let mut written = false;
        for (labels, value) in samples {
            if !written {
                // Writing into memory cannot fail.
                let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
                written = true;
            }
            let labels: Vec<String> = labels
                .iter()
                .map(|(key, value)| format!("{key}=\"{}\"", escape(value)))
                .collect();
            let _ = writeln!(self.0, "{name}{{{}}} {value}", labels.join(","));
        }
    }

    fn whole(&mut self, reports: &[&DatabaseReport]) {
        let each = |value: fn(&DatabaseReport) -> Option<f64>| {
            reports
                .iter()
                .filter_map(move |report| Some((database(report), value(report)?)))
        };
        #[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
        {
            self.metric(
                "dbaudit_report_timestamp_seconds",
                "gauge",
                "When the report was taken.",
                each(|r| Some(r.taken_at.as_second() as f64)),
            );
            self.metric(
                "dbaudit_database_size_bytes",
                "gauge",
                "Size of the database.",
                each(|r| Some(r.database.size_bytes as f64)),
            );
            self.metric(
                "dbaudit_database_commits_total",
                "counter",
                "Transactions committed.",
                each(|r| Some(r.database.commits as f64)),
            );
            self.metric(
                "dbaudit_database_rollbacks_total",
                "counter",
                "Transactions rolled back.",
                each(|r| Some(r.database.rollbacks as f64)),
            );
            self.metric(
                "dbaudit_database_deadlocks_total",
                "counter",
                "Deadlocks.",
                each(|r| Some(r.database.deadlocks as f64)),
            );
            self.metric(
                "dbaudit_database_temp_bytes_total",
                "counter",
                "Bytes written to temporary files.",
                each(|r| Some(r.database.temp_bytes as f64)),
            );
            self.metric(
                "dbaudit_database_cache_hit_ratio",
                "gauge",
                "Share of block reads found in shared buffers.",
                each(|r| r.database.cache_hit_ratio),
            );
            self.metric(
                "dbaudit_database_xid_age",
                "gauge",
                "Transactions since the oldest one not frozen.",
                each(|r| Some(f64::from(r.database.xid_age))),
            );
            self.metric(
                "dbaudit_connections_max",
                "gauge",
                "max_connections.",
                each(|r| r.connections.max.map(|max| max as f64)),
            );
        }
    }

    fn connections(&mut self, reports: &[&DatabaseReport]) {
        // Sessions are the server's: told once, whatever databases were reported on; unless each is of a server of
        // its own.
        let several = reports.iter().any(|report| report.label.is_some());
        let told = reports.iter().take(if several { reports.len() } else { 1 });
        let samples = told.flat_map(|report| {
            report
                .connections
                .by_state
                .iter()
                .map(move |(state, count)| {
                    let mut labels = if several {
                        database(report)
                    } else {
                        Vec::new()
                    };
                    labels.push(("state", state.clone()));
                    (labels, count.to_string())
                })
        });
        self.metric(
            "dbaudit_connections",
            "gauge",
            "Client sessions by state.",
            samples,
        );
    }

    fn tables(&mut self, reports: &[&DatabaseReport]) {
        type Metric = (
            &'static str,
            &'static str,
            &'static str,
            fn(&TableRow) -> u64,
        );
        const METRICS: &[Metric] = &[
            (
                "dbaudit_table_heap_bytes",
                "gauge",
                "Size of the rows.",
                |t| t.heap_bytes,
            ),
            (
                "dbaudit_table_index_bytes",
                "gauge",
                "Size of the indexes.",
                |t| t.index_bytes,
            ),
            (
                "dbaudit_table_toast_bytes",
                "gauge",
                "Size of the TOAST table.",
                |t| t.toast_bytes,
            ),
            (
                "dbaudit_table_live_rows",
                "gauge",
                "Live rows, estimated.",
                |t| t.live_tuples,
            ),
            (
                "dbaudit_table_dead_rows",
                "gauge",
                "Dead rows, estimated.",
                |t| t.dead_tuples,
            ),
            (
                "dbaudit_table_inserts_total",
                "counter",
                "Rows inserted.",
                |t| t.inserts,
            ),
            (
                "dbaudit_table_updates_total",
                "counter",
                "Rows updated.",
                |t| t.updates,
            ),
            (
                "dbaudit_table_hot_updates_total",
                "counter",
                "Updates that touched no index.",
                |t| t.hot_updates,
            ),
            (
                "dbaudit_table_deletes_total",
                "counter",
                "Rows deleted.",
                |t| t.deletes,
            ),
            (
                "dbaudit_table_seq_scans_total",
                "counter",
                "Sequential scans.",
                |t| t.seq_scans,
            ),
            (
                "dbaudit_table_idx_scans_total",
                "counter",
                "Index scans.",
                |t| t.idx_scans,
            ),
        ];
        for (name, kind, help, value) in METRICS {
            let samples = reports.iter().flat_map(|report| {
                report.tables.iter().map(|table| {
                    let mut labels = database(report);
                    labels.push(("schema", table.schema.clone()));
                    labels.push(("table", table.name.clone()));
                    (labels, value(table).to_string())
                })
            });
            self.metric(name, kind, help, samples);
        }
    }

    fn indexes(&mut self, reports: &[&DatabaseReport]) {
        type Metric = (
            &'static str,
            &'static str,
            &'static str,
            fn(&crate::report::IndexRow) -> u64,
        );
        const METRICS: &[Metric] = &[
            (
                "dbaudit_index_size_bytes",
                "gauge",
                "Size of the index.",
                |i| i.bytes,
            ),
            (
                "dbaudit_index_scans_total",
                "counter",
                "Scans of the index.",
                |i| i.scans,
            ),
            (
                "dbaudit_index_valid",
                "gauge",
                "1: queries may use it.",
                |i| u64::from(i.valid),
            ),
        ];
        for (name, kind, help, value) in METRICS {
            let samples = reports.iter().flat_map(|report| {
                report.indexes.iter().map(|index| {
                    let mut labels = database(report);
                    labels.push(("schema", index.schema.clone()));
                    labels.push(("table", index.table.clone()));
                    labels.push(("index", index.name.clone()));
                    (labels, value(index).to_string())
                })
            });
            self.metric(name, kind, help, samples);
        }
    }

    fn findings(&mut self, reports: &[&DatabaseReport]) {
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
                        let count = report
                            .findings
                            .iter()
                            .filter(|f| f.check == check.code && f.severity == severity)
                            .count();
                        let mut labels = database(report);
                        labels.push(("check", check.code.to_owned()));
                        labels.push(("severity", severity.to_string()));
                        (labels, count.to_string())
                    })
            })
        });
        self.metric(
            "dbaudit_findings",
            "gauge",
            "Findings by check and severity.",
            samples,
        );
        let skipped = reports.iter().flat_map(|report| {
            CHECKS.iter().map(move |check| {
                let skipped = report
                    .skipped
                    .iter()
                    .any(|skipped| skipped.check == check.code);
                let mut labels = database(report);
                labels.push(("check", check.code.to_owned()));
                (labels, u64::from(skipped).to_string())
            })
        });
        self.metric(
            "dbaudit_check_skipped",
            "gauge",
            "1: the check could not judge, or only in part.",
            skipped,
        );
    }
}

/// Labels and value.
type Sample<V> = (Vec<(&'static str, String)>, V);

fn database(report: &DatabaseReport) -> Vec<(&'static str, String)> {
    let name = report.label.as_ref().unwrap_or(&report.database.name);
    vec![("database", name.clone())]
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
