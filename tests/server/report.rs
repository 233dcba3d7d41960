//! `report` against real servers: what it reads, what it says it could not read, and that it never
//! waits for anyone.

mod bytes;
mod cost;
mod exposition;
mod files;
mod oddities;
mod own_statements;
mod roles;
pub mod sarif;
mod servers;

use std::time::Duration;

use serde_json::Value;
use tokio_postgres::Client;

use crate::support::{self, Template, TestDatabase};

/// Runs the report with these arguments and gives its status and its JSON.
fn report(database: &TestDatabase, args: &[&str]) -> (i32, Value) {
    let mut all = vec!["report", "--format", "json"];
    all.extend(args);
    json(&mut database.dbaudit(&all))
}

/// The same while the test's own sessions go on.
async fn report_beside(database: &TestDatabase) -> (i32, Value) {
    let args = ["report", "--format", "json", "--fail-on", "never"];
    let mut command = database.dbaudit(&args);
    let running = tokio::task::spawn_blocking(move || json(&mut command));
    running.await.unwrap()
}

/// A hang fails the test instead of the whole run.
fn json(command: &mut assert_cmd::Command) -> (i32, Value) {
    let output = command.timeout(Duration::from_secs(120)).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    let status = output
        .status
        .code()
        .unwrap_or_else(|| panic!("hung or killed: {shown}"));
    let value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("status {status}, {error}: {shown}"));
    (status, value)
}

fn findings<'a>(report: &'a Value, check: &str) -> Vec<&'a Value> {
    let all = report["findings"].as_array().unwrap();
    all.iter()
        .filter(|finding| finding["check"] == check)
        .collect()
}

/// The entry of `list` with this schema and name.
fn named<'a>(report: &'a Value, list: &str, schema: &str, name: &str) -> &'a Value {
    let all = report[list].as_array().unwrap();
    all.iter()
        .find(|entry| entry["schema"] == schema && entry["name"] == name)
        .unwrap_or_else(|| panic!("{schema}.{name} is not among the {list}"))
}

async fn text(client: &Client, query: &str) -> String {
    client.query_one(query, &[]).await.unwrap().get(0)
}

