//! The heaviest statements instead of files, and queries that are hard to understand.

use super::{database, query, recommended, run};

#[tokio::test]
async fn the_heaviest_statements_are_advised_on_with_values_from_statistics() {
    let database = database(
        "CREATE EXTENSION pg_stat_statements;
         CREATE TABLE jobs (id int PRIMARY KEY, code text, at timestamptz, note text);
         INSERT INTO jobs SELECT n, md5(n::text), '2026-01-01'::timestamptz + n * interval '1 minute', repeat('n', 150)
           FROM generate_series(1, 90000) AS n",
    )
    .await;
    let client = database.client().await;
    for statement in [
        "SELECT id FROM jobs WHERE code IN ('a', 'b') LIMIT 5",
        "SELECT count(*) FROM jobs WHERE at > now() - interval '5 minutes' AND code = 'c'",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    let (status, json, stderr) = run(
        &database,
        &["advise", "--from-statements", "--budget", "2ms"],
    );
    assert_eq!(status, 0, "{stderr}{json:#}");
    let found = recommended(&json);
    let either = ["public.jobs (code)", "public.jobs USING hash (code)"];
    assert!(
        found.len() == 1 && either.contains(&found[0].as_str()),
        "{json:#}"
    );
    let queries = json["queries"].as_array().unwrap();
    let of = |part: &str| {
        let found = queries
            .iter()
            .find(|query| query["sql"].as_str().unwrap().contains(part));
        found.unwrap_or_else(|| panic!("{part}: {json:#}"))
    };
    // Drawn from the column, and a page's LIMIT: measured, not guessed.
    assert_eq!(
        of("LIMIT")["notes"].as_array().unwrap().len(),
        0,
        "{json:#}"
    );
    assert!(
        of("$1::interval")["notes"]
            .to_string()
            .contains("there is no source for"),
        "{json:#}"
    );
}

#[tokio::test]
async fn what_cannot_be_understood_or_read_is_said_and_the_rest_is_advised_on() {
    let database = database(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b text);
         INSERT INTO t SELECT n, n % 30000, repeat('b', 150) FROM generate_series(1, 90000) AS n;
         CREATE TABLE empty (a int, b int);
         CREATE FUNCTION twice(int) RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN $1 * 2; END';
         CREATE TABLE secret (a int); REVOKE ALL ON secret FROM PUBLIC;
         CREATE MATERIALIZED VIEW m AS SELECT id, a AS c, b FROM t",
    )
    .await;
    let budget = "-- budget: 2ms p50\n";
    for (name, text) in [
        ("missing", "SELECT * FROM nowhere"),
        ("untyped", "-- param $1: values 1\nSELECT $1"),
        (
            "nothing_in_it",
            "-- param $1: values 1\nSELECT * FROM empty WHERE a = $1 ORDER BY b",
        ),
        (
            "volatile",
            "-- param $1: values 5\nSELECT id FROM t WHERE twice(a) = $1",
        ),
        ("no_table", "SELECT 1"),
        (
            "functions",
            "SELECT * FROM generate_series(1, 3) AS g WHERE g > 1",
        ),
        (
            "materialized",
            "-- param $1: column m.c\nSELECT b FROM m WHERE c = $1",
        ),
        (
            "nested",
            "-- param $1: column t.a\nWITH x AS (SELECT * FROM t WHERE a = $1), y AS MATERIALIZED (SELECT id FROM x)\n\
             SELECT count(*) FROM y UNION ALL SELECT max(id) FROM (SELECT id FROM x LIMIT 3) AS z",
        ),
    ] {
        query(&database, "q", name, &format!("{budget}{text}"));
    }
    let (status, json, stderr) = run(&database, &["advise", "--queries", "q"]);
    // `volatile` stays over, whatever is built.
    assert_eq!(status, 1, "{stderr}{json:#}");
    assert_eq!(
        recommended(&json),
        ["public.m (c)", "public.t (a)"],
        "{json:#}"
    );
    let unmet = json["unmet"].as_array().unwrap();
    let error = |name: &str| {
        let one = unmet.iter().find(|one| one["query"] == name);
        one.unwrap_or_else(|| panic!("{name}: {json:#}"))["error"].clone()
    };
    assert!(
        error("missing").as_str().unwrap().contains("42P01"),
        "{json:#}"
    );
    assert!(error("volatile").is_null(), "{json:#}");

    let client = database.client().await;
    let role = format!("reader_of_{}", database.name);
    client
        .batch_execute(&format!("CREATE ROLE {role}; GRANT SELECT ON t TO {role}"))
        .await
        .unwrap();
    query(
        &database,
        "r",
        "secret",
        &format!("{budget}SELECT * FROM secret"),
    );
    query(
        &database,
        "r",
        "open",
        &format!("{budget}-- param $1: values 5\nSELECT b FROM t WHERE a = $1"),
    );
    let output = database
        .dbaudit(&["advise", "--queries", "r", "--format", "json"])
        .env("PGOPTIONS", format!("-c role={role}"))
        .output()
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    client
        .batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{json:#}");
    assert!(
        json["unmet"][0]["error"]
            .as_str()
            .unwrap()
            .contains("42501"),
        "{json:#}"
    );
    assert_eq!(recommended(&json), ["public.t (a)"], "{json:#}");
    assert!(
        json["notes"].to_string().contains("does not own public.t"),
        "{json:#}"
    );
}
