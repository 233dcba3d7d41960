//! Extensions that are installed in this database.

use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact,
    reader::{Entity, Fields},
};
use crate::{Error, Result, db::Session};

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

/// The schema of an extension of this database; `None`: it is not installed in it.
pub async fn extension_schema(session: &Session, name: &str) -> Result<Option<String>> {
    let row = session
        .query_opt(
            "SELECT n.nspname::text FROM pg_catalog.pg_extension e
               JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = $1",
            &[&name],
        )
        .await
        .map_err(Error::server(format!("looking for the extension {name}")))?;
    Ok(row.map(|row| row.get(0)))
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
