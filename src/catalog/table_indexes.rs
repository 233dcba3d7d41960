//! The indexes of the tables that a plan touches.

use serde::Serialize;

use super::QualifiedName;
use crate::{Error, Result, db::Session};

/// An index as an explanation shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableIndex {
    pub table: QualifiedName,
    pub name: String,
    /// As the server prints it.
    pub definition: String,
    /// Whether the planner may use it.
    pub valid: bool,
    /// Its first column; `None` where that is an expression.
    #[serde(skip)]
    pub leading_column: Option<String>,
    #[serde(skip)]
    pub method: String,
}

/// The indexes of `tables`, by table and name.
pub async fn load_table_indexes(
    session: &Session,
    tables: &[QualifiedName],
) -> Result<Vec<TableIndex>> {
    let schemas: Vec<&str> = tables.iter().map(|table| table.schema.as_str()).collect();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let rows = session
        .query(
            &crate::sql::marked(include_str!("table_indexes.sql")),
            &[&schemas, &names],
        )
        .await
        .map_err(Error::server(
            "reading the indexes of the tables in the plan",
        ))?;
    Ok(rows
        .iter()
        .map(|row| TableIndex {
            table: QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1)),
            name: row.get(2),
            definition: row.get(3),
            valid: row.get(4),
            leading_column: row.get(5),
            method: row.get(6),
        })
        .collect())
}
