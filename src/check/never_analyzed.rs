//! `never-analyzed`: a table of which the planner knows nothing.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold};
use crate::catalog::{BLOCK_BYTES, Fact, Table, TableKind};

pub(super) const CHECK: Check = Check {
    code: "never-analyzed",
    severity: Severity::Warning,
    summary: "a table that was never analyzed",
    explanation: "\
The table contains rows, but none of its columns has statistics: it was never analyzed. This is normal for \
partitioned tables, because autovacuum analyzes only the partitions.

Without statistics, the planner guesses the number of rows and of distinct values. It plans joins and sorts \
for sizes that are wrong.

For a while after a server start, a reset of the counters, a manual vacuum or analyze, or a load into a new \
database or table, autovacuum may not have run yet. The finding is then an info that says when autovacuum is \
due, unless autovacuum is off.

To confirm: `SELECT * FROM pg_stats WHERE tablename = '…'` is empty, for a role that can read the table. \
After a pg_upgrade to a version before 18, this is so for every table.

To fix: `ANALYZE` it; after an upgrade, run `vacuumdb --analyze-in-stages`; analyze partitioned tables from \
a scheduled job.",
    thresholds: &[Threshold {
        key: "min-rows",
        default: 1_000.0,
        meaning: "smaller tables are not reported",
    }],
    needs: &[Fact::Tables, Fact::Columns, Fact::ColumnStatistics],
    evidence: Evidence::State,
    runs_on: RunsOn::Primary,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: Vec<(f64, Finding)> = case
        .catalog
        .stored_tables()
        .filter(|table| table.kind != TableKind::Foreign && !has_statistics(case, table))
        .filter_map(|table| {
            let rows = rows(table);
            if rows < case.threshold("min-rows") {
                return None;
            }
            let finding = Finding::new(
                Subject::table(table),
                "was never analyzed: the planner has to guess".to_owned(),
            )
            .evidence("live_tuples", table.counters.live_tuples)
            .evidence("size_bytes", table.size.heap_bytes)
            .remedy(format!("ANALYZE {};", table.qualified().quoted()))
            .due(case.not_yet_due(table, None));
            Some((rows, finding))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, finding)| finding).collect()
}

/// Also where the role may not see them: then the table is not judged.
fn has_statistics(case: &CheckContext<'_>, table: &Table) -> bool {
    let visible = case.catalog.server.role.read_statistic || table.readable;
    let counters = &table.counters;
    let analyzed = counters.last_analyze.is_some()
        || counters.last_autoanalyze.is_some()
        || counters.analyzes + counters.autoanalyzes > 0;
    let columns = case.catalog.columns_of(table.oid);
    !visible
        || analyzed
        || columns.is_empty()
        || columns.iter().any(|column| column.statistics.is_some())
}

/// The counters', or, after a crash, a guess of 50 rows a page.
fn rows(table: &Table) -> f64 {
    let pages = table.size.heap_bytes / BLOCK_BYTES;
    (table.counters.live_tuples as f64).max(pages as f64 * 50.0)
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::Catalog,
        check::{
            Severity,
            fixture::{INTEGER, ago, catalog, column, findings, set, subjects},
        },
    };

    fn with(change: impl Fn(&mut Catalog)) -> Catalog {
        let mut catalog = catalog();
        let mut never = crate::check::fixture::table(1, "never");
        never.estimated_rows = None;
        never.counters.last_autoanalyze = None;
        never.counters.autoanalyzes = 0;
        catalog.tables.push(never);
        let mut id = column(1, 1, "id", INTEGER);
        id.statistics = None;
        catalog.columns.push(id);
        change(&mut catalog);
        catalog
    }

    #[test]
    fn a_table_with_rows_and_no_statistics_is_found() {
        let found = findings("never-analyzed", &with(|_| ()));
        assert_eq!(found[0].remedy.as_deref(), Some("ANALYZE public.never;"));
    }

    #[test]
    fn soon_after_a_start_it_is_an_info_that_says_when_it_is_due_unless_autovacuum_is_off() {
        let young = |change: &dyn Fn(&mut Catalog)| {
            let found = findings(
                "never-analyzed",
                &with(|catalog| {
                    catalog.server.started_at = ago(60);
                    change(catalog);
                }),
            );
            (found[0].severity, found[0].evidence.contains_key("due"))
        };
        assert_eq!(young(&|_| ()), (Severity::Info, true));
        let late = |catalog: &mut Catalog| catalog.server.started_at = ago(301);
        assert_eq!(young(&late), (Severity::Warning, false));
        let fresh = |catalog: &mut Catalog| {
            catalog.server.started_at = ago(301);
            catalog.births.database = Some(ago(60));
        };
        assert_eq!(young(&fresh), (Severity::Info, true));
        let since_checkpoint = |catalog: &mut Catalog| {
            catalog.server.started_at = ago(301);
            catalog.births.checkpoint_xid_age = Some(100);
            catalog.tables[0].row_xid_age = Some(100);
        };
        assert_eq!(young(&since_checkpoint), (Severity::Info, true));
        let before_checkpoint = |catalog: &mut Catalog| {
            since_checkpoint(catalog);
            catalog.tables[0].row_xid_age = Some(101);
        };
        assert_eq!(young(&before_checkpoint), (Severity::Warning, false));
        let off = |catalog: &mut Catalog| set(catalog, "autovacuum", "off");
        assert_eq!(young(&off), (Severity::Warning, false));
    }

    #[test]
    fn analysed_small_and_hidden_tables_are_let_be() {
        let analysed = with(|catalog| {
            catalog.columns[0] = column(1, 1, "id", INTEGER);
        });
        let small = with(|catalog| {
            catalog.tables[0].counters.live_tuples = 5;
            catalog.tables[0].size.heap_bytes = 8_192;
        });
        let hidden = with(|catalog| {
            catalog.server.role.read_statistic = false;
            catalog.tables[0].readable = false;
        });
        for catalog in [analysed, small, hidden] {
            assert!(subjects("never-analyzed", &catalog).is_empty());
        }
    }
}
