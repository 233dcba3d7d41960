//! Extensions that are installed in this database.

use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact,
    reader::{Entity, Fields},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    pub name: String,
    /// Its version, of its SQL objects.
    pub version: String,
    /// The schema its objects are in.
    pub schema: String,
}

impl Extension {
    /// `1.11` is 11.
    pub fn minor(&self) -> u32 {
        self.version
            .split('.')
            .nth(1)
            .and_then(|minor| minor.parse().ok())
            .unwrap_or(0)
    }
}

impl Entity for Extension {
    const FACT: Fact = Fact::Statements;
    const SQL: &'static str = include_str!("extension.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            name: row.get()?,
            version: row.get()?,
            schema: row.get()?,
        })
    }
}
