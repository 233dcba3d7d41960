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

/// Reads it all, but for partitions ([`load_partitions`]), in one round trip: within one snapshot, if the caller's
/// transaction has one.
pub async fn load(client: &Client, wanted: &IndexQuery) -> Result<IndexCatalog> {
    let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
        (&wanted.names, Type::TEXT_ARRAY),
        (&wanted.schemas, Type::TEXT_ARRAY),
        (&wanted.tables, Type::TEXT_ARRAY),
        (&wanted.oids, Type::OID_ARRAY),
    ];
    // The tables asked for, and those of the indexes asked for.
    let taken = include_str!("taken.sql");
    let [relations, indexes, constraints] = about_tables(&format!(
        "ARRAY(SELECT to_regclass(asked)::oid FROM unnest($3::text[]) AS w (asked)) || $4::oid[]
         || ARRAY(SELECT t.\"table\" FROM (\n{taken}) AS t)"
    ));
    let ask = async |sql: &str| client.query_typed(sql, &parameters).await.map_err(reading);
    let server = async {
        let history = (&wanted.history as &(dyn ToSql + Sync), Type::TEXT);
        let schema = (&wanted.history_schema as &(dyn ToSql + Sync), Type::TEXT);
        client
            .query_typed_one(include_str!("server.sql"), &[history, schema])
            .await
            .map_err(reading)
    };
    let tables = async {
        client
            .query_typed(
                "SELECT to_regclass(asked)::oid FROM unnest($1::text[]) WITH ORDINALITY AS w (asked, place) ORDER BY place",
                &[(&wanted.tables, Type::TEXT_ARRAY)],
            )
            .await
            .map_err(reading)
    };
    let answers = tokio::join!(
        server,
        tables,
        ask(taken),
        ask(&relations),
        ask(&indexes),
        ask(&constraints),
    );
    // The first that failed is the cause of what failed after it.
    let server = answers.0?;
    let oids = answers.1?;
    let taken = answers.2?;
    let mut relations = relations_of(&answers.3?, &answers.4?, &answers.5?);
    let tables: Vec<TableLookup> = wanted
        .tables
        .iter()
        .zip(&oids)
        .map(|(asked, row)| TableLookup {
            asked: asked.clone(),
            oid: row.get(0),
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

/// The three questions about tables, which `tables` names by parameters.
fn about_tables(tables: &str) -> [String; 3] {
    [
        include_str!("relations.sql"),
        include_str!("indexes.sql"),
        include_str!("constraints.sql"),
    ]
    .map(|sql| sql.replace("/* tables */", tables))
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
    let [relations, indexes, constraints] =
        about_tables(&format!("ARRAY(SELECT t.oid FROM (\n{tree}) AS t)"));
    let below = async |sql: &str| {
        client
            .query_typed(sql, &[(&roots, Type::OID_ARRAY)])
            .await
            .map_err(reading)
    };
    let answers = tokio::join!(
        below(tree),
        below(&relations),
        below(&indexes),
        below(&constraints),
    );
    let tree = answers.0?;
    let found = relations_of(&answers.1?, &answers.2?, &answers.3?);
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

fn relations_of(relations: &[Row], indexes: &[Row], constraints: &[Row]) -> Vec<Relation> {
    let named = |refers: bool| -> HashMap<Oid, String> {
        constraints
            .iter()
            .filter(|row| row.get::<_, bool>("refers") == refers)
            .map(|row| (row.get("index"), row.get("name")))
            .collect()
    };
    let (own, foreign) = (named(false), named(true));
    let mut of_table: HashMap<Oid, Vec<IndexState>> = HashMap::new();
    for row in indexes {
        let mut index = index_of(row);
        index.constraint = own.get(&index.oid).cloned();
        index.referenced_by = foreign.get(&index.oid).cloned();
        of_table.entry(row.get("table")).or_default().push(index);
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
    let statistics: Option<&str> = row.get("statistics");
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
        comment: row.get("comment"),
        clustered: row.get("clustered"),
        extensions: row.get("extensions"),
        statistics: statistics
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default(),
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

/// Reads which names are taken in the schemas of the partitions.
pub async fn load_names(client: &Client, catalog: &mut IndexCatalog) -> Result<()> {
    let mut schemas: Vec<&str> = catalog
        .relations
        .iter()
        .filter(|relation| relation.parent.is_some())
        .map(|relation| relation.schema.as_str())
        .collect();
    schemas.sort_unstable();
    schemas.dedup();
    if schemas.is_empty() {
        return Ok(());
    }
    let rows = client
        .query_typed(
            "SELECT n.nspname::text, c.relname::text FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid \
             WHERE n.nspname = ANY ($1)",
            &[(&schemas, Type::TEXT_ARRAY)],
        )
        .await
        .map_err(Error::server(
            "reading the names that indexes of partitions cannot use",
        ))?;
    catalog.names = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    Ok(())
}

/// Reads who holds the lock that a build holds, into the relations of `catalog`.
pub async fn load_holders(client: &Client, catalog: &mut IndexCatalog) -> Result<()> {
    let tables: Vec<i64> = catalog.relations.iter().map(|r| i64::from(r.oid)).collect();
    let rows = client
        .query_typed(include_str!("holders.sql"), &[(&tables, Type::INT8_ARRAY)])
        .await
        .map_err(Error::server("looking for builds on the tables"))?;
    for relation in &mut catalog.relations {
        let own = rows
            .iter()
            .filter(|row| row.get::<_, Oid>(0) == relation.oid);
        relation.holders = own
            .filter_map(|row| serde_json::from_str(row.get(1)).ok())
            .collect();
    }
    Ok(())
}
