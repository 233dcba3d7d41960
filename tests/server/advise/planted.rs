//! Problems planted one by one, each with the indexes that solve it. What is recommended is written as
//! migrations, applied by `apply-indexes` and judged by `time-queries`.

use serde_json::Value;

use super::{database, query, recommended, run};
use crate::support::TestDatabase;

const TABLES: &str = r#"
CREATE EXTENSION pg_trgm;
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO customers SELECT n, 'name ' || n FROM generate_series(1, 2000) AS n;
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL, kind text NOT NULL,
    region int NOT NULL, code text NOT NULL, email varchar(80) NOT NULL, created_at timestamptz NOT NULL,
    shipped_at timestamptz, amount int NOT NULL, deleted boolean NOT NULL, tags int[] NOT NULL, doc jsonb NOT NULL,
    note text NOT NULL);
INSERT INTO orders SELECT n,
    CASE WHEN n % 10 = 0 THEN 7 ELSE 100 + n % 1900 END,
    CASE WHEN n % 400 = 0 THEN 'failed' WHEN n % 4 = 0 THEN 'open' ELSE 'done' END,
    (ARRAY['book', 'film', 'game', 'song', 'tool'])[1 + (n * 7919) % 5],
    (n::bigint * 104729 % 300)::int,
    md5(n::text),
    'User' || n || '@Example.org',
    '2026-01-01'::timestamptz + ((n::bigint * 15485863) % 100003) * interval '1 minute',
    CASE WHEN n % 3 = 0 THEN NULL ELSE '2026-01-02'::timestamptz + ((n::bigint * 32452843) % 100003) * interval '1 minute' END,
    (n::bigint * 49979687 % 100000)::int, n % 500 = 0,
    ARRAY[n % 900, 1000 + n % 700], jsonb_build_object('source', 's' || n % 800),
    repeat('lorem ipsum ', 8) || md5((n * 3)::text)
  FROM generate_series(1, 100000) AS n;
