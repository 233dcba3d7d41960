//! The sizes of indexes that a migration made on the twin: on production's tables they would not be empty.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{pages, snapshot::GinCounts};
use crate::{
    Error, Result,
    advise::{IndexSpec, Key, Method, index_bytes},
    catalog::{QualifiedName, TableFacts, load_table_facts},
    db::Session,
    what_if::shares,
};

/// The size that a table or index is given.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Size {
    pub(super) oid: u32,
    /// `relpages`, `reltuples` and `relallvisible`.
    pub(super) pages: i32,
    pub(super) tuples: String,
    pub(super) all_visible: i32,
    /// Of the file.
    pub(super) blocks: u32,
    /// Of a B-tree.
    pub(super) height: u32,
    pub(super) gin: Option<GinCounts>,
    /// It is a table or materialized view.
    pub(super) is_table: bool,
}

/// The estimated sizes of the indexes that are not among the known relations. The others must have theirs.
pub(super) async fn sizes(session: &Session, known: &[Size]) -> Result<Vec<Size>> {
    let oids: Vec<u32> = known.iter().map(|size| size.oid).collect();
    let rows = session
        .query(include_str!("new_indexes.sql"), &[&oids])
        .await
        .map_err(Error::server("looking for new indexes"))?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let table = |row: &tokio_postgres::Row| {
        QualifiedName::new(
            row.get::<_, String>("schema"),
            row.get::<_, String>("table"),
        )
    };
    let names: BTreeSet<QualifiedName> = rows.iter().map(table).collect();
    let mut facts = load_table_facts(session, &names).await?;
    let mut specs = Vec::with_capacity(rows.len());
    for row in &rows {
        // Of a partition, these are the whole tree's.
        if let Some(facts) = facts.get_mut(&table(row)) {
            *facts = TableFacts {
                rows: f64::from(row.get::<_, f32>("rows")),
                pages: f64::from(row.get::<_, i32>("pages")),
                leaves: Vec::new(),
                ..facts.clone()
            };
        }
        specs.push(spec(row, table(row)));
    }
    let shares = shares(session, &specs, &facts).await?;
    let sized = rows.iter().zip(specs.iter().zip(shares));
    Ok(sized
        .filter_map(|(row, (spec, share))| size(row.get("oid"), spec, &facts, share))
        .collect())
}

fn spec(row: &tokio_postgres::Row, table: QualifiedName) -> IndexSpec {
    let list = |name: &str| row.get::<_, Vec<String>>(name);
    let keys = list("keys").into_iter().zip(list("columns"));
    IndexSpec {
        table,
        method: Method::of_name(row.get("method")).unwrap_or(Method::Btree),
        keys: keys
            .zip(list("classes"))
            .map(|((sql, column), class)| Key {
                expression: sql != column,
                columns: vec![column],
                sql,
                order: class,
            })
            .collect(),
        include: list("include"),
        predicate: row.get("predicate"),
    }
}

fn size(
    oid: u32,
    spec: &IndexSpec,
    facts: &BTreeMap<QualifiedName, TableFacts>,
    share: f64,
) -> Option<Size> {
    let facts = facts.get(&spec.table)?;
    let blocks = index_bytes(spec, facts, share) / u64::from(pages::BLOCK);
    let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
    Some(Size {
        oid,
        pages: i32::try_from(blocks).unwrap_or(i32::MAX),
        tuples: (facts.rows * share).round().to_string(),
        all_visible: 0,
        blocks,
        is_table: false,
        gin: None,
        height: match spec.method {
            Method::Btree => pages::usual_height(blocks),
            _ => 0,
        },
    })
}
