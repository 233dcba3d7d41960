//! Bloat as pgstattuple measures it: exact, and reading the whole relation.

use serde::{Deserialize, Serialize};
use tokio_postgres::{Error as PgError, types::Type};

use super::{
    Catalog, Fact, UnreadFact, quote_identifier,
    reader::{Fields, Reader},
};

/// What pgstattuple found in a table or B-tree index.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExactBloat {
    /// The table or index.
    pub relation: u32,
    pub bytes: u64,
    /// Space that is free or taken by dead rows. In an index: what its leaf pages leave empty.
    pub free_bytes: u64,
}

impl ExactBloat {
    /// What it would lose, were it written anew: the fillfactor, 0 to 1, keeps some of it free.
    pub fn wasted_bytes(self, fillfactor: f64) -> f64 {
        let used = self.bytes.saturating_sub(self.free_bytes) as f64;
        (self.bytes as f64 - used / fillfactor).max(0.0)
    }

    pub(super) fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            relation: row.get()?,
            bytes: row.count()?,
            free_bytes: row.count()?,
        })
    }
}

/// Measures these tables and B-tree indexes, one statement each: a timeout ends only that one. What another
/// session holds exclusively is left out.
pub(super) async fn read(
    reader: &Reader<'_>,
    catalog: &Catalog,
    suspects: &[u32],
) -> Vec<ExactBloat> {
    let Some(extension) = catalog.extension("pgstattuple") else {
        reader.skip(UnreadFact {
            fact: Fact::ExactBloat,
            reason: "the extension pgstattuple is not installed in this database".into(),
            grant: Some("CREATE EXTENSION pgstattuple".into()),
            partial: false,
        });
        return Vec::new();
    };
    let schema = quote_identifier(&extension.schema);
    let place = |sql: &str| sql.replace("FROM pgstat", &format!("FROM {schema}.pgstat"));
    let of_tables = place(include_str!("exact_bloat_table.sql"));
    let of_indexes = place(include_str!("exact_bloat_index.sql"));
    let free = |table| catalog.table(table).is_some_and(|table| !table.locked);
    let mut measured = Vec::new();
    for oid in suspects {
        let sql = match catalog.index(*oid) {
            Some(index) if free(index.table) => &of_indexes,
            None if free(*oid) => &of_tables,
            _ => continue,
        };
        let params = [(oid as _, Type::OID)];
        match reader.rows(sql, &params, ExactBloat::from_row).await {
            Ok(rows) => measured.extend(rows),
            Err(error) => reader.failed_in_part(Fact::ExactBloat, &error),
        }
    }
    measured
}
