//! What is known of the tables that the queries read.

use std::collections::{BTreeMap, BTreeSet};

use crate::sql::QualifiedName;

/// A table that an index can be built on: for a partition, the root of its tree.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableFacts {
    pub table: Option<QualifiedName>,
    pub rows: f64,
    /// Pages of the heap, all partitions together.
    pub pages: f64,
    /// Of these, the pages whose rows an index can answer for by itself, as the last VACUUM left them.
    pub all_visible: f64,
    /// The partitions that hold the rows; empty where the table holds them itself.
    pub leaves: Vec<QualifiedName>,
    /// The columns by name.
    pub columns: BTreeMap<String, ColumnFacts>,
    pub indexes: Vec<PresentIndex>,
    /// Since its counters began.
    pub written: RowCounters,
    /// The role may build an index on it.
    pub owned: bool,
}

/// Rows that the statements of an application have written so far, as the server counted them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RowCounters {
    pub inserted: f64,
    pub updated: f64,
    /// Of these, those that needed no entry in any index.
    pub hot: f64,
    pub deleted: f64,
}

impl RowCounters {
    /// Of all updates, those that stayed on their page; all, where nothing is known.
    pub fn hot_share(self) -> f64 {
        if self.updated > 0.0 {
            (self.hot / self.updated).clamp(0.0, 1.0)
        } else {
            1.0
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnFacts {
    /// The type's name: `text`, `varchar`, `timestamptz`.
    pub type_name: String,
    /// Bytes of the type; negative: it varies.
    pub length: i32,
    /// What it is aligned to, in bytes.
    pub align: u32,
    /// Bytes on average, as the statistics say.
    pub width: f64,
    /// The share of NULLs.
    pub null_fraction: f64,
    /// How many different values; `None`: no statistics.
    pub distinct: Option<f64>,
    /// How well the order of values is that of the rows, −1 to 1.
    pub correlation: f64,
    /// NOT NULL.
    pub not_null: bool,
    /// Its default B-tree class takes equal for bytewise equal, so that duplicates are stored once.
    pub deduplicates: bool,
    /// A collation other than C: a prefix is then no range.
    pub collated: bool,
    /// The types, as the server prints them, to which a cast of the column changes no byte of it.
    pub relabels: Vec<String>,
    /// By what its values can be indexed, the default classes of a method first.
    pub classes: Vec<ClassFacts>,
}

/// An operator class that takes a column's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassFacts {
    pub method: String,
    /// As SQL, with its schema where it must be named.
    pub name: String,
    /// It need not be named.
    pub default: bool,
    /// It is for this very type, not for arrays, ranges or enumerations of any kind.
    pub exact: bool,
    /// The operators that its indexes search by.
    pub searches: BTreeSet<String>,
    /// The operators that its indexes give rows in the order of, nearest first.
    pub sorts: BTreeSet<String>,
}

impl ColumnFacts {
    /// An index of this method takes the column as it is.
    pub fn fits(&self, method: &str) -> bool {
        self.classes
            .iter()
            .any(|class| class.default && class.method == method)
    }

    /// The class of this method by which the operator is looked up: that of the very type where there is one (its
    /// operators are the ones meant then: intarray's), else the default.
    pub fn class_for(&self, method: &str, operator: &str) -> Option<&ClassFacts> {
        self.classes
            .iter()
            .filter(|class| class.method == method && class.searches.contains(operator))
            .max_by_key(|class| (class.exact && !class.name.contains('.'), class.default))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentIndex {
    /// Its name, in the schema of its table.
    pub name: String,
    pub method: String,
    /// Its keys as the server prints them, with operator class and direction.
    pub keys: Vec<String>,
    pub include: Vec<String>,
    pub predicate: Option<String>,
    /// Unique, or behind a constraint: it is there for more than speed.
    pub enforces: bool,
    pub valid: bool,
    /// How often it was scanned since the counters began.
    pub scans: i64,
    pub bytes: u64,
}

impl TableFacts {
    pub fn name(&self) -> QualifiedName {
        self.table
            .clone()
            .unwrap_or_else(|| QualifiedName::new("", ""))
    }
}
