//! The predicted size of an index beside that of the index itself.

use std::collections::BTreeSet;

use dbaudit::{
    advise::{IndexSpec, Key, Method, index_bytes},
    catalog::{QualifiedName, load_table_facts},
    db::{self, ConnectionConfig, Environment, Target},
};

use super::server;
use crate::support::Template;

const TABLE: &str = "CREATE TABLE t (id bigint, few int, word text, whale int, amount numeric, at timestamptz,
        sparse int, long text, flag boolean);
    INSERT INTO t SELECT n, n % 5, 'value ' || n % 2000, CASE WHEN n % 10 = 0 THEN 7 ELSE n % 9000 END, n * 1.5,
        '2026-01-01'::timestamptz + (n::bigint * 15485863 % 60000) * interval '1 second',
        CASE WHEN n % 10 = 0 THEN n END, md5(n::text) || md5((n + 1)::text), n % 50 = 0
      FROM generate_series(1, 60000) AS n; ANALYZE t";

/// Method, keys, INCLUDE, WHERE with its share of the rows.
type Built = (
    Method,
    &'static [&'static str],
    &'static [&'static str],
    Option<(&'static str, f64)>,
);

const INDEXES: &[Built] = &[
    (Method::Btree, &["id"], &[], None),
    (Method::Btree, &["few"], &[], None),
    (Method::Btree, &["word"], &[], None),
    (Method::Btree, &["whale"], &[], None),
    (Method::Btree, &["amount"], &[], None),
    (Method::Btree, &["sparse"], &[], None),
    (Method::Btree, &["long"], &[], None),
    (Method::Btree, &["few", "at"], &[], None),
    (Method::Btree, &["word", "at"], &[], None),
    (Method::Btree, &["few"], &["id"], None),
    (Method::Btree, &["whale"], &["at", "few"], None),
    (Method::Btree, &["at"], &[], Some(("flag", 0.02))),
    (Method::Btree, &["id"], &[], Some(("few = 1", 0.2))),
    (Method::Hash, &["long"], &[], None),
    (Method::Hash, &["id"], &[], None),
];

/// The one column tells the other: there are fewer combinations than statistics of single columns let expect.
const DEPENDENT: Built = (Method::Btree, &["few", "word"], &[], None);
const DEPENDENT_ERROR: f64 = 0.7;

/// Pages are counted whole: of the smallest index one more or less is much.
const ERROR: f64 = 0.25;

#[tokio::test]
async fn predicted_sizes_are_those_of_indexes_really_built() {
    let database = server().database(Template::Empty);
    let client = database.client().await;
    client.batch_execute(TABLE).await.unwrap();
    let environment = Environment::from([("HOME", "/nowhere")]);
    let target = Target::resolve(
        Some(&database.url),
        &ConnectionConfig::default(),
        &environment,
    )
    .unwrap();
    let session = db::connect_to(&target, "test").await.unwrap();
    let table = QualifiedName::new("public", "t");
    let facts = load_table_facts(&session, &BTreeSet::from([table.clone()]))
        .await
        .unwrap();
    let mut wrong = Vec::new();
    let all = INDEXES
        .iter()
        .map(|index| (index, ERROR))
        .chain([(&DEPENDENT, DEPENDENT_ERROR)]);
    for ((method, keys, include, predicate), most) in all {
        let spec = IndexSpec {
            table: table.clone(),
            method: *method,
            keys: keys.iter().map(|name| Key::column(name)).collect(),
            include: include.iter().map(|name| (*name).to_owned()).collect(),
            predicate: predicate.map(|(text, _)| text.to_owned()),
        };
        let predicted = index_bytes(
            &spec,
            &facts[&table],
            predicate.map_or(1.0, |(_, share)| share),
        );
        client
            .batch_execute(&spec.plain_statement(Some("i"), &table))
            .await
            .unwrap();
        let size = "SELECT pg_relation_size('i')";
        let real: i64 = client.query_one(size, &[]).await.unwrap().get(0);
        client.batch_execute("DROP INDEX i").await.unwrap();
        let (predicted, real) = (predicted as f64, real as f64);
        let error = (predicted - real).abs() - 8192.0;
        if error / real > most {
            wrong.push(format!(
                "{}: {predicted} for {real} ({:+.0} %)",
                spec.shown(),
                (predicted / real - 1.0) * 100.0
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
