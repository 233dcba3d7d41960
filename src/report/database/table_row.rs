//! Tables as the report lists them: a partitioned table is one row with its partitions' sums.

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{Catalog, Table, TableCounters, TableKind, TableSize};

/// A table, or a partitioned table with all its partitions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableRow {
    pub schema: String,
    pub name: String,
    pub kind: TableKind,
    /// Partitions that hold rows; 0 for a table that has none.
    pub partitions: usize,
    pub total_bytes: u64,
    pub heap_bytes: u64,
    pub index_bytes: u64,
    pub toast_bytes: u64,
    /// A size is from `relpages`, not from the file system.
    pub size_estimated: bool,
    /// Another session holds it, or waits to hold it, exclusively.
    pub locked: bool,
    /// Rows, when last vacuumed or analysed; `None`: never.
    pub estimated_rows: Option<f64>,
    pub live_tuples: u64,
    pub dead_tuples: u64,
    pub inserts: u64,
    pub updates: u64,
    pub deletes: u64,
    pub hot_updates: u64,
    pub seq_scans: u64,
    pub seq_rows_read: u64,
    pub idx_scans: u64,
    /// Blocks of the heap read from the operating system.
    pub blocks_read: u64,
    /// Blocks of the heap found in shared buffers.
    pub blocks_hit: u64,
    /// Rows changed since the last analyze.
    pub modified_since_analyze: u64,
    pub last_vacuum: Option<Timestamp>,
    pub last_autovacuum: Option<Timestamp>,
    pub last_analyze: Option<Timestamp>,
    pub last_autoanalyze: Option<Timestamp>,
    /// Transactions since the oldest one not frozen.
    pub xid_age: Option<u32>,
}

pub(super) fn rows(catalog: &Catalog) -> Vec<TableRow> {
    let mut rows: Vec<TableRow> = catalog
        .tables
        .iter()
        .filter(|table| table.kind != TableKind::Toast)
        .filter(|table| {
            table
                .parent
                .is_none_or(|parent| catalog.table(parent).is_none())
        })
        .map(|table| {
            let mut row = TableRow::of(table);
            add_partitions(catalog, table, &mut row);
            row
        })
        .collect();
    rows.sort_by(|a, b| {
        (b.total_bytes, &a.schema, &a.name).cmp(&(a.total_bytes, &b.schema, &b.name))
    });
    rows
}

fn add_partitions(catalog: &Catalog, table: &Table, row: &mut TableRow) {
    for partition in catalog.partitions_of(table.oid) {
        if partition.has_storage() {
            row.partitions += 1;
            row.add(&TableRow::of(partition));
        }
        add_partitions(catalog, partition, row);
    }
}

impl TableRow {
    fn of(table: &Table) -> Self {
        let TableSize {
            heap_bytes,
            toast_bytes,
            index_bytes,
            estimated,
        } = table.size;
        let TableCounters {
            seq_scans,
            seq_rows_read,
            idx_scans,
            inserts,
            updates,
            deletes,
            hot_updates,
            live_tuples,
            dead_tuples,
            modified_since_analyze,
            blocks_read,
            blocks_hit,
            last_vacuum,
            last_autovacuum,
            last_analyze,
            last_autoanalyze,
            ..
        } = table.counters;
        // A partitioned parent's own rows, after an ANALYZE of it, count its partitions' again.
        let own = table.kind != TableKind::Partitioned;
        Self {
            schema: table.schema.clone(),
            name: table.name.clone(),
            kind: table.kind,
            partitions: 0,
            total_bytes: table.size.total_bytes(),
            heap_bytes,
            index_bytes,
            toast_bytes,
            size_estimated: estimated,
            locked: table.locked,
            estimated_rows: table.estimated_rows.filter(|_| own),
            live_tuples: if own { live_tuples } else { 0 },
            dead_tuples: if own { dead_tuples } else { 0 },
            inserts,
            updates,
            deletes,
            hot_updates,
            seq_scans,
            seq_rows_read,
            idx_scans,
            blocks_read,
            blocks_hit,
            modified_since_analyze,
            last_vacuum,
            last_autovacuum,
            last_analyze,
            last_autoanalyze,
            xid_age: table.xid_age,
        }
    }

    /// Sums; of times the latest, of ages the greatest.
    fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.total_bytes, other.total_bytes),
            (&mut self.heap_bytes, other.heap_bytes),
            (&mut self.index_bytes, other.index_bytes),
            (&mut self.toast_bytes, other.toast_bytes),
            (&mut self.live_tuples, other.live_tuples),
            (&mut self.dead_tuples, other.dead_tuples),
            (&mut self.inserts, other.inserts),
            (&mut self.updates, other.updates),
            (&mut self.deletes, other.deletes),
            (&mut self.hot_updates, other.hot_updates),
            (&mut self.seq_scans, other.seq_scans),
            (&mut self.seq_rows_read, other.seq_rows_read),
            (&mut self.idx_scans, other.idx_scans),
            (&mut self.blocks_read, other.blocks_read),
            (&mut self.blocks_hit, other.blocks_hit),
            (
                &mut self.modified_since_analyze,
                other.modified_since_analyze,
            ),
        ] {
            *sum += more;
        }
        for (last, other) in [
            (&mut self.last_vacuum, other.last_vacuum),
            (&mut self.last_autovacuum, other.last_autovacuum),
            (&mut self.last_analyze, other.last_analyze),
            (&mut self.last_autoanalyze, other.last_autoanalyze),
        ] {
            *last = (*last).max(other);
        }
        self.size_estimated |= other.size_estimated;
        self.locked |= other.locked;
        self.xid_age = self.xid_age.max(other.xid_age);
        self.estimated_rows = match (self.estimated_rows, other.estimated_rows) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
    }
}
