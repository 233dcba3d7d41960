//! A glance: enough to see that there is nothing to do, and no more.

use tokio_postgres::{Client, Row};

use super::{AskedTable, IndexCatalog, IndexState, Oid, Relation, Wanted};
use crate::{
    Error, Result,
    catalog::{QualifiedName, quote_identifier, quote_literal},
};

/// Reads the tables' indexes, in one round trip. What it does not read is set to what promises least: the role owns
/// nothing and may make nothing. So a plan made of it may say that all is as desired, and anything else it says means
/// that [`super::load`] has to be asked.
///
/// `None`: there is something that a glance does not show, such as a partitioned table.
///
/// # Errors
/// The server's.
pub async fn glance(client: &Client, wanted: &Wanted) -> Result<Option<IndexCatalog>> {
    if !wanted.named.is_empty() || wanted.tables.is_empty() {
        return Ok(None);
    }
    let mut names: Vec<&str> = wanted.tables.iter().map(|(t, _)| t.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let tables: Vec<String> = names
        .iter()
        .map(|name| format!("to_regclass({})", quote_literal(name)))
        .collect();
    let sql = include_str!("glance.sql").replace("/* tables */", &tables.join(", "));
    let rows = client
        .query_typed(&sql, &[])
        .await
        .map_err(Error::server("glancing at the tables and their indexes"))?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let oids: Vec<Option<Oid>> = first.get("asked");
    let mut relations: Vec<Relation> = Vec::new();
    for row in &rows {
        let oid: Oid = row.get("table");
        let at = match relations.iter().position(|known| known.oid == oid) {
            Some(at) => at,
            None => {
                relations.push(relation_of(row));
                relations.len() - 1
            }
        };
        let Some(index) = index_of(row, &relations[at]) else {
            return Ok(None);
        };
        relations[at].indexes.push(index);
    }
    let plain = |relation: &Relation| matches!(relation.kind.as_str(), "r" | "m");
    if !relations.iter().all(plain) {
        return Ok(None);
    }
    let asked = |(table, _): &(String, String)| {
        let at = names.iter().position(|name| name == table);
        AskedTable {
            asked: table.clone(),
            oid: at.and_then(|at| oids.get(at).copied().flatten()),
        }
    };
    Ok(Some(IndexCatalog {
        in_recovery: first.get("in_recovery"),
        version_num: 0,
        user: String::new(),
        database: String::new(),
        may_create_temporary: false,
        history: None,
        history_schema: None,
        may_make_history: false,
        tables: wanted.tables.iter().map(asked).collect(),
        named: Vec::new(),
        taken: Vec::new(),
        relations,
        names: std::collections::HashSet::new(),
    }))
}

fn relation_of(row: &Row) -> Relation {
    let oid: Oid = row.get("table");
    Relation {
        oid,
        parent: None,
        root: oid,
        kind: row.get("kind"),
        schema: row.get("schema"),
        name: row.get("table_name"),
        owned: false,
        owner: String::new(),
        may_become_owner: false,
        may_create: false,
        bytes: row.get::<_, i64>("table_bytes").unsigned_abs(),
        indexes: Vec::new(),
        holders: Vec::new(),
    }
}

/// `None`: its definition begins otherwise than expected, or it was dropped meanwhile.
fn index_of(row: &Row, relation: &Relation) -> Option<IndexState> {
    let name: String = row.get("name");
    let unique: bool = row.get("unique");
    let definition: String = row.get::<_, Option<String>>("definition")?;
    let head = format!(
        "CREATE {}INDEX {} ON {} ",
        if unique { "UNIQUE " } else { "" },
        quote_identifier(&name),
        QualifiedName::new(&relation.schema, &relation.name).quoted(),
    );
    let tail = definition.strip_prefix(&head)?.to_owned();
    Some(IndexState {
        oid: row.get("oid"),
        schema: relation.schema.clone(),
        name,
        partitioned: false,
        valid: row.get("valid"),
        ready: row.get("ready"),
        live: row.get("live"),
        unique,
        replica_identity: false,
        attached_to: None,
        constraint: None,
        comment: None,
        tablespace: None,
        bytes: row.get::<_, i64>("bytes").unsigned_abs(),
        definition,
        tail,
    })
}
