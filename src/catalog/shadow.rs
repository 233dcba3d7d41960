//! How desired indexes read as the server itself prints them.
//!
//! Each is built on an empty shadow of its table, inside a transaction that is rolled back, and read back by
//! `pg_get_indexdef`. So expressions, operator classes, collations and predicates are compared by the server's own
//! understanding of them, and a definition it would refuse is found before anything is built.

use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage};

use super::{QualifiedName, index_state::IndexCatalog, quote_literal};
use crate::{
    Error, Result, db,
    migration::{CreateIndex, Desired, Intent},
    plan::Definition,
};

/// Reads the definitions of all desired indexes whose table is there, but for those that read in their file as the
/// server prints the index that stands: in one round trip where the server takes
/// them all, else one by one, so that each refusal stands by its own index.
///
/// # Errors
/// The connection is lost, or a table is locked for longer than `lock_timeout`.
pub async fn load(
    client: &Client,
    desired: &[Desired],
    catalog: &IndexCatalog,
    lock_timeout: Duration,
) -> Result<Vec<Option<Result<Definition, String>>>> {
    let wanted: Vec<Option<(QualifiedName, &CreateIndex)>> = desired
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
        .collect();
    let mut found: Vec<Option<Result<Definition, String>>> = wanted
        .iter()
        .map(|one| as_printed(one.as_ref()?, catalog).map(Ok))
        .collect();
    let all: Vec<(usize, &(QualifiedName, &CreateIndex))> = wanted
        .iter()
        .enumerate()
        .filter(|(at, _)| found[*at].is_none())
        .filter_map(|(at, one)| Some((at, one.as_ref()?)))
        .collect();
    if all.is_empty() {
        return Ok(found);
    }
    match read(client, &all, catalog.may_create_temporary, lock_timeout).await {
        Ok(definitions) => {
            for (at, definition) in definitions {
                found[at] = Some(Ok(definition));
            }
        }
        Err(error) if is_passing(&error) => return Err(error),
        Err(_) => {
            for one in all {
                let read = read(client, &[one], catalog.may_create_temporary, lock_timeout).await;
                found[one.0] = match read {
                    Ok(definitions) => definitions.into_iter().next().map(|(_, read)| Ok(read)),
                    Err(error) if is_passing(&error) => return Err(error),
                    Err(Error::Server { source, .. }) => Some(Err(db::describe_error(&source))),
                    Err(error) => Some(Err(error.to_string())),
                };
            }
        }
    }
    Ok(found)
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

/// Not the definition's fault: worth another try.
fn is_passing(error: &Error) -> bool {
    let Error::Server { source, .. } = error else {
        return false;
    };
    db::is_connection_loss(source)
        || matches!(
            db::sqlstate(source),
            Some("55P03" | "57014" | "40P01" | "53300" | "25006")
        )
}

async fn read(
    client: &Client,
    wanted: &[(usize, &(QualifiedName, &CreateIndex))],
    temporary: bool,
    lock_timeout: Duration,
) -> Result<Vec<(usize, Definition)>> {
    let mut tables: Vec<&QualifiedName> = wanted.iter().map(|(_, (table, _))| table).collect();
    tables.sort();
    tables.dedup();
    let shadow = |table: &QualifiedName| {
        let number = tables
            .iter()
            .position(|known| *known == table)
            .unwrap_or_default();
        // Without the privilege for temporary tables: in the table's own schema, where an index needs the same
        // privilege as a table.
        let schema = if temporary { "pg_temp" } else { &table.schema };
        QualifiedName::new(schema, format!("dbaudit_shadow_{number}"))
    };
    let mut script = format!(
        "BEGIN READ WRITE; SET LOCAL lock_timeout = {}; SET LOCAL client_min_messages = warning;\n",
        lock_timeout.as_millis().max(1)
    );
    for table in &tables {
        script.push_str(&format!(
            "CREATE TABLE {} (LIKE {});\n",
            shadow(table).quoted(),
            table.quoted()
        ));
    }
    for (at, (table, create)) in wanted {
        let unique = if create.unique { "UNIQUE " } else { "" };
        script.push_str(&format!(
            "CREATE {unique}INDEX dbaudit_shadow_index_{at} ON {} {};\n",
            shadow(table).quoted(),
            create.definition
        ));
    }
    let shadows: Vec<String> = tables
        .iter()
        .map(|table| format!("{}::regclass", quote_literal(&shadow(table).quoted())))
        .collect();
    script.push_str(&include_str!("shadow.sql").replace("/* shadows */", &shadows.join(", ")));
    script.push_str(";\nROLLBACK");
    let answer = client.simple_query(&script).await;
    if answer.is_err() && !client.is_closed() {
        // The failed statement left the transaction open; if this fails too, the connection is gone.
        let _ = client.batch_execute("ROLLBACK").await;
    }
    let rows = answer.map_err(Error::server(
        "comparing the desired indexes with those on the server",
    ))?;
    let mut found = Vec::new();
    for message in &rows {
        let SimpleQueryMessage::Row(row) = message else {
            continue;
        };
        let at = row
            .get(0)
            .and_then(|name| name.strip_prefix("dbaudit_shadow_index_")?.parse().ok());
        let (Some(at), Some(tail)) = (at, row.get(2)) else {
            continue;
        };
        found.push((
            at,
            Definition {
                unique: row.get(1) == Some("t"),
                tail: tail.to_owned(),
                tablespace: row.get(3).map(str::to_owned),
                keys: row
                    .get(4)
                    .and_then(|keys| serde_json::from_str(keys).ok())
                    .unwrap_or_default(),
                predicate: row.get(5).map(str::to_owned),
            },
        ));
    }
    Ok(found)
}
