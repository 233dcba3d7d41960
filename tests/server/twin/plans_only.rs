//! `time-queries --plans-only` on a twin: the plans and costs are the original's, and a changed plan is a failed run.

use std::{path::Path, process::Output};

use serde_json::Value;

use super::snapshot;
use crate::support::{self, Template, TestDatabase};

const SHOP: &str = "
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int NOT NULL, at timestamptz NOT NULL, note text);
INSERT INTO orders SELECT n, (n % 7 * n) % 5000, timestamptz '2025-01-01' + n * interval '5 minutes', repeat('x', 100)
FROM generate_series(1, 50000) AS n;
CREATE INDEX orders_customer ON orders (customer_id, at);
VACUUM ANALYZE orders;";

const BY_CUSTOMER: &str = "-- name: by_customer\n-- budget: 100ms\n-- param $1: column orders.customer_id\n\
                           SELECT * FROM orders WHERE customer_id = $1 ORDER BY at DESC LIMIT 20\n";

fn query(folder: &Path, text: &str) {
    std::fs::create_dir_all(folder.join("queries")).unwrap();
    std::fs::write(folder.join("queries/by_customer.sql"), text).unwrap();
}

fn on_twin(database: &TestDatabase, command: &[&str]) -> Output {
    let mut twin = database.dbaudit(&["twin", "prod.json", "--server-bin"]);
    twin.arg(&support::server().binaries.folder)
        .arg("--")
        .args(command);
    twin.output().unwrap()
}

fn planned(database: &TestDatabase, options: &[&str]) -> Output {
    let command = [
        &["time-queries", "--queries", "queries", "--plans-only"],
        options,
    ]
    .concat();
    on_twin(database, &command)
}

fn cases(json: &[u8]) -> Vec<(String, Value, f64, Vec<String>)> {
    let json: Value = serde_json::from_slice(json).unwrap();
    assert_eq!(json["verdict"], "planned", "{json:#}");
    assert!(json["floor"].is_null());
    let cases = json["queries"][0]["cases"].as_array().unwrap().clone();
    let params = |case: &Value| serde_json::from_value(case["params"].clone()).unwrap();
    let case = |case: Value| {
        assert_eq!(
            (&case["verdict"], &case["samples"]),
            (&"planned".into(), &0.into())
        );
        let cost = case["total_cost"].as_f64().unwrap();
        (
            case["label"].as_str().unwrap().to_owned(),
            case["plan_fingerprint"].clone(),
            cost,
            params(&case),
        )
    };
    cases.into_iter().map(case).collect()
}

