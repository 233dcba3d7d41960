//! How many pages rows and index entries need at least, by the server's own layout of tuples
//! (`heap_compute_data_size()`, `heap_form_tuple()`, `index_form_tuple()`, `nbtsort.c`), from the columns'
//! statistics. Averages stand in for what differs from row to row.

use crate::catalog::{BLOCK_BYTES, Catalog, Column, ColumnStatistics, Index, Table};

/// What a heap page leaves for tuples: the page's header takes 24 bytes.
const HEAP_PAGE: f64 = BLOCK_BYTES as f64 - 24.0;
/// What a B-tree page leaves: header, and 16 bytes at its end.
const BTREE_PAGE: f64 = BLOCK_BYTES as f64 - 40.0;
/// A line pointer, one for each tuple.
const POINTER: f64 = 4.0;
/// The largest posting list that a build makes: a tenth of a page (`_bt_load()`).
const POSTING_BYTES: f64 = 812.0;
/// A row's address in a posting list.
const TID_BYTES: f64 = 6.0;
/// Longer values may be compressed in an index only: how far is unknown.
const LONGEST_KEY: u32 = 500;

/// Pages that the table's rows need; `None`: the statistics do not tell.
pub(super) fn heap_pages(catalog: &Catalog, table: &Table, rows: f64) -> Option<f64> {
    let columns = catalog.columns_of(table.oid);
    let last = columns.last()?.number;
    let mut data = Data::new();
    let mut without_null = 1.0;
    for column in columns {
        let statistics = column.statistics?;
        data.add(column, statistics);
        without_null *= 1.0 - statistics.null_fraction;
    }
    // A dropped column is null in every row written since.
    let dropped = usize::try_from(last).is_ok_and(|last| last > columns.len());
    let with_null = if dropped { 1.0 } else { 1.0 - without_null };
    let bitmap = f64::from(last) / 8.0;
    let header = (1.0 - with_null) * aligned(23.0) + with_null * aligned(23.0 + bitmap.ceil());
    let tuple = header + data.total() + POINTER;
    let usable = HEAP_PAGE - BLOCK_BYTES as f64 * (1.0 - table.fillfactor() / 100.0);
    // No row is split: the rest of a page, half a row on average, stays empty.
    let per_page = if data.exact {
        (usable / tuple).floor()
    } else {
        (usable / tuple - 0.5).min((usable / tuple).floor())
    };
    Some((rows / per_page.max(1.0)).ceil())
}

/// Pages that a B-tree needs for its entries; `None`: the statistics do not show it.
pub(super) fn btree_pages(catalog: &Catalog, index: &Index, rows: f64) -> Option<f64> {
    let mut data = Data::new();
    let (mut with_null, mut distinct) = (0.0_f64, 1.0_f64);
    for number in &index.columns {
        let column = catalog.column(index.table, *number)?;
        let statistics = column.statistics?;
        if statistics.average_bytes > LONGEST_KEY {
            return None;
        }
        data.add(column, statistics);
        with_null = with_null.max(statistics.null_fraction);
        distinct *= distinct_values(statistics, rows);
    }
    let key = 8.0 + 8.0 * with_null + data.total();
    // Columns that go together have fewer values than their product: taking the product finds less bloat.
    let distinct = distinct.clamp(1.0, rows.max(1.0));
    let bytes = if deduplicates(catalog, index) {
        deduplicated_bytes(key, rows, distinct)
    } else {
        rows * (key + POINTER)
    };
    let fillfactor = index.options.number("fillfactor").unwrap_or(90.0) / 100.0;
    let entry = key + POINTER;
    // Each page also holds its upper bound, within what the fillfactor leaves free.
    let usable = BTREE_PAGE - (BTREE_PAGE * (1.0 - fillfactor)).max(entry);
    let leaves = (bytes / usable).ceil();
    let mut pages = leaves + 1.0;
    let mut level = leaves;
    while level > 1.0 {
        level = (level * entry / (BTREE_PAGE * 0.7)).ceil();
        pages += level;
    }
    Some(pages)
}

/// Equal keys share one copy of the key: from version 13 on, where equal means the same bytes.
fn deduplicates(catalog: &Catalog, index: &Index) -> bool {
    // Types whose equal values may differ in bytes: float4, float8, numeric, jsonb.
    const UNSAFE: [u32; 4] = [700, 701, 1700, 3802];
    !index.unique
        && index.included().is_empty()
        && !index.options.is_off("deduplicate_items")
        && index
            .keys()
            .iter()
            .zip(&index.collations)
            .all(|(number, collation)| {
                catalog.column(index.table, *number).is_some_and(|column| {
                    // Types of the user's own, and collations that may be nondeterministic: not sure.
                    column.type_oid < 10_000
                        && !UNSAFE.contains(&column.type_oid)
                        && matches!(collation, 0 | 100 | 950)
                })
            })
}