CREATE INDEX orders_customer ON orders (customer_id);
CREATE TABLE lines (order_id int NOT NULL, product_id int NOT NULL, quantity int NOT NULL, text text NOT NULL);
INSERT INTO lines SELECT 1 + n % 100000, n % 5000, 1, repeat('x', 60) FROM generate_series(1, 150000) AS n;
CREATE VIEW open_orders AS SELECT id, region, code AS reference FROM orders WHERE status <> 'done';
CREATE TABLE events (at date NOT NULL, kind int NOT NULL, payload text NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO events SELECT '2026-01-01'::date + n % 59, n % 5000, repeat('p', 150) FROM generate_series(1, 80000) AS n;
CREATE TABLE "Odd Table" ("Id" int, "The Kind" int, "select" text);
INSERT INTO "Odd Table" SELECT n, n % 5000, repeat('o', 150) FROM generate_series(1, 80000) AS n;
CREATE TABLE log (id bigint, at timestamptz NOT NULL, line text NOT NULL);
INSERT INTO log SELECT n, '2026-01-01'::timestamptz + n * interval '1 second', repeat('l', 120) FROM generate_series(1, 120000) AS n;
"#;

/// A query that is too slow, and what solves it.
struct Problem {
    name: &'static str,
    /// Header lines after the budget, and the statement.
    text: &'static str,
    /// One of these sets, each as `table (columns…)`.
    solved_by: &'static [&'static [&'static str]],
}

const PROBLEMS: &[Problem] = &[
    Problem {
        name: "equality",
        text: "-- param $1: column orders.code\nSELECT id FROM orders WHERE code = $1",
        solved_by: &[
            &["public.orders USING hash (code)"],
            &["public.orders (code)"],
            &["public.orders (code) INCLUDE (id)"],
        ],
    },
    Problem {
        name: "whale",
        text: "-- param $1: column orders.customer_id\n\
               SELECT * FROM orders WHERE customer_id = $1 ORDER BY created_at DESC LIMIT 20",
        solved_by: &[&["public.orders (customer_id, created_at DESC)"]],
    },
    Problem {
        name: "join_side",
        text: "-- param $1: column orders.id\n\
               SELECT o.status, l.* FROM orders o JOIN lines l ON l.order_id = o.id WHERE o.id = $1",
        solved_by: &[&["public.lines (order_id)"]],
    },
    Problem {
        name: "pair",
        text: "-- param $1: column orders.kind\n-- param $2: column orders.status\n\
               SELECT o.*, l.quantity FROM orders o LEFT JOIN lines l ON l.order_id = o.id\n\
               WHERE o.kind = $1 AND o.status = $2 ORDER BY o.created_at DESC LIMIT 20",
        solved_by: &[
            &[
                "public.lines (order_id)",
                "public.orders (kind, status, created_at DESC)",
            ],
            &[
                "public.lines (order_id)",
                "public.orders (status, kind, created_at DESC)",
            ],
            &[
                "public.lines (order_id) INCLUDE (quantity)",
                "public.orders (kind, status, created_at DESC)",
            ],
        ],
    },
    Problem {
        name: "mixed_sort",
        text: "SELECT id, region FROM orders ORDER BY region, created_at DESC LIMIT 10",
        solved_by: &[
            &["public.orders (region, created_at DESC)"],
            &["public.orders (region, created_at DESC) INCLUDE (id)"],
        ],
    },
    Problem {
        name: "nulls_last",
        text: "SELECT id FROM orders ORDER BY shipped_at DESC NULLS LAST LIMIT 10",
        solved_by: &[&["public.orders (shipped_at DESC NULLS LAST)"]],
    },
    Problem {
        name: "partial",
        text: "SELECT id, note FROM orders WHERE status = 'failed' ORDER BY created_at LIMIT 50",
        solved_by: &[&["public.orders (created_at) WHERE (status = 'failed'::text)"]],
    },
    Problem {
        name: "partial_flag",
        text: "-- param $1: column orders.region\nSELECT id, note FROM orders WHERE deleted AND region = $1",
        solved_by: &[&["public.orders (region) WHERE (deleted)"]],
    },
    Problem {
        name: "index_only",
        text: "SELECT sum(amount) FROM orders WHERE region BETWEEN 10 AND 20",
        solved_by: &[
            &["public.orders (region) INCLUDE (amount)"],
            &["public.orders (region, amount)"],
        ],
    },
    Problem {
        name: "expression",
        text: "-- param $1: values user77@example.org, nobody\nSELECT id FROM orders WHERE lower(email) = $1",
        solved_by: &[
            &["public.orders ((lower((email)::text)))"],
            &["public.orders USING hash ((lower((email)::text)))"],
        ],
    },
    Problem {
        name: "prefix",
        text: "SELECT id, code FROM orders WHERE code LIKE 'abc1%'",
        solved_by: &[
            &["public.orders (code text_pattern_ops)"],
            &["public.orders (code)"],
            &["public.orders (code text_pattern_ops) INCLUDE (id)"],
        ],
    },
    Problem {
        name: "infix",
        text: "-- param $1: values %a1b2c3%, %ffffff%\nSELECT id FROM orders WHERE note LIKE $1",
        solved_by: &[&["public.orders USING gin (note gin_trgm_ops)"]],
    },
    Problem {
        name: "contained",
        text: "-- param $1: values '{\"source\": \"s5\"}'\nSELECT id FROM orders WHERE doc @> $1",
        solved_by: &[&["public.orders USING gin (doc)"]],
    },
    Problem {
        name: "array",
        text: "-- param $1: values '{77}'\nSELECT id FROM orders WHERE tags @> $1",
        solved_by: &[&["public.orders USING gin (tags)"]],
    },
    Problem {
        name: "range",
        text: "-- param $1: values 2026-02-01 00:00Z\n-- param $2: values 2026-02-01 00:30Z\n\
               SELECT id, note FROM orders WHERE created_at >= $1 AND created_at < $2",
        solved_by: &[&["public.orders (created_at)"]],
    },
    Problem {
        name: "log_range",
        text: "-- param $1: values 2026-01-01 05:00Z\n-- param $2: values 2026-01-01 05:05Z\n\
               SELECT id, line FROM log WHERE at >= $1 AND at < $2",
        solved_by: &[&["public.log USING brin (at)"], &["public.log (at)"]],
    },
    Problem {
        name: "list",
        text: "-- param $1: column orders.code\n-- param $2: values nothing\n\
               SELECT id, note FROM orders WHERE code IN ($1, $2, 'x')",
        solved_by: &[
            &["public.orders (code)"],
            &["public.orders USING hash (code)"],
        ],
    },
    Problem {
        name: "either",
        text: "-- param $1: column orders.code\n-- param $2: column orders.amount\n\
               SELECT id, note FROM orders WHERE code = $1 OR amount = $2",
        solved_by: &[&["public.orders (amount)", "public.orders (code)"]],
    },
    Problem {
        name: "extreme",
        text: "-- param $1: column orders.region\nSELECT max(amount) FROM orders WHERE region = $1",
        solved_by: &[
            &["public.orders (region, amount)"],
            &["public.orders (region) INCLUDE (amount)"],
        ],
    },
    Problem {
        name: "exists",
        text: "-- param $1: column customers.id\n\
               SELECT name FROM customers c WHERE c.id = $1\n\
               AND EXISTS (SELECT FROM lines l WHERE l.product_id = c.id AND l.quantity = 2)",
        solved_by: &[
            &["public.lines (product_id)"],
            &["public.lines (quantity)"],
            &["public.lines (product_id) WHERE (quantity = 2)"],
            &["public.lines (product_id, quantity)"],
        ],
    },
    Problem {
        name: "view",
        text: "-- param $1: column orders.code\nSELECT id, region FROM open_orders WHERE reference = $1",
        solved_by: &[
            &["public.orders USING hash (code)"],
            &["public.orders (code)"],
        ],
    },
    Problem {
        name: "partitions",
        text: "-- param $1: column events.kind\nSELECT at, payload FROM events WHERE kind = $1",
        solved_by: &[&["public.events (kind)"]],
    },
    Problem {
        name: "odd_names",
        text: "-- param $1: column \"Odd Table\".\"The Kind\"\n\
               SELECT \"select\" FROM \"Odd Table\" AS \"from\" WHERE \"The Kind\" = $1 ORDER BY \"Id\"",
        solved_by: &[
            &["public.\"Odd Table\" (\"The Kind\")"],
            &["public.\"Odd Table\" (\"The Kind\", \"Id\")"],
        ],
    },
];

const BUDGET: &str = "-- budget: 3ms p50\n";

fn with_budget(text: &str) -> String {
    if text.starts_with("-- budget") {
        text.to_owned()
    } else {
        format!("{BUDGET}{text}")
    }
}

#[tokio::test]
async fn every_planted_problem_is_solved_by_the_indexes_that_solve_it() {
    let database = database(TABLES).await;
    let mut wrong = Vec::new();
    for problem in PROBLEMS {
        let folder = format!("queries_{}", problem.name);
        query(&database, &folder, problem.name, &with_budget(problem.text));
        if let Err(why) = solve(&database, problem, &folder).await {
            wrong.push(format!("{}: {why}", problem.name));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Advised, written, applied, and timed.
async fn solve(database: &TestDatabase, problem: &Problem, queries: &str) -> Result<(), String> {
    let migrations = format!("migrations_{}", problem.name);
    let (status, json, stderr) = run(
        database,
        &["advise", "--queries", queries, "--write", &migrations],
    );
    if json.is_null() {
        return Err(format!("status {status}, {stderr}"));
    }
    let found = recommended(&json);
    if !problem.solved_by.iter().any(|set| *set == found) {
        return Err(format!("recommended {found:?}\n{}", figures(&json)));
    }
    if status != 0 {
        return Err(format!("status {status}\n{}", figures(&json)));
    }
    let history = format!("history_{}", problem.name);
    let applied = [
        "apply-indexes",
        "--migrations",
        &migrations,
        "--history-table",
        &history,
    ];
    let (status, json, stderr) = run(database, &applied);
    if status != 0 {
        return Err(format!(
            "apply-indexes: status {status}, {stderr}\n{json:#}"
        ));
    }
    if found.iter().any(|index| index.contains("lower(")) {
        database
            .client()
            .await
            .batch_execute("ANALYZE")
            .await
            .unwrap();
    }
    let mut timed = run(database, &["time-queries", "--queries", queries]);
    // A busy machine leaves it inconclusive, which asks for another run.
    for _ in 0..4 {
        if timed.1["verdict"] != "inconclusive" {
            break;
        }
        timed = run(database, &["time-queries", "--queries", queries]);
    }
    let (status, json, stderr) = timed;
    drop_new_indexes(database).await;
    if status != 0 {
        let query = &json["queries"][0];
        let cases: Vec<String> = query["cases"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|case| {
                format!(
                    "{} {} {} ms",
                    case["label"], case["verdict"], case["judged_ms"]
                )
            })
            .collect();
        return Err(format!(
            "time-queries: status {status}, {stderr}{}\n{cases:#?}",
            query["error"]
        ));
    }
    Ok(())
}

fn figures(json: &Value) -> String {
    format!("{:#}\n{:#}", json["queries"], json["unmet"])
}

async fn drop_new_indexes(database: &TestDatabase) {
    let client = database.client().await;
    let rows = client
        .query(
            "SELECT format('DROP INDEX %s', c.oid::regclass) FROM pg_class c
              WHERE c.relkind IN ('i', 'I') AND NOT c.relispartition AND c.relname LIKE 'idx\\_%'",
            &[],
        )
        .await
        .unwrap();
    for row in rows {
        client
            .batch_execute(&row.get::<_, String>(0))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn no_index_is_advised_that_is_not_needed_or_does_not_help_or_is_too_much() {
    let database = database(TABLES).await;
    what_no_index_helps_is_said_with_what_would(&database).await;
    a_query_within_its_budget_gets_no_index_and_one_index_serves_two_queries(&database).await;
    two_queries_on_the_same_columns_are_both_served(&database).await;
    limits_hold_and_what_becomes_redundant_is_told_and_not_dropped(&database).await;
}

async fn what_no_index_helps_is_said_with_what_would(database: &TestDatabase) {
    for (name, text, instead) in [
        (
            "summed",
            "SELECT count(*), sum(length(note)) FROM orders",
            "a summary table",
        ),
        (
            "paged",
            "-- param $1: values 80000\nSELECT * FROM orders ORDER BY id LIMIT 10 OFFSET $1",
            "page by keyset",
        ),
        ("listed", "SELECT id, code, note FROM orders", "fewer rows"),
    ] {
        query(database, "q", name, &format!("{BUDGET}{text}"));
        let (status, json, stderr) = run(database, &["advise", "--queries", "q", "--only", name]);
        assert_eq!(status, 1, "{name}: {stderr} {json:#}");
        assert_eq!(recommended(&json), Vec::<String>::new(), "{name}");
        let said = json["unmet"][0]["instead"].as_str().unwrap();
        assert!(said.starts_with(instead), "{name}: {said}");
    }
}

async fn a_query_within_its_budget_gets_no_index_and_one_index_serves_two_queries(
    database: &TestDatabase,
) {
    query(
        database,
        "fast",
        "by_key",
        "-- budget: 2s p50\n-- param $1: column orders.id\nSELECT * FROM orders WHERE id = $1",
    );
    let slow_but_allowed = "-- budget: 5s p50\nSELECT id FROM orders ORDER BY region LIMIT 5";
    query(database, "fast", "allowed", slow_but_allowed);
    let (status, json, _) = run(database, &["advise", "--queries", "fast"]);
    assert_eq!((status, recommended(&json).len()), (0, 0), "{json:#}");

    query(
        database,
        "two",
        "one",
        "-- budget: 8ms p50\n-- param $1: column orders.region\nSELECT id, note FROM orders WHERE region = $1",
    );
    query(
        database,
        "two",
        "two",
        &format!(
            "{BUDGET}-- param $1: column orders.region\n\
             SELECT id, note FROM orders WHERE region = $1 ORDER BY created_at DESC LIMIT 5"
        ),
    );
    let (status, json, _) = run(database, &["advise", "--queries", "two"]);
    assert_eq!((status, recommended(&json).len()), (0, 1), "{json:#}");
    assert_eq!(
        json["recommended"][0]["serves"].as_array().unwrap().len(),
        2,
        "{json:#}"
    );
}

/// One looks amounts up, the other asks for the largest of a region.
async fn two_queries_on_the_same_columns_are_both_served(database: &TestDatabase) {
    for name in ["either", "extreme"] {
        let problem = PROBLEMS
            .iter()
            .find(|problem| problem.name == name)
            .unwrap();
        query(database, "both", name, &with_budget(problem.text));
    }
    let (status, json, _) = run(database, &["advise", "--queries", "both"]);
    assert_eq!(
        (status, &json["verdict"]),
        (0, &"within".into()),
        "{json:#}"
    );
}

async fn limits_hold_and_what_becomes_redundant_is_told_and_not_dropped(database: &TestDatabase) {
    let pair = PROBLEMS
        .iter()
        .find(|problem| problem.name == "pair")
        .unwrap();
    query(database, "pair", "pair", &format!("{BUDGET}{}", pair.text));
    let (status, json, _) = run(
        database,
        &["advise", "--queries", "pair", "--max-indexes", "1"],
    );
    assert!(status == 1 && recommended(&json).len() <= 1, "{json:#}");
    let (status, json, _) = run(
        database,
        &["advise", "--queries", "pair", "--max-size", "10kB"],
    );
    assert_eq!((status, recommended(&json).len()), (1, 0), "{json:#}");

    let whale = PROBLEMS
        .iter()
        .find(|problem| problem.name == "whale")
        .unwrap();
    query(
        database,
        "whale",
        "whale",
        &format!("{BUDGET}{}", whale.text),
    );
    let (_, json, _) = run(database, &["advise", "--queries", "whale", "--write", "m"]);
    let redundant = &json["redundant"][0];
    assert_eq!(redundant["index"], "public.orders_customer", "{json:#}");
    assert!(
        redundant["reason"]
            .as_str()
            .unwrap()
            .contains("begins with its keys"),
        "{json:#}"
    );
    let written: Vec<_> = std::fs::read_dir(database.folder().join("m"))
        .unwrap()
        .collect();
    assert_eq!(written.len(), 1);
    let (_, json, _) = run(database, &["advise", "--queries", "whale", "--write", "m"]);
    assert!(
        json["written"][0].as_str().unwrap().starts_with("m/V2__"),
        "{json:#}"
    );
}
