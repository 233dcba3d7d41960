//! Indexes as the report lists them.

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::Catalog;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IndexRow {
    pub schema: String,
    pub name: String,
    /// Its table, `schema.name`.
    pub table: String,
    pub bytes: u64,
    /// The size is from `relpages`, not from the file system.
    pub size_estimated: bool,
    pub scans: u64,
    /// The last one; from 16 on.
    pub last_scan: Option<Timestamp>,
    pub valid: bool,
    pub unique: bool,
    pub primary: bool,
    pub constraint: Option<String>,
    pub method: String,
    /// As `pg_get_indexdef` prints it; `None`: it could not be read, because someone holds the table, or the
    /// format does not show it.
    pub definition: Option<String>,
}

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