async fn number(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// An index whose build failed on a duplicate.
const INVALID: &str = "CREATE UNIQUE INDEX CONCURRENTLY broken ON content (content_type)";

#[tokio::test]
async fn every_version_gives_every_key_of_the_contract() {
    for server in support::servers() {
        let database = server.database(Template::Demo);
        let (status, report) = report(&database, &["--fail-on", "never"]);
        assert_eq!(status, 0);
        assert_eq!(report["schema_version"], 1);
        assert_eq!(report["command"], "report");
        for (path, keys) in [
            (
                "",
                "taken_at server database connections tables indexes findings skipped",
            ),
            ("/server", "version version_num"),
            ("/database", "name size_bytes"),
            ("/connections", "total max by_state"),
            (
                "/tables/0",
                "schema name total_bytes heap_bytes index_bytes toast_bytes estimated_rows \
                 live_tuples dead_tuples inserts updates deletes hot_updates seq_scans idx_scans \
                 last_vacuum last_autovacuum last_analyze last_autoanalyze",
            ),
            (
                "/indexes/0",
                "schema name table bytes scans valid definition",
            ),
        ] {
            let value = report.pointer(path).unwrap();
            for key in keys.split_whitespace() {
                assert!(value.get(key).is_some(), "{}: {path}/{key}", server.major());
            }
        }
        let client = database.client().await;
        let content = named(&report, "tables", "public", "content");
        let size = number(&client, "SELECT pg_total_relation_size('content')").await;
        assert_eq!(content["total_bytes"], size);
        assert_eq!(content["estimated_rows"], 5000.0);
    }
}

/// Every kind of definition that is composed from facts instead of asked of the server, and those that
/// must be asked for.
const ODD: &str = r#"
    CREATE SCHEMA "Odd ""Schema";
    CREATE TABLE "Odd ""Schema"."My Table" (id int PRIMARY KEY, "order" text, v varchar(10), n numeric,
        ts timestamptz, j jsonb, arr int[], "inc luded" int, c text COLLATE "C", b char(5), r int4range);
    SET search_path = "Odd ""Schema";
    CREATE INDEX plain ON "My Table" ("order");
    CREATE INDEX descending ON "My Table" ("order" DESC);
    CREATE INDEX collated ON "My Table" ("order" COLLATE "C");
    CREATE INDEX uncollated ON "My Table" (c COLLATE "default");
    CREATE INDEX own_collation ON "My Table" (c);
    CREATE INDEX pattern ON "My Table" ("order" text_pattern_ops, b bpchar_pattern_ops);
    CREATE INDEX alias ON "My Table" (v varchar_ops);
    CREATE INDEX many ON "My Table" (v DESC NULLS LAST, n NULLS FIRST) INCLUDE ("inc luded", id)
        WITH (fillfactor = 70, deduplicate_items = off) WHERE n > 3 AND "order" IS NOT NULL;
    CREATE INDEX "select" ON "My Table" USING hash (v) WITH (fillfactor = 60);
    CREATE INDEX expression ON "My Table" (lower("order"), ("inc luded" + 1), (j ->> 'k') COLLATE "C");
    CREATE INDEX gin ON "My Table" USING gin (j jsonb_path_ops) WITH (fastupdate = off);
    CREATE INDEX brin ON "My Table" USING brin (ts) WITH (pages_per_range = 16, autosummarize = on);
    CREATE INDEX arrays ON "My Table" (arr);
    ALTER TABLE "My Table" ADD EXCLUDE USING gist (r WITH &&);
    ALTER TABLE "My Table" ADD UNIQUE (n, v) DEFERRABLE;
    CREATE TABLE parts (id int, d date) PARTITION BY RANGE (d);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE INDEX on_parent ON parts (d DESC)
"#;

#[tokio::test]
async fn composed_definitions_are_the_servers_own() {
    for server in support::servers() {
        let database = server.database(Template::Empty);
        let client = database.client().await;
        client.batch_execute(ODD).await.unwrap();
        if server.major() >= 15 {
            let nulls = r#"CREATE UNIQUE INDEX nulls ON "My Table" (ts) NULLS NOT DISTINCT"#;
            client.batch_execute(nulls).await.unwrap();
        }
        let (_, report) = report(&database, &["--fail-on", "never"]);
        client
            .batch_execute("SET search_path = pg_catalog")
            .await
            .unwrap();
        let rows = client
            .query(
                "SELECT c.relname::text, pg_get_indexdef(c.oid) FROM pg_index i
                 JOIN pg_class c ON c.oid = i.indexrelid
                 WHERE c.relnamespace = '\"Odd \"\"Schema\"'::regnamespace",
                &[],
            )
            .await
            .unwrap();
        assert!(rows.len() >= 18, "{}", rows.len());
        for row in rows {
            let index = named(&report, "indexes", "Odd \"Schema", row.get(0));
            assert_eq!(
                index["definition"],
                row.get::<_, String>(1),
                "{}",
                server.major()
            );
        }
    }
}

#[tokio::test]
async fn a_partitioned_table_is_one_row_with_its_partitions_sums() {
    let database = support::server().database(Template::Empty);
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE TABLE p (id int, d date, PRIMARY KEY (id, d)) PARTITION BY RANGE (d);
             CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
             CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')
                 PARTITION BY RANGE (id);
             CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (0) TO (500);
             CREATE TABLE p22 PARTITION OF p2 FOR VALUES FROM (500) TO (100000);
             INSERT INTO p SELECT n, date '2020-01-01' + n % 700 FROM generate_series(1, 7000) n;
             ANALYZE p",
        )
        .await
        .unwrap();
    let (_, report) = report(&database, &["--fail-on", "never"]);
    let tables = report["tables"].as_array().unwrap();
    assert_eq!(tables.len(), 1, "partitions are no rows of their own");
    let sum = "SELECT sum(pg_total_relation_size(relid))::int8 FROM pg_partition_tree('p')";
    assert_eq!(tables[0]["total_bytes"], number(&client, sum).await);
    assert_eq!(tables[0]["partitions"], 3);
    assert_eq!(tables[0]["estimated_rows"], 7000.0);
}

#[tokio::test]
async fn a_locked_table_never_makes_the_report_wait() {
    for server in support::servers() {
        report_beside_a_lock(server.database(Template::Demo)).await;
    }
}

