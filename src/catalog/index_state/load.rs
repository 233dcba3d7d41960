//! Reading it: several simple questions sent at once. One large one took the server longer to plan than all of these
//! to answer.

use std::collections::HashMap;

use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};

use super::{
    HistoryTable, IndexCatalog, IndexQuery, IndexState, Namesake, Oid, Relation, TableLookup,
};
use crate::{Error, Result};

/// Reads what tells whether all is as desired, in one round trip: within one snapshot, if the caller's transaction has one.
/// Partitions ([`load_partitions`]) and tables of indexes that stand elsewhere ([`load_others`]) are read apart, and so is
/// what counts only where there is something to do ([`load_details`]).
pub async fn load(client: &Client, wanted: &IndexQuery) -> Result<IndexCatalog> {
    let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
        (&wanted.names, Type::TEXT_ARRAY),
        (&wanted.schemas, Type::TEXT_ARRAY),
        (&wanted.tables, Type::TEXT_ARRAY),
        (&wanted.oids, Type::OID_ARRAY),
    ];
    let [relations, indexes] = about_tables(
        "ARRAY(SELECT to_regclass(asked)::oid FROM unnest($3::text[]) AS w (asked) UNION ALL SELECT unnest($4::oid[]))",
    );
    let ask = async |sql: &str| client.query_typed(sql, &parameters).await.map_err(reading);
    let server = async {
        let history = (&wanted.history as &(dyn ToSql + Sync), Type::TEXT);
        let schema = (&wanted.history_schema as &(dyn ToSql + Sync), Type::TEXT);
        client
            .query_typed_one(
                include_str!("server.sql"),
                &[history, schema, (&wanted.tables, Type::TEXT_ARRAY)],
            )
            .await
            .map_err(reading)
    };
    let answers = tokio::join!(
        server,
        ask(include_str!("taken.sql")),
        ask(&relations),
        ask(&indexes),
    );
    // The first that failed is the cause of what failed after it.
    let server = answers.0?;
    let taken = answers.1?;
    let mut relations = relations_of(&answers.2?, &answers.3?);
    let oids: Vec<Option<Oid>> = server.get("tables");
    let tables: Vec<TableLookup> = wanted
        .tables
        .iter()
        .zip(oids)
        .map(|(asked, oid)| TableLookup {
            asked: asked.clone(),
            oid,
        })
        .collect();
    // An index in the place of a table is refused by its kind, where it is asked for as one.
    relations.retain(|relation| {
        !matches!(relation.kind.as_str(), "i" | "I")
            || tables.iter().any(|table| table.oid == Some(relation.oid))
    });
    Ok(IndexCatalog {
        in_recovery: server.get("in_recovery"),
        version_num: server.get::<_, i32>("version_num").unsigned_abs(),
        user: server.get("user"),
        database: server.get("database"),
        may_create_temporary: server.get("may_create_temporary"),
        history: server
            .get::<_, Option<String>>("schema")
            .map(|schema| HistoryTable {
                schema,
                name: server.get("name"),
                may_write: server.get::<_, Option<bool>>("may_write") == Some(true),
            }),
        history_schema: server.get("history_schema"),
        may_make_history: server.get("may_make_history"),
        search_path: server.get("search_path"),
        tables,
        taken: taken.iter().map(taken_of).collect(),
        relations,
        names: std::collections::HashSet::new(),
    })
}

/// The questions about tables, which `tables` names by parameters.
fn about_tables(tables: &str) -> [String; 2] {
    [include_str!("relations.sql"), include_str!("indexes.sql")]
        .map(|sql| sql.replace("/* tables */", tables))
}

/// Adds the tables of the indexes that stand under a name asked for on a table that is not. One round trip, where there are
/// such.
pub async fn load_others(client: &Client, catalog: &mut IndexCatalog) -> Result<()> {
    let others: Vec<Oid> = catalog.tables_of_others().collect();
    let [relations, indexes] = about_tables("$1");
    let ask = async |sql: &str| {
        client
            .query_typed(sql, &[(&others, Type::OID_ARRAY)])
            .await
            .map_err(reading)
    };
    let answers = tokio::join!(ask(&relations), ask(&indexes));
    catalog
        .relations
        .extend(relations_of(&answers.0?, &answers.1?));
    Ok(())
}

/// Adds, below every partitioned table, its partitions on all levels. One round trip.
pub async fn load_partitions(client: &Client, catalog: &mut IndexCatalog) -> Result<()> {
    let roots: Vec<Oid> = catalog
        .relations
        .iter()
        .filter(|relation| relation.is_partitioned())
        .map(|relation| relation.oid)
        .collect();
    let tree = include_str!("tree.sql");
    let [relations, indexes] = about_tables(&format!("ARRAY(SELECT t.oid FROM (\n{tree}) AS t)"));
    let below = async |sql: &str| {
        client
            .query_typed(sql, &[(&roots, Type::OID_ARRAY)])
            .await
            .map_err(reading)
    };
    let answers = tokio::join!(below(tree), below(&relations), below(&indexes));
    let tree = answers.0?;
    let found = relations_of(&answers.1?, &answers.2?);
    let known: HashMap<Oid, Relation> = found.into_iter().map(|r| (r.oid, r)).collect();
    // A table that is asked for itself, and is a partition of another one that is asked for, is there twice.
    for row in &tree {
        if let Some(relation) = known.get(&row.get("oid")) {
            catalog.relations.push(Relation {
                parent: row.get("parent"),
                root: row.get("root"),
                ..relation.clone()
            });
        }
    }
    Ok(())
}

