//! Columns that tell of each other: what is said of their statistics holds once they are really there.

use serde_json::Value;
use tokio_postgres::Client;

use super::{database, query, run};

const TABLES: &str = "
    CREATE TABLE visits (id int PRIMARY KEY, country int NOT NULL, city int NOT NULL, zip int NOT NULL, kind int NOT NULL);
    INSERT INTO visits SELECT n, n % 500 / 50, n % 500 / 5, n % 500, n / 500 % 100 FROM generate_series(1, 60000) AS n;
    CREATE TABLE orders (visit_id int NOT NULL, kind int NOT NULL, a int NOT NULL, b int NOT NULL, c int NOT NULL,
        d int NOT NULL, note text NOT NULL);
    INSERT INTO orders SELECT n, n * 7919 % 100, n, n, n, n, repeat('n', 150) FROM generate_series(1, 60000) AS n;
    CREATE INDEX ON orders (kind)";

/// For one visit the orders of its kind are best looked up; for a hundred they are best read all at once.
const SQL: &str = "SELECT sum(o.a + o.b + o.c + o.d) FROM visits v \
                   JOIN orders o ON o.kind = v.kind AND o.visit_id + 0 = v.id + 0 \
                   WHERE v.country = 3 AND v.city = 37 AND v.zip = 187";

/// The kinds of the nodes, and the rows expected of the scan of visits.
async fn planned(client: &Client) -> (String, f64) {
    let explain = format!("EXPLAIN (FORMAT JSON) {SQL}");
    let plan: Value = client.query_one(&explain, &[]).await.unwrap().get(0);
    let mut open = vec![&plan[0]["Plan"]];
    let (mut kinds, mut rows) = (String::new(), 0.0);
    while let Some(node) = open.pop() {
        kinds.push_str(node["Node Type"].as_str().unwrap());
        kinds.push(' ');
        if node["Relation Name"] == "visits" {
            rows = node["Plan Rows"].as_f64().unwrap();
        }
        open.extend(node["Plans"].as_array().into_iter().flatten());
    }
    (kinds, rows)
}

#[tokio::test]
async fn statistics_are_advised_where_they_change_the_plan_and_only_there() {
    let database = database(TABLES).await;
    query(
        &database,
        "queries",
        "correlated",
        &format!("-- budget: 5ms p50\n{SQL}\n"),
    );
    query(
        &database,
        "queries",
        "single",
        "-- budget: 1ms p50\nSELECT count(*) FROM visits WHERE zip = 187 AND id % 2 = 0",
    );
    let line = ["advise", "--queries", "queries", "--prove", "--disposable"];
    let (status, json, said) = run(&database, &line);
    assert!(matches!(status, 0 | 1), "{said}{json:#}");
    let all = json["statistics"]
        .as_array()
        .unwrap_or_else(|| panic!("{said}{json:#}"));
    assert_eq!(all.len(), 1, "{json:#}");
    assert_eq!(
        all[0]["columns"],
        serde_json::json!(["city", "country", "zip"]),
        "{json:#}"
    );
    assert_eq!(all[0]["query"], "correlated");
    let client = database.client().await;
    let left = "SELECT count(*) FROM pg_statistic_ext";
    assert_eq!(
        client.query_one(left, &[]).await.unwrap().get::<_, i64>(0),
        0
    );

    client.batch_execute("SET jit = off").await.unwrap();
    let (kinds, rows) = planned(&client).await;
    let make = format!("{}; ANALYZE visits", all[0]["statement"].as_str().unwrap());
    client.batch_execute(&make).await.unwrap();
    let (kinds_after, rows_after) = planned(&client).await;
    assert_ne!(kinds, kinds_after);
    let actual =
        "SELECT count(*)::float8 FROM visits WHERE country = 3 AND city = 37 AND zip = 187";
    let actual: f64 = client.query_one(actual, &[]).await.unwrap().get(0);
    assert_eq!(all[0]["actual_rows"].as_f64(), Some(actual), "{json:#}");
    assert!(
        actual / rows >= 100.0 && actual / rows_after < 2.0,
        "{rows} {rows_after} {actual}"
    );
}
