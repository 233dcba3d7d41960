//! Indexes: the raw facts, with their counters.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact, QualifiedName,
    options::StorageOptions,
    reader::{Entity, Fields},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "pg_index's own flags, each independent of the others"
)]
pub struct Index {
    /// `pg_class.oid`.
    pub oid: u32,
    pub schema: String,
    pub name: String,
    pub table: u32,
    /// The parent of partitions' indexes; holds nothing itself.
    pub partitioned: bool,
    /// The partitioned index it is attached to: it cannot be dropped alone.
    pub parent: Option<u32>,
    /// `btree`, `hash`, `gin`, …
    pub method: String,
    pub owner: String,
    /// Its tablespace; `None`: the database's own.
    pub tablespace: Option<String>,
    /// `relpages`.
    pub pages: u32,
    /// `reltuples`; `None`: unknown.
    pub estimated_rows: Option<f64>,
    /// Transactions since its row of `pg_class` was written: when it was made, or built anew beside itself.
    #[serde(default)]
    pub row_xid_age: Option<u32>,
    pub options: StorageOptions,
    /// How many of `columns` are keys; the rest are INCLUDEd.
    pub key_count: usize,
    /// Column numbers; 0 is an expression.
    pub columns: Vec<i16>,
    pub operator_classes: Vec<u32>,
    /// Collation of each key; 0 is none.
    pub collations: Vec<u32>,
    /// Order of each key: bit 0 descending, bit 1 nulls first.
    pub orders: Vec<i16>,
    pub unique: bool,
    pub primary: bool,
    pub exclusion: bool,
    /// Uniqueness is enforced at once, not at the transaction's end.
    pub immediate: bool,
    pub valid: bool,
    pub ready: bool,
    /// Is not being dropped.
    pub live: bool,
    pub replica_identity: bool,
    /// `CLUSTER` uses it.
    pub clustered: bool,
    /// Two nulls are duplicates; from 15 on.
    pub nulls_not_distinct: bool,
    pub has_expressions: bool,
    pub has_predicate: bool,
    /// The columns of which the predicate asks that they not be null, where it asks nothing else.
    #[serde(default)]
    pub asks_not_null: Option<Vec<i16>>,
    /// The expressions, as the server prints them; `None`: has none, or not read.
    pub expressions: Option<String>,
    /// The predicate, as the server prints it; `None`: has none, or not read.
    pub predicate: Option<String>,
    /// `pg_get_indexdef`, where it had to be asked for: the rest is composed.
    pub definition: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// The size is from `relpages`, not from the file system.
    pub size_estimated: bool,
    pub scans: u64,
    pub rows_read: u64,
    pub rows_fetched: u64,
    /// The last scan; from 16 on.
    pub last_scan: Option<Timestamp>,
    /// Blocks read from the operating system.
    pub blocks_read: u64,
    /// Blocks found in shared buffers.
    pub blocks_hit: u64,
}

impl Index {
    pub fn qualified(&self) -> QualifiedName {
        QualifiedName::new(&self.schema, &self.name)
    }

    /// The key columns' numbers; 0 is an expression.
    pub fn keys(&self) -> &[i16] {
        &self.columns[..self.key_count.min(self.columns.len())]
    }

    pub fn included(&self) -> &[i16] {
        &self.columns[self.key_count.min(self.columns.len())..]
    }
}

impl Entity for Index {
    const FACT: Fact = Fact::Indexes;
    const SQL: &'static str = include_str!("index.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            oid: row.get()?,
            schema: row.get()?,
            name: row.get()?,
            table: row.get()?,
            partitioned: row.letter()? == 'I',
            parent: row.get()?,
            method: row.get()?,
            owner: row.get()?,
            tablespace: row.get()?,
            pages: row.optional_small_count()?.unwrap_or(0),
            estimated_rows: row
                .get::<Option<f32>>()?
                .filter(|rows| *rows >= 0.0)
                .map(f64::from),
            row_xid_age: row.optional_small_count()?,
            options: StorageOptions(row.get::<Option<Vec<String>>>()?.unwrap_or_default()),
            key_count: usize::try_from(row.get::<i16>()?).unwrap_or(0),
            columns: row.get()?,
            operator_classes: row.get()?,
            collations: row.get()?,
            orders: row.get()?,
            unique: row.get()?,
            primary: row.get()?,
            exclusion: row.get()?,
            immediate: row.get()?,
            valid: row.get()?,
            ready: row.get()?,
            live: row.get()?,
            replica_identity: row.get()?,
            clustered: row.get()?,
            nulls_not_distinct: row.get()?,
            has_expressions: row.get()?,
            has_predicate: row.get()?,
            asks_not_null: row
                .get::<Option<String>>()?
                .and_then(|predicate| asks_not_null(&predicate)),
            expressions: None,
            predicate: None,
            definition: None,
            bytes: 0,
            size_estimated: true,
            scans: row.count()?,
            rows_read: row.count()?,
            rows_fetched: row.count()?,
            last_scan: row.get()?,
            blocks_read: row.count()?,
            blocks_hit: row.count()?,
        })
    }
}

/// The columns of `a IS NOT NULL AND b IS NOT NULL`, as `pg_index.indpred` keeps it; `None`: it asks something else.
fn asks_not_null(predicate: &str) -> Option<Vec<i16>> {
    let mut rest = match predicate.strip_prefix("{BOOLEXPR :boolop and :args (") {
        Some(terms) => terms.rsplit_once(") :location ")?.0,
        None => predicate,
    };
    let mut columns = Vec::new();
    while !rest.is_empty() {
        let column = rest.strip_prefix("{NULLTEST :arg {VAR :varno 1 :varattno ")?;
        let (number, column) = column.split_once(' ')?;
        let (_, test) = column.split_once("} ")?;
        let test = test.strip_prefix(":nulltesttype 1 :argisrow false :location ")?;
        columns.push(number.parse().ok()?);
        rest = test.split_once('}')?.1.trim_start();
    }
    Some(columns)
}
