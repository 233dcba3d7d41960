//! `index-bloat`: a B-tree much larger than its entries need.

use super::{
    Case, Check, Evidence, Finding, Place, Severity, Subject, Threshold, layout::btree_pages,
    sureness::ratio, table_bloat::is_stale,
};
use crate::{
    catalog::{BLOCK_BYTES, Fact, Index},
    render::human_bytes,
};

/// The check.
pub(super) const CHECK: Check = Check {
    code: "index-bloat",
    severity: Severity::Warning,
    summary: "a B-tree index much larger than its entries need",
    explanation: "\
The index takes many more pages than it would need, built anew.

Each look-up reads about as many pages as before, but fewer of them stay in the cache; scans of ranges read \
more. An index with random keys settles at about two thirds full: only more than that is worth the work.

It is an estimate, from the average widths of the columns, their alignment and nulls, the fillfactor, and \
deduplication (version 13 and later). Nothing is said of indexes with expressions, a predicate or long keys, \
where a column has no statistics, and where much changed since the last analyze.

To confirm: `dbaudit report --exact-bloat` measures the largest indexes by the extension pgstattuple.

To mend: `REINDEX INDEX CONCURRENTLY` builds it anew beside the old one, and blocks no one.",
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
            default: 0.2,
            meaning: "rows changed since the last analyze, as a share, above which nothing is said",
        },
    ],
    needs: &[Fact::Indexes, Fact::Tables, Fact::Columns, Fact::ColumnStatistics],
    evidence: Evidence::State,
    place: Place::Primary,
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Finding> {
    let mut found: Vec<(u64, Finding)> = case
        .catalog
        .indexes
        .iter()
        .filter(|index| index.valid && !index.partitioned && index.method == "btree")
        .filter_map(|index| finding(case, index))
        .collect();
    found.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn finding(case: &Case<'_>, index: &Index) -> Option<(u64, Finding)> {
    let fillfactor = index.options.number("fillfactor").unwrap_or(90.0) / 100.0;
    let exact = case
        .catalog
        .exact_bloat
        .iter()
        .find(|exact| exact.relation == index.oid);
    let (size, wasted) = match exact {
        Some(exact) => (exact.bytes, exact.wasted_bytes(fillfactor)),
        None => (index.bytes, wasted_share(case, index)? * index.bytes as f64),
    };
    let share = wasted / size.max(1) as f64;
    if share < case.threshold("min-ratio") || wasted < case.threshold("min-bytes") {
        return None;
    }
    let bytes = wasted as u64;
    let sure = if exact.is_some() { "" } else { "about " };
    let finding = Finding::new(
        Subject::index(index),
        format!(
            "{sure}{} of {} are waste",
            human_bytes(bytes),
            human_bytes(size)
        ),
    )
    .evidence("wasted_bytes", bytes)
    .evidence("size_bytes", size)
    .evidence("wasted_ratio", ratio(share))
    .evidence("estimated", exact.is_none())
    .remedy(format!(
        "REINDEX INDEX CONCURRENTLY {};",
        index.qualified().quoted()
    ));
    Some((
        bytes,
        if exact.is_some() {
            finding
        } else {
            finding.confirm("dbaudit report --exact-bloat")
        },
    ))
}

fn wasted_share(case: &Case<'_>, index: &Index) -> Option<f64> {
    let table = case.table(index.table)?;
    let stale = is_stale(table, case.threshold("max-changed-ratio"));
    if index.has_expressions || index.has_predicate || stale {
        return None;
    }
    let needed = btree_pages(case.catalog, index, table.estimated_rows?)?;
    let pages = index.bytes as f64 / BLOCK_BYTES as f64;
    Some((1.0 - needed / pages.max(1.0)).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{Catalog, ExactBloat},
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
