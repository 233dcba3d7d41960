//! Types and conditions of all kinds: what is recommended can be built, and the planner uses it once it is.

use serde_json::Value;

use super::{database, query, recommended, run};
use crate::support::TestDatabase;

const TABLES: &str = "
CREATE EXTENSION pg_trgm; CREATE EXTENSION ltree; CREATE EXTENSION intarray; CREATE EXTENSION citext;
CREATE DOMAIN email AS citext;
CREATE TYPE mood AS ENUM ('low', 'middle', 'high');
CREATE TABLE things (id int PRIMARY KEY, org int NOT NULL, during tstzrange NOT NULL, place point NOT NULL,
    area box NOT NULL, host inet NOT NULL, path ltree NOT NULL, numbers int[] NOT NULL, words text[] NOT NULL,
    doc jsonb NOT NULL, address email NOT NULL, body text NOT NULL, essay text NOT NULL, mood mood NOT NULL,
    deleted_at timestamptz, payload json NOT NULL, raw text COLLATE \"C\" NOT NULL);
INSERT INTO things SELECT n, n % 400, tstzrange('2026-01-01'::timestamptz + n * interval '1 minute',
        '2026-01-01'::timestamptz + (n + 2) * interval '1 minute'),
    point(n % 317, n % 211), box(point(n % 317, n % 211), point(n % 317 + 0.5, n % 211 + 0.5)),
    ('10.' || n % 250 || '.' || n / 250 % 250 || '.' || n % 7)::inet, ('a' || n % 50 || '.b' || n % 7000)::ltree,
    ARRAY[n % 5000, 10000 + n % 300], ARRAY['w' || n % 4000, 'x'], jsonb_build_object('k', n % 6000),
    'User' || n || '@example.org', md5(n::text) || ' ' || md5((n + 1)::text), repeat(md5(n::text), 40),
    (ARRAY['low', 'middle', 'high'])[1 + n % 3]::mood, CASE WHEN n % 200 <> 0 THEN now() END, '{}', md5((n * 2)::text)
  FROM generate_series(1, 40000) AS n";

/// The query, and a part of what serves it: a method, a class or a column that must be in it.
const KINDS: &[(&str, &str, &str)] = &[
    (
        "overlap",
        "SELECT id FROM things WHERE during && '[2026-01-03 00:00Z,2026-01-03 00:05Z)'",
        "gist (during)",
    ),
    (
        "moment",
        "-- param $1: values '2026-01-03 00:00Z'\nSELECT id FROM things WHERE during @> $1::timestamptz",
        "gist (during)",
    ),
    (
        "point_in_box",
        "SELECT id FROM things WHERE place <@ box '(5,5),(4,4)'",
        "gist (place)",
    ),
    (
        "box_over_box",
        "SELECT id FROM things WHERE area && box '(5,5),(4,4)'",
        "gist (area)",
    ),
    (
        "nearest",
        "SELECT id FROM things ORDER BY place <-> point '(5,5)' LIMIT 10",
        "gist (place)",
    ),
    (
        "network",
        "SELECT id FROM things WHERE host <<= inet '10.9.8.0/24'",
        "gist (host inet_ops)",
    ),
    (
        "tree",
        "SELECT id FROM things WHERE path <@ 'a7.b57'",
        "gist (path)",
    ),
    (
        "int_array",
        "-- param $1: values '{77}'\nSELECT id FROM things WHERE numbers @> $1::int[]",
        "gin (numbers gin__int_ops)",
    ),
    (
        "text_array",
        "-- param $1: values '{w77}'\nSELECT id FROM things WHERE words @> $1",
        "gin (words)",
    ),
    (
        "document",
        "-- param $1: values '{\"k\": 5}'\nSELECT id FROM things WHERE doc @> $1",
        "gin (doc)",
    ),
    (
        "field",
        "-- param $1: values 5\nSELECT id FROM things WHERE doc ->> 'k' = $1::text",
        "((doc ->> 'k'::text))",
    ),
    (
        "domain_over_citext",
        "-- param $1: values user77@EXAMPLE.org\nSELECT id FROM things WHERE address = $1::email",
        "(address)",
    ),
    (
        "infix",
        "-- param $1: values %a1b2c3d%\nSELECT id FROM things WHERE body LIKE $1",
        "gin_trgm_ops",
    ),
    (
        "prefix",
        "-- param $1: values a1b2c3%\nSELECT id FROM things WHERE raw LIKE $1",
        "(raw)",
    ),
    (
        "long_value",
        "-- param $1: values x\nSELECT id FROM things WHERE essay = $1",
        "hash (essay)",
    ),
    (
        "one_org",
        "SELECT id, body FROM things WHERE org = 7 ORDER BY body LIMIT 5",
        "(org",
    ),
    (
        "soft_delete",
        "-- param $1: values 77\nSELECT id, body FROM things WHERE deleted_at IS NULL AND org = $1",
        "(org",
    ),
];

fn plan_of(statement: &str) -> String {
    format!("EXPLAIN {statement}")
}

#[tokio::test]
async fn what_is_recommended_for_each_kind_can_be_built_and_is_used_once_it_is() {
    let database = database(TABLES).await;
    let client = database.client().await;
    let mut wrong = Vec::new();
    for (name, text, wanted) in KINDS {
        query(
            &database,
            &format!("q_{name}"),
            name,
            &format!("-- budget: 1ms p50\n{text}"),
        );
        let (status, json, said) = run(&database, &["advise", "--queries", &format!("q_{name}")]);
        let found = recommended_or_none(&json);
        if !matches!(status, 0 | 1) || found.len() != 1 || !found[0].contains(wanted) {
            wrong.push(format!("{name}: {status} {found:?} {said}"));
            continue;
        }
        // What was tried with one literal alone is not built for it.
        if found[0].contains("WHERE") && *name == "one_org" {
            wrong.push(format!("{name}: {found:?}"));
        }
        let statement = json["recommended"][0]["statement"].as_str().unwrap();
        if let Err(error) = client.batch_execute(statement).await {
            wrong.push(format!("{name}: {statement}: {error:?}"));
            continue;
        }
        client.batch_execute("ANALYZE things").await.unwrap();
        let index = json["recommended"][0]["name"].as_str().unwrap();
        let sql = text
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect::<Vec<_>>()
            .join(" ");
        let value = text
            .strip_prefix("-- param $1: values ")
            .and_then(|rest| rest.lines().next());
        let value = value.map_or(String::new(), |value| {
            format!("'{}'", value.trim_matches('\''))
        });
        let rows = client
            .simple_query(&plan_of(&sql.replace("$1", &value)))
            .await
            .unwrap();
        let plan: Vec<String> = rows
            .iter()
            .filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            })
            .collect();
        if !plan.iter().any(|line| line.contains(index)) {
            wrong.push(format!("{name}: {statement} is not used: {plan:#?}"));
        }
        client
            .batch_execute(&format!("DROP INDEX {index}"))
            .await
            .unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn recommended_or_none(json: &Value) -> Vec<String> {
    if json.is_null() {
        Vec::new()
    } else {
        recommended(json)
    }
}

/// The list of a mapper, in a file and in the statements that the server saw: folded, not multiplied.
#[tokio::test]
async fn a_list_of_thousands_of_values_is_one_array() {
    let database = database(
        "CREATE EXTENSION pg_stat_statements;
         CREATE TABLE items (id int PRIMARY KEY, code int NOT NULL, note text NOT NULL);
         INSERT INTO items SELECT n, n, repeat('n', 150) FROM generate_series(1, 60000) AS n",
    )
    .await;
    let client = database.client().await;
    let literals: Vec<String> = (1..=5_000).map(|n| (n * 7).to_string()).collect();
    let parameters: Vec<String> = (1..=5_000).map(|n| format!("${n}")).collect();
    let header: String = (1..=5_000)
        .map(|n| format!("-- param ${n}: column items.code\n"))
        .collect();
    let folder = "lists";
    query(
        &database,
        folder,
        "literals",
        &format!(
            "-- budget: 1ms p50\nSELECT note FROM items WHERE code IN ({})",
            literals.join(", ")
        ),
    );
    query(
        &database,
        folder,
        "parameters",
        &format!(
            "-- budget: 1ms p50\n{header}SELECT note FROM items WHERE code IN ({})",
            parameters.join(", ")
        ),
    );
    let (status, json, said) = run(&database, &["advise", "--queries", folder]);
    assert!(matches!(status, 0 | 1), "{said}");
    assert_eq!(recommended(&json), ["public.items (code)"], "{said}");
    assert_eq!(json["queries"].as_array().unwrap().len(), 2, "{said}");
    is_small(&database, &["advise", "--queries", folder]);

    client
        .batch_execute(&format!(
            "SELECT note FROM items WHERE code IN ({})",
            literals.join(", ")
        ))
        .await
        .unwrap();
    let (status, json, said) = run(
        &database,
        &["advise", "--from-statements", "--budget", "1ms"],
    );
    assert!(matches!(status, 0 | 1), "{said}{json:#}");
    assert_eq!(recommended(&json), ["public.items (code)"], "{said}");
}

/// Constants in lists of every kind, and a text of a megabyte.
#[tokio::test]
async fn thousands_of_constants_are_read_in_little_memory() {
    let database = database(
        "CREATE TABLE items (id int PRIMARY KEY, code int NOT NULL, word text NOT NULL, note text NOT NULL);
         INSERT INTO items SELECT n, n, 'word ' || n, repeat('n', 150) FROM generate_series(1, 60000) AS n",
    )
    .await;
    let numbers = |count: usize| (1..=count).map(|n| n * 7);
    let list = |count: usize| {
        numbers(count)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let rows = |count: usize| {
        numbers(count)
            .map(|n| format!("({n})"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let texts: Vec<String> = numbers(5_000).map(|n| format!("'word {n}'")).collect();
    let select = "-- budget: 1ms p50\nSELECT note FROM items";
    for (name, condition) in [
        (
            "array",
            format!("WHERE code = ANY (ARRAY[{}])", list(5_000)),
        ),
        (
            "literal",
            format!("WHERE code = ANY ('{{{}}}'::int[])", list(5_000)),
        ),
        ("values", format!("WHERE code IN (VALUES {})", rows(5_000))),
        (
            "joined",
            format!("JOIN (VALUES {}) AS v (code) USING (code)", rows(5_000)),
        ),
        ("texts", format!("WHERE word IN ({})", texts.join(", "))),
        (
            "megabyte",
            format!("WHERE code IN ({}) OR code = 5", list(120_000)),
        ),
    ] {
        query(
            &database,
            "constants",
            name,
            &format!("{select} {condition}"),
        );
    }
    let size = std::fs::metadata(database.folder().join("constants/megabyte.sql"))
        .unwrap()
        .len();
    assert!((900_000..1_100_000).contains(&size), "{size}");
    let line = ["advise", "--queries", "constants", "--max-time", "15s"];
    let (status, json, said) = run(&database, &line);
    assert!(matches!(status, 0 | 1), "{said}{json:#}");
    let found = recommended(&json);
    assert!(
        found
            .iter()
            .any(|index| index.starts_with("public.items (code)")),
        "{found:?} {said}"
    );
    let unread: Vec<&Value> = json["unmet"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["error"].is_string())
        .collect();
    assert!(unread.is_empty(), "{unread:#?}");
    is_small(&database, &line);
}

/// What the process held at most, by the kernel's account.
fn is_small(database: &TestDatabase, line: &[&str]) {
    let binary = env!("CARGO_BIN_EXE_dbaudit");
    let output = std::process::Command::new("/usr/bin/env")
        .args(["bash", "-c", "\"$0\" \"$@\" > /dev/null 2>&1 & pid=$!; most=0; \
               while kb=$(awk '/VmHWM/ {print $2}' /proc/$pid/status 2>/dev/null) && [ -n \"$kb\" ]; \
               do most=$kb; sleep 0.02; done; echo $most", binary, "-d", &database.url])
        .args(line)
        .current_dir(database.folder())
        .output()
        .unwrap();
    let kb: u64 = String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .unwrap();
    assert!(kb > 1_000 && kb < 100_000, "{kb} kB");
}
