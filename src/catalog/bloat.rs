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
    /// What it would lose, were it written anew: the fillfactor, 0 to 1, keeps some of it free.
    #[must_use]
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