async fn report_beside_a_lock(database: TestDatabase) {
    let client = database.client().await;
    for statement in [
        "CREATE INDEX by_expression ON content (lower(topic))",
        "VACUUM content",
        "BEGIN; LOCK TABLE content IN ACCESS EXCLUSIVE MODE",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    // Were it to wait, it would wait for ever.
    let patient = [
        "--fail-on",
        "never",
        "--lock-timeout",
        "0",
        "--statement-timeout",
        "0",
    ];
    let (status, report) = report(&database, &patient);
    assert_eq!(status, 0);
    let content = named(&report, "tables", "public", "content");
    assert_eq!(content["locked"], true);
    assert_eq!(content["size_estimated"], true);
    assert!(
        content["heap_bytes"].as_u64().unwrap() > 8192,
        "from relpages"
    );
    let other = named(&report, "tables", "public", "users");
    assert_eq!(other["size_estimated"], false);
    let index = named(&report, "indexes", "public", "by_expression");
    assert_eq!(
        index["definition"],
        Value::Null,
        "not read, rather than made up"
    );
    let skipped = report["skipped"].as_array().unwrap();
    assert!(
        skipped
            .iter()
            .any(|one| one["reason"].as_str().unwrap().contains("exclusive lock")),
        "{skipped:?}"
    );
}

#[tokio::test]
async fn a_lock_that_is_only_waited_for_does_not_make_the_report_wait_either() {
    for server in support::servers() {
        report_beside_a_wait(server.database(Template::Demo)).await;
    }
}

async fn report_beside_a_wait(database: TestDatabase) {
    let reader = database.client().await;
    reader
        .batch_execute("BEGIN; SELECT 1 FROM content LIMIT 1")
        .await
        .unwrap();
    let waiter = database.client().await;
    let token = waiter.cancel_token();
    let waiting = tokio::spawn(async move {
        let _ = waiter
            .batch_execute("ALTER TABLE content ADD COLUMN late int")
            .await;
    });
    let queued = "SELECT count(*) FROM pg_locks WHERE NOT granted
                  AND relation = 'content'::regclass";
    while number(&reader, queued).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let patient = [
        "--fail-on",
        "never",
        "--lock-timeout",
        "0",
        "--statement-timeout",
        "0",
    ];
    let (_, report) = report(&database, &patient);
    assert_eq!(
        named(&report, "tables", "public", "content")["locked"],
        true
    );
    let blocking = &report["sessions"]["blocking"][0];
    assert_eq!(blocking["state"], "idle in transaction");
    assert!(
        blocking["blocks"][0]["query"]
            .as_str()
            .unwrap()
            .starts_with("ALTER TABLE")
    );
    token.cancel_query(tokio_postgres::NoTls).await.unwrap();
    waiting.await.unwrap();
}

#[tokio::test]
async fn the_number_of_queries_does_not_grow_with_the_catalog() {
    let database = support::server().database(Template::Empty);
    let (_, before) = report(&database, &["--fail-on", "never"]);
    database
        .client()
        .await
        .batch_execute(
            "DO $$ BEGIN FOR i IN 1..200 LOOP
                EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, name text)', i);
                EXECUTE format('CREATE INDEX ON t%s (lower(name)) WHERE id > 0', i);
             END LOOP; END $$",
        )
        .await
        .unwrap();
    let (_, after) = report(&database, &["--fail-on", "never"]);
    assert_eq!(after["tables"].as_array().unwrap().len(), 200);
    let queries = |report: &Value| report["cost"]["queries"].as_u64().unwrap();
    // One more: there are expressions to be read now.
    assert_eq!(queries(&after), queries(&before) + 1);
    assert!(queries(&after) < 40, "{}", queries(&after));
}

#[tokio::test]
async fn an_invalid_index_is_an_error_and_its_remedy_mends_it() {
    let database = support::server().database(Template::Demo);
    let client = database.client().await;
    client.batch_execute(INVALID).await.unwrap_err();
    // The error is told before the backend has put its failed build away; its next answer comes after.
    client.batch_execute("SELECT 1").await.unwrap();
    let (status, before) = report(&database, &[]);
    assert_eq!(status, 1, "{before}");
    let found = findings(&before, "invalid-index");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["subject"]["name"], "broken");
    client
        .batch_execute("TRUNCATE content CASCADE")
        .await
        .unwrap();
    client
        .batch_execute(found[0]["remedy"].as_str().unwrap())
        .await
        .unwrap();
    let (_, after) = report(&database, &["--fail-on", "never"]);
    assert!(findings(&after, "invalid-index").is_empty());
}

#[tokio::test]
async fn a_failing_query_is_told_and_the_others_go_on() {
    let database = support::server().database(Template::Demo);
    let output = database
        .dbaudit(&[
            "report",
            "--format",
            "json",
            "--fail-on",
            "never",
            "--statement-timeout",
            "1ms",
        ])
        .timeout(Duration::from_secs(120))
        .output()
        .unwrap();
    // Too short for some, perhaps for all: said, never passed over in silence.
    match output.status.code().unwrap() {
        0 => {
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            let skipped = report["skipped"].as_array().unwrap();
            for one in skipped {
                assert!(!one["reason"].as_str().unwrap().contains("25P02"), "{one}");
            }
        }
        status => {
            assert_eq!(status, 3, "{}", String::from_utf8_lossy(&output.stderr));
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("statement timeout"), "{said}");
        }
    }
    assert_eq!(
        text(&database.client().await, "SELECT 'alive'").await,
        "alive"
    );
}
