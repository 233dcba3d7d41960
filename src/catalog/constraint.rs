//! Constraints of tables.

use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact,
    reader::{Entity, Fields},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConstraintKind {
    PrimaryKey,
    Unique,
    ForeignKey,
    Exclusion,
    Check,
    /// NOT NULL, where it was never validated; from 18 on.
    NotNull,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// `pg_constraint.oid`.
    pub oid: u32,
    pub name: String,
    pub kind: ConstraintKind,
    pub table: u32,
    /// The index behind it; for a foreign key, the index on the table referred to.
    pub index: Option<u32>,
    /// The table a foreign key refers to.
    pub referenced_table: Option<u32>,
    pub columns: Vec<i16>,
    /// The columns a foreign key refers to.
    pub referenced_columns: Vec<i16>,
    /// Every row is known to satisfy it.
    pub validated: bool,
    /// The partitioned parent's constraint it belongs to.
    pub parent: Option<u32>,
    /// Rows are checked against it; from 18 on it may be NOT ENFORCED.
    #[serde(default = "yes")]
    pub enforced: bool,
    /// Declared on the table itself; else it came from a parent alone.
    #[serde(default = "yes")]
    pub local: bool,
}

/// Facts kept by an earlier version of dbaudit do not say.
fn yes() -> bool {
    true
}

impl Entity for Constraint {
    const FACT: Fact = Fact::Constraints;
    const SQL: &'static str = include_str!("constraint.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            oid: row.get()?,
            name: row.get()?,
            kind: match row.letter()? {
                'p' => ConstraintKind::PrimaryKey,
                'u' => ConstraintKind::Unique,
                'f' => ConstraintKind::ForeignKey,
                'x' => ConstraintKind::Exclusion,
                'n' => ConstraintKind::NotNull,
                _ => ConstraintKind::Check,
            },
            table: row.get()?,
            index: row.get()?,
            referenced_table: row.get()?,
            columns: row.get::<Option<Vec<i16>>>()?.unwrap_or_default(),
            referenced_columns: row.get::<Option<Vec<i16>>>()?.unwrap_or_default(),
            validated: row.get()?,
            parent: row.get()?,
            enforced: row.get()?,
            local: row.get()?,
        })
    }
}
