//! Sizes: from the file system for the largest relations, from `relpages` for the rest and for those
//! that another session holds exclusively (the size functions open the relation, and would wait).

use std::collections::{HashMap, HashSet};

use tokio_postgres::{Error as PgError, types::Type};

use super::{
    BLOCK_BYTES, Catalog, Fact, Table,
    reader::{Fields, Reader},
};

/// How many relations are measured in the file system; the rest are taken from `relpages`.
const MEASURED: usize = 600;

/// A relation as the file system has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct MeasuredSize {
    oid: u32,
    bytes: u64,
    toast_bytes: u64,
}

impl MeasuredSize {
    pub(super) fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            oid: row.get()?,
            bytes: row.count()?,
            toast_bytes: row.count()?,
        })
    }
}

pub(super) async fn read(reader: &Reader<'_>, catalog: &Catalog) -> Vec<MeasuredSize> {
    let largest = largest(catalog, MEASURED);
    let params = [(&largest as _, Type::OID_ARRAY)];
    let sql = include_str!("size.sql");
    reader
        .rows_or_note(Fact::Sizes, sql, &params, MeasuredSize::from_row)
        .await
}

/// Marks tables on which, or on whose TOAST table or an index of which, someone holds or awaits an
/// exclusive lock.
pub(super) fn mark_locked(catalog: &mut Catalog) {
    let locked: HashSet<u32> = catalog.locks.iter().map(|lock| lock.relation).collect();
    if locked.is_empty() {
        return;
    }
    let by_index: HashSet<u32> = catalog
        .indexes
        .iter()
        .filter(|index| locked.contains(&index.oid))
        .map(|index| index.table)
        .collect();
    for table in &mut catalog.tables {
        table.locked = locked.contains(&table.oid)
            || by_index.contains(&table.oid)
            || table.toast.is_some_and(|toast| locked.contains(&toast));
    }
}

/// The relations worth measuring, by what is known of them: `relpages`, or, where that is behind, the
/// rows that the counters know of.
fn largest(catalog: &Catalog, limit: usize) -> Vec<u32> {
    let locked: HashSet<u32> = catalog.locks.iter().map(|lock| lock.relation).collect();
    let mut ranked: Vec<(u64, u32)> = Vec::new();
    for table in catalog.stored_tables().filter(|table| !table.locked) {
        let pages = guessed_pages(table)
            + table
                .toast
                .and_then(|toast| catalog.table(toast))
                .map_or(0, guessed_pages);
        ranked.push((pages, table.oid));
        for index in catalog.indexes_of(table.oid) {
            if !index.partitioned && !locked.contains(&index.oid) {
                let behind = u64::from(index.pages) <= 1;
                let guess = if behind { guessed_pages(table) / 4 } else { 0 };
                ranked.push((u64::from(index.pages).max(guess), index.oid));
            }
        }
    }
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    ranked.truncate(limit);
    ranked.into_iter().map(|(_, oid)| oid).collect()
}

fn guessed_pages(table: &Table) -> u64 {
    let rows = table.counters.live_tuples + table.counters.dead_tuples;
    u64::from(table.pages.unwrap_or(0)).max(rows / 50)
}

/// Fills in every size, and adds partitions' sizes up into their parents'.
pub(super) fn apply(catalog: &mut Catalog, measured: &[MeasuredSize]) {
    let measured: HashMap<u32, MeasuredSize> = measured.iter().map(|m| (m.oid, *m)).collect();
    let pages: HashMap<u32, u64> = catalog
        .tables
        .iter()
        .map(|table| (table.oid, u64::from(table.pages.unwrap_or(0)) * BLOCK_BYTES))
        .collect();
    let mut index_bytes: HashMap<u32, (u64, bool)> = HashMap::new();
    for index in &mut catalog.indexes {
        let found = measured.get(&index.oid);
        index.size_estimated = found.is_none() && !index.partitioned;
        index.bytes = match found {
            Some(measured) => measured.bytes,
            None if index.partitioned => 0,
            None => u64::from(index.pages) * BLOCK_BYTES,
        };
        let sum = index_bytes.entry(index.table).or_default();
        sum.0 += index.bytes;
        sum.1 |= index.size_estimated;
    }
    for table in &mut catalog.tables {
        if !table.has_storage() {
            continue;
        }
        let found = measured.get(&table.oid);
        let toast_pages = table.toast.and_then(|toast| pages.get(&toast)).copied();
        let size = &mut table.size;
        (size.heap_bytes, size.toast_bytes) = found
            .map_or((pages[&table.oid], toast_pages.unwrap_or(0)), |m| {
                (m.bytes.saturating_sub(m.toast_bytes), m.toast_bytes)
            });
        let (bytes, estimated) = index_bytes.get(&table.oid).copied().unwrap_or_default();
        size.index_bytes = bytes;
        size.estimated = found.is_none() || estimated;
    }
}
