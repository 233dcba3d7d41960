//! How the desired indexes read on this server.

use std::time::Duration;

use crate::{
    Result,
    catalog::{
        QualifiedName,
        index_state::{Definition, IndexCatalog},
        shadow::{self, Asked},
    },
    db::Session,
    migration::{CreateIndex, Desired, Intent},
};

/// For each desired statement, in their order: how its definition reads, or why the server would not have it. `None`
/// for drops and rebuilds, and where the table does not exist. They hold as long as the tables are the same.
pub(super) type Definitions = Vec<Option<Result<Definition, String>>>;

/// Each desired index with the table it stands on; `None` for others, and where the table can have no index.
type Wanted<'a> = Option<(QualifiedName, &'a CreateIndex)>;

/// Those that read in their file as the server prints the index that stands: no question is needed for them.
pub(super) fn printed(desired: &[Desired], catalog: &IndexCatalog) -> Definitions {
    wanted(desired, catalog)
        .iter()
        .map(|one| as_printed(one.as_ref()?, catalog).map(Ok))
        .collect()
}

/// Asks the server for those that do not read in their file as it prints the index that stands.
pub(super) async fn load(
    session: &Session,
    desired: &[Desired],
    catalog: &IndexCatalog,
    lock_timeout: Duration,
) -> Result<Definitions> {
    let mut found = printed(desired, catalog);
    let wanted = wanted(desired, catalog);
    let unknown: Vec<(usize, Asked<'_>)> = wanted
        .iter()
        .enumerate()
        .filter(|(at, _)| found[*at].is_none())
        .filter_map(|(at, one)| {
            let (table, create) = one.as_ref()?;
            let (unique, definition) = (create.unique, create.definition.as_str());
            Some((
                at,
                Asked {
                    table,
                    unique,
                    definition,
                },
            ))
        })
        .collect();
    if unknown.is_empty() {
        return Ok(found);
    }
    let asked: Vec<Asked<'_>> = unknown.iter().map(|(_, asked)| *asked).collect();
    let read = shadow::load(session, &asked, catalog.may_create_temporary, lock_timeout).await?;
    for ((at, _), definition) in unknown.iter().zip(read) {
        found[*at] = Some(definition);
    }
    Ok(found)
}

fn wanted<'a>(desired: &'a [Desired], catalog: &IndexCatalog) -> Vec<Wanted<'a>> {
    desired
        .iter()
        .map(|one| match &one.intent {
            Intent::Index(index) => {
                let asked = index.create.table.quoted();
                let oid = catalog.tables.iter().find(|t| t.asked == asked)?.oid?;
                let table = catalog.relations.iter().find(|r| r.oid == oid)?;
                // Others can have no index; the plan says so.
                matches!(table.kind.as_str(), "r" | "m" | "p")
                    .then(|| (table.qualified(), &index.create))
            }
            _ => None,
        })
        .collect()
}

/// The definition of an index that stands under its name and is written in the file as the server prints it: then
/// there is nothing to find out.
fn as_printed(
    (table, create): &(QualifiedName, &CreateIndex),
    catalog: &IndexCatalog,
) -> Option<Definition> {
    let relation = catalog.relations.iter().find(|r| r.qualified() == *table)?;
    let index = relation
        .indexes
        .iter()
        .find(|index| index.name == create.name)?;
    (index.unique == create.unique && create.reads_as(&index.tail)).then(|| Definition {
        unique: create.unique,
        tail: index.tail.clone(),
        tablespace: None,
        keys: Vec::new(),
        predicate: None,
    })
}
