//! The definitions of the desired indexes as this server prints them.

use std::time::Duration;

use crate::{
    Result,
    catalog::{
        index_state::{Definition, IndexCatalog, IndexState, NoDefinition, Relation},
        shadow::{self, ShadowIndex},
    },
    db::Session,
    migration::{CreateIndex, Migration, Statement},
    plan::{Definitions, Recorded, RecordedStatement, StatementPosition, same_statement},
};

/// The definitions of all `CREATE`s whose tables are there. They hold as long as the tables are the same.
///
/// No question is needed for one that reads in its file as the server prints the index that stands, or as the server
/// printed it when it was recorded; the others are asked for.
pub(super) async fn load(
    session: &Session,
    migrations: &[Migration],
    catalog: &IndexCatalog,
    recorded: &Recorded,
    lock_timeout: Duration,
) -> Result<Definitions> {
    let mut found = Definitions::new();
    let mut unknown: Vec<(StatementPosition, &Relation, &CreateIndex)> = Vec::new();
    for (at, migration) in migrations.iter().enumerate() {
        for (number, statement) in migration.statements.iter().enumerate() {
            let Statement::Create(create) = statement else {
                continue;
            };
            let oid = catalog.table_oid(&create.table.quoted());
            let table = catalog.relations.iter().find(|r| Some(r.oid) == oid);
            // Others can have no index; the plan says so.
            let Some(table) = table.filter(|t| matches!(t.kind.as_str(), "r" | "m" | "p")) else {
                continue;
            };
            let stands = table.indexes.iter().find(|index| index.name == create.name);
            let row = recorded.0.get(&migration.version);
            let known =
                row.and_then(|row| same_statement(row.statements.as_ref()?, migration, number));
            match stands.and_then(|index| as_printed(index, create, known)) {
                Some(definition) => {
                    found.insert((at, number), Ok(definition));
                }
                None => unknown.push(((at, number), table, create)),
            }
        }
    }
    if unknown.is_empty() {
        return Ok(found);
    }
    if catalog.in_recovery {
        // Nothing can be made here, not even to be rolled back.
        let on_standby = || NoDefinition {
            reason: "definitions cannot be compared on a standby".to_owned(),
            is_final: false,
            lacks_column: false,
        };
        found.extend(
            unknown
                .iter()
                .map(|(place, ..)| (*place, Err(on_standby()))),
        );
        return Ok(found);
    }
    let names: Vec<_> = unknown
        .iter()
        .map(|(_, table, _)| table.qualified())
        .collect();
    let asked: Vec<ShadowIndex<'_>> = unknown
        .iter()
        .zip(&names)
        .map(|((_, _, create), table)| ShadowIndex {
            table,
            unique: create.unique,
            definition: &create.definition,
        })
        .collect();
    let read = shadow::load(session, &asked, catalog.may_create_temporary, lock_timeout).await?;
    found.extend(unknown.iter().map(|(place, ..)| *place).zip(read));
    Ok(found)
}

/// The definition of an index that stands and is written in the file as the server prints it, or that the server prints
/// as it did when this very statement was recorded.
fn as_printed(
    index: &IndexState,
    create: &CreateIndex,
    recorded: Option<&RecordedStatement>,
) -> Option<Definition> {
    let is_as_recorded = recorded.is_some_and(|known| {
        known.printed.as_ref() == Some(&index.tail) && known.tablespace == index.tablespace
    });
    (index.unique == create.unique && (is_as_recorded || create.reads_as(&index.tail)))
        .then(|| Definition::printed(index))
}
