//! What the checks of bloat share: the finding, and which relations are worth measuring exactly.

use super::{Case, Finding, Subject, index_bloat, sureness::ratio, table_bloat};
use crate::{
    catalog::{Catalog, ExactBloat},
    render::human_bytes,
};

/// Rows changed since the last analyze, as a share, above which nothing is estimated.
pub(super) const MAX_CHANGED: f64 = 0.2;

/// What of a relation is waste.
pub(super) struct Waste {
    pub(super) bytes: u64,
    pub(super) of: u64,
    /// Measured, not estimated.
    pub(super) exact: bool,
}

pub(super) fn measured(catalog: &Catalog, relation: u32) -> Option<ExactBloat> {
    let mut all = catalog.exact_bloat.iter();
    all.find(|exact| exact.relation == relation).copied()
}

/// The finding, where the waste passes the check's thresholds, with its bytes to rank it by.
pub(super) fn finding(case: &Case<'_>, subject: Subject, waste: &Waste) -> Option<(u64, Finding)> {
    let share = waste.bytes as f64 / waste.of.max(1) as f64;
    let counts =
        share >= case.threshold("min-ratio") && waste.bytes as f64 >= case.threshold("min-bytes");
    if !counts {
        return None;
    }
    let sure = if waste.exact { "" } else { "about " };
    let message = format!(
        "{sure}{} of {} are wasted",
        human_bytes(waste.bytes),
        human_bytes(waste.of)
    );
    let finding = Finding::new(subject, message)
        .evidence("wasted_bytes", waste.bytes)
        .evidence("size_bytes", waste.of)
        .evidence("wasted_ratio", ratio(share))
        .evidence("estimated", !waste.exact);
    Some((
        waste.bytes,
        if waste.exact {
            finding
        } else {
            finding.confirm("dbaudit report --exact-bloat")
        },
    ))
}

/// The most wasteful first.
pub(super) fn ranked(found: impl Iterator<Item = (u64, Finding)>) -> Vec<Finding> {
    let mut found: Vec<(u64, Finding)> = found.collect();
    found.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    found.into_iter().map(|(_, finding)| finding).collect()
}

/// The tables, and the B-tree indexes, to measure exactly, this many of each: those with the most waste by
/// estimate, and then the largest of those that no estimate is made of.
#[must_use]
pub fn most_bloated(catalog: &Catalog, count: usize) -> Vec<u32> {
    let tables = catalog
        .stored_tables()
        .filter(|table| !table.locked)
        .map(|table| {
            let waste = table_bloat::estimate(catalog, table, MAX_CHANGED);
            (waste, table.size.heap_bytes, table.oid)
        });
    let indexes = catalog
        .indexes
        .iter()
        .filter(|index| index_bloat::has_a_shape(index))
        .filter(|index| {
            catalog
                .table(index.table)
                .is_some_and(|table| !table.locked)
        })
        .map(|index| {
            let waste = index_bloat::estimate(catalog, index, MAX_CHANGED);
            (waste, index.bytes, index.oid)
        });
    let mut chosen = worst(tables, count);
    chosen.extend(worst(indexes, count));
    chosen
}

/// By waste, where it is known, and then by size.
fn worst(all: impl Iterator<Item = (Option<f64>, u64, u32)>, count: usize) -> Vec<u32> {
    let mut all: Vec<(Option<f64>, u64, u32)> = all.collect();
    all.sort_by(|(a, a_size, _), (b, b_size, _)| {
        let key = |waste: &Option<f64>| waste.unwrap_or(-1.0);
        key(b).total_cmp(&key(a)).then(b_size.cmp(a_size))
    });
    all.truncate(count);
    all.into_iter().map(|(_, _, oid)| oid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::BLOCK_BYTES,
        check::fixture::{INTEGER, catalog, column, index, table},
    };

    #[test]
    fn the_most_wasteful_are_measured_and_not_the_largest() {
        let mut catalog = catalog();
        // 1,000,000 rows of an integer need 4,425 pages, however many there are; an index on it 2,745.
        for (oid, pages, known) in [(1, 90_000, false), (2, 20_000, true), (3, 50_000, true)] {
            let mut orders = table(oid, &format!("orders{oid}"));
            orders.pages = Some(pages);
            orders.size.heap_bytes = u64::from(pages) * BLOCK_BYTES;
            // Large, and full.
            if oid == 3 {
                orders.estimated_rows = Some(11_000_000.0);
            }
            catalog.tables.push(orders);
            let mut id = column(oid, 1, "id", INTEGER);
            id.statistics = id.statistics.filter(|_| known);
            catalog.columns.push(id);
            let mut by_id = index(oid + 10, oid, &format!("orders{oid}_idx"), &[1]);
            by_id.bytes = u64::from(pages) * BLOCK_BYTES;
            catalog.indexes.push(by_id);
        }
        catalog.arrange();
        assert_eq!(most_bloated(&catalog, 1), [2, 13]);
        assert_eq!(most_bloated(&catalog, 3), [2, 3, 1, 13, 12, 11]);
        catalog.tables[1].locked = true;
        assert_eq!(most_bloated(&catalog, 1), [3, 13]);
    }
}
