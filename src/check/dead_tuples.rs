//! `dead-tuples`: rows that vacuum has not taken away.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold, counted,
};
use crate::catalog::Fact;

pub(super) const CHECK: Check = Check {
    code: "dead-tuples",
    severity: Severity::Warning,
    summary: "a table full of dead rows",
    explanation: "\
Updates and deletes leave dead rows behind until a vacuum removes them. Until then, every scan reads them, \
and the table grows.

Many dead rows mean that autovacuum is off for the table, runs too rarely for its size, or cannot remove \
them because an old transaction, a replication slot or a prepared transaction may still see them.

To confirm: `VACUUM (VERBOSE)` on the table reports how many it removed and how many it could not.

To fix: vacuum now; then lower `autovacuum_vacuum_scale_factor` for this table, or end whatever holds the \
old snapshot.",
    thresholds: &[
        Threshold {
            key: "min-ratio",
            default: 0.2,
            meaning: "dead rows as a share of all rows",
        },
        Threshold {
            key: "min-rows",
            default: 10_000.0,
            meaning: "fewer dead rows are not reported",
        },
    ],
    needs: &[Fact::Tables],
    evidence: Evidence::State,
    runs_on: RunsOn::Primary,
    judge,
};

#[expect(clippy::cast_precision_loss, reason = "shares and thresholds")]
fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let mut worst: Vec<(f64, Finding)> = case
        .catalog
        .stored_tables()
        .filter_map(|table| {
            let dead = table.counters.dead_tuples as f64;
            // After a reset the counters know of no rows that were there before.
            let known = table.estimated_rows.unwrap_or(0.0) - dead;
            let live = (table.counters.live_tuples as f64).max(known);
            let share = dead / (dead + live);
            if dead < case.threshold("min-rows") || share < case.threshold("min-ratio") {
                return None;
            }
            let finding = Finding::new(
                Subject::table(table),
                format!(
                    "{}, {:.0} % of the table",
                    counted(table.counters.dead_tuples, "dead row", "dead rows"),
                    share * 100.0
                ),
            )
            .evidence("dead_tuples", table.counters.dead_tuples)
            .evidence("live_tuples", table.counters.live_tuples)
            .evidence("dead_ratio", (share * 1000.0).round() / 1000.0)
            .evidence(
                "last_vacuum",
                table.counters.last_vacuum.map(|at| at.to_string()),
            )
            .evidence(
                "last_autovacuum",
                table.counters.last_autovacuum.map(|at| at.to_string()),
            )
            .evidence("autovacuum_off", table.options.is_off("autovacuum_enabled"))
            .remedy(format!("VACUUM (ANALYZE) {};", table.qualified().quoted()));
            Some((dead, finding))
        })
        .collect();
    worst.sort_by(|a, b| b.0.total_cmp(&a.0));
    worst.into_iter().map(|(_, finding)| finding).collect()
}

#[cfg(test)]
mod tests {
    use crate::check::fixture::{catalog, findings, subjects, table};

    #[test]
    fn a_table_with_many_dead_rows_is_found_the_worst_first() {
        let mut catalog = catalog();
        for (oid, name, dead) in [(1, "some", 300_000), (2, "most", 900_000)] {
            let mut table = table(oid, name);
            table.counters.dead_tuples = dead;
            catalog.tables.push(table);
        }
        assert_eq!(subjects("dead-tuples", &catalog), ["most", "some"]);
        let found = findings("dead-tuples", &catalog);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("VACUUM (ANALYZE) public.most;")
        );
    }

    #[test]
    fn few_dead_rows_in_number_or_share_are_let_be() {
        let mut catalog = catalog();
        let mut small = table(1, "small");
        small.estimated_rows = Some(10.0);
        small.counters.live_tuples = 10;
        small.counters.dead_tuples = 1_000;
        let mut huge = table(2, "huge");
        huge.counters.live_tuples = 100_000_000;
        huge.counters.dead_tuples = 1_000_000;
        let mut after_reset = table(3, "after_reset");
        after_reset.counters.live_tuples = 0;
        after_reset.counters.dead_tuples = 20_000;
        catalog.tables = vec![small, huge, after_reset];
        assert!(subjects("dead-tuples", &catalog).is_empty());
    }
}
