//! `low-hot-ratio`: updates that must write to every index.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold, counted,
    sureness::ratio,
};
use crate::catalog::{Fact, Table, TableKind};

pub(super) const CHECK: Check = Check {
    code: "low-hot-ratio",
    severity: Severity::Info,
    summary: "updates that must write to every index",
    explanation: "\
An update that changes no indexed column, and finds space for the new row on the same page, does not touch \
the indexes: it is a heap-only tuple (HOT) update. On this table, few updates are.

All others write to every index of the table, and leave work for vacuum in each.

To confirm: from version 16, `n_tup_newpage_upd` separates the two causes: if it is high, pages were full; \
otherwise, indexed columns were updated.

To fix: if pages are full, a lower fillfactor leaves space; it applies to new pages, and to old ones when \
the table is rewritten. If indexed columns are updated, drop the indexes on columns that change all the \
time.",
    thresholds: &[
        Threshold {
            key: "max-ratio",
            default: 0.5,
            meaning: "HOT updates as a share of all updates",
        },
        Threshold {
            key: "min-updates",
            default: 100_000.0,
            meaning: "fewer updates are not reported",
        },
        Threshold {
            key: "min-indexes",
            default: 2.0,
            meaning: "tables with fewer indexes are not reported",
        },
    ],
    needs: &[Fact::Tables, Fact::Indexes],
    evidence: Evidence::DatabaseCounters,
    runs_on: RunsOn::Primary,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: Vec<(u64, Finding)> = case
        .catalog
        .stored_tables()
        .filter(|table| table.kind == TableKind::Ordinary)
        .filter_map(|table| finding(case, table))
        .collect();
    found.sort_by_key(|(updates, _)| std::cmp::Reverse(*updates));
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn finding(case: &CheckContext<'_>, table: &Table) -> Option<(u64, Finding)> {
    let counters = &table.counters;
    let indexes = case.catalog.indexes_of(table.oid).count();
    let share = counters.hot_updates as f64 / counters.updates.max(1) as f64;
    if (counters.updates as f64) < case.threshold("min-updates")
        || share > case.threshold("max-ratio")
        || (indexes as f64) < case.threshold("min-indexes")
    {
        return None;
    }
    let others = counters.updates.saturating_sub(counters.hot_updates);
    // Of the others, those for which the page had no room; the rest changed an indexed column.
    let full = counters
        .newpage_updates
        .map(|full| full as f64 / others.max(1) as f64);
    let name = table.qualified().quoted();
    let fillfactor = table.fillfactor();
    let finding = Finding::new(
        Subject::table(table),
        format!(
            "only {:.0} % of {} left its {} alone",
            share * 100.0,
            counted(counters.updates, "update", "updates"),
            counted(indexes, "index", "indexes")
        ),
    )
    .evidence("updates", counters.updates)
    .evidence("hot_updates", counters.hot_updates)
    .evidence("hot_ratio", ratio(share))
    .evidence("newpage_updates", counters.newpage_updates)
    .evidence("indexes", indexes)
    .evidence("fillfactor", fillfactor);
    let roomless = full.is_none_or(|full| full >= 0.5) && fillfactor > 90.0;
    Some((
        others,
        if roomless {
            let finding = finding
                .remedy(format!("ALTER TABLE {name} SET (fillfactor = 85);"))
                .undo(Some(format!("ALTER TABLE {name} RESET (fillfactor);")));
            if full.is_none() {
                finding.confirm("that pages are full: updates of indexed columns do not benefit")
            } else {
                finding
            }
        } else {
            finding.confirm(
                "which indexed columns the updates change: those indexes may not be worth their cost",
            )
        },
    ))
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::Catalog,
        check::fixture::{catalog, findings, index, subjects, table},
    };

    fn updated(updates: u64, hot: u64, newpage: Option<u64>) -> Catalog {
        let mut catalog = catalog();
        let mut orders = table(1, "orders");
        orders.counters.updates = updates;
        orders.counters.hot_updates = hot;
        orders.counters.newpage_updates = newpage;
        catalog.tables.push(orders);
        catalog.indexes = vec![index(2, 1, "a", &[1]), index(3, 1, "b", &[2])];
        catalog
    }

    #[test]
    fn full_pages_are_mended_by_a_fillfactor() {
        for newpage in [None, Some(800_000)] {
            let found = findings("low-hot-ratio", &updated(1_000_000, 100_000, newpage));
            assert_eq!(
                found[0].remedy.as_deref(),
                Some("ALTER TABLE public.orders SET (fillfactor = 85);")
            );
        }
    }

    #[test]
    fn updates_of_indexed_columns_are_not() {
        let found = findings("low-hot-ratio", &updated(1_000_000, 100_000, Some(10_000)));
        assert_eq!(found[0].remedy, None);
    }

    #[test]
    fn mostly_heap_only_and_few_updates_are_let_be() {
        assert!(subjects("low-hot-ratio", &updated(1_000_000, 900_000, None)).is_empty());
        assert!(subjects("low-hot-ratio", &updated(1_000, 0, None)).is_empty());
        let mut one_index = updated(1_000_000, 0, None);
        one_index.indexes.pop();
        assert!(subjects("low-hot-ratio", &one_index).is_empty());
    }
}
