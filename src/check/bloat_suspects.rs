//! Which relations are worth measuring exactly.

use super::{bloat::MAX_CHANGED, index_bloat, table_bloat};
use crate::catalog::Catalog;

/// The tables, and the B-tree indexes, to measure exactly, this many of each: those with the most waste by
/// estimate, and then the largest of those that no estimate is made of.
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
