//! Collations whose version changed under the indexes that were sorted by them.

use serde::{Deserialize, Serialize};
use tokio_postgres::{Error as PgError, types::Type};

use super::{
    Catalog, Fact, Index, UnreadFact,
    reader::{Entity, Fields, Reader},
};

/// A collation whose library sorts by another version than it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollationDrift {
    /// `pg_collation.oid`; of the database's own, 100.
    pub oid: u32,
    /// Its name as SQL; `None`: the database's own.
    pub name: Option<String>,
    /// `libc`, `icu` or `builtin`.
    pub provider: String,
    /// Texts that differ are never equal.
    pub deterministic: bool,
    /// The version that the catalog records.
    pub recorded: String,
    pub actual: String,
    /// The indexes that are sorted by it, or hold the rows that a comparison by it chose.
    pub indexes: Vec<u32>,
}

/// The oid by which columns and indexes name the database's own collation.
pub(super) const DATABASE_COLLATION: u32 = 100;

impl Entity for CollationDrift {
    const FACT: Fact = Fact::Collations;
    const SQL: &'static str = include_str!("collation_drift.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            oid: row.get()?,
            name: row.get()?,
            provider: match row.letter()? {
                'i' => "icu",
                'b' => "builtin",
                _ => "libc",
            }
            .to_owned(),
            deterministic: row.get()?,
            recorded: row.get()?,
            actual: row.get()?,
            indexes: Vec::new(),
        })
    }
}

/// Finds the indexes of each. Costs nothing if no version changed.
pub(super) async fn read_indexes(reader: &Reader<'_>, catalog: &Catalog) -> Vec<(u32, u32)> {
    if reader.major() < 15 && uses_the_databases_own(catalog) {
        reader.skip(UnreadFact {
            fact: Fact::Collations,
            reason:
                "the server keeps no version for a database's default collation before version 15"
                    .into(),
            grant: None,
            partial: true,
        });
    }
    let drifted: Vec<u32> = catalog.collation_drifts.iter().map(|d| d.oid).collect();
    if drifted.is_empty() {
        return Vec::new();
    }
    let row = |row: &mut Fields<'_>| Ok((row.get()?, row.get()?));
    let sql = include_str!("collation_predicate.sql");
    let params = [(&drifted as _, Type::OID_ARRAY)];
    reader
        .rows_or_note(Fact::Collations, sql, &params, row)
        .await
}

/// C and POSIX never change.
fn uses_the_databases_own(catalog: &Catalog) -> bool {
    let name = &catalog.database.collation;
    let by_bytes = name == "C" || name == "POSIX" || name.starts_with("C.");
    let mut collations = catalog.indexes.iter().flat_map(|index| &index.collations);
    !by_bytes && collations.any(|collation| *collation == DATABASE_COLLATION)
}

/// Gives each its indexes: those with a key sorted by it, and those of `by_predicate`.
pub(super) fn apply(catalog: &mut Catalog, by_predicate: &[(u32, u32)]) {
    let mut drifts = std::mem::take(&mut catalog.collation_drifts);
    for drift in &mut drifts {
        let indexes = catalog.indexes.iter().filter(|index| {
            !index.partitioned
                && (is_sorted_by(catalog, index, drift)
                    || by_predicate.contains(&(index.oid, drift.oid)))
        });
        drift.indexes = indexes.map(|index| index.oid).collect();
    }
    catalog.collation_drifts = drifts;
}

/// A key's place in the index hangs on the collation.
fn is_sorted_by(catalog: &Catalog, index: &Index, drift: &CollationDrift) -> bool {
    let keys = index.collations.iter().zip(&index.operator_classes);
    let mut of_collation = keys.filter(|(collation, _)| **collation == drift.oid);
    of_collation.any(|(_, class)| {
        let class = catalog.operator_classes.get(class);
        let class = class.map_or("", |class| class.bare_name());
        match index.method.as_str() {
            // By bytes, whatever the collation.
            "btree" => !class.ends_with("_pattern_ops"),
            "brin" => !class.contains("bloom"),
            // Of an array, each element is a key.
            "gin" => class == "array_ops",
            "gist" => class == "gist_text_ops" || class == "gist_bpchar_ops",
            // Equal texts of a collation that is not deterministic hash alike.
            "hash" => !drift.deterministic,
            _ => false,
        }
    })
}
