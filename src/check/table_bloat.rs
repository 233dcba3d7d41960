//! `table-bloat`: a table much larger than its rows need.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold,
    bloat::{self, MAX_CHANGED, Waste, measured},
    int_key_exhaustion::LARGEST_REWRITE,
    layout::heap_pages,
};
use crate::catalog::{BLOCK_BYTES, Catalog, Fact, Table};

pub(super) const CHECK: Check = Check {
    code: "table-bloat",
    severity: Severity::Warning,
    summary: "a table much larger than its rows need",
    explanation: "\
The table has many more pages than its rows would need after a rewrite. The rest is free space within the \
pages, and dead rows.

Scans and backups read it all, and it takes up cache. The next updates use some of the free space: only a \
large share is worth fixing.

The figure is an estimate from the average widths of the columns, their alignment, nulls and fillfactor; for \
the TOAST table, it is a lower bound. Tables with a column without statistics, or with many changes since \
the last analyze, are not judged.

To confirm: `dbaudit report --exact-bloat` measures the worst tables with the extension pgstattuple, which \
reads them in full.

To fix: pg_repack rewrites the table while it is in use. `VACUUM (FULL)` rewrites it under an exclusive \
lock: nobody can read the table meanwhile. Then make sure that autovacuum keeps up.",
    thresholds: &[
        Threshold {
            key: "min-ratio",
            default: 0.4,
            meaning: "the wasted share of the table",
        },
        Threshold {
            key: "min-bytes",
            default: 104_857_600.0,
            meaning: "less waste is not reported",
        },
        Threshold {
            key: "max-changed-ratio",
            default: MAX_CHANGED,
            meaning: "not judged if a larger share of the rows changed since the last analyze",
        },
    ],
    needs: &[Fact::Tables, Fact::Columns, Fact::ColumnStatistics],
    evidence: Evidence::State,
    runs_on: RunsOn::Primary,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let tables = case.catalog.stored_tables();
    bloat::ranked(tables.filter_map(|table| finding(case, table)))
}

fn finding(case: &CheckContext<'_>, table: &Table) -> Option<(u64, Finding)> {
    let catalog = case.catalog;
    let exact = measured(catalog, table.oid);
    let (heap, wasted) = match exact {
        // The rest of each page that no further row fits into stays free in a table written anew as well.
        Some(exact) => {
            let needed = table
                .estimated_rows
                .and_then(|rows| heap_pages(catalog, table, rows));
            let most = needed.map_or(f64::MAX, |pages| {
                exact.bytes as f64 - pages * BLOCK_BYTES as f64
            });
            let wasted = exact.wasted_bytes(table.fillfactor() / 100.0);
            (exact.bytes, wasted.min(most).max(0.0))
        }
        None => (
            table.size.heap_bytes,
            estimate(catalog, table, case.threshold("max-changed-ratio"))?,
        ),
    };
    let toast = toast_waste(catalog, table);
    let of = heap + if toast > 0 { table.size.toast_bytes } else { 0 };
    let waste = Waste {
        bytes: wasted as u64 + toast,
        of,
        exact: exact.is_some(),
    };
    let (bytes, finding) = bloat::finding(case, Subject::table(table), &waste)?;
    let finding = finding
        .evidence("wasted_toast_bytes", toast)
        .evidence("fillfactor", table.fillfactor());
    let name = table.qualified().quoted();
    let finding = if of > LARGEST_REWRITE {
        finding.confirm(format!(
            "with --exact-bloat; then run pg_repack on {name}: VACUUM FULL would lock it while it rewrites \
             the table"
        ))
    } else {
        finding.remedy(format!(
            "VACUUM (FULL, ANALYZE) {name}; -- locks the table; pg_repack does not"
        ))
    };
    Some((bytes, finding))
}

/// Bytes of the heap that its rows do not need, by the pages and rows of the last analyze; `None`: not known
/// well enough.
pub(super) fn estimate(catalog: &Catalog, table: &Table, max_changed: f64) -> Option<f64> {
    let rows = table.estimated_rows?;
    let pages = f64::from(table.pages.filter(|pages| *pages > 0)?);
    if is_stale(table, max_changed) {
        return None;
    }
    let needed = heap_pages(catalog, table, rows)?;
    Some((1.0 - needed / pages).max(0.0) * table.size.heap_bytes as f64)
}

