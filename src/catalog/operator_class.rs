//! Operator classes and collations: what indexes name by oid.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use tokio_postgres::types::Type;

use super::{
    Catalog, Fact,
    reader::{Fields, Reader},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorClass {
    /// Its name, quoted and with its schema where needed.
    pub name: String,
    /// The default of its access method for its type.
    pub default: bool,
    /// Its operator family: two classes of one family sort alike.
    pub family: u32,
    pub input_type: u32,
}

impl OperatorClass {
    /// Its name without the schema, which those of extensions carry.
    pub fn bare_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }
}

/// All operator classes, by oid.
pub(super) async fn read(reader: &Reader<'_>) -> HashMap<u32, OperatorClass> {
    let row = |row: &mut Fields<'_>| {
        Ok((
            row.get()?,
            OperatorClass {
                name: row.get()?,
                default: row.get()?,
                family: row.get()?,
                input_type: row.get()?,
            },
        ))
    };
    let sql = include_str!("operator_class.sql");
    let rows = reader.rows_or_note(Fact::Indexes, sql, &[], row).await;
    rows.into_iter().collect()
}

/// The names of the collations that indexes use, by oid, quoted where needed.
pub(super) async fn read_collations(
    reader: &Reader<'_>,
    catalog: &Catalog,
) -> HashMap<u32, String> {
    let used: HashSet<u32> = catalog
        .indexes
        .iter()
        .flat_map(|index| &index.collations)
        .copied()
        .collect();
    let used: Vec<u32> = used.into_iter().collect();
    let row = |row: &mut Fields<'_>| Ok((row.get()?, row.get()?));
    let sql = include_str!("collation.sql");
    let params = [(&used as _, Type::OID_ARRAY)];
    let rows = reader.rows_or_note(Fact::Indexes, sql, &params, row).await;
    rows.into_iter().collect()
}
