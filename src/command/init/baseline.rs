//! The indexes that are there, as migrations.

use std::{path::PathBuf, time::Duration};

use tokio_postgres::types::Type;

use super::Draft;
use crate::{
    Error, Result,
    catalog::{
        self, Catalog, ConstraintKind, Index, IndexTexts, LoadOptions, TableKind, quote_identifier,
    },
    db::Session,
    migration::{self, Statement},
};

/// A migration for each plain index: neither behind a constraint nor a part of a partitioned one. `notes` says which are
/// left out. Versions up to `used` are another file's.
///
/// # Errors
/// The catalog cannot be read.
pub(super) async fn migrations(
    session: &Session,
    history_table: &str,
    used: i64,
    notes: &mut Vec<String>,
) -> Result<Vec<Draft>> {
    let recorded = latest_version(session, history_table).await?.max(used);
    let limits = LoadOptions {
        lock_timeout: Duration::from_secs(1),
        statement_timeout: Duration::from_secs(60),
        index_texts: IndexTexts::All,
        exact_bloat: None,
    };
    let catalog = catalog::load(session, &limits).await?;
    let mut plain: Vec<&Index> = catalog
        .indexes
        .iter()
        .filter(|index| is_plain(&catalog, index))
        .collect();
    plain.sort_by_cached_key(|index| {
        let table = catalog
            .table(index.table)
            .map(|table| (table.schema.clone(), table.name.clone()));
        (table, index.name.clone())
    });
    let mut drafts = Vec::new();
    for index in plain {
        let name = index.qualified();
        if !index.valid {
            notes.push(format!(
                "{name} is left out because it is invalid; `dbaudit report` says what to do"
            ));
            continue;
        }
        let number = recorded + 1 + i64::try_from(drafts.len()).unwrap_or(0);
        match statement(&catalog, index, number) {
            Some(text) => drafts.push(Draft {
                name: file_name(index, number),
                text: format!(
                    "-- This index existed before dbaudit: a deploy builds it only where it is \
                               missing.\n{text};\n"
                ),
                about: name.to_string(),
            }),
            None => notes.push(format!(
                "{name} is left out: its definition could not be read"
            )),
        }
    }
    Ok(drafts)
}

/// Of a database that dbaudit has deployed to: its versions are taken.
async fn latest_version(session: &Session, history_table: &str) -> Result<i64> {
    let doing = || format!("reading {history_table}");
    let there = session
        .query_typed_one(
            "SELECT /* dbaudit */ to_regclass($1) IS NOT NULL",
            &[(&history_table, Type::TEXT)],
        )
        .await
        .map_err(Error::server(doing()))?;
    if !there.get::<_, bool>(0) {
        return Ok(0);
    }
    let latest =
        format!("SELECT /* dbaudit */ coalesce(max(version), 0)::int8 FROM {history_table}");
    let row = session
        .query_typed_one(&latest, &[])
        .await
        .map_err(Error::server(doing()))?;
    Ok(row.get(0))
}

fn is_plain(catalog: &Catalog, index: &Index) -> bool {
    let of_constraint = catalog
        .constraint_of_index(index.oid)
        .is_some_and(|constraint| constraint.kind != ConstraintKind::ForeignKey);
    let has_rows = catalog.table(index.table).is_some_and(|table| {
        matches!(
            table.kind,
            TableKind::Ordinary | TableKind::Partitioned | TableKind::MaterializedView
        )
    });
    has_rows
        && index.live
        && index.parent.is_none()
        && !index.primary
        && !index.exclusion
        && !of_constraint
}

/// As a migration writes it, and as it is read there.
fn statement(catalog: &Catalog, index: &Index, number: i64) -> Option<String> {
    let definition = index.definition(catalog)?;
    let unique = if index.unique { "UNIQUE " } else { "" };
    let name = quote_identifier(&index.name);
    let only = if index.partitioned { "ONLY " } else { "" };
    let rest = definition.strip_prefix(&format!("CREATE {unique}INDEX {name} ON {only}"))?;
    let text = format!("CREATE {unique}INDEX CONCURRENTLY {name} ON {rest}");
    let file = PathBuf::from(file_name(index, number));
    let read = migration::check(vec![(file, text)]).ok()?;
    let Statement::Create(create) = read.into_iter().next()?.statements.into_iter().next()? else {
        return None;
    };
    let definition = match &index.tablespace {
        Some(tablespace) => create.definition_in(tablespace),
        None => create.definition.clone(),
    };
    Some(
        Statement::Create(migration::CreateIndex {
            definition,
            ..create
        })
        .sql(),
    )
}

fn file_name(index: &Index, number: i64) -> String {
    format!("V{number}__{}.sql", migration::import::name(&index.name))
}
