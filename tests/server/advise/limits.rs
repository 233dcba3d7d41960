//! Servers without hypopg, and searches that are cut short.

use serde_json::Value;

use super::{database, query, recommended, run};
use crate::support::{Template, TestDatabase, server_of};

const TABLES: &str = "
    CREATE TABLE orders (id int PRIMARY KEY, kind int NOT NULL, state int NOT NULL, at timestamptz NOT NULL,
                         note text NOT NULL);
    INSERT INTO orders SELECT n, n % 40, n % 7, '2026-01-01'::timestamptz + n * interval '1 minute', repeat('o', 150)
      FROM generate_series(1, 60000) AS n;
    CREATE TABLE lines (order_id int NOT NULL, text text NOT NULL);
    INSERT INTO lines SELECT n, repeat('x', 100) FROM generate_series(1, 60000) AS n";

fn queries(database: &TestDatabase) {
    // Well below what they take without an index, and well above what they take with one.
    for (name, budget, text) in [
        (
            "pair",
            "3ms",
            "-- param $1: column orders.kind\n-- param $2: column orders.state\n\
             SELECT o.note, l.text FROM orders o LEFT JOIN lines l ON l.order_id = o.id\n\
             WHERE o.kind = $1 AND o.state = $2 ORDER BY o.at DESC LIMIT 10",
        ),
        (
            "line",
            "1ms",
            "-- param $1: values 77\nSELECT text FROM lines WHERE order_id = $1",
        ),
    ] {
        query(
            database,
            "queries",
            name,
            &format!("-- budget: {budget} p50\n{text}"),
        );
    }
}

const ADVISE: [&str; 3] = ["advise", "--queries", "queries"];

#[tokio::test]
async fn a_server_whose_hypopg_is_not_installed_is_told_the_package_and_proves_without() {
    for (major, words) in [(13, "hypopg.control"), (18, "is not available")] {
        let server = server_of(major).unwrap_or_else(|| panic!("PostgreSQL {major} is not here"));
        let database = server.database(Template::Empty);
        let client = database.client().await;
        client.batch_execute(TABLES).await.unwrap();
        client.batch_execute("VACUUM ANALYZE").await.unwrap();
        queries(&database);
        let package = format!("postgresql-{major}-hypopg");
        let (status, _, said) = run(&database, &ADVISE);
        assert_eq!(status, 3, "{major}: {said}");
        for way in [
            &package[..],
            "CREATE EXTENSION hypopg",
            "--create-extension",
            "--prove",
        ] {
            assert!(said.contains(way), "{major}, {way}: {said}");
        }
        // The server cannot install what its machine does not have: its own words, and the package again.
        let (status, _, said) = run(&database, &[&ADVISE[..], &["--create-extension"]].concat());
        assert_eq!(status, 3, "{major}: {said}");
        assert!(
            said.contains(words) && said.contains(&package),
            "{major}: {said}"
        );
        let (status, json, said) = run(
            &database,
            &[&ADVISE[..], &["--prove", "--disposable"]].concat(),
        );
        assert_eq!(status, 0, "{major}: {said}{json:#}");
        let found = recommended(&json);
        assert!(
            found
                .iter()
                .any(|index| index.starts_with("public.lines (order_id)")),
            "{major}: {found:?}"
        );
        let left = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'";
        let left: i64 = client.query_one(left, &[]).await.unwrap().get(0);
        assert_eq!(left, 1, "{major}: the primary key alone");
    }
}

#[tokio::test]
async fn a_search_that_is_cut_short_answers_with_the_best_so_far_and_says_so() {
    let database = database(TABLES).await;
    queries(&database);
    let search = |json: &Value, key: &str| json["search"][key].clone();
    let (status, whole, said) = run(&database, &ADVISE);
    assert_eq!(status, 0, "{said}{whole:#}");
    assert_eq!(search(&whole, "complete"), true);

    let short = [&ADVISE[..], &["--max-time", "1ms"]].concat();
    let (status, cut, said) = run(&database, &short);
    assert!(matches!(status, 0 | 1), "{said}{cut:#}");
    assert_eq!(search(&cut, "complete"), false, "{cut:#}");
    assert!(
        search(&cut, "asked").as_u64() < search(&whole, "asked").as_u64(),
        "{cut:#}"
    );
    // Whatever was found by then is a whole answer: each query has its verdict, and what one index solves is solved.
    assert_eq!(cut["queries"].as_array().unwrap().len(), 2);
    let line = |json: &Value| {
        let queries = json["queries"].as_array().unwrap();
        queries
            .iter()
            .find(|query| query["name"] == "line")
            .unwrap()["verdict"]
            .clone()
    };
    assert_eq!(line(&cut), "within", "{cut:#}");
    let (_, again, _) = run(&database, &short);
    assert_eq!(recommended(&again), recommended(&cut));
    let output = database.dbaudit(&short).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("--max-time"), "{text}");
}

/// Oracle: after the VACUUM that the note asks for, the same question has a better answer by the planner's cost.
#[tokio::test]
async fn a_table_that_was_never_vacuumed_is_told_since_an_index_then_answers_nothing_alone() {
    let database = super::database(
        "CREATE TABLE sales (id int, region int, day int, amount int, note text) WITH (autovacuum_enabled = false)",
    )
    .await;
    super::query(
        &database,
        "queries",
        "by_region",
        "-- budget: 100us\nSELECT day, sum(amount) FROM sales WHERE region = 7 GROUP BY day\n",
    );
    let advise = || run(&database, &["advise", "--queries", "queries"]);
    let told = |json: &serde_json::Value| {
        let notes = json["notes"].as_array().unwrap();
        notes
            .iter()
            .any(|note| note.as_str().unwrap().contains("Run VACUUM"))
    };
    let client = database.client().await;
    // `database` vacuums what it makes.
    client
        .batch_execute(
            "INSERT INTO sales SELECT n, n % 50, n % 365, n % 1000, repeat('x', 60) FROM generate_series(1, 150000) n;
             ANALYZE sales",
        )
        .await
        .unwrap();
    let (_, before, _) = advise();
    assert!(told(&before), "{before:#}");
    // Rows of a commit that is not flushed yet (synchronous_commit is off) are not all-visible.
    let visible = "SELECT relallvisible = relpages FROM pg_class WHERE relname = 'sales'";
    let mut is_visible = false;
    for _ in 0..1_000 {
        client.batch_execute("VACUUM sales").await.unwrap();
        is_visible = client.query_one(visible, &[]).await.unwrap().get(0);
        if is_visible {
            break;
        }
    }
    assert!(is_visible);
    let (_, after, _) = advise();
    assert!(!told(&after), "{after:#}");
    let mut costs = Vec::new();
    for json in [&before, &after] {
        let statement = json["recommended"][0]["statement"].as_str().unwrap();
        let statement = statement.replace("CONCURRENTLY ", "");
        client
            .batch_execute(&format!("BEGIN; {statement}"))
            .await
            .unwrap();
        let explain = "EXPLAIN (FORMAT JSON) SELECT day, sum(amount) FROM sales WHERE region = 7 GROUP BY day";
        let plan: serde_json::Value = client.query_one(explain, &[]).await.unwrap().get(0);
        costs.push(plan[0]["Plan"]["Total Cost"].as_f64().unwrap());
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    assert!(costs[1] < costs[0] / 2.0, "{costs:?}");
}
