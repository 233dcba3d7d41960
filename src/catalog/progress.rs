//! Vacuums and index builds that are running now.

use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact,
    reader::{Entity, Fields},
};

/// A vacuum that is running in this database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VacuumProgress {
    pub pid: i32,
    pub table: u32,
    /// `scanning heap`, `vacuuming indexes`, …
    pub phase: String,
    pub blocks_total: u64,
    pub blocks_scanned: u64,
    /// Times it went through the indexes: more than one means `maintenance_work_mem` was too small.
    pub index_rounds: u64,
}

impl Entity for VacuumProgress {
    const FACT: Fact = Fact::VacuumProgress;
    const SQL: &'static str = include_str!("vacuum_progress.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            pid: row.get()?,
            table: row.get()?,
            phase: row.get::<Option<String>>()?.unwrap_or_default(),
            blocks_total: row.count()?,
            blocks_scanned: row.count()?,
            index_rounds: row.count()?,
        })
    }
}

/// An index that is being built in this database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexProgress {
    pub pid: i32,
    pub table: u32,
    /// The index; `None` in the first moments.
    pub index: Option<u32>,
    /// `building index: scanning table`, …
    pub phase: String,
}

impl Entity for IndexProgress {
    const FACT: Fact = Fact::IndexProgress;
    const SQL: &'static str = include_str!("index_progress.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            pid: row.get()?,
            table: row.get()?,
            index: row.get()?,
            phase: row.get::<Option<String>>()?.unwrap_or_default(),
        })
    }
}
