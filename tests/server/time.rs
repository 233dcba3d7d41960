//! `time-queries` against real servers.

mod as_they_are;
mod bench;
mod draw;
mod experiments;
mod limits;
mod outputs;
mod standard;
mod truth;

use bench::{Timed, case, labels};

use crate::support;

/// 20,000 orders: a tenth belong to customer 7, the others to one of 5,000.
const ORDERS: &str =
    "CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL);
    INSERT INTO orders SELECT n, CASE WHEN n % 10 = 0 THEN 7 ELSE 1000 + n % 5000 END,
        CASE WHEN n % 100 = 0 THEN 'lost' WHEN n % 4 = 0 THEN 'open' ELSE 'done' END
      FROM generate_series(1, 20000) AS n;
    ANALYZE orders";

#[tokio::test]
async fn a_fast_query_is_within_and_the_whale_and_an_absent_value_are_found_by_themselves() {
    for server in support::servers() {
        let timed = Timed::on(server, ORDERS).await;
        timed.query(
            "orders",
            "-- budget: 2s\n-- param $1: column orders.customer_id\n-- param $2: values 5, 10\n\
             SELECT * FROM orders WHERE customer_id = $1 LIMIT $2",
        );
        let run = timed.run(&[]);
        let query = run.query();
        assert_eq!(
            (run.status, &query["verdict"]),
            (0, &"within".into()),
            "{query:#}"
        );
        assert_eq!(
            case(&query, "worst, $2=5")["params"],
            serde_json::json!(["7", "5"])
        );
        assert_eq!(case(&query, "worst, $2=10")["rows"], 10);
        assert_eq!(case(&query, "absent, $2=5")["rows"], 0);
        let rare = case(&query, "rare, $2=10")["params"][0].as_str().unwrap();
        assert!(rare.parse::<i32>().unwrap() >= 1000, "{rare}");
    }
}

#[tokio::test]
async fn the_result_has_every_key_of_the_contract() {
    let timed = Timed::with(ORDERS).await;
    timed.query(
        "q",
        "-- budget: 2s\n-- param $1: values 1\nSELECT * FROM orders WHERE id = $1",
    );
    let json = timed.run(&[]).json();
    let has = |value: &serde_json::Value, keys: &[&str]| {
        for key in keys {
            assert!(value.get(key).is_some(), "no {key} in {value:#}");
        }
    };
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["command"], "time-queries");
    has(&json, &["verdict", "queries"]);
    let query = &json["queries"][0];
    has(
        query,
        &[
            "name",
            "file",
            "budget_ms",
            "percentile",
            "verdict",
            "deciding_case",
            "cases",
        ],
    );
    assert_eq!(
        (&query["budget_ms"], &query["percentile"]),
        (&2000.0.into(), &95.0.into())
    );
    let case = &query["cases"][0];
    has(
        case,
        &[
            "label",
            "params",
            "verdict",
            "samples",
            "rows",
            "min_ms",
            "p50_ms",
            "p95_ms",
            "p95_ci_ms",
            "p99_ms",
            "max_ms",
            "server_ms",
            "shared_hit",
            "shared_read",
            "plan_fingerprint",
            "plan",
        ],
    );
    assert_eq!(case["p95_ci_ms"].as_array().unwrap().len(), 2);
    assert_eq!(case["plan"]["Plan"]["Node Type"], "Index Scan");
    assert_eq!(case["samples"], 72, "all within: as few as can tell");
}

#[tokio::test]
async fn a_slow_query_is_over_after_a_handful_of_samples_and_ends_with_status_1() {
    let timed = Timed::with("").await;
    timed.query("slow", "-- budget: 60ms\nSELECT pg_sleep(0.2)");
    timed.query("fast", "-- budget: 2s\nSELECT 1");
    let run = timed.run(&[]);
    let json = run.json();
    assert_eq!(
        (run.status, &json["verdict"]),
        (1, &"over".into()),
        "{json:#}"
    );
    let slow = &json["queries"][1];
    assert_eq!(
        (&slow["name"], &slow["verdict"]),
        (&"slow".into(), &"over".into())
    );
    assert!(slow["cases"][0]["samples"].as_u64().unwrap() <= 10);
    assert_eq!(json["queries"][0]["verdict"], "within");
}

