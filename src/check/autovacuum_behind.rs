//! `autovacuum-behind`: a table that should have been vacuumed long ago.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold, counted,
    vacuum_due::{is_on, vacuum_due, vacuum_due_by_inserts},
};
use crate::catalog::{Fact, Table};

pub(super) const CHECK: Check = Check {
    code: "autovacuum-behind",
    severity: Severity::Warning,
    summary: "a table that autovacuum should have processed long ago",
    explanation: "\
The table has several times as many dead rows, or rows inserted since the last vacuum, as should trigger \
autovacuum by the table's own settings.

Possible causes: autovacuum is turned off for the table, all workers are busy with other tables, a lock \
cancels it again and again, or it ran and could remove nothing because an old transaction may still see the \
rows. Until it succeeds, the table grows, index-only scans visit the table anyway, and old transaction IDs \
pile up.

For a while after a server start, a reset of the counters, a manual vacuum or analyze, or a load into a new \
database or table, autovacuum may not have run yet. The finding is then an info that says when autovacuum is \
due, unless autovacuum is off.

To confirm: `pg_stat_progress_vacuum` shows what the workers do; `log_autovacuum_min_duration = 0` logs what \
they removed and what they could not. A table that is being vacuumed now is not reported.

To fix: vacuum the table now. Then turn autovacuum on for it, raise `autovacuum_vacuum_cost_limit` or \
`autovacuum_max_workers`, or end whatever holds the old snapshot (see long-transaction, slot-retention).",
    thresholds: &[
        Threshold {
            key: "factor",
            default: 3.0,
            meaning: "multiple of the table's own autovacuum threshold",
        },
        Threshold {
            key: "min-rows",
            default: 10_000.0,
            meaning: "fewer dead or inserted rows are not reported",
        },
    ],
    needs: &[Fact::Tables, Fact::Settings, Fact::VacuumProgress],
    evidence: Evidence::State,
    runs_on: RunsOn::Primary,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: Vec<(f64, Finding)> = case
        .catalog
        .tables
        .iter()
        .filter(|table| table.has_storage())
        .filter_map(|table| finding(case, table))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn finding(case: &CheckContext<'_>, table: &Table) -> Option<(f64, Finding)> {
    let settings = &case.catalog.settings;
    let counters = &table.counters;
    let running = case
        .catalog
        .vacuums
        .iter()
        .any(|vacuum| vacuum.table == table.oid);
    let dead = counters.dead_tuples as f64;
    let inserted = counters.inserted_since_vacuum as f64;
    let times = |rows: f64, due: Option<f64>| match due {
        Some(due) if rows >= case.threshold("min-rows") => rows / due.max(1.0),
        _ => 0.0,
    };
    let by_dead = times(dead, vacuum_due(settings, table));
    let by_inserts = times(inserted, vacuum_due_by_inserts(settings, table));
    let behind = by_dead.max(by_inserts);
    if running || behind < case.threshold("factor") {
        return None;
    }
    // A TOAST table is vacuumed by its own name's table.
    let shown = case.catalog.main_of_toast(table.oid).unwrap_or(table);
    let name = shown.qualified().quoted();
    let on = is_on(settings, table);
    let what = if by_dead >= by_inserts {
        counted(dead, "dead row", "dead rows")
    } else {
        format!(
            "{} inserted since the last vacuum",
            counted(inserted, "row", "rows")
        )
    };
    let why = if on {
        ""
    } else {
        "; autovacuum is turned off for it"
    };
    let finding = Finding::new(
        Subject::table(shown),
        format!("{what}, {behind:.1} times the autovacuum threshold{why}"),
    )
    .evidence("times_due", (behind * 10.0).round() / 10.0)
    .evidence("dead_tuples", counters.dead_tuples)
    .evidence("inserted_since_vacuum", counters.inserted_since_vacuum)
    .evidence("autovacuum_on", on)
    .evidence(
        "last_autovacuum",
        counters.last_autovacuum.map(|at| at.to_string()),
    )
    .evidence("last_vacuum", counters.last_vacuum.map(|at| at.to_string()))
    .evidence("is_toast", shown.oid != table.oid);
    // Dead rows that a vacuum of a minute ago had to leave are older than it.
    let counted_from = counters.last_autovacuum.filter(|_| by_inserts > by_dead);
    let finding = finding.due(case.not_yet_due(table, counted_from));
    let vacuum = format!("VACUUM {name};");
    Some((
        behind,
        if table.options.is_off("autovacuum_enabled") {
            finding
                .remedy(format!(
                    "ALTER TABLE {name} RESET (autovacuum_enabled);\n{vacuum}"
                ))
                .undo(Some(format!(
                    "ALTER TABLE {name} SET (autovacuum_enabled = off);"
                )))
        } else {
            finding.remedy(vacuum)
        },
    ))
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::{StorageOptions, TableKind, VacuumProgress},
        check::{
            Severity,
            fixture::{ago, catalog, findings, subjects, table},
        },
    };

    /// 1,000,000 rows: autovacuum acts on 200,050 dead ones, or 201,000 inserted ones.
    fn with(dead: u64, inserted: u64) -> crate::catalog::Catalog {
        let mut catalog = catalog();
        let mut orders = table(1, "orders");
        orders.counters.dead_tuples = dead;
        orders.counters.inserted_since_vacuum = inserted;
        catalog.tables.push(orders);
        catalog
    }

    #[test]
    fn several_times_the_threshold_is_behind() {
        for (dead, inserted) in [(700_000, 0), (0, 700_000)] {
            let found = findings("autovacuum-behind", &with(dead, inserted));
            assert_eq!(found[0].remedy.as_deref(), Some("VACUUM public.orders;"));
            assert_eq!(found[0].evidence["times_due"], 3.5);
        }
    }

    #[test]
    fn rows_inserted_since_autovacuum_came_are_not_due_but_dead_ones_that_it_left_are() {
        for (dead, inserted, severity) in [
            (0, 700_000, Severity::Info),
            (700_000, 0, Severity::Warning),
        ] {
            let mut catalog = with(dead, inserted);
            catalog.tables[0].counters.last_autovacuum = Some(ago(60));
            let found = findings("autovacuum-behind", &catalog);
            assert_eq!(found[0].severity, severity);
        }
    }

    #[test]
    fn where_it_is_switched_off_the_remedy_switches_it_on() {
        let mut catalog = with(700_000, 0);
        catalog.tables[0].options = StorageOptions(vec!["autovacuum_enabled=false".into()]);
        let found = findings("autovacuum-behind", &catalog);
        assert!(found[0].message.contains("turned off"));
        assert!(
            found[0]
                .remedy
                .as_deref()
                .unwrap()
                .contains("RESET (autovacuum_enabled)")
        );
    }

    #[test]
    fn the_tables_own_settings_and_running_vacuums_count() {
        assert!(subjects("autovacuum-behind", &with(500_000, 0)).is_empty());
        let mut patient = with(700_000, 0);
        patient.tables[0].options =
            StorageOptions(vec!["autovacuum_vacuum_scale_factor=0.9".into()]);
        assert!(subjects("autovacuum-behind", &patient).is_empty());
        let mut running = with(700_000, 0);
        running.vacuums.push(VacuumProgress {
            pid: 1,
            table: 1,
            phase: "scanning heap".into(),
            blocks_total: 10,
            blocks_scanned: 1,
            index_rounds: 0,
        });
        assert!(subjects("autovacuum-behind", &running).is_empty());
    }

    #[test]
    fn a_toast_table_is_reported_as_its_table() {
        let mut catalog = with(0, 0);
        catalog.tables[0].toast = Some(2);
        let mut toast = table(2, "pg_toast_1");
        toast.kind = TableKind::Toast;
        toast.counters.dead_tuples = 900_000;
        catalog.tables.push(toast);
        assert_eq!(subjects("autovacuum-behind", &catalog), ["orders"]);
    }
}
