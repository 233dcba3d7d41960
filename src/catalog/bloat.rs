//! Bloat as pgstattuple measures it: exact, and reading the whole relation.

use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::reader::Fields;

/// What pgstattuple found in a table or B-tree index.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExactBloat {
    /// The table or index.
    pub relation: u32,
    /// Its size.
    pub bytes: u64,
    /// Space that is free or taken by dead rows. In an index: what its leaf pages leave empty.
    pub free_bytes: u64,
}

impl ExactBloat {
    pub(super) fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            relation: row.get()?,
            bytes: row.count()?,
            free_bytes: row.count()?,
        })
    }
}
