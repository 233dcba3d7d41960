//! Columns.

use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    ColumnStatistics, Fact,
    reader::{Entity, Fields},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub table: u32,
    /// `attnum`, from 1.
    pub number: i16,
    pub name: String,
    /// `pg_type.oid`: 20 is bigint, 21 smallint, 23 integer.
    pub type_oid: u32,
    /// The type that a domain is over, where it is one.
    #[serde(default)]
    pub domain_over: Option<u32>,
    /// `attlen`: bytes, or -1 where it varies.
    pub length: i16,
    /// `attalign`: `c` 1, `s` 2, `i` 4, `d` 8 bytes.
    pub align: char,
    /// `attstorage`: `p`lain, `e`xternal, `m`ain, e`x`tended.
    pub storage: char,
    /// Cannot be null.
    pub not_null: bool,
    /// `attcollation`; 0 is none.
    pub collation: u32,
    /// `attstattarget`, where one was set.
    pub statistics_target: Option<i16>,
    /// `attidentity` or a default from a sequence is not told apart here: `a`lways, by `d`efault.
    pub identity: Option<char>,
    /// Its statistics; `None`: never analysed, or not visible to the role.
    pub statistics: Option<ColumnStatistics>,
}

impl Column {
    /// Its type; of a domain, the type it is over.
    pub fn base_type(&self) -> u32 {
        self.domain_over.unwrap_or(self.type_oid)
    }

    /// The alignment in bytes.
    pub fn align_bytes(&self) -> u64 {
        match self.align {
            'd' => 8,
            'i' => 4,
            's' => 2,
            _ => 1,
        }
    }
}

impl Entity for Column {
    const FACT: Fact = Fact::Columns;
    const SQL: &'static str = include_str!("column.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            table: row.get()?,
            number: row.get()?,
            name: row.get()?,
            type_oid: row.get()?,
            length: row.get()?,
            align: row.letter()?,
            storage: row.letter()?,
            not_null: row.get()?,
            collation: row.get()?,
            statistics_target: row.get::<Option<i16>>()?.filter(|target| *target >= 0),
            identity: Some(row.letter()?).filter(|letter| *letter != '\0'),
            domain_over: row.get()?,
            statistics: None,
        })
    }
}
