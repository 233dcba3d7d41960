//! What indexes cost the writers: as estimated, and as the server counts it once they are built.

use serde_json::Value;
use tokio_postgres::Client;

use super::{database, query, recommended, run};
use crate::support::TestDatabase;

/// Pages that have room left, so that updates may stay on theirs.
const TABLE: &str = "
    CREATE TABLE jobs (id int PRIMARY KEY, state text NOT NULL, owner int NOT NULL, tries int NOT NULL, note text NOT NULL)
      WITH (fillfactor = 50, autovacuum_enabled = off);
    INSERT INTO jobs SELECT n, 'state ' || n % 600, n % 3, 0, repeat('n', 100) FROM generate_series(1, 60000) AS n";

async fn jobs(files: &[(&str, &str)]) -> (TestDatabase, Client) {
    let database = database(TABLE).await;
    for (name, text) in files {
        query(&database, "queries", name, text);
    }
    let client = database.client().await;
    (database, client)
}

const BY_STATE: (&str, &str) = (
    "by_state",
    "-- budget: 2ms p50\n-- param $1: values 'state 7'\nSELECT id, note FROM jobs WHERE state = $1",
);
const TOUCH: (&str, &str) = (
    "touch",
    "-- budget: 10s\n-- param $1: values 77\nUPDATE jobs SET tries = tries + 1 WHERE id = $1",
);
const MOVE: (&str, &str) = (
    "move",
    "-- budget: 10s\n-- param $1: values 77\n-- param $2: values 'state 9'\nUPDATE jobs SET state = $2 WHERE id = $1",
);
const ADD: (&str, &str) = (
    "add",
    "-- budget: 10s\nINSERT INTO jobs SELECT max(id) + 1, 'state 5', 1, 0, 'n' FROM jobs",
);
const REMOVE: (&str, &str) = (
    "remove",
    "-- budget: 10s\n-- param $1: values 78\nDELETE FROM jobs WHERE id = $1",
);

const ADVISE: [&str; 3] = ["advise", "--queries", "queries"];

/// Log records of a call, and how many of its updates were HOT; all rolled back.
async fn written(client: &Client, sql: &str) -> (f64, i64) {
    client.batch_execute("BEGIN").await.unwrap();
    // The first write after a checkpoint logs whole pages; their number is the same.
    let explain = format!("EXPLAIN (ANALYZE, WAL, FORMAT JSON) {sql}");
    let hot = "SELECT pg_stat_get_xact_tuples_hot_updated('jobs'::regclass)";
    let before: i64 = client.query_one(hot, &[]).await.unwrap().get(0);
    let plan: Value = client.query_one(&explain, &[]).await.unwrap().get(0);
    let after: i64 = client.query_one(hot, &[]).await.unwrap().get(0);
    client.batch_execute("ROLLBACK").await.unwrap();
    client.batch_execute("VACUUM jobs").await.unwrap();
    let records = plan[0]["Plan"]["WAL Records"].as_f64().unwrap();
    (records, after - before)
}