fn relations_of(relations: &[Row], indexes: &[Row]) -> Vec<Relation> {
    let mut of_table: HashMap<Oid, Vec<IndexState>> = HashMap::new();
    for row in indexes {
        of_table
            .entry(row.get("table"))
            .or_default()
            .push(index_of(row));
    }
    let relation = |row: &Row| {
        let oid: Oid = row.get("oid");
        Relation {
            oid,
            parent: None,
            root: oid,
            kind: row.get("kind"),
            schema: row.get("schema"),
            name: row.get("name"),
            owned: row.get("owned"),
            owner: row.get("owner"),
            may_become_owner: row.get("may_become_owner"),
            may_create: row.get("may_create"),
            bytes: bytes(row),
            indexes: of_table.remove(&oid).unwrap_or_default(),
            holders: Vec::new(),
        }
    };
    relations.iter().map(relation).collect()
}

fn index_of(row: &Row) -> IndexState {
    IndexState {
        oid: row.get("oid"),
        schema: row.get("schema"),
        name: row.get("name"),
        partitioned: row.get("partitioned"),
        valid: row.get("valid"),
        ready: row.get("ready"),
        live: row.get("live"),
        unique: row.get("unique"),
        replica_identity: row.get("replica_identity"),
        attached_to: row.get("attached_to"),
        constraint: None,
        referenced_by: None,
        comment: None,
        clustered: row.get("clustered"),
        extensions: Vec::new(),
        statistics: Vec::new(),
        tablespace: row.get("tablespace"),
        bytes: bytes(row),
        definition: row.get("definition"),
        tail: row.get("tail"),
    }
}

fn taken_of(row: &Row) -> Namesake {
    Namesake {
        oid: row.get("oid"),
        kind: row.get("kind"),
        schema: row.get("schema"),
        name: row.get("name"),
        table: row.get("table"),
        table_name: row.get("table_name"),
    }
}

fn bytes(row: &Row) -> u64 {
    row.get::<_, i64>("bytes").unsigned_abs()
}

fn reading(error: tokio_postgres::Error) -> Error {
    Error::server("reading the tables and indexes that the migrations name")(error)
}

/// Reads what counts where something is not as desired, or a comment is: what hangs on the indexes, who holds the lock that a build holds, and
/// which names are taken in the schemas of partitions. One round trip.
pub async fn load_details(client: &Client, catalog: &mut IndexCatalog) -> Result<()> {
    let oids: Vec<Oid> = catalog.relations.iter().map(|r| r.oid).collect();
    let tables: Vec<i64> = oids.iter().copied().map(i64::from).collect();
    let partitions = catalog.relations.iter().filter(|r| r.parent.is_some());
    let mut schemas: Vec<&str> = partitions.map(|r| r.schema.as_str()).collect();
    schemas.sort_unstable();
    schemas.dedup();
    let holders = async {
        client
            .query_typed(include_str!("holders.sql"), &[(&tables, Type::INT8_ARRAY)])
            .await
            .map_err(Error::server("looking for builds on the tables"))
    };
    let dependents = async {
        client
            .query_typed(include_str!("dependents.sql"), &[(&oids, Type::OID_ARRAY)])
            .await
            .map_err(reading)
    };
    let names = async {
        client
            .query_typed(
                "SELECT n.nspname::text, c.relname::text FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid \
                 WHERE n.nspname = ANY ($1)",
                &[(&schemas, Type::TEXT_ARRAY)],
            )
            .await
            .map_err(Error::server(
                "reading the names that indexes of partitions cannot use",
            ))
    };
    let answers = tokio::join!(holders, dependents, names);
    let (holders, dependents) = (answers.0?, answers.1?);
    catalog.names = answers.2?.iter().map(|r| (r.get(0), r.get(1))).collect();
    let dependents: HashMap<Oid, &Row> = dependents.iter().map(|row| (row.get(0), row)).collect();
    for relation in &mut catalog.relations {
        let own = holders
            .iter()
            .filter(|row| row.get::<_, Oid>(0) == relation.oid);
        relation.holders = own
            .filter_map(|row| serde_json::from_str(row.get(1)).ok())
            .collect();
        for index in &mut relation.indexes {
            let Some(row) = dependents.get(&index.oid) else {
                continue;
            };
            index.comment = row.get("comment");
            index.constraint = row.get("constraint");
            index.referenced_by = row.get("referenced_by");
            index.extensions = row.get("extensions");
            let statistics: Option<&str> = row.get("statistics");
            index.statistics = statistics
                .and_then(|json| serde_json::from_str(json).ok())
                .unwrap_or_default();
        }
    }
    Ok(())
}
