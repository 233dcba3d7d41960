//! Index definitions as the server itself prints them.
//!
//! Each index is built on an empty shadow of its table, inside a transaction that is rolled back, and read back by
//! `pg_get_indexdef`. So expressions, operator classes, collations and predicates are compared by the server's own
//! understanding of them, and a definition it would refuse is found before anything is built.

use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage};

use super::{
    QualifiedName,
    index_state::{Definition, NoDefinition},
    quote_literal,
};
use crate::{Error, Result, db};

/// An index whose definition is asked for.
#[derive(Debug, Clone, Copy)]
pub struct ShadowIndex<'a> {
    pub table: &'a QualifiedName,
    /// `UNIQUE`
    pub unique: bool,
    /// What stands behind the table's name, as written.
    pub definition: &'a str,
}

/// Reads the definitions, in their order: in one round trip where the server takes them all, else one by one, so that
/// each refusal stands by its own index.
///
/// `temporary`: the role may create temporary tables.
///
/// # Errors
/// The connection is lost, or a table is locked for longer than `lock_timeout`.
pub async fn load(
    client: &Client,
    asked: &[ShadowIndex<'_>],
    temporary: bool,
    lock_timeout: Duration,
) -> Result<Vec<Result<Definition, NoDefinition>>> {
    match read(client, asked, temporary, lock_timeout).await {
        Ok(definitions) => return Ok(definitions.into_iter().map(Ok).collect()),
        Err(error) if is_passing(&error) => return Err(error),
        Err(_) => {}
    }
    let mut found = Vec::new();
    for one in asked {
        let one = std::slice::from_ref(one);
        found.push(match read(client, one, temporary, lock_timeout).await {
            Ok(definitions) => definitions.into_iter().next().ok_or_else(|| NoDefinition {
                reason: "the server did not return its definition".to_owned(),
                is_final: false,
                lacks_column: false,
            }),
            Err(error) if is_passing(&error) => return Err(error),
            Err(refused) => {
                let code = match &refused {
                    Error::Server { source, .. } => db::sqlstate(source).unwrap_or_default(),
                    _ => "",
                };
                let (is_final, lacks_column) = (is_final(code), code == "42703");
                let said = words(refused);
                // Is it the definition that it will not have, or a copy of the table?
                Err(match no_shadow(client, one, temporary, lock_timeout).await? {
                    None => NoDefinition {
                        reason: format!("the server rejects this definition: {said}"),
                        is_final,
                        lacks_column,
                    },
                    Some(said) => NoDefinition {
                        reason: format!(
                            "the definition could not be compared: that needs an empty copy of the table, \
                             created and rolled back at once, which the server does not allow: {said}"
                        ),
                        is_final: false,
                        lacks_column: false,
                    },
                })
            }
        });
    }
    Ok(found)
}

/// What the server will not have on a copy of the table it will not have on the table itself: a column, operator class,
/// collation or method that is not there, or that cannot do this. A function of the table's rows it may.
fn is_final(sqlstate: &str) -> bool {
    matches!(
        sqlstate,
        "42601" | "42703" | "42704" | "42P17" | "0A000" | "42611" | "42804" | "22023"
    )
}

fn words(error: Error) -> String {
    match error {
        Error::Server { source, .. } => db::describe_error(&source),
        error => error.to_string(),
    }
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

/// Why the server will not have the shadow itself, whatever index is on it.
async fn no_shadow(
    client: &Client,
    asked: &[ShadowIndex<'_>],
    temporary: bool,
    lock_timeout: Duration,
) -> Result<Option<String>> {
    let script = format!(
        "{};\nROLLBACK",
        Shadows::of(asked, temporary).script(lock_timeout)
    );
    match send(client, &script).await {
        Ok(_) => Ok(None),
        Err(error) if is_passing(&error) => Err(error),
        Err(error) => Ok(Some(words(error))),
    }
}

/// The shadow tables of some indexes.
struct Shadows<'a> {
    tables: Vec<&'a QualifiedName>,
    temporary: bool,
}

impl<'a> Shadows<'a> {
    fn of(asked: &[ShadowIndex<'a>], temporary: bool) -> Self {
        let mut tables: Vec<&QualifiedName> = asked.iter().map(|one| one.table).collect();
        tables.sort();
        tables.dedup();
        Self { tables, temporary }
    }

    fn name(&self, table: &QualifiedName) -> QualifiedName {
        if !self.temporary {
            // In the table's own schema, where an index needs the same privilege as a table.
            let number = self.tables.iter().position(|known| *known == table);
            let name = format!("dbaudit_shadow_{}", number.unwrap_or_default());
            return QualifiedName::new(&table.schema, name);
        }
        // Under the table's own name, since a definition may say it: WHERE content.is_active. Of two tables of one
        // name, the later one goes without.
        let twins = self.tables.iter().filter(|known| known.name == table.name);
        let number = twins.clone().position(|known| *known == table);
        let name = match number.unwrap_or_default() {
            0 => table.name.clone(),
            number => format!("dbaudit_shadow_{number}"),
        };
        QualifiedName::new("pg_temp", name)
    }

    /// Begins a transaction and makes them. The role's default tablespaces are not the definition's.
    fn script(&self, lock_timeout: Duration) -> String {
        let mut script = format!(
            "BEGIN READ WRITE; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {}; SET LOCAL client_min_messages = warning; \
             SET LOCAL default_tablespace = ''; SET LOCAL temp_tablespaces = ''",
            lock_timeout.as_millis().max(1)
        );
        for table in &self.tables {
            script.push_str(&format!(
                ";\nCREATE TABLE {} (LIKE {})",
                self.name(table).quoted(),
                table.quoted()
            ));
        }
        script
    }
}

async fn read(
    client: &Client,
    asked: &[ShadowIndex<'_>],
    temporary: bool,
    lock_timeout: Duration,
) -> Result<Vec<Definition>> {
    let shadows = Shadows::of(asked, temporary);
    let mut script = shadows.script(lock_timeout);
    for (at, one) in asked.iter().enumerate() {
        let unique = if one.unique { "UNIQUE " } else { "" };
        script.push_str(&format!(
            ";\nCREATE {unique}INDEX dbaudit_shadow_index_{at} ON {} {}",
            shadows.name(one.table).quoted(),
            one.definition
        ));
    }
    let tables: Vec<String> = shadows
        .tables
        .iter()
        .map(|table| {
            format!(
                "{}::regclass::oid",
                quote_literal(&shadows.name(table).quoted())
            )
        })
        .collect();
    script.push_str(";\n");
    script.push_str(&include_str!("shadow.sql").replace("/* shadows */", &tables.join(", ")));
    script.push_str(";\nROLLBACK");
    let mut found: Vec<Option<Definition>> = vec![None; asked.len()];
    for message in send(client, &script).await? {
        let SimpleQueryMessage::Row(row) = message else {
            continue;
        };
        let at: Option<usize> = row
            .get(0)
            .and_then(|name| name.strip_prefix("dbaudit_shadow_index_")?.parse().ok());
        let (Some(place), Some(tail)) = (at.and_then(|at| found.get_mut(at)), row.get(2)) else {
            continue;
        };
        *place = Some(Definition {
            unique: row.get(1) == Some("t"),
            tail: tail.to_owned(),
            tablespace: row.get(3).map(str::to_owned),
            keys: row
                .get(4)
                .and_then(|keys| serde_json::from_str(keys).ok())
                .unwrap_or_default(),
            predicate: row.get(5).map(str::to_owned),
        });
    }
    let found: Option<Vec<Definition>> = found.into_iter().collect();
    found.ok_or_else(|| Error::CannotJudge {
        message: "the server did not return the definition of a desired index".into(),
        hint: "please report this, with the server's version".into(),
    })
}

async fn send(client: &Client, script: &str) -> Result<Vec<SimpleQueryMessage>> {
    let answer = client.simple_query(script).await;
    if answer.is_err() && !client.is_closed() {
        // The failed statement left the transaction open; if this fails too, the connection is gone.
        let _ = client.batch_execute("ROLLBACK").await;
    }
    answer.map_err(Error::server(
        "comparing the desired indexes with those on the server",
    ))
}