#[tokio::test]
async fn a_sample_that_runs_into_the_timeout_counts_as_over() {
    let timed = Timed::with("").await;
    // 20 × 100 ms = 2 s; the first warm-up and the samples are cut off there.
    timed.query("hopeless", "-- budget: 100ms\nSELECT pg_sleep(60)");
    let run = timed.run(&[]);
    let query = run.query();
    assert_eq!((run.status, &query["verdict"]), (1, &"over".into()));
    let case = &query["cases"][0];
    // Over at once, and never a number: it would be that of the timeout.
    assert_eq!(
        (&case["timed_out"], &case["samples"]),
        (&1.into(), &1.into())
    );
    for key in ["min_ms", "p50_ms", "p95_ms", "max_ms", "judged_ms"] {
        assert_eq!(case[key], serde_json::Value::Null, "{key}: {case:#}");
    }
    let reason = case["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("timed out: run 1 was cancelled after"),
        "{reason}"
    );
    let shown = timed.run(&["--format", "markdown"]).stdout;
    let row = shown
        .lines()
        .find(|line| line.starts_with("| **hopeless"))
        .unwrap_or(&shown);
    assert_eq!(row.matches("timed out").count(), 2, "{shown}");
}

#[tokio::test]
async fn one_run_that_is_cut_off_is_over_whatever_the_others_took() {
    let timed = Timed::with("CREATE SEQUENCE runs").await;
    // The tenth run never ends; a setting counts them, since a sequence would be written.
    timed.query(
        "now_and_then",
        "-- budget: 100ms\nSELECT pg_sleep(CASE WHEN n = '10' THEN 60 ELSE 0 END) FROM (SELECT set_config('my.n', \
         (coalesce(nullif(current_setting('my.n', true), ''), '0')::int + 1)::text, false) AS n) AS counted",
    );
    let run = timed.run(&[]);
    let query = run.query();
    assert_eq!(
        (run.status, &query["verdict"]),
        (1, &"over".into()),
        "{query:#}"
    );
    let case = &query["cases"][0];
    assert_eq!(case["timed_out"], 1, "{case:#}");
    assert!(case["samples"].as_u64().unwrap() < 10, "{case:#}");
    assert!(case["p50_ms"].as_f64().unwrap() < 2_000.0, "{case:#}");
}

#[tokio::test]
async fn the_time_of_a_case_holds_as_a_whole_and_leaves_room_for_what_its_budget_needs() {
    let timed = Timed::with("").await;
    // Warm-up and sample together would take four seconds.
    timed.query("hopeless", "-- budget: 100ms\nSELECT pg_sleep(60)");
    let begun = std::time::Instant::now();
    let run = timed.run(&["--max-time", "1s"]);
    assert_eq!(
        (run.status, run.query()["verdict"].clone()),
        (1, "over".into())
    );
    // No absolute time is promised; two of its timeouts would take four seconds.
    assert!(begun.elapsed().as_secs() < 4, "{}", run.stdout);
    // Cut off before its budget: nothing is known.
    timed.query("hopeless", "-- budget: 60s\nSELECT pg_sleep(20)");
    let run = timed.run(&["--max-time", "200ms", "--max-samples", "1"]);
    assert_eq!(run.query()["verdict"], "inconclusive", "{}", run.stdout);
}

#[tokio::test]
async fn limits_that_are_reached_make_it_inconclusive_which_is_not_green() {
    let timed = Timed::with("").await;
    timed.query("q", "-- budget: 2s\nSELECT 1");
    let run = timed.run(&["--max-samples", "20"]);
    let query = run.query();
    assert_eq!((run.status, &query["verdict"]), (3, &"inconclusive".into()));
    let reason = query["cases"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("at least 72 samples"), "{query:#}");
    assert!(
        run.stderr
            .contains("q is inconclusive: given: 0 of 20 samples exceed"),
        "{}",
        run.stderr
    );
    let status = |option: &str| timed.run(&["--max-samples", "20", option]).status;
    assert_eq!((status("--strict"), status("--allow-inconclusive")), (1, 0));
    let junit = |options: &[&str]| {
        let mut all = vec!["--max-samples", "20", "--format", "junit"];
        all.extend(options);
        timed.run(&all).stdout
    };
    for (options, element) in [
        (&[] as &[&str], "<error"),
        (&["--strict"], "<failure"),
        (&["--allow-inconclusive"], "<skipped"),
    ] {
        let text = junit(options);
        assert!(text.contains(element), "{options:?}: {text}");
    }
}

