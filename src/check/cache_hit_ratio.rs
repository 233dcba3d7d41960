//! `cache-hit-ratio`: a database that is often read from outside shared buffers.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold, sureness::ratio,
};
use crate::catalog::{Fact, Table};

pub(super) const CHECK: Check = Check {
    code: "cache-hit-ratio",
    severity: Severity::Warning,
    summary: "many blocks are read from outside shared buffers",
    explanation: "\
A large share of the blocks that queries requested were not in shared buffers.

Each of these reads goes to the operating system, which may have the block in its own cache (microseconds) \
or not (milliseconds on a disk). Either the frequently used data is larger than shared buffers, or large \
scans displace it.

To confirm: with `track_io_timing` on, `EXPLAIN (ANALYZE, BUFFERS)` shows the time spent reading. From \
version 16, pg_stat_io separates ordinary reads from those of large scans, which do not use the whole cache.

To fix: index the queries that scan the tables named in the evidence; then raise `shared_buffers`, usually \
to a quarter of the memory.",
    thresholds: &[
        Threshold {
            key: "min-ratio",
            default: 0.95,
            meaning: "blocks found in shared buffers, as a share of all requested",
        },
        Threshold {
            key: "min-blocks",
            default: 1_000_000.0,
            meaning: "with fewer requested blocks, nothing is reported",
        },
        Threshold {
            key: "min-age-days",
            default: 1.0,
            meaning: "while the server or its counters are younger than this, and the cache may still be \
                 filling, it is an info",
        },
    ],
    needs: &[Fact::Database, Fact::Tables],
    evidence: Evidence::DatabaseCounters,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let database = &case.catalog.database;
    let asked = (database.blocks_hit + database.blocks_read) as f64;
    let Some(share) = database.cache_hit_ratio() else {
        return Vec::new();
    };
    if asked < case.threshold("min-blocks") || share >= case.threshold("min-ratio") {
        return Vec::new();
    }
    let mut tables: Vec<&Table> = case.catalog.stored_tables().collect();
    tables.sort_by_key(|table| std::cmp::Reverse(table.counters.blocks_read));
    let most: Vec<String> = tables
        .iter()
        .take(5)
        .filter(|table| table.counters.blocks_read > 0)
        .map(|table| table.qualified().to_string())
        .collect();
    let server = &case.catalog.server;
    let due = case.database_counting_since()
        + jiff::SignedDuration::from_secs_f64(case.threshold("min-age-days") * 86_400.0);
    let severity = if due > server.taken_at {
        Severity::Info
    } else {
        Severity::Warning
    };
    vec![
        Finding::new(
            Subject::database(case.catalog),
            format!(
                "{:.1} % of the requested blocks were in shared buffers {}",
                share * 100.0,
                case.counted_time()
            ),
        )
        .severity(severity)
        .evidence("due", (due > server.taken_at).then(|| due.to_string()))
        .evidence("hit_ratio", ratio(share))
        .evidence("blocks_hit", database.blocks_hit)
        .evidence("blocks_read", database.blocks_read)
        .evidence(
            "shared_buffers_bytes",
            case.catalog.settings.bytes("shared_buffers"),
        )
        .evidence("database_bytes", database.size_bytes)
        .evidence("most_read_tables", most)
        .confirm("that the reads take time: EXPLAIN (ANALYZE, BUFFERS) with track_io_timing on"),
    ]
}

#[cfg(test)]
mod tests {
    use crate::check::fixture::{catalog, findings, subjects, table};

    #[test]
    fn many_reads_are_found_with_the_tables_read_most() {
        let mut catalog = catalog();
        catalog.database.blocks_read = 300_000_000;
        for (oid, name, read) in [(1, "some", 10), (2, "most", 1_000), (3, "none", 0)] {
            let mut table = table(oid, name);
            table.counters.blocks_read = read;
            catalog.tables.push(table);
        }
        let found = findings("cache-hit-ratio", &catalog);
        assert_eq!(
            found[0].evidence["most_read_tables"],
            serde_json::json!(["public.most", "public.some"])
        );
    }

    #[test]
    fn a_good_share_and_too_few_reads_are_let_be() {
        let mut catalog = catalog();
        assert!(subjects("cache-hit-ratio", &catalog).is_empty());
        catalog.database.blocks_hit = 100;
        catalog.database.blocks_read = 900;
        assert!(subjects("cache-hit-ratio", &catalog).is_empty());
    }
}
