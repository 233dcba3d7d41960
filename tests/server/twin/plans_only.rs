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
