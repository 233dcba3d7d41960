//! Indexes as the report lists them.

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::Catalog;

/// An index.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IndexRow {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its table, `schema.name`.
    pub table: String,
    /// Its size.
    pub bytes: u64,
    /// The size is from `relpages`, not from the file system.
    pub size_estimated: bool,
    /// Scans of it.
    pub scans: u64,
    /// The last one; from 16 on.
    pub last_scan: Option<Timestamp>,
    /// Queries may use it.
    pub valid: bool,
    /// Rejects duplicates.
    pub unique: bool,
    /// Behind the primary key.
    pub primary: bool,
    /// The constraint it is behind.
    pub constraint: Option<String>,
    /// Its access method.
    pub method: String,
    /// As `pg_get_indexdef` prints it; `None`: it could not be read, because someone holds the table, or the
    /// format does not show it.
    pub definition: Option<String>,
}

/// All indexes, the largest first.
pub(super) fn rows(catalog: &Catalog, definitions: bool) -> Vec<IndexRow> {
    let mut rows: Vec<IndexRow> = catalog
        .indexes
        .iter()
        .map(|index| IndexRow {
            schema: index.schema.clone(),
            name: index.name.clone(),
            table: catalog
                .table(index.table)
                .map_or_else(String::new, |table| table.qualified().to_string()),
            bytes: catalog.tree_bytes(index),
            size_estimated: index.size_estimated,
            scans: index.scans,
            last_scan: index.last_scan,
            valid: index.valid,
            unique: index.unique,
            primary: index.primary,
            constraint: catalog
                .constraint_of_index(index.oid)
                .map(|constraint| constraint.name.clone()),
            method: index.method.clone(),
            definition: definitions.then(|| index.definition(catalog)).flatten(),
        })
        .collect();
    // Stable: by name among equals.
    rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
    rows
}
