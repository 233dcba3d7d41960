//! Triggers that do not fire as usual.

use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact,
    reader::{Entity, Fields},
};

/// A trigger whose `tgenabled` is not the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    pub table: u32,
    pub name: String,
    /// `D`isabled, `R`eplica only, `A`lways.
    pub enabled: char,
    /// Made by the server for a foreign key: disabling it disables the constraint.
    pub internal: bool,
    pub constraint: Option<u32>,
}

impl Entity for Trigger {
    const FACT: Fact = Fact::Triggers;
    const SQL: &'static str = include_str!("trigger.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            table: row.get()?,
            name: row.get()?,
            enabled: row.letter()?,
            internal: row.get()?,
            constraint: row.get()?,
        })
    }
}
