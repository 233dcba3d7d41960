//! Sequences: their limits, and how far they have come.

use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact, QualifiedName,
    reader::{Entity, Fields},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// `pg_class.oid`.
    pub oid: u32,
    pub schema: String,
    pub name: String,
    /// `pg_type.oid`: 20 is bigint, 21 smallint, 23 integer.
    pub type_oid: u32,
    pub start: i64,
    /// Its step; negative: it counts down.
    pub increment: i64,
    pub maximum: i64,
    pub minimum: i64,
    /// Starts again at the limit.
    pub cycles: bool,
    /// The table whose column owns it, or else takes its default from it.
    pub owner_table: Option<u32>,
    /// The column that owns it, or else takes its default from it.
    pub owner_column: Option<i16>,
    /// The role that asks may read its value.
    pub readable: bool,
    /// The last value given out; `None`: never used, or not read.
    pub last_value: Option<i64>,
    /// Whether `last_value` was read: tells "never used" from "not visible".
    pub value_read: bool,
}

impl Sequence {
    pub fn qualified(&self) -> QualifiedName {
        QualifiedName::new(&self.schema, &self.name)
    }
}

impl Entity for Sequence {
    const FACT: Fact = Fact::Sequences;
    const SQL: &'static str = include_str!("sequence.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            oid: row.get()?,
            schema: row.get()?,
            name: row.get()?,
            type_oid: row.get()?,
            start: row.get()?,
            increment: row.get()?,
            maximum: row.get()?,
            minimum: row.get()?,
            cycles: row.get()?,
            owner_table: row.get()?,
            owner_column: row
                .get::<Option<i32>>()?
                .and_then(|number| i16::try_from(number).ok()),
            readable: row.get::<Option<bool>>()?.unwrap_or(false),
            last_value: None,
            value_read: false,
        })
    }
}