fn deduplicated_bytes(key: f64, rows: f64, distinct: f64) -> f64 {
    let equal = rows / distinct;
    let fit = ((POSTING_BYTES - key) / TID_BYTES).floor().max(1.0);
    let lists = (equal / fit).ceil();
    let each = equal / lists;
    if each < 2.0 {
        return rows * (key + POINTER);
    }
    distinct * lists * (aligned(key + TID_BYTES * each) + POINTER)
}

fn distinct_values(statistics: ColumnStatistics, rows: f64) -> f64 {
    let values = if statistics.distinct < 0.0 {
        -statistics.distinct * rows
    } else {
        statistics.distinct
    };
    // Null is one more.
    values
        + if statistics.null_fraction > 0.0 {
            1.0
        } else {
            0.0
        }
}

/// The bytes of a tuple's columns, one after the other, each at its alignment.
struct Data {
    bytes: f64,
    /// Every row has the same layout up to here; else half the alignment stands in for the gap.
    exact: bool,
}

impl Data {
    fn new() -> Self {
        Self {
            bytes: 0.0,
            exact: true,
        }
    }

    fn add(&mut self, column: &Column, statistics: ColumnStatistics) {
        let present = 1.0 - statistics.null_fraction;
        let width = f64::from(statistics.average_bytes);
        // A short value of varying length has a header of one byte and no alignment.
        let short = column.length < 0 && width <= 126.0;
        let align = if short { 1 } else { column.align_bytes() };
        let gap = if self.exact {
            up_to(self.bytes, align) - self.bytes
        } else {
            (align as f64 - 1.0) / 2.0
        };
        self.bytes += present * (gap + width);
        self.exact &= column.length >= 0 && (present == 0.0 || present == 1.0);
    }

    /// Up to the next multiple of eight, at which the next tuple begins.
    fn total(&self) -> f64 {
        if self.exact {
            aligned(self.bytes)
        } else {
            self.bytes + 3.5
        }
    }
}

fn aligned(bytes: f64) -> f64 {
    up_to(bytes, 8)
}

fn up_to(bytes: f64, align: u64) -> f64 {
    (bytes / align as f64).ceil() * align as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::StorageOptions,
        check::fixture::{BIGINT, INTEGER, SMALLINT, catalog, column, index, table},
    };

    fn with(types: &[u32]) -> Catalog {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "t"));
        for (number, kind) in (1..).zip(types) {
            catalog
                .columns
                .push(column(1, number, &format!("c{number}"), *kind));
        }
        catalog.arrange();
        catalog
    }

    #[test]
    fn fixed_rows_fill_pages_as_the_server_fills_them() {
        // Counted by `SELECT max((ctid::text::point)[0]) + 1` of tables with a million rows.
        for (types, pages) in [
            (&[INTEGER, INTEGER][..], 4_425.0),
            (&[SMALLINT, BIGINT], 5_406.0),
            (&[BIGINT, SMALLINT], 5_406.0),
        ] {
            let catalog = with(types);
            assert_eq!(
                heap_pages(&catalog, catalog.table(1).unwrap(), 1e6),
                Some(pages)
            );
        }
    }

    #[test]
    fn a_fillfactor_leaves_room() {
        let mut catalog = with(&[INTEGER, INTEGER]);
        catalog.tables[0].options = StorageOptions(vec!["fillfactor=50".into()]);
        let pages = heap_pages(&catalog, &catalog.tables[0], 1e6).unwrap();
        assert!((8_800.0..9_000.0).contains(&pages), "{pages}");
    }

    #[test]
    fn a_unique_index_on_integers_has_the_size_that_the_server_builds() {
        let catalog = with(&[INTEGER]);
        let unique = Index {
            unique: true,
            ..index(2, 1, "i", &[1])
        };
        // pgbench_accounts_pkey at scale 10.
        let pages = btree_pages(&catalog, &unique, 1e6).unwrap();
        assert!((pages - 2_745.0).abs() < 10.0, "{pages}");
    }

    #[test]
    fn equal_keys_are_stored_once() {
        let mut catalog = with(&[INTEGER]);
        if let Some(statistics) = &mut catalog.columns[0].statistics {
            statistics.distinct = 100.0;
        }
        let deduplicated = btree_pages(&catalog, &index(2, 1, "i", &[1]), 1e6).unwrap();
        assert!((800.0..900.0).contains(&deduplicated), "{deduplicated}");
        let off = Index {
            options: StorageOptions(vec!["deduplicate_items=off".into()]),
            ..index(2, 1, "i", &[1])
        };
        assert!(btree_pages(&catalog, &off, 1e6).unwrap() > 2_700.0);
    }

    #[test]
    fn without_statistics_nothing_is_said() {
        let mut catalog = with(&[INTEGER, INTEGER]);
        catalog.columns[1].statistics = None;
        assert_eq!(heap_pages(&catalog, &catalog.tables[0], 1e6), None);
        assert_eq!(btree_pages(&catalog, &index(2, 1, "i", &[2]), 1e6), None);
        assert_eq!(
            btree_pages(&catalog, &index(2, 1, "expression", &[0]), 1e6),
            None
        );
    }
}
