//! `advise` on a twin: what it finds on the original, and what a drop would cost.

use std::{collections::BTreeSet, path::Path, process::Output};

use serde_json::Value;

use super::{KEPT, Random, shape, shop, snapshot, statement, total};
use crate::support::{self, Template, TestDatabase};

fn write_queries(folder: &Path, statements: &[String]) {
    std::fs::create_dir_all(folder.join("queries")).unwrap();
    for (at, sql) in statements.iter().enumerate() {
        let file = folder.join(format!("queries/q{at:02}.sql"));
        std::fs::write(file, format!("-- budget: 1ms\n{sql}\n")).unwrap();
    }
}

fn on_twin(database: &TestDatabase, command: &[&str]) -> Output {
    let mut twin = database.dbaudit(&["twin", "prod.json", "--server-bin"]);
    twin.arg(&support::server().binaries.folder)
        .arg("--")
        .args(command)
        .args(["--format", "json"]);
    twin.output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn recommended(output: &Output) -> BTreeSet<String> {
    let advice = json(output);
    let list = advice["recommended"].as_array().unwrap();
    list.iter()
        .map(|index| index["statement"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn advise_finds_on_a_twin_what_it_finds_on_the_original() {
    let database = shop(support::server()).await;
    let client = database.client().await;
    crate::advise::with_hypopg(&client).await;
    let mut random = Random(4_711);
    let statements: Vec<String> = (0..12).map(|_| statement(&mut random)).collect();
    write_queries(database.folder(), &statements);
    client
        .batch_execute("CREATE EXTENSION pg_stat_statements")
        .await
        .unwrap();
    for _ in 0..3 {
        for n in [1, 4, 9] {
            let sql =
                format!("SELECT * FROM shop.customers c WHERE c.born = date '1970-01-01' + {n}");
            client.query(&sql, &[]).await.unwrap();
            let sql =
                format!("SELECT count(*) FROM shop.items WHERE note = 'note{n}' AND amount < {n}");
            client.query(&sql, &[]).await.unwrap();
        }
    }
    snapshot(
        &database,
        &std::env::var("PATH").unwrap(),
        &["--keep-values", "--statements"],
    );
    for options in [
        &["--queries", "queries"][..],
        &["--from-statements", "--budget", "10us"],
    ] {
        let command = [&["advise"], options].concat();
        let original = [&command[..], &["--plans-only", "--format", "json"]].concat();
        let original = database.dbaudit(&original).output().unwrap();
        let found = recommended(&original);
        assert!(!found.is_empty(), "{original:?}");
        assert_eq!(recommended(&on_twin(&database, &command)), found);
    }
}

#[tokio::test]
async fn a_twin_shows_productions_statements_and_a_redacted_one_no_constant() {
    let database = support::server().database(Template::Empty);
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE EXTENSION pg_stat_statements; CREATE TABLE t (id int PRIMARY KEY, v text);
             INSERT INTO t SELECT n, 'v' || n FROM generate_series(1, 1000) n; ANALYZE t",
        )
        .await
        .unwrap();
    for n in 0..5 {
        let sql = format!(
            "SELECT v FROM t /* tenant='secret_comment' */ WHERE id = {n} AND v <> 'secret_value'"
        );
        client.query(&sql, &[]).await.unwrap();
    }
    // Its constant stays in the text.
    client
        .batch_execute("PREPARE p AS SELECT v FROM t WHERE v = 'secret_constant'; EXECUTE p; SELECT v FROM t ORDER BY 1")
        .await
        .unwrap();
    let path = std::env::var("PATH").unwrap();
    let ask = "SELECT query, calls, rows, total_exec_time FROM pg_stat_statements WHERE query ~ 'FROM t ' AND query !~ 'pg_' \
               AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY queryid";
    let rows = client.query(ask, &[]).await.unwrap();
    let original: Vec<(String, i64, i64, f64)> = rows
        .iter()
        .map(|row| {
            let ms: f64 = row.get(3);
            (row.get(0), row.get(1), row.get(2), (ms * 1e6).round())
        })
        .collect();
    assert!(original.len() >= 3, "{original:?}");
    let tell = format!("psql -X -A -t -c \"SELECT json_agg(s) FROM ({ask}) s\"");
    let twin = |options: &[&str]| -> Vec<Value> {
        let file = snapshot(&database, &path, options);
        if options.len() == 1 {
            let text = std::fs::read_to_string(file).unwrap();
            assert!(!text.contains("secret_"), "{text}");
        }
        let mut twin = database.dbaudit(&["twin", "prod.json", "--server-bin"]);
        let output = twin
            .arg(&support::server().binaries.folder)
            .args(["--", "sh", "-c", &tell])
            .output()
            .unwrap();
        json(&output).as_array().unwrap().clone()
    };
    let kept = twin(&["--statements", "--keep-values"]);
    let kept: Vec<(String, i64, i64, f64)> = kept
        .into_iter()
        .map(|row| {
            let row = (
                &row["query"],
                &row["calls"],
                &row["rows"],
                &row["total_exec_time"],
            );
            (
                row.0.as_str().unwrap().to_owned(),
                row.1.as_i64().unwrap(),
                row.2.as_i64().unwrap(),
                (row.3.as_f64().unwrap() * 1e6).round(),
            )
        })
        .collect();
    assert_eq!(kept, original);
    let redacted = twin(&["--statements"]);
    let texts: Vec<&str> = redacted
        .iter()
        .map(|row| row["query"].as_str().unwrap())
        .collect();
    assert!(
        texts.contains(&"SELECT v FROM t WHERE id = $1 AND v <> $2"),
        "{texts:?}"
    );
}

/// Oracle: psql plans each query, drops the index for good, and plans it again.
#[tokio::test]
async fn without_an_index_the_queries_change_that_psql_sees_change() {
    drops(4_711, 4, 20).await;
}

#[tokio::test]
#[ignore = "minutes; the seeded share runs in CI"]
async fn without_many_indexes() {
    for seed in 1..10 {
        drops(seed * 104_729, 6, 30).await;
    }
}

async fn drops(seed: u64, indexes: usize, queries: usize) {
    let database = shop(support::server()).await;
    let mut random = Random(seed);
    let statements: Vec<String> = (0..queries).map(|_| statement(&mut random)).collect();
    write_queries(database.folder(), &statements);
    snapshot(&database, &std::env::var("PATH").unwrap(), KEPT);
    let client = database.client().await;
    let mut seen = 0;
    for _ in 0..indexes {
        let index = random.of(&[
            "shop.z_city",
            "shop.a_city_postcode",
            "shop.customers_lower",
            "shop.customers_inactive",
            "shop.customers_tags",
            "shop.orders_customer",
            "shop.orders_at",
            "shop.orders_open",
            "shop.items_product",
            "shop.items_amount",
        ]);
        let before = super::plans_on_original(&database, &statements);
        client
            .batch_execute(&format!("BEGIN; DROP INDEX {index}"))
            .await
            .unwrap();
        let mut expected = BTreeSet::new();
        for (at, (sql, before)) in statements.iter().zip(&before).enumerate() {
            let explain = format!("EXPLAIN (FORMAT JSON) {sql}");
            let after: Value = client.query_one(&explain, &[]).await.unwrap().get(0);
            let same = shape(before, str::to_owned) == shape(&after, str::to_owned)
                && (total(&after) / total(before) - 1.0).abs() < 1e-3;
            if !same {
                expected.insert(format!("q{at:02}"));
            }
        }
        client.batch_execute("ROLLBACK").await.unwrap();
        let twin = on_twin(
            &database,
            &["advise", "--queries", "queries", "--without", index],
        );
        let impact = json(&twin);
        let changed: BTreeSet<String> = impact["changed"]
            .as_array()
            .unwrap()
            .iter()
            .map(|query| query["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(changed, expected, "without {index}: {impact:#}");
        seen += expected.len();
        let status = i32::from(!expected.is_empty());
        assert_eq!(twin.status.code(), Some(status), "{impact:#}");
        assert_eq!(
            impact["not_judged"].as_array().unwrap().len(),
            0,
            "{impact:#}"
        );
    }
    assert!(seen > 0, "no drop changed a plan");
}

#[tokio::test]
async fn an_index_is_never_dropped_elsewhere_and_not_without_its_constraint() {
    let database = shop(support::server()).await;
    write_queries(
        database.folder(),
        &["SELECT * FROM shop.customers WHERE id = 1".into()],
    );
    for (options, status, expected) in [
        (&["--without", "shop.z_city"][..], 2, "--disposable"),
        (
            &["--without", "shop.customers_pkey", "--disposable"],
            3,
            "customers_pkey of shop.customers",
        ),
        (
            &["--without", "shop.no_such", "--disposable"],
            3,
            "`shop.no_such` is not an index",
        ),
        (
            &["--without", "shop.customers", "--disposable"],
            3,
            "not an index",
        ),
    ] {
        let command = [&["advise", "--queries", "queries"], options].concat();
        let output = database.dbaudit(&command).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}

/// A reader of the table keeps its lock; the drop does not wait for it to end, and the answer claims nothing.
#[tokio::test]
async fn an_index_whose_table_is_in_use_is_not_waited_for_and_not_judged() {
    let database = shop(support::server()).await;
    write_queries(
        database.folder(),
        &["SELECT * FROM shop.customers WHERE city = 'city1'".into()],
    );
    let client = database.client().await;
    client
        .batch_execute("BEGIN; LOCK TABLE shop.customers IN ACCESS SHARE MODE")
        .await
        .unwrap();
    let output = database
        .dbaudit(&[
            "advise",
            "--queries",
            "queries",
            "--disposable",
            "--without",
            "shop.z_city",
            "--format",
            "json",
        ])
        .timeout(std::time::Duration::from_secs(60))
        .output()
        .unwrap();
    client.batch_execute("ROLLBACK").await.unwrap();
    let impact = json(&output);
    assert_eq!(output.status.code(), Some(3), "{impact:#}");
    let why = impact["not_judged"][0]["error"].as_str().unwrap();
    assert!(why.contains("lock"), "{why}");
    let there = "SELECT count(*) FROM pg_indexes WHERE indexname = 'z_city'";
    let there: i64 = client.query_one(there, &[]).await.unwrap().get(0);
    assert_eq!(there, 1);
}