/// Much has changed since rows and pages were counted.
pub(super) fn is_stale(table: &Table, max_changed: f64) -> bool {
    let rows = table.estimated_rows.unwrap_or(0.0).max(1.0);
    let changed = table.counters.modified_since_analyze as f64 / rows;
    let pages = f64::from(table.pages.unwrap_or(0)).max(1.0);
    let now = table.size.heap_bytes as f64 / BLOCK_BYTES as f64;
    changed > max_changed || (now / pages - 1.0).abs() > max_changed && now - pages > 100.0
}

/// At least: a page of a TOAST table holds four chunks, the last of a value may be smaller.
fn toast_waste(catalog: &Catalog, table: &Table) -> u64 {
    let Some(toast) = table.toast.and_then(|oid| catalog.table(oid)) else {
        return 0;
    };
    let (Some(chunks), Some(pages)) = (toast.estimated_rows, toast.pages) else {
        return 0;
    };
    let needed = (chunks / 4.0).ceil();
    ((f64::from(pages) - needed).max(0.0) * BLOCK_BYTES as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{ExactBloat, StorageOptions, TableKind},
        check::fixture::{INTEGER, catalog, column, findings, subjects},
    };

    /// 1,000,000 rows of two integers, which need 4,425 pages.
    fn with(pages: u32) -> Catalog {
        let mut catalog = catalog();
        let mut orders = crate::check::fixture::table(1, "orders");
        orders.pages = Some(pages);
        orders.size.heap_bytes = u64::from(pages) * BLOCK_BYTES;
        catalog.tables.push(orders);
        catalog.columns.push(column(1, 1, "a", INTEGER));
        catalog.columns.push(column(1, 2, "b", INTEGER));
        catalog
    }

    #[test]
    fn a_table_of_mostly_free_space_is_found() {
        let found = findings("table-bloat", &with(44_250));
        assert_eq!(found[0].evidence["wasted_ratio"], 0.9);
        assert!(found[0].message.starts_with("about "));
    }

    #[test]
    fn a_tight_a_loose_by_fillfactor_a_small_and_a_stale_table_are_let_be() {
        let mut loose = with(44_250);
        loose.tables[0].options = StorageOptions(vec!["fillfactor=10".into()]);
        let mut stale = with(44_250);
        stale.tables[0].counters.modified_since_analyze = 500_000;
        let mut unknown = with(44_250);
        unknown.columns[1].statistics = None;
        let mut small = with(40);
        small.tables[0].estimated_rows = Some(100.0);
        for catalog in [with(4_500), loose, stale, unknown, small] {
            assert!(subjects("table-bloat", &catalog).is_empty());
        }
    }

    #[test]
    fn what_was_measured_counts_instead_of_the_estimate() {
        let measured = |catalog: &mut Catalog, free_bytes| {
            let bytes = catalog.tables[0].size.heap_bytes;
            catalog.exact_bloat = vec![ExactBloat {
                relation: 1,
                bytes,
                free_bytes,
            }];
        };
        let mut fine = with(44_250);
        measured(&mut fine, 1_000);
        assert!(subjects("table-bloat", &fine).is_empty());
        let mut bad = with(44_250);
        measured(&mut bad, 300 << 20);
        let found = findings("table-bloat", &bad);
        assert_eq!(found[0].evidence["estimated"], false);
    }

    #[test]
    fn a_toast_table_of_few_chunks_is_waste_for_sure() {
        let mut catalog = with(4_500);
        catalog.tables[0].toast = Some(9);
        catalog.tables[0].size.toast_bytes = 100_000 * BLOCK_BYTES;
        let mut toast = crate::check::fixture::table(9, "pg_toast_1");
        toast.kind = TableKind::Toast;
        toast.pages = Some(100_000);
        toast.estimated_rows = Some(40_000.0);
        catalog.tables.push(toast);
        let found = findings("table-bloat", &catalog);
        assert_eq!(
            found[0].evidence["wasted_toast_bytes"],
            90_000 * BLOCK_BYTES
        );
    }
}
