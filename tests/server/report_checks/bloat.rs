//! The estimates of bloat against what pgstattuple measures.

use std::fmt::Write;

use crate::support::{self, Template};

/// Tables of many shapes, each with a share of its rows deleted and vacuumed away.
const SHAPES: &[(&str, &str, &str)] = &[
    ("ints", "id int, v int", "n, n"),
    (
        "aligned",
        "id int, a smallint, b bigint, c boolean, d timestamptz",
        "n, 1, n, true, now()",
    ),
    (
        "texts",
        "id int, v text, w text",
        "n, repeat('x', n % 90), md5(n::text)",
    ),
    (
        "nulls",
        "id int, a bigint, b text, c int, d numeric, e date, f int, g int, h int, i int",
        "n, CASE WHEN n % 2 = 0 THEN n END, CASE WHEN n % 3 = 0 THEN 'abc' END, n, n * 1.5, now()::date, \
         NULL, CASE WHEN n % 10 = 0 THEN 1 END, n, n",
    ),
    ("wide", "id int, v text", "n, repeat(md5(n::text), 20)"),
];

#[tokio::test]
async fn the_estimate_of_bloat_is_near_what_pgstattuple_measures() {
    let server = support::server();
    let database = server.database(Template::Empty);
    let client = database.client().await;
    if client
        .batch_execute("CREATE EXTENSION pgstattuple")
        .await
        .is_err()
    {
        return;
    }
    let mut tables = Vec::new();
    for (name, columns, values) in SHAPES {
        for (suffix, keep, fillfactor) in [
            ("_full", 1, 100),
            ("_half", 2, 100),
            ("_tenth", 10, 100),
            ("_loose", 3, 60),
        ] {
            let table = format!("{name}{suffix}");
            let sql = format!(
                "CREATE TABLE {table} ({columns}) WITH (autovacuum_enabled = off, fillfactor = {fillfactor});
                 INSERT INTO {table} SELECT {values} FROM generate_series(1, 40000) n;
                 CREATE INDEX {table}_unique ON {table} (id);
                 DELETE FROM {table} WHERE id % {keep} <> 0"
            );
            client.batch_execute(&sql).await.unwrap();
            tables.push(table);
        }
    }
    drop(client);
    let last = tables.last().unwrap();
    let counted = format!("SELECT pg_stat_get_tuples_deleted('{last}'::regclass) > 0");
    super::planted::until(&database, &counted).await;
    let vacuum = format!("VACUUM ANALYZE {}", tables.join(", "));
    super::planted::run(&database, &[&vacuum]).await;
    // Everything is to be told, with its figure.
    let everything = "[report.checks]\ntable-bloat = { min-ratio = 0, min-bytes = 0 }\n\
                      index-bloat = { min-ratio = 0, min-bytes = 0 }\n";
    let shares = |exact: bool| {
        let mut args = vec!["report", "--format", "json", "--fail-on", "never"];
        if exact {
            args.push("--exact-bloat=100");
        }
        std::fs::write(database.folder().join("dbaudit.toml"), everything).unwrap();
        let report = super::run(&mut database.dbaudit(&args));
        let findings = report["findings"].as_array().unwrap().clone();
        findings
            .iter()
            .filter(|f| f["check"].as_str().unwrap().ends_with("-bloat"))
            .map(|f| {
                assert_eq!(f["evidence"]["estimated"], !exact);
                let share = f["evidence"]["wasted_ratio"].as_f64().unwrap();
                (f["subject"]["name"].as_str().unwrap().to_owned(), share)
            })
            .collect::<std::collections::BTreeMap<String, f64>>()
    };
    let (estimated, measured) = (shares(false), shares(true));
    assert_eq!(estimated.len(), SHAPES.len() * 8, "{estimated:?}");
    let mut shown = String::new();
    let mut worst: f64 = 0.0;
    for (name, measured) in &measured {
        let error = estimated[name] - measured;
        let _ = writeln!(
            shown,
            "{name:24} measured {measured:.3} estimated {:.3} error {error:+.3}",
            estimated[name]
        );
        worst = worst.max(error.abs());
    }
    eprintln!("{shown}worst error {worst:.3}");
    // pgstattuple counts the line pointers of removed rows as used: four bytes of each narrow row.
    assert!(worst < 0.11, "{shown}");
}

#[tokio::test]
async fn what_is_measured_exactly_is_what_is_estimated_to_be_worst() {
    let server = support::server();
    let database = server.database(Template::Empty);
    let client = database.client().await;
    let pgstattuple = "CREATE EXTENSION pgstattuple";
    if client.batch_execute(pgstattuple).await.is_err() {
        return;
    }
    client
        .batch_execute(
            "CREATE TABLE large (id int PRIMARY KEY, v int) WITH (autovacuum_enabled = off);
             INSERT INTO large SELECT n, n FROM generate_series(1, 60000) n;
             CREATE TABLE bad (id int PRIMARY KEY, v int) WITH (autovacuum_enabled = off);
             INSERT INTO bad SELECT n, n FROM generate_series(1, 30000) n;
             DELETE FROM bad WHERE id % 10 <> 0",
        )
        .await
        .unwrap();
    drop(client);
    let counted = "SELECT pg_stat_get_tuples_deleted('bad'::regclass) > 0";
    super::planted::until(&database, counted).await;
    super::planted::run(&database, &["VACUUM ANALYZE large, bad"]).await;
    let report = super::report(&database, &["--exact-bloat=1"]);
    let measured = |check: &str| {
        let findings = report["findings"].as_array().unwrap().iter();
        let of_check: Vec<(&str, bool)> = findings
            .filter(|finding| finding["check"] == check)
            .map(|finding| {
                let name = finding["subject"]["name"].as_str().unwrap();
                (name, finding["evidence"]["estimated"] == false)
            })
            .collect();
        of_check
    };
    assert_eq!(measured("table-bloat"), [("bad", true)]);
    assert_eq!(measured("index-bloat"), [("bad_pkey", true)]);
}
