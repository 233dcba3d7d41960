//! Exclusive locks on relations.

use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact,
    reader::{Entity, Fields},
};

/// An ACCESS EXCLUSIVE lock on a relation of this database, held or waited for by another session.
/// Functions that open the relation would queue behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExclusiveLock {
    pub relation: u32,
    pub pid: i32,
    /// Held, not waited for.
    pub granted: bool,
}

impl Entity for ExclusiveLock {
    const FACT: Fact = Fact::Locks;
    const SQL: &'static str = include_str!("lock.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            relation: row.get()?,
            pid: row.get::<Option<i32>>()?.unwrap_or(0),
            granted: row.get()?,
        })
    }
}