#[tokio::test]
async fn plans_and_costs_on_a_redacted_twin_are_the_originals() {
    let database = support::server().database(Template::Empty);
    let client = database.client().await;
    for statement in SHOP.split_inclusive(";\n") {
        client.batch_execute(statement).await.unwrap();
    }
    query(database.folder(), BY_CUSTOMER);
    snapshot(&database, &std::env::var("PATH").unwrap(), &[]);
    let original = database
        .dbaudit(&[
            "time-queries",
            "--queries",
            "queries",
            "--plans-only",
            "--format",
            "json",
        ])
        .output()
        .unwrap();
    let twin = planned(&database, &["--format", "json"]);
    assert_eq!(
        (original.status.code(), twin.status.code()),
        (Some(0), Some(0)),
        "{original:?}\n{twin:?}"
    );
    let (original, twin) = (cases(&original.stdout), cases(&twin.stdout));
    assert!(original.len() > 1);
    for (original, twin) in original.iter().zip(&twin) {
        assert_eq!((&original.0, &original.1), (&twin.0, &twin.1));
        assert!(
            (original.2 / twin.2 - 1.0).abs() < 0.01,
            "{original:?} {twin:?}"
        );
        // What psql would show.
        let explain = format!(
            "EXPLAIN (FORMAT JSON) SELECT * FROM orders WHERE customer_id = {} ORDER BY at DESC LIMIT 20",
            original.3[0]
        );
        let plan: Value = client.query_one(&explain, &[]).await.unwrap().get(0);
        if !original.0.contains("generic") {
            assert_eq!(
                plan[0]["Plan"]["Total Cost"].as_f64(),
                Some(original.2),
                "{original:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_changed_plan_fails_the_run_and_both_plans_are_shown() {
    let database = support::server().database(Template::Empty);
    let client = database.client().await;
    for statement in SHOP.split_inclusive(";\n") {
        client.batch_execute(statement).await.unwrap();
    }
    query(database.folder(), BY_CUSTOMER);
    snapshot(&database, &std::env::var("PATH").unwrap(), &[]);
    let saved = planned(&database, &["--save", "plans.json"]);
    assert_eq!(saved.status.code(), Some(0), "{saved:?}");
    let same = planned(&database, &["--compare", "plans.json"]);
    assert_eq!(same.status.code(), Some(0), "{same:?}");
    // The pull request makes the index useless.
    query(
        database.folder(),
        &BY_CUSTOMER.replace("customer_id = $1", "customer_id + 0 = $1"),
    );
    let changed = planned(&database, &["--compare", "plans.json"]);
    let text = String::from_utf8_lossy(&changed.stdout);
    assert_eq!(changed.status.code(), Some(1), "{changed:?}");
    for part in [
        "sequential scan",
        "public.orders",
        "using orders_customer",
        "Seq Scan of public.orders",
        "cost",
    ] {
        assert!(text.contains(part), "{text} lacks {part}");
    }
    // Or drops it.
    query(database.folder(), BY_CUSTOMER);
    let script = format!(
        "psql -Xqc 'DROP INDEX orders_customer' && '{}' time-queries --queries queries --plans-only --compare plans.json --format json",
        env!("CARGO_BIN_EXE_dbaudit")
    );
    let dropped = on_twin(&database, &["sh", "-c", &script]);
    assert_eq!(dropped.status.code(), Some(1), "{dropped:?}");
    let json: Value = serde_json::from_slice(&dropped.stdout).unwrap();
    let changes = json["comparison"]["changes"].as_array().unwrap();
    let plan = changes
        .iter()
        .find(|change| change["what"] == "plan")
        .unwrap();
    assert_eq!(plan["gate"], true);
    assert!(
        plan["plans"]["before"]
            .as_str()
            .unwrap()
            .contains("orders_customer"),
        "{plan}"
    );
    assert!(
        !plan["plans"]["now"]
            .as_str()
            .unwrap()
            .contains("orders_customer"),
        "{plan}"
    );
}

/// Oracle: what statements that nobody calibrated with take on the original.
#[tokio::test]
async fn a_calibrated_twin_predicts_times_and_never_says_that_it_measured_them() {
    let database = support::server().database(Template::Empty);
    let client = database.client().await;
    for statement in SHOP.split_inclusive(";\n") {
        client.batch_execute(statement).await.unwrap();
    }
    client
        .batch_execute("CREATE EXTENSION pg_stat_statements; SET max_parallel_workers_per_gather = 0; SET jit = off")
        .await
        .unwrap();
    // Of one row, of some, and of all; each of another shape, so that each is a statement.
    let statement = |n: usize| {
        let columns: Vec<String> = (0..=n).map(|at| format!("id + {at} AS a{at}")).collect();
        let columns = columns.join(", ");
        let condition = [
            "id = 77",
            "customer_id = 77",
            "at < '2025-02-01'",
            "note > 'a'",
        ][n % 4];
        format!("SELECT {columns} FROM orders WHERE {condition} ORDER BY at DESC LIMIT 2000")
    };
    let early = database
        .dbaudit(&["snapshot", "--calibrate", "-o", "early.json"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&early.stderr);
    assert!(
        early.status.success() && said.contains("at least ten"),
        "{said}"
    );
    for n in 0..24 {
        for _ in 0..5 {
            client.query(&statement(n), &[]).await.unwrap();
        }
    }
    snapshot(&database, &std::env::var("PATH").unwrap(), &["--calibrate"]);
    let folder = database.folder().join("queries");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |budget: &str| {
        for n in 24..36 {
            let text = format!("-- budget: {budget}\n{}\n", statement(n));
            std::fs::write(folder.join(format!("q{n}.sql")), text).unwrap();
        }
    };
    write("10min");
    let within = planned(&database, &["--format", "json"]);
    assert_eq!(within.status.code(), Some(0), "{within:?}");
    let json: Value = serde_json::from_slice(&within.stdout).unwrap();
    assert_eq!(json["verdict"], "planned");
    let mut near = 0;
    for (n, query) in (24..36).zip(json["queries"].as_array().unwrap()) {
        let case = &query["cases"][0];
        assert!(case["p50_ms"].is_null() && case["samples"] == 0, "{case:#}");
        let (low, high) = (
            case["predicted_interval_ms"][0].as_f64().unwrap(),
            case["predicted_interval_ms"][1].as_f64().unwrap(),
        );
        let predicted = case["predicted_ms"].as_f64().unwrap();
        assert!(low <= predicted && predicted <= high, "{case:#}");
        let explain = format!(
            "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {}",
            statement(n)
        );
        let mut times = Vec::new();
        for _ in 0..5 {
            let plan: Value = client.query_one(&explain, &[]).await.unwrap().get(0);
            times.push(plan[0]["Execution Time"].as_f64().unwrap());
        }
        times.sort_by(f64::total_cmp);
        // A busy machine takes some times as long; a guess by cost alone errs by powers of ten.
        near += usize::from(times[2] > low / 4.0 && times[2] < high * 4.0);
    }
    assert!(near >= 9, "{near} of 12 near: {json:#}");
    write("1us");
    let over = planned(&database, &["--format", "json"]);
    assert_eq!(over.status.code(), Some(1), "{over:?}");
    let json: Value = serde_json::from_slice(&over.stdout).unwrap();
    assert_eq!(json["verdict"], "predicted-over");
    let table = planned(&database, &[]);
    let said = String::from_utf8_lossy(&table.stdout);
    assert!(said.contains("predicted over budget"), "{said}");
}
