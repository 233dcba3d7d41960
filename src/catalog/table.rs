//! Tables of every kind, with their counters.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact, QualifiedName,
    options::StorageOptions,
    reader::{Entity, Fields},
};

/// The size of a block. Servers built with another are rare enough to read estimates wrong there.
pub const BLOCK_BYTES: u64 = 8192;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableKind {
    Ordinary,
    /// The parent of partitions; holds nothing itself.
    Partitioned,
    MaterializedView,
    Toast,
    Foreign,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// `pg_class.oid`.
    pub oid: u32,
    pub schema: String,
    pub name: String,
    pub kind: TableKind,
    /// Not written to the WAL, emptied by a crash.
    pub unlogged: bool,
    pub owner: String,
    pub parent: Option<u32>,
    /// `relpages`: its size when last vacuumed or analysed; `None` for a partitioned parent.
    pub pages: Option<u32>,
    /// `reltuples`: its rows when last vacuumed or analysed; `None`: never.
    pub estimated_rows: Option<f64>,
    /// Pages marked all-visible, when last vacuumed.
    pub all_visible_pages: u32,
    pub toast: Option<u32>,
    /// Transactions since `relfrozenxid`.
    pub xid_age: Option<u32>,
    /// Multixacts since `relminmxid`.
    pub multixact_age: Option<u32>,
    /// Transactions since its row of `pg_class` was written: when it was made, emptied or altered.
    #[serde(default)]
    pub row_xid_age: Option<u32>,
    pub options: StorageOptions,
    /// `relreplident`: `d`efault, `n`othing, `f`ull, `i`ndex.
    pub replica_identity: char,
    /// The role that asks may read it, and so its columns' statistics.
    pub readable: bool,
    /// An ACCESS EXCLUSIVE lock is held or awaited on it, its TOAST table or an index.
    pub locked: bool,
    pub size: TableSize,
    pub counters: TableCounters,
}

/// Where a table's bytes are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSize {
    pub heap_bytes: u64,
    /// The TOAST table and its index.
    pub toast_bytes: u64,
    pub index_bytes: u64,
    /// From `relpages`, not from the file system.
    pub estimated: bool,
}

impl TableSize {
    pub fn total_bytes(self) -> u64 {
        self.heap_bytes + self.toast_bytes + self.index_bytes
    }
}

/// What `pg_stat_user_tables` counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableCounters {
    pub seq_scans: u64,
    pub seq_rows_read: u64,
    /// Index scans, of all its indexes.
    pub idx_scans: u64,
    pub inserts: u64,
    pub updates: u64,
    pub deletes: u64,
    pub hot_updates: u64,
    /// Updates whose new row went to another page; from 16 on.
    pub newpage_updates: Option<u64>,
    pub live_tuples: u64,
    pub dead_tuples: u64,
    /// Rows changed since the last analyze.
    pub modified_since_analyze: u64,
    /// Rows inserted since the last vacuum.
    pub inserted_since_vacuum: u64,
    /// Blocks of the heap read from the operating system.
    pub blocks_read: u64,
    /// Blocks of the heap found in shared buffers.
    pub blocks_hit: u64,
    /// Last sequential scan; from 16 on.
    pub last_seq_scan: Option<Timestamp>,
    /// Last vacuum by hand.
    pub last_vacuum: Option<Timestamp>,
    /// Last vacuum by the server itself.
    pub last_autovacuum: Option<Timestamp>,
    /// Last analyze by hand.
    pub last_analyze: Option<Timestamp>,
    /// Last analyze by the server itself.
    pub last_autoanalyze: Option<Timestamp>,
    /// Vacuums by hand.
    pub vacuums: u64,
    /// Vacuums by the server itself.
    pub autovacuums: u64,
    /// Analyzes by hand.
    pub analyzes: u64,
    /// Analyzes by the server itself.
    pub autoanalyzes: u64,
    /// Time the server itself spent vacuuming it; from 18 on.
    pub autovacuum_ms: Option<f64>,
}

impl Table {
    pub fn qualified(&self) -> QualifiedName {
        QualifiedName::new(&self.schema, &self.name)
    }

    /// `fillfactor`, in per cent.
    pub fn fillfactor(&self) -> f64 {
        self.options.number("fillfactor").unwrap_or(100.0)
    }

    /// Whether it holds rows of its own on disk.
    pub fn has_storage(&self) -> bool {
        !matches!(self.kind, TableKind::Partitioned | TableKind::Foreign)
    }
}

impl Entity for Table {
    const FACT: Fact = Fact::Tables;
    const SQL: &'static str = include_str!("table.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            oid: row.get()?,
            schema: row.get()?,
            name: row.get()?,
            kind: match row.letter()? {
                'p' => TableKind::Partitioned,
                'm' => TableKind::MaterializedView,
                't' => TableKind::Toast,
                'f' => TableKind::Foreign,
                _ => TableKind::Ordinary,
            },
            unlogged: row.letter()? == 'u',
            owner: row.get()?,
            parent: row.get()?,
            pages: row.optional_small_count()?,
            estimated_rows: row
                .get::<Option<f32>>()?
                .filter(|rows| *rows >= 0.0)
                .map(f64::from),
            all_visible_pages: row.optional_small_count()?.unwrap_or(0),
            toast: row.get()?,
            xid_age: row.optional_small_count()?,
            multixact_age: row.optional_small_count()?,
            row_xid_age: row.optional_small_count()?,
            options: StorageOptions(row.get::<Option<Vec<String>>>()?.unwrap_or_default()),
            replica_identity: row.letter()?,
            readable: row.get::<Option<bool>>()?.unwrap_or(false),
            locked: false,
            size: TableSize::default(),
            counters: TableCounters {
                seq_scans: row.count()?,
                seq_rows_read: row.count()?,
                idx_scans: 0,
                inserts: row.count()?,
                updates: row.count()?,
                deletes: row.count()?,
                hot_updates: row.count()?,
                newpage_updates: row.optional_count()?,
                live_tuples: row.count()?,
                dead_tuples: row.count()?,
                modified_since_analyze: row.count()?,
                inserted_since_vacuum: row.count()?,
                blocks_read: row.count()?,
                blocks_hit: row.count()?,
                last_seq_scan: row.get()?,
                last_vacuum: row.get()?,
                last_autovacuum: row.get()?,
                last_analyze: row.get()?,
                last_autoanalyze: row.get()?,
                vacuums: row.count()?,
                autovacuums: row.count()?,
                analyzes: row.count()?,
                autoanalyzes: row.count()?,
                autovacuum_ms: row.get()?,
            },
        })
    }
}
