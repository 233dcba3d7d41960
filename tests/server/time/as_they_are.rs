//! Queries as projects have them: sqlc's files, unchanged; statements that write; the heaviest statements of a server.

use serde_json::Value;

use super::bench::{Run, Timed, case};
use crate::support::{self, Template, TestDatabase};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/sqlc");

fn time(database: &TestDatabase, args: &[&str]) -> Run {
    let mut all = vec!["time-queries", "--format", "json"];
    all.extend(args);
    let output = database.dbaudit(&all).output().unwrap();
    Run {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn named<'v>(json: &'v Value, name: &str) -> &'v Value {
    let queries = json["queries"].as_array().unwrap();
    queries
        .iter()
        .find(|query| query["name"] == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

fn count(json: &Value, verdict: &str) -> usize {
    let queries = json["queries"].as_array().unwrap();
    queries
        .iter()
        .filter(|query| query["verdict"] == verdict)
        .count()
}

#[tokio::test]
async fn a_hundred_files_of_sqlc_run_unchanged_and_each_parameter_has_a_source() {
    let database = support::server().database(Template::Demo);
    let client = database.client().await;
    let rows = async || -> String {
        let sql = "SELECT (SELECT count(*) FROM users) || ' ' || (SELECT md5(string_agg(c::text, '' ORDER BY id)) FROM content c)
                   || ' ' || (SELECT md5(string_agg(m::text, '' ORDER BY id)) FROM content_metadata m)";
        client.query_one(sql, &[]).await.unwrap().get(0)
    };
    let before = rows().await;
    // The median takes six samples.
    let args = [
        "--queries",
        CORPUS,
        "--budget",
        "60s p50",
        "--max-cases",
        "4",
    ];
    let run = time(&database, &args);
    let json = run.json();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(
        (count(&json, "within"), count(&json, "skipped")),
        (74, 27),
        "{}",
        run.stderr
    );
    let skipped = named(&json, "DeleteUser")["skipped"].as_str().unwrap();
    assert!(skipped.contains("--allow-writes --disposable"), "{skipped}");
    for query in json["queries"].as_array().unwrap() {
        let parameters = query["cases"][0]["params"].as_array().map_or(0, Vec::len);
        let sources = query["sources"].to_string();
        for n in 1..=parameters {
            assert!(sources.contains(&format!("${n} ")), "${n} of {query:#}");
        }
        assert_eq!(query["budget_ms"], 60_000.0);
    }
    let source = |name: &str, n: usize| named(&json, name)["sources"][n].as_str().unwrap();
    for (name, n, expected) in [
        ("GetUser", 0, "$1 is compared with public.users.id"),
        ("ListUsers", 0, "$1 is a page length: 20"),
        ("ListUsers", 1, "$2 is a page offset: 0 and 1000"),
        (
            "ListUsersByIDs",
            0,
            "$1 is a list of values of public.users.id: of 1 and of up to 100",
        ),
        (
            "GetUserByEmailInsensitive",
            0,
            "$1 (@email) is compared with public.users.email",
        ),
        (
            "ListContentBetween",
            0,
            "$1 (@since) is a bound of a range of public.content.generated_at: worst, its lowest value",
        ),
        (
            "ListContentPage",
            1,
            "$2 is a bound of a range of public.content.id: worst, its highest value",
        ),
        (
            "ListIdleUsers",
            0,
            "$1 (@idle) is of type interval, and there is no source for its values: an arbitrary value of the type is used",
        ),
    ] {
        assert_eq!(source(name, n), expected, "{name}");
    }
    let lists = named(&json, "ListUsersByIDs")["cases"].as_array().unwrap();
    let lengths: Vec<usize> = lists
        .iter()
        .filter(|case| case["plan_mode"] == "auto")
        .map(|case| case["params"][0].as_str().unwrap().split(',').count())
        .collect();
    assert_eq!(lengths, [1, 100]);

    // And those that write, with leave to, roll back. One deletes rows that others refer to, two are no queries at all.
    let mut args = args.to_vec();
    args.extend(["--allow-writes", "--disposable"]);
    let run = time(&database, &args);
    let json = run.json();
    let failed: Vec<&Value> = json["queries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|query| query.get("error"))
        .collect();
    assert_eq!(failed, [] as [&Value; 0]);
    assert_eq!(
        (run.status, count(&json, "within"), count(&json, "skipped")),
        (0, 98, 3),
        "{}",
        run.stderr
    );
    let created = named(&json, "CreateUser")["cases"][0]["rows"].as_u64();
    assert_eq!(created, Some(1), "a row is written each time");
    assert_eq!(rows().await, before, "and none is left");
}

#[tokio::test]
async fn what_is_declared_wins_and_what_writes_needs_leave() {
    for server in support::servers() {
        declared_and_written(server).await;
    }
}

async fn declared_and_written(server: &support::TestServer) {
    let timed = Timed::on(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT n, n FROM generate_series(1, 100) AS n; ANALYZE t",
    )
    .await;
    timed.query(
        "q",
        "-- name: Both :many\n-- budget: 2s\n-- param @a: values 42\nSELECT * FROM t WHERE a = @a AND id = @id;\n\
         -- name: Insert :exec\nINSERT INTO t VALUES ($1, $2);\n-- name: Clash :exec\n-- param $1: values 1\n\
         INSERT INTO t (id) VALUES ($1);\n",
    );
    let run = timed.run(&["--budget", "2s", "--allow-writes", "--disposable"]);
    let json = run.json();
    let both = named(&json, "Both");
    let all = both["cases"].as_array().unwrap();
    assert!(all.iter().all(|case| case["params"][0] == "42"), "{both:#}");
    assert_eq!(
        both["sources"].as_array().unwrap().len(),
        2,
        "of $2 alone: {both:#}"
    );
    let clash = named(&json, "Clash");
    let error = clash["error"].as_str().unwrap();
    assert!(
        error.starts_with(
            "queries/q.sql:7: Clash: given with $1 = '1': running the query: duplicate key"
        ),
        "{error}"
    );
    assert_eq!(run.status, 3);
    // Not without saying that the database is a copy.
    let refused = timed.run(&["--budget", "2s", "--allow-writes"]);
    assert_eq!(refused.status, 2);
    assert!(
        refused.stderr.contains("--disposable"),
        "{}",
        refused.stderr
    );
    // A budget is needed somewhere.
    let refused = timed.run(&[]);
    assert_eq!(refused.status, 2);
    assert!(
        refused
            .stderr
            .contains("queries/q.sql:5: the header has no budget"),
        "{}",
        refused.stderr
    );
    std::fs::write(
        timed.database.folder().join("dbaudit.toml"),
        "[time-queries]\nbudget = \"3s p90\"\n",
    )
    .unwrap();
    let json = timed.run(&["--only", "Insert"]).json();
    let insert = named(&json, "Insert");
    assert_eq!(
        (
            &insert["budget_ms"],
            &insert["percentile"],
            &insert["verdict"]
        ),
        (&3000.0.into(), &90.0.into(), &"skipped".into())
    );
}

#[tokio::test]
async fn the_heaviest_statements_are_timed_without_any_file() {
    let timed = Timed::with(
        "CREATE EXTENSION pg_stat_statements; CREATE TABLE orders (id int PRIMARY KEY, customer int);
         INSERT INTO orders SELECT n, n % 100 FROM generate_series(1, 10000) AS n; ANALYZE orders",
    )
    .await;
    let client = timed.database.client().await;
    for customer in 1..20 {
        let sql = format!("SELECT count(*) FROM orders WHERE customer = {customer}");
        client.batch_execute(&sql).await.unwrap();
    }
    let output = timed
        .database
        .dbaudit(&[
            "time-queries",
            "--from-statements",
            "5",
            "--budget",
            "5s p90",
            "--format",
            "json",
        ])
        .output()
        .unwrap();
    let json: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let queries = json["queries"].as_array().unwrap();
    let query = queries
        .iter()
        .find(|query| query["sql"] == "SELECT count(*) FROM orders WHERE customer = $1")
        .unwrap_or_else(|| panic!("{json:#}"));
    assert_eq!(
        (&query["verdict"], &query["budget_ms"], &query["file"]),
        (
            &"within".into(),
            &5000.0.into(),
            &"pg_stat_statements".into()
        )
    );
    assert_eq!(case(query, "worst")["rows"], 1);
    assert_eq!(
        query["sources"][0],
        "$1 is compared with public.orders.customer"
    );
    // What prepared the test wrote: not timed, and no failure.
    let written = queries
        .iter()
        .find(|q| q["sql"].as_str().unwrap().starts_with("INSERT"));
    assert_eq!(written.unwrap()["verdict"], "skipped");
}
