//! `stale-statistics`: a table that changed much since it was analysed.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold, counted,
    vacuum_due::analyze_due,
};
use crate::catalog::Fact;

pub(super) const CHECK: Check = Check {
    code: "stale-statistics",
    severity: Severity::Warning,
    summary: "a table that changed much since it was analyzed",
    explanation: "\
Since the last analyze, several times as many rows changed as should trigger an automatic analyze by the \
table's own settings.

The planner trusts the old statistics: it may choose a sequential scan or a nested loop that used to be \
right.

For a while after a server start, a reset of the counters, a manual vacuum or analyze, or a load into a new \
database or table, autovacuum may not have run yet. The finding is then an info that says when autovacuum is \
due, unless autovacuum is off.

To confirm: in `EXPLAIN (ANALYZE)` of a query on it, estimated and actual rows differ widely.

To fix: analyze it. Then find out why autovacuum did not: it is off for the table, or its workers are busy. \
Bulk loads should end with ANALYZE.",
    thresholds: &[
        Threshold {
            key: "factor",
            default: 3.0,
            meaning: "multiple of the table's own analyze threshold",
        },
        Threshold {
            key: "min-rows",
            default: 10_000.0,
            meaning: "fewer changed rows are not reported",
        },
    ],
    needs: &[Fact::Tables, Fact::Settings],
    evidence: Evidence::DatabaseCounters,
    runs_on: RunsOn::Primary,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: Vec<(f64, Finding)> = case
        .catalog
        .stored_tables()
        .filter_map(|table| {
            let counters = &table.counters;
            let changed = counters.modified_since_analyze as f64;
            let due = analyze_due(&case.catalog.settings, table)?;
            let times = changed / due.max(1.0);
            let analyzed = counters.last_analyze.max(counters.last_autoanalyze);
            // Never analysed at all is another check's.
            let known = analyzed.is_some() || table.estimated_rows.is_some_and(|rows| rows > 0.0);
            if !known || changed < case.threshold("min-rows") || times < case.threshold("factor") {
                return None;
            }
            let finding = Finding::new(
                Subject::table(table),
                format!(
                    "{} changed since it was analyzed, {times:.1} times the autoanalyze threshold",
                    counted(changed, "row", "rows")
                ),
            )
            .evidence("modified_since_analyze", counters.modified_since_analyze)
            .evidence("times_due", (times * 10.0).round() / 10.0)
            .evidence("estimated_rows", table.estimated_rows)
            .evidence("last_analyze", analyzed.map(|at| at.to_string()))
            .evidence("autovacuum_off", table.options.is_off("autovacuum_enabled"))
            .remedy(format!("ANALYZE {};", table.qualified().quoted()))
            .due(case.not_yet_due(table, counters.last_autoanalyze));
            Some((times, finding))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, finding)| finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{ago, catalog, findings, subjects, table};

    #[test]
    fn several_times_the_threshold_is_stale() {
        let mut catalog = catalog();
        let mut orders = table(1, "orders");
        orders.counters.modified_since_analyze = 400_000;
        catalog.tables.push(orders);
        let found = findings("stale-statistics", &catalog);
        assert_eq!(found[0].remedy.as_deref(), Some("ANALYZE public.orders;"));
    }

    #[test]
    fn what_changed_since_autovacuum_came_a_minute_ago_is_not_due() {
        let mut catalog = catalog();
        let mut orders = table(1, "orders");
        orders.counters.modified_since_analyze = 400_000;
        orders.counters.last_autoanalyze = Some(ago(60));
        catalog.tables.push(orders);
        let found = findings("stale-statistics", &catalog);
        assert_eq!(found[0].severity, Severity::Info);
    }

    #[test]
    fn few_changes_and_tables_never_analysed_are_let_be() {
        let mut catalog = catalog();
        let mut fresh = table(1, "fresh");
        fresh.counters.modified_since_analyze = 200_000;
        let mut never = table(2, "never");
        never.estimated_rows = None;
        never.counters.last_autoanalyze = None;
        never.counters.modified_since_analyze = 900_000;
        let mut small = table(3, "small");
        small.estimated_rows = Some(10.0);
        small.counters.modified_since_analyze = 5_000;
        catalog.tables = vec![fresh, never, small];
        assert!(subjects("stale-statistics", &catalog).is_empty());
    }
}