#[tokio::test]
async fn the_entries_that_an_index_adds_are_those_that_the_server_logs_once_it_is_built() {
    let (database, client) = jobs(&[BY_STATE, TOUCH, MOVE, ADD, REMOVE]).await;
    let (status, json, said) = run(&database, &ADVISE);
    assert_eq!(status, 0, "{said}{json:#}");
    let index = &json["recommended"][0];
    assert_eq!(index["columns"], serde_json::json!(["state"]), "{json:#}");
    let estimated = |name: &str| {
        let all = index["writes"]["statements"].as_array().unwrap();
        let one = all.iter().find(|one| one["query"] == name);
        let entries = one.map_or(0.0, |one| one["entries"].as_f64().unwrap());
        (entries, one.is_some_and(|one| one["loses_hot"] == true))
    };
    // Of each, what it does, with and without the index.
    let statements = [
        ("touch", "UPDATE jobs SET tries = tries + 1 WHERE id = 77"),
        ("move", "UPDATE jobs SET state = 'state 9' WHERE id = 77"),
        (
            "add",
            "INSERT INTO jobs SELECT max(id) + 1, 'state 5', 1, 0, 'n' FROM jobs",
        ),
    ];
    let mut before = Vec::new();
    for (_, sql) in statements {
        before.push(written(&client, sql).await);
    }
    let statement = index["statement"].as_str().unwrap();
    client.batch_execute(statement).await.unwrap();
    for ((name, sql), (records, hot)) in statements.iter().zip(before) {
        let (records_after, hot_after) = written(&client, sql).await;
        let (entries, loses_hot) = estimated(name);
        let more = records_after - records;
        assert!(
            (more - entries).abs() < 0.5,
            "{name}: {more} records, {entries} estimated"
        );
        assert_eq!(hot_after < hot, loses_hot, "{name}");
    }
    // A deleted row's entry is left to the vacuum.
    let (entries, loses_hot) = estimated("remove");
    assert!(entries > 0.0 && entries < 1.0 && !loses_hot, "{entries}");

    // And what was counted is what the server's own view says.
    let counters =
        "SELECT n_tup_ins::float8, n_tup_upd::float8, n_tup_hot_upd::float8, n_tup_del::float8
                      FROM pg_stat_user_tables WHERE relname = 'jobs'";
    client
        .batch_execute("UPDATE jobs SET tries = 1 WHERE id < 500; DELETE FROM jobs WHERE id < 20")
        .await
        .unwrap();
    let mut seen: Vec<f64> = Vec::new();
    while seen.get(3) != Some(&19.0) {
        client
            .batch_execute("SELECT pg_stat_clear_snapshot()")
            .await
            .unwrap();
        let row = client.query_one(counters, &[]).await.unwrap();
        seen = (0..4).map(|at| row.get(at)).collect();
        tokio::task::yield_now().await;
    }
    client
        .batch_execute(&format!("DROP INDEX {}", index["name"].as_str().unwrap()))
        .await
        .unwrap();
    let (_, json, said) = run(&database, &ADVISE);
    let writes = &json["recommended"][0]["writes"];
    let told =
        ["inserted", "updated", "hot_updated", "deleted"].map(|key| writes[key].as_f64().unwrap());
    assert_eq!(told[..], seen[..], "{said}{json:#}");
}

#[tokio::test]
async fn an_index_on_a_column_that_the_workload_updates_is_advised_only_if_it_gains_more() {
    let all = (
        "all",
        "-- budget: 100s\n-- param $1: values 1\nUPDATE jobs SET state = state || '!' WHERE owner = $1",
    );
    let (database, client) = jobs(&[BY_STATE, all]).await;
    let (_, json, said) = run(&database, &ADVISE);
    let found = recommended(&json);
    assert!(
        !found.iter().any(|index| index.contains("state")),
        "{said}{json:#}"
    );
    // With one row at a time it gains more.
    std::fs::remove_file(database.folder().join("queries/all.sql")).unwrap();
    query(&database, "queries", MOVE.0, MOVE.1);
    let (_, json, said) = run(&database, &ADVISE);
    let found = recommended(&json);
    assert!(
        found.len() == 1 && found[0].ends_with("(state)"),
        "{said}{json:#}"
    );
    let output = database.dbaudit(&ADVISE).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("no longer HOT"), "{text}");

    // By the clock: both statements with the index, and without.
    let mut times = Vec::new();
    for index in ["", "CREATE INDEX ON jobs (state)"] {
        client.batch_execute(index).await.unwrap();
        let mut took = std::time::Duration::ZERO;
        for _ in 0..3 {
            client.batch_execute("VACUUM jobs").await.unwrap();
            let begun = std::time::Instant::now();
            client
                .batch_execute(
                    "SELECT id, note FROM jobs WHERE state = 'state 7';
                     BEGIN; UPDATE jobs SET state = state || '!' WHERE owner = 1; ROLLBACK",
                )
                .await
                .unwrap();
            took += begun.elapsed();
        }
        times.push(took);
    }
    assert!(times[1] > times[0], "{times:?}");
}