#[tokio::test]
async fn a_budget_below_the_floor_is_inconclusive_never_over() {
    let timed = Timed::with("").await;
    timed.query("q", "-- budget: 0.001ms\nSELECT 1");
    let run = timed.run(&[]);
    let query = run.query();
    assert_eq!((run.status, &query["verdict"]), (3, &"inconclusive".into()));
    let reason = query["cases"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("this alone exceeds the budget"), "{reason}");
    // What is slower by far more than the floor is over all the same.
    timed.query("q", "-- budget: 0.001ms\nSELECT pg_sleep(0.5)");
    let run = timed.run(&[]);
    assert_eq!(
        (run.status, &run.query()["verdict"]),
        (1, &"over".into()),
        "{}",
        run.stdout
    );
}

#[tokio::test]
async fn a_query_that_would_write_is_not_timed_writes_nothing_and_fails_no_other() {
    let timed = Timed::with(ORDERS).await;
    timed.query("writes", "-- budget: 2s\nDELETE FROM orders");
    timed.query(
        "hides",
        "-- budget: 2s\nWITH gone AS (DELETE FROM orders RETURNING 1) SELECT count(*) FROM gone",
    );
    timed.query("reads", "-- budget: 2s\nSELECT 1");
    let run = timed.run(&[]);
    let json = run.json();
    assert_eq!((run.status, &json["verdict"]), (0, &"within".into()));
    let queries = json["queries"].as_array().unwrap();
    let verdicts: Vec<&str> = queries
        .iter()
        .map(|q| q["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["skipped", "within", "skipped"]);
    let client = timed.database.client().await;
    let rows: i64 = client
        .query_one("SELECT count(*) FROM orders", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(rows, 20_000);
}

#[tokio::test]
async fn a_value_that_fails_is_named_with_its_file_and_the_other_values_are_timed_all_the_same() {
    let timed = Timed::with("").await;
    timed.query(
        "divides",
        "-- A comment.\n-- name: divides\n-- budget: 2s\n-- param $1: values 1, 0\n-- param $2: values 'it''s'\n\
         SELECT 10 / $1::int, $2::text",
    );
    let run = timed.run(&[]);
    let query = run.query();
    assert_eq!(
        (run.status, &query["verdict"]),
        (3, &"error".into()),
        "{query:#}"
    );
    let error = query["error"].as_str().unwrap();
    assert_eq!(
        error,
        "queries/divides.sql:2: divides: given, $1=0 with $1 = '0', $2 = 'it's': running the query: division by zero \
         (SQLSTATE 22012)"
    );
    assert_eq!(case(&query, "given, $1=1")["verdict"], "within");
    let failed = case(&query, "given, $1=0");
    assert_eq!(
        (&failed["verdict"], &failed["p95_ms"]),
        (&"error".into(), &serde_json::Value::Null)
    );
    let shown = timed.run(&["--format", "markdown"]).stdout;
    assert!(shown.contains("| failed | failed |"), "{shown}");
    assert_eq!(shown.matches("division by zero").count(), 1, "{shown}");
}

#[tokio::test]
async fn a_missing_table_is_an_error_of_that_query_alone() {
    let timed = Timed::with("").await;
    timed.query("a_missing", "-- budget: 2s\nSELECT * FROM nowhere");
    timed.query("b_there", "-- budget: 2s\nSELECT 1");
    let run = timed.run(&[]);
    let json = run.json();
    assert_eq!(run.status, 3);
    let error = json["queries"][0]["error"].as_str().unwrap();
    assert!(
        error.contains("relation \"nowhere\" does not exist (SQLSTATE 42P01)"),
        "{error}"
    );
    assert_eq!(json["queries"][1]["verdict"], "within");

    // One that is over weighs more.
    timed.query("c_slow", "-- budget: 60ms\nSELECT pg_sleep(0.2)");
    assert_eq!(timed.run(&[]).status, 1);
}

#[tokio::test]
async fn a_column_without_statistics_is_sampled_and_said_to_be() {
    let timed = Timed::with(&ORDERS.replace(
        "ANALYZE orders",
        "ALTER TABLE orders SET (autovacuum_enabled = off)",
    ))
    .await;
    timed.query("q", "-- budget: 2s\n-- param $1: column orders.customer_id\nSELECT * FROM orders WHERE customer_id = $1");
    let query = timed.run(&[]).query();
    assert_eq!(case(&query, "worst")["params"][0], "7");
    assert!(
        query["notes"][0]
            .as_str()
            .unwrap()
            .contains("no statistics for orders.customer_id"),
        "{query:#}"
    );
}

#[tokio::test]
async fn odd_names_and_types_are_no_obstacle() {
    let timed = Timed::with(
        "CREATE SCHEMA \"My Schema\"; CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
         CREATE DOMAIN label AS text CHECK (length(VALUE) < 20);
         CREATE TABLE \"My Schema\".\"T\" (\"The Key\" uuid, mood mood, at timestamptz, label label,
            price numeric(10,2), flag boolean, raw bytea, doc jsonb);
         INSERT INTO \"My Schema\".\"T\" SELECT md5((n % 50)::text)::uuid, (ARRAY['sad','ok'])[1 + n % 2]::mood,
            '2024-01-01'::timestamptz + (n % 30) * interval '1 day', 'it''s ' || n % 9, n % 12, n % 3 = 0,
            ('\\x0' || n % 8)::bytea, to_jsonb(n % 6) FROM generate_series(1, 1000) AS n;
         ANALYZE \"My Schema\".\"T\"",
    )
    .await;
    timed.query(
        "odd",
        "-- budget: 2s\n-- param $1: column \"My Schema\".\"T\".\"The Key\"\n-- param $2: column \"My Schema\".\"T\".mood\n\
         -- param $3: column \"My Schema\".\"T\".at\n-- param $4: column \"My Schema\".\"T\".label\n\
         -- param $5: column \"My Schema\".\"T\".price\n-- param $6: column \"My Schema\".\"T\".flag\n\
         -- param $7: column \"My Schema\".\"T\".raw\n-- param $8: column \"My Schema\".\"T\".doc\n\
         SELECT * FROM \"My Schema\".\"T\" WHERE \"The Key\" = $1 OR mood = $2 OR at = $3 OR label = $4 OR price = $5 \
         OR flag = $6 OR raw = $7 OR doc = $8",
    );
    let run = timed.run(&[]);
    let query = run.query();
    assert_eq!(
        (run.status, &query["verdict"]),
        (0, &"within".into()),
        "{query:#}"
    );
    assert_eq!(case(&query, "absent")["params"][1], "happy");
    assert!(labels(&query).contains(&"rare"));
}

#[tokio::test]
async fn a_parameter_can_come_from_a_query_and_be_null() {
    let timed = Timed::with(ORDERS).await;
    timed.query(
        "q",
        "-- budget: 2s\n-- param $1: query SELECT DISTINCT status FROM orders ORDER BY 1\n-- param $2: values NULL, 1\n\
         SELECT count(*) FROM orders WHERE status = $1 AND ($2::int IS NULL OR id = $2)",
    );
    let query = timed.run(&[]).query();
    let last = case(&query, "given, $1=open, $2=NULL");
    assert_eq!(last["params"], serde_json::json!(["open", null]));

    timed.query(
        "q",
        "-- budget: 2s\n-- param $1: query DELETE FROM orders RETURNING id\nSELECT $1::int",
    );
    let query = timed.run(&[]).query();
    assert!(
        query["error"].as_str().unwrap().contains("read-only"),
        "{query:#}"
    );
}

#[tokio::test]
async fn a_forced_generic_plan_that_is_worse_than_the_servers_choice_is_found() {
    // All but a few rows are 'done': the generic plan, made for an average status, and the one for
    // 'done' differ.
    let timed = Timed::with(
        "CREATE TABLE jobs (id int, status int);
         INSERT INTO jobs SELECT n, CASE WHEN n % 1000 = 0 THEN n ELSE 0 END FROM generate_series(1, 50000) AS n;
         CREATE INDEX jobs_status ON jobs (status); ANALYZE jobs",
    )
    .await;
    timed.query(
        "jobs",
        "-- budget: 2s\n-- param $1: column jobs.status\nSELECT * FROM jobs WHERE status = $1",
    );
    let query = timed.run(&[]).query();
    let print = |label: &str| case(&query, label)["plan_fingerprint"].clone();
    assert_ne!(
        print("worst, generic plan"),
        print("worst, custom plan"),
        "{query:#}"
    );
    // The server's own choice is one of the two; the other one is timed by itself.
    let same = |label: &str| case(&query, label).get("same_plan_as").is_some();
    assert_ne!(
        same("worst, generic plan"),
        same("worst, custom plan"),
        "{query:#}"
    );
    assert_eq!(case(&query, "worst, generic plan")["plan_mode"], "generic");
}

#[tokio::test]
async fn too_few_rows_and_too_many_blocks_are_judged_without_a_clock() {
    let timed = Timed::with(ORDERS).await;
    timed.query(
        "rows",
        "-- budget: 2s\n-- rows: 1..5\n-- param $1: column orders.customer_id\nSELECT * FROM orders WHERE customer_id = $1",
    );
    let run = timed.run(&[]);
    let error = run.query()["error"].as_str().unwrap().to_owned();
    assert!(
        run.status == 3
            && error.contains("queries/rows.sql:1: rows: worst with $1 = '7': the query returned 2000 rows, but the header expects 1..5"),
        "{error}"
    );

    std::fs::remove_file(timed.database.folder().join("queries/rows.sql")).unwrap();
    timed.query(
        "blocks",
        "-- budget: 2s\n-- buffers: 10\nSELECT count(*) FROM orders",
    );
    let run = timed.run(&[]);
    let query = run.query();
    assert_eq!((run.status, &query["verdict"]), (1, &"over".into()));
    assert!(
        query["cases"][0]["reason"]
            .as_str()
            .unwrap()
            .ends_with("blocks, but the header allows 10")
    );
}

#[tokio::test]
async fn queries_are_chosen_by_name_and_tag_and_skipped_with_a_reason() {
    let timed = Timed::with("").await;
    timed.query("a", "-- budget: 2s\n-- tags: nightly\nSELECT 1");
    timed.query(
        "b",
        "-- budget: 2s\n-- tags: nightly, slow\n-- skip: until #12 is mended\nSELECT 1",
    );
    timed.query("c", "-- budget: 2s\nSELECT 1");
    let names = |args: &[&str]| -> Vec<String> {
        let json = timed.run(args).json();
        json["queries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|q| q["name"].as_str().unwrap().into())
            .collect()
    };
    assert_eq!(names(&["--tag", "nightly"]), ["a", "b"]);
    assert_eq!(names(&["--only", "c", "--only", "a"]), ["a", "c"]);
    let skipped = timed.run(&["--only", "b"]);
    assert_eq!(
        (skipped.status, &skipped.query()["skipped"]),
        (0, &"until #12 is mended".into())
    );
    let nothing = timed.run(&["--tag", "nightl"]);
    assert_eq!(nothing.status, 2);
    assert!(
        nothing.stderr.contains("the tags are: nightly, slow"),
        "{}",
        nothing.stderr
    );
}

#[tokio::test]
async fn a_wrong_file_is_told_with_its_line_before_anything_is_sent() {
    let timed = Timed::with("").await;
    timed.query("q", "-- budget: 2s\n-- bugdet: 1s\nSELECT 1");
    // No server at that address: nothing was tried.
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_dbaudit"))
        .args([
            "-d",
            "host=/nowhere",
            "time-queries",
            "--queries",
            "queries",
        ])
        .current_dir(timed.database.folder())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("queries/q.sql:2: unknown key `bugdet`"),
        "{stderr}"
    );
}

#[tokio::test]
async fn an_over_names_the_scan_and_the_missing_index() {
    let timed = Timed::with(
        "CREATE TABLE event (id int PRIMARY KEY, kind text, at int);
         INSERT INTO event SELECT n, 'k' || n % 1250, n FROM generate_series(1, 150000) AS n;
         CREATE TABLE note (event_id int, body text);
         INSERT INTO note SELECT n, 'x' FROM generate_series(1, 150000) AS n; ANALYZE",
    )
    .await;
    timed.query(
        "events",
        "-- budget: 5ms p50\n-- param $1: column event.kind\n\
         SELECT * FROM event e JOIN note n ON n.event_id = e.id WHERE e.kind = $1 ORDER BY e.at DESC",
    );
    let query = timed.run(&[]).query();
    assert_eq!(query["verdict"], "over", "{query:#}");
    let explanation = &case(&query, "worst")["explanation"];
    let reasons = explanation["reasons"].to_string();
    assert!(
        reasons.contains("a sequential scan of public.event reads ~150,000 rows and its filter")
            && reasons.contains("keeps 120; its indexes: event_pkey (btree (id))"),
        "{reasons}"
    );
    assert!(
        reasons.contains("a sequential scan of public.note reads all its ~150,000 rows; no index begins with the join key event_id; the table has no indexes"),
        "{reasons}"
    );
    assert!(
        explanation["tree"]
            .as_str()
            .unwrap()
            .contains("◀ costliest")
    );
}
