//! What the history says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::migration::{Migration, Statement};

/// The history table's rows by version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded(pub BTreeMap<i64, RecordedMigration>);

/// A row: a migration that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedMigration {
    /// refinery's checksum of its name and text.
    pub checksum: u64,
    /// Its statements as they were carried out. `None` in a row of refinery's, or of dbaudit's from before it
    /// recorded them.
    pub statements: Option<Vec<RecordedStatement>>,
}

/// One statement as the history keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedStatement {
    pub kind: StatementKind,
    /// The schema that the server resolved its name to.
    pub schema: String,
    /// The index; of a `REINDEX TABLE`, the table.
    pub name: String,
    #[serde(default)]
    pub bare: bool,
    /// Of a `CREATE`: the index's table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// As the file had it, but for comments and white space.
    pub sql: String,
    /// Of a `CREATE`: how the server printed the index when it stood, from behind the table's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<String>,
    /// Of a `CREATE`: the index's tablespace, where it was not the database's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tablespace: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementKind {
    /// `CREATE INDEX`
    Create,
    /// `DROP INDEX`
    Drop,
    /// `REINDEX INDEX`
    Reindex,
    /// `REINDEX TABLE`
    ReindexTable,
    /// `COMMENT ON INDEX`
    Comment,
}

impl StatementKind {
    /// Whether it decides if an index stands.
    pub(super) fn decides(self) -> bool {
        matches!(self, Self::Create | Self::Drop)
    }
}

/// How a file compares with what the history has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    New,
    /// The history has it as it is.
    Recorded,
    /// Its name or a comment in it changed since, and no statement.
    Retouched,
    /// Its statements changed since; or something did, and the history does not have the statements.
    Edited,
}

/// What the history has of a statement. A file may say the same twice, and mean two objects: `DROP INDEX … i`, with an `i`
/// in two schemas.
pub fn same_statement<'a>(
    known: &'a [RecordedStatement],
    migration: &Migration,
    number: usize,
) -> Option<&'a RecordedStatement> {
    let sql = migration.statements.get(number)?.sql();
    let before = migration.statements[..number].iter();
    let repeated = before.filter(|other| other.sql() == sql).count();
    known.iter().filter(|known| known.sql == sql).nth(repeated)
}

impl Recorded {
    pub fn state(&self, migration: &Migration) -> RecordState {
        let Some(row) = self.0.get(&migration.version) else {
            return RecordState::New;
        };
        if Some(row.checksum) == migration.checksum() {
            return RecordState::Recorded;
        }
        let same = row.statements.as_ref().is_some_and(|known| {
            known
                .iter()
                .map(|statement| statement.sql.clone())
                .eq(migration.statements.iter().map(Statement::sql))
        });
        if same {
            RecordState::Retouched
        } else {
            RecordState::Edited
        }
    }

    /// Whether the history has a statement of the file, and as what, where it keeps statements.
    pub(super) fn statement(
        &self,
        migration: &Migration,
        number: usize,
    ) -> Option<Option<&RecordedStatement>> {
        let row = self.0.get(&migration.version)?;
        let Some(known) = &row.statements else {
            return Some(None);
        };
        match same_statement(known, migration, number) {
            Some(known) => Some(Some(known)),
            // Of a file that is as it was, everything is recorded.
            None => (Some(row.checksum) == migration.checksum()).then_some(None),
        }
    }

    /// A later version that the folder lacks, and that does not say what it did.
    pub(super) fn silent_after(&self, version: i64, migrations: &[Migration]) -> Option<i64> {
        let later = self.0.range(version.saturating_add(1)..);
        let is_there = |version: i64| migrations.iter().any(|m| m.version == version);
        later
            .filter(|(version, row)| row.statements.is_none() && !is_there(**version))
            .map(|(version, _)| *version)
            .next()
    }
}
