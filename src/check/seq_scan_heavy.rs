//! `seq-scan-heavy`: a large table that is read whole again and again.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold, counted,
    sureness::ratio, times,
};
use crate::{catalog::Fact, human::human_bytes};

pub(super) const CHECK: Check = Check {
    code: "seq-scan-heavy",
    severity: Severity::Warning,
    summary: "a large table that is read in full again and again",
    explanation: "\
Most reads of a fairly large table are sequential scans: there are many, and each reads many rows.

Each such scan reads the whole table, where an index could find the few rows wanted. It takes longer as the \
table grows and displaces other tables from the cache.

To confirm: find the queries, with pg_stat_statements and `EXPLAIN`. Backups, reports that need all rows, \
and `LIMIT` without an order also scan, and do not justify an index. `dbaudit time-queries` shows the filter \
of a scan that an index could serve.

To fix: create an index, concurrently, on the columns that the queries filter by.",
    thresholds: &[
        Threshold {
            key: "min-bytes",
            default: 10_485_760.0,
            meaning: "smaller tables are not reported",
        },
        Threshold {
            key: "min-scans",
            default: 100.0,
            meaning: "fewer sequential scans are not reported",
        },
        Threshold {
            key: "min-rows-per-scan",
            default: 10_000.0,
            meaning: "average rows read per sequential scan",
        },
        Threshold {
            key: "min-ratio",
            default: 0.1,
            meaning: "sequential scans as a share of all scans of the table",
        },
    ],
    needs: &[Fact::Tables, Fact::Indexes],
    evidence: Evidence::DatabaseCounters,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: Vec<(u64, Finding)> = case
        .catalog
        .stored_tables()
        .filter_map(|table| {
            let counters = &table.counters;
            let scans = counters.seq_scans as f64;
            let share = scans / (scans + counters.idx_scans as f64).max(1.0);
            let each = counters.seq_rows_read as f64 / scans.max(1.0);
            let heavy = table.size.heap_bytes as f64 >= case.threshold("min-bytes")
                && scans >= case.threshold("min-scans")
                && each >= case.threshold("min-rows-per-scan")
                && share >= case.threshold("min-ratio");
            if !heavy {
                return None;
            }
            let finding = Finding::new(
                Subject::table(table),
                format!(
                    "{} read in full {} {}, {} each time",
                    human_bytes(table.size.heap_bytes),
                    times(counters.seq_scans),
                    case.counted_time(),
                    counted(each.round(), "row", "rows")
                ),
            )
            .evidence("seq_scans", counters.seq_scans)
            .evidence("idx_scans", counters.idx_scans)
            .evidence("seq_rows_read", counters.seq_rows_read)
            .evidence("rows_per_scan", each.round())
            .evidence("seq_scan_ratio", ratio(share))
            .evidence("size_bytes", table.size.heap_bytes)
            .evidence(
                "last_seq_scan",
                counters.last_seq_scan.map(|at| at.to_string()),
            )
            .confirm("which queries scan it, with pg_stat_statements and EXPLAIN");
            Some((counters.seq_rows_read, finding))
        })
        .collect();
    found.sort_by_key(|(rows, _)| std::cmp::Reverse(*rows));
    found.into_iter().map(|(_, finding)| finding).collect()
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::TableCounters,
        check::fixture::{catalog, findings, subjects, table},
    };

    fn scanned(scans: u64, rows: u64, idx_scans: u64) -> crate::catalog::Catalog {
        let mut catalog = catalog();
        let mut orders = table(1, "orders");
        orders.counters = TableCounters {
            seq_scans: scans,
            seq_rows_read: scans * rows,
            idx_scans,
            ..orders.counters
        };
        catalog.tables.push(orders);
        catalog
    }

    #[test]
    fn a_large_table_scanned_often_is_found() {
        let found = findings("seq-scan-heavy", &scanned(5_000, 1_000_000, 100));
        assert_eq!(found[0].evidence["rows_per_scan"], 1_000_000.0);
        assert!(
            found[0].message.contains("in 30 days"),
            "{}",
            found[0].message
        );
    }

    #[test]
    fn few_short_or_rare_scans_and_small_tables_are_let_be() {
        let mut small = scanned(5_000, 1_000_000, 100);
        small.tables[0].size.heap_bytes = 8_192;
        for catalog in [
            scanned(5, 1_000_000, 0),
            scanned(5_000, 10, 0),
            scanned(5_000, 1_000_000, 90_000_000),
            small,
        ] {
            assert!(subjects("seq-scan-heavy", &catalog).is_empty());
        }
    }
}
