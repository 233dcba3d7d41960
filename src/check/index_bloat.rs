//! `index-bloat`: a B-tree much larger than its entries need.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold,
    bloat::{self, MAX_CHANGED, Waste, measured},
    change::IndexChange,
    index_statement::rebuild_index,
    layout::btree_pages,
    table_bloat::is_stale,
};
use crate::catalog::{BLOCK_BYTES, Catalog, Fact, Index};

pub(super) const CHECK: Check = Check {
    code: "index-bloat",
    severity: Severity::Warning,
    summary: "a B-tree index much larger than its entries need",
    explanation: "\
The index has many more pages than it would have after a rebuild.

Each lookup reads about as many pages as before, but fewer of them stay in the cache; range scans read more. \
An index with random keys settles at about two thirds full: only more waste than that is worth fixing.

The figure is an estimate from the average widths of the columns, their alignment and nulls, the fillfactor, \
and deduplication (from version 13). Indexes with expressions, a predicate or long keys are not judged, nor \
are those with a column without statistics or with many changes since the last analyze.

To confirm: `dbaudit report --exact-bloat` measures the worst indexes with the extension pgstattuple.

To fix: `REINDEX INDEX CONCURRENTLY` builds a new index beside the old one and blocks nobody.",
    thresholds: &[
        Threshold {
            key: "min-ratio",
            default: 0.5,
            meaning: "the wasted share of the index",
        },
        Threshold {
            key: "min-bytes",
            default: 52_428_800.0,
            meaning: "less waste is not reported",
        },
        Threshold {
            key: "max-changed-ratio",
            default: MAX_CHANGED,
            meaning: "not judged if a larger share of the rows changed since the last analyze",
        },
    ],
    needs: &[Fact::Indexes, Fact::Tables, Fact::Columns, Fact::ColumnStatistics],
    evidence: Evidence::State,
    runs_on: RunsOn::Primary,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let indexes = case.catalog.indexes.iter();
    bloat::ranked(
        indexes
            .filter(|index| has_a_shape(index))
            .filter_map(|index| finding(case, index)),
    )
}

/// A B-tree with pages of its own, in use.
pub(super) fn has_a_shape(index: &Index) -> bool {
    index.valid && !index.partitioned && index.method == "btree"
}

fn finding(case: &CheckContext<'_>, index: &Index) -> Option<(u64, Finding)> {
    let exact = measured(case.catalog, index.oid);
    let (of, wasted) = match exact {
        Some(exact) => {
            let fillfactor = index.options.number("fillfactor").unwrap_or(90.0) / 100.0;
            (exact.bytes, exact.wasted_bytes(fillfactor))
        }
        None => {
            let max_changed = case.threshold("max-changed-ratio");
            (index.bytes, estimate(case.catalog, index, max_changed)?)
        }
    };
    let waste = Waste {
        bytes: wasted as u64,
        of,
        exact: exact.is_some(),
    };
    let (bytes, finding) = bloat::finding(case, Subject::index(index), &waste)?;
    let finding = finding
        .remedy(rebuild_index(index))
        .change(IndexChange::Rebuild(index.oid));
    Some((bytes, finding))
}

/// Bytes that its entries do not need; `None`: not known well enough.
pub(super) fn estimate(catalog: &Catalog, index: &Index, max_changed: f64) -> Option<f64> {
    let table = catalog.table(index.table)?;
    if index.has_expressions || index.has_predicate || is_stale(table, max_changed) {
        return None;
    }
    let needed = btree_pages(catalog, index, table.estimated_rows?)?;
    let pages = index.bytes as f64 / BLOCK_BYTES as f64;
    Some((1.0 - needed / pages.max(1.0)).max(0.0) * index.bytes as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::ExactBloat,
        check::fixture::{INTEGER, catalog, column, findings, subjects, table},
    };

    /// 1,000,000 different integers, which need 2,745 pages.
    fn with(pages: u64) -> Catalog {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.columns.push(column(1, 1, "a", INTEGER));
        catalog.indexes.push(Index {
            bytes: pages * BLOCK_BYTES,
            ..crate::check::fixture::index(2, 1, "a_idx", &[1])
        });
        catalog
    }

    #[test]
    fn an_index_of_mostly_empty_pages_is_found() {
        let found = findings("index-bloat", &with(27_450));
        assert_eq!(found[0].evidence["wasted_ratio"], 0.9);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("REINDEX INDEX CONCURRENTLY public.a_idx;")
        );
    }

    #[test]
    fn a_tight_a_partial_and_a_stale_index_are_let_be() {
        let mut partial = with(27_450);
        partial.indexes[0].has_predicate = true;
        let mut stale = with(27_450);
        stale.tables[0].counters.modified_since_analyze = 900_000;
        for catalog in [with(3_500), partial, stale] {
            assert!(subjects("index-bloat", &catalog).is_empty());
        }
    }

    #[test]
    fn what_was_measured_counts_instead_of_the_estimate() {
        let mut catalog = with(27_450);
        catalog.exact_bloat = vec![ExactBloat {
            relation: 2,
            bytes: 27_450 * BLOCK_BYTES,
            free_bytes: 27_450 * BLOCK_BYTES / 10,
        }];
        assert!(subjects("index-bloat", &catalog).is_empty());
    }
}
