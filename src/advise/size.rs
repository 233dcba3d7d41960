//! How large an index would be: from the rows, the widths and the numbers of distinct values.

use super::{ColumnFacts, IndexSpec, Key, Method, TableFacts};

const PAGE: f64 = 8192.0;
/// Of a B-tree page: its header, and what links it to its neighbours.
const BTREE_USABLE: f64 = PAGE - 24.0 - 16.0;
const LINE_POINTER: f64 = 4.0;
const TUPLE_HEADER: f64 = 8.0;
const HEAP_POINTER: f64 = 6.0;
/// A build merges duplicates into lists of this many bytes at most (`_bt_load` in nbtsort.c: a tenth of a page).
const LONGEST_LIST: f64 = 812.0;

/// The bytes that an index takes once built. `share`: of the table's rows, those that are in it.
pub fn index_bytes(spec: &IndexSpec, facts: &TableFacts, share: f64) -> u64 {
    let rows = (facts.rows.max(0.0) * share.clamp(0.0, 1.0)).max(0.0);
    let bytes = match spec.method {
        Method::Btree => btree(spec, facts, rows),
        Method::Hash => hash(rows),
        Method::Brin => 3.0 * PAGE + facts.pages / 128.0 * 40.0,
        Method::Gin => gin(spec, facts, rows),
        // An entry a row, its pages two thirds full as they were split.
        Method::Gist | Method::Spgist => btree(spec, facts, rows) * 1.5,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a size in bytes, positive and far below 2^53"
    )]
    let pages = (bytes / PAGE).ceil().max(1.0) as u64;
    pages * 8192
}

fn btree(spec: &IndexSpec, facts: &TableFacts, rows: f64) -> f64 {
    let columns: Vec<&ColumnFacts> = spec
        .keys
        .iter()
        .map(|key| column_of(key, facts))
        .chain(spec.include.iter().map(|name| facts.columns.get(name)))
        .flatten()
        .collect();
    let tuple = align8(TUPLE_HEADER + data_bytes(&columns));
    let keyed = columns
        .get(..spec.keys.len().min(columns.len()))
        .unwrap_or_default();
    let merges = spec.include.is_empty() && keyed.iter().all(|column| column.deduplicates);
    let different = different_keys(keyed, rows);
    let leaf_bytes = if merges && different < rows {
        // Each value's rows in lists, as long as a list may be.
        let per_value = rows / different.max(1.0);
        let most = ((LONGEST_LIST - tuple) / HEAP_POINTER).max(1.0);
        let full_lists = (per_value / most).floor();
        let rest = per_value - full_lists * most;
        let list = |n: f64| {
            if n <= 1.0 {
                n * (tuple + LINE_POINTER)
            } else {
                align8(tuple + n * HEAP_POINTER) + LINE_POINTER
            }
        };
        different * (full_lists * list(most) + list(rest))
    } else {
        rows * (tuple + LINE_POINTER)
    };
    let fill = 0.9;
    let leaves = (leaf_bytes / (BTREE_USABLE * fill)).ceil().max(1.0);
    // A downlink a page; the keys in them are cut short.
    let fanout = (BTREE_USABLE * 0.7 / (tuple + LINE_POINTER)).max(2.0);
    let mut pages = leaves + 1.0;
    let mut level = leaves;
    while level > 1.0 {
        level = (level / fanout).ceil();
        pages += level;
    }
    pages * PAGE
}

/// The values of a tuple, each at a multiple of its alignment.
fn data_bytes(columns: &[&ColumnFacts]) -> f64 {
    let mut at = 0.0_f64;
    for column in columns {
        let width = if column.length > 0 {
            f64::from(column.length)
        } else {
            column.width
        };
        // A short value of varying length has one byte before it and no alignment.
        if column.length > 0 || width > 126.0 {
            at = align(at, f64::from(column.align));
        }
        at += width * (1.0 - column.null_fraction);
    }
    at
}

/// As many as there are combinations, but never more than rows; NULLs are one value.
fn different_keys(columns: &[&ColumnFacts], rows: f64) -> f64 {
    let mut product = 1.0_f64;
    for column in columns {
        let distinct = column.distinct.unwrap_or(rows).max(1.0);
        product *= distinct + if column.null_fraction > 0.0 { 1.0 } else { 0.0 };
        if product > rows {
            break;
        }
    }
    // The expected number of distinct values among this many rows, if all values are equally likely.
    let met = product * (1.0 - (-rows / product).exp());
    if product >= rows {
        rows.min(met.max(1.0))
    } else {
        product.min(rows).max(1.0)
    }
}

/// A hash index grows by doublings, in four steps each, and its pages are three quarters full at best.
fn hash(rows: f64) -> f64 {
    let per_page = ((PAGE - 24.0 - 16.0) * 0.75 / (16.0 + LINE_POINTER)).floor();
    let wanted = (rows / per_page).max(2.0);
    let power = wanted.log2().floor();
    let below = power.exp2();
    let step = if power < 10.0 { below } else { below / 4.0 };
    let buckets = below + ((wanted - below) / step).ceil() * step;
    (buckets + 4.0) * PAGE
}

/// Rough: what a value holds is known only by reading it.
fn gin(spec: &IndexSpec, facts: &TableFacts, rows: f64) -> f64 {
    let trigrams = spec.keys.iter().any(|key| key.order.contains("trgm"));
    let width: f64 = spec
        .keys
        .iter()
        .filter_map(|key| Some(column_of(key, facts)?.width))
        .sum();
    let entries = if trigrams {
        width + 2.0
    } else {
        (width / 12.0).max(1.0)
    };
    4.0 * PAGE + rows * entries * 2.0
}

fn column_of<'f>(key: &Key, facts: &'f TableFacts) -> Option<&'f ColumnFacts> {
    facts.columns.get(key.columns.first()?)
}

fn align8(bytes: f64) -> f64 {
    align(bytes, 8.0)
}

fn align(bytes: f64, to: f64) -> f64 {
    (bytes / to).ceil() * to
}
