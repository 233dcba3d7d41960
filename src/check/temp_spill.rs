//! `temp-spill`: sorts and hashes that go to disk.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold,
    slow_statement::is_a_query,
};
use crate::{
    catalog::{BLOCK_BYTES, Fact, quote_identifier},
    human::human_bytes,
};

pub(super) const CHECK: Check = Check {
    code: "temp-spill",
    severity: Severity::Warning,
    summary: "sorts and hashes spill to disk",
    explanation: "\
Queries wrote temporary files because a sort, a hash or a materialized result did not fit in `work_mem`.

This is slower than memory, competes with all other writes, and can fill the disk.

To confirm: `log_temp_files = '10MB'` logs the statements; `EXPLAIN (ANALYZE)` shows \"external merge\" and \
\"Batches\". If pg_stat_statements is installed, the evidence names the statements that wrote most.

To fix: add an index that provides the order; sort fewer columns and rows; then raise `work_mem` for the \
role or the database. Each sort of each session may use that much.",
    thresholds: &[
        Threshold {
            key: "min-bytes-per-day",
            default: 5_368_709_120.0,
            meaning: "temporary files written per day",
        },
        Threshold {
            key: "min-age-days",
            default: 1.0,
            meaning: "with counters that are younger, or of unknown age, it is an info",
        },
    ],
    needs: &[Fact::Database, Fact::Settings],
    evidence: Evidence::DatabaseCounters,
    runs_on: RunsOn::Anywhere,
    judge,
};

/// More than this is not advised for a whole database.
const MOST_WORK_MEM: u64 = 64 << 20;

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    let database = &catalog.database;
    // Of unknown age: as if of one day, and an info.
    let days = catalog.statistics_days().unwrap_or(1.0).max(1.0);
    let per_day = database.temp_bytes as f64 / days;
    if per_day < case.threshold("min-bytes-per-day") || database.temp_files == 0 {
        return Vec::new();
    }
    let each = database.temp_bytes / database.temp_files;
    let mut worst: Vec<(u64, &str)> = catalog
        .statements
        .iter()
        .flat_map(|statements| &statements.list)
        .filter(|statement| statement.temp_blocks_written > 0)
        .filter_map(|s| Some((s.temp_blocks_written * BLOCK_BYTES, s.text.as_deref()?)))
        .filter(|(_, text)| is_a_query(text))
        .collect();
    worst.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    let worst: Vec<serde_json::Value> = worst
        .into_iter()
        .take(3)
        .map(|(bytes, text)| serde_json::json!({ "temp_bytes": bytes, "query": text }))
        .collect();
    let work_mem = catalog.settings.bytes("work_mem");
    let finding = Finding::new(
        Subject::database(catalog),
        format!(
            "{} went through temporary files {}, {} each",
            human_bytes(database.temp_bytes),
            case.counted_time(),
            human_bytes(each)
        ),
    )
    .severity(case.if_settled(Severity::Warning))
    .evidence("temp_bytes", database.temp_bytes)
    .evidence("temp_files", database.temp_files)
    .evidence("temp_bytes_per_day", per_day.round())
    .evidence("work_mem_bytes", work_mem)
    .evidence("worst_statements", worst);
    // In memory a sort takes more than on disk: twice is a fair guess.
    let wanted = (2 * each).next_power_of_two();
    let name = quote_identifier(&database.name);
    vec![
        if wanted <= MOST_WORK_MEM && work_mem.is_some_and(|now| wanted > now) {
            finding
                .remedy(format!(
                    "ALTER DATABASE {name} SET work_mem = '{}kB';",
                    wanted >> 10
                ))
                .undo(Some(format!("ALTER DATABASE {name} RESET work_mem;")))
                .confirm("that there is memory for this much in every sort of every session")
        } else {
            finding.confirm("which statements write the files: log_temp_files")
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings, statement, statements, subjects};

    #[test]
    fn much_in_small_files_asks_for_some_more_memory() {
        let mut catalog = catalog();
        catalog.database.temp_bytes = 300 << 30;
        catalog.database.temp_files = 30_000;
        let mut spilling = statement(1, 10, 10.0);
        spilling.temp_blocks_written = 1_000;
        catalog.statements = Some(statements(vec![spilling]));
        let found = findings("temp-spill", &catalog);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("ALTER DATABASE app SET work_mem = '32768kB';")
        );
        assert_eq!(
            found[0].evidence["worst_statements"][0]["temp_bytes"],
            8_192_000
        );
    }

    #[test]
    fn huge_files_are_not_mended_by_memory() {
        let mut catalog = catalog();
        catalog.database.temp_bytes = 300 << 30;
        catalog.database.temp_files = 300;
        assert_eq!(findings("temp-spill", &catalog)[0].remedy, None);
    }

    #[test]
    fn of_unknown_age_it_is_an_info() {
        let mut catalog = catalog();
        catalog.database.temp_bytes = 300 << 30;
        catalog.database.temp_files = 300;
        catalog.database.stats_reset = None;
        assert_eq!(findings("temp-spill", &catalog)[0].severity, Severity::Info);
    }

    #[test]
    fn little_a_day_is_let_be() {
        let mut catalog = catalog();
        catalog.database.temp_bytes = 30 << 30;
        catalog.database.temp_files = 300;
        assert!(subjects("temp-spill", &catalog).is_empty());
    }
}
