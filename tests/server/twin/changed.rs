//! A twin whose schema changes: by a migration before it has its sizes, and not afterwards.

use std::process::Output;

use super::{
    KEPT, Random, compare, is_gone, path_with_dump, plans_on_original, plans_on_twin, shop,
    snapshot, statement,
};
use crate::support::{self, Template, TestDatabase};

/// Indexes of all kinds that a pull request may add to the shop.
const INDEXES: [&str; 14] = [
    "shop.customers (postcode)",
    "shop.customers (postcode, city) INCLUDE (balance)",
    "shop.customers (balance)",
    "shop.customers (born, city)",
    "shop.customers (born) WHERE born IS NOT NULL",
    "shop.customers (city text_pattern_ops, balance DESC)",
    "shop.orders_1 (total)",
    "shop.orders (state, at)",
    "shop.orders (total, customer_id)",
    "shop.items (product, amount)",
    "shop.items (note)",
    "shop.items (amount, order_id)",
    "shop.items (order_id) WHERE amount > 15",
    "shop.items USING hash (order_id)",
];

/// Oracle: psql on the original, where the indexes were really built.
#[tokio::test]
async fn an_index_that_a_migration_makes_is_planned_with_as_on_the_original() {
    new_indexes(4_711, 100).await;
}

async fn new_indexes(seed: u64, count: usize) {
    let server = support::server();
    let database = shop(server).await;
    let path = path_with_dump();
    snapshot(&database, &path, KEPT);
    let mut random = Random(seed);
    let mut script = String::new();
    for n in 0..4 {
        let index = random.of(&INDEXES);
        script.push_str(&format!("CREATE INDEX new_{n} ON {index};\n"));
    }
    eprintln!("{script}");
    std::fs::write(database.folder().join("new.sql"), &script).unwrap();
    let client = database.client().await;
    client.batch_execute(&script).await.unwrap();
    let statements: Vec<String> = (0..count).map(|_| statement(&mut random)).collect();
    let original = plans_on_original(&database, &statements);
    let migrate = ["--migrate", "psql -X -q -v ON_ERROR_STOP=1 -f new.sql"];
    let twin = plans_on_twin(&database, server, &path, &migrate, &statements);
    // An estimated size is not the true one to the page.
    compare(
        server,
        "with new indexes",
        &statements,
        &original,
        &twin,
        (4, 8),
        str::to_owned,
    );
    let used = twin
        .iter()
        .filter(|plan| plan.to_string().contains("\"new_"));
    assert!(used.count() > 0, "no plan uses a new index");
}

#[tokio::test]
#[ignore = "minutes; the seeded share runs in CI"]
async fn new_indexes_of_many_seeds() {
    for seed in 1..15 {
        new_indexes(seed * 7_919, 200).await;
    }
}

fn on_twin(database: &TestDatabase, options: &[&str], script: &str) -> Output {
    let mut twin = database.dbaudit(&["twin", "prod.json", "--server-bin"]);
    twin.arg(&support::server().binaries.folder)
        .args(options)
        .args(["--", "sh", "-c", script]);
    twin.output().unwrap()
}

async fn small() -> TestDatabase {
    let database = support::server().database(Template::Empty);
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY, v text, w int); CREATE INDEX t_v ON t (v); CREATE TABLE gone (id int);
             INSERT INTO t SELECT n, 'v' || n % 100, n % 7 FROM generate_series(1, 5000) n; INSERT INTO gone VALUES (1);
             ANALYZE; CREATE MATERIALIZED VIEW m AS SELECT w, count(*) FROM t GROUP BY w",
        )
        .await
        .unwrap();
    snapshot(&database, &std::env::var("PATH").unwrap(), KEPT);
    database
}

#[tokio::test]
async fn what_a_migration_renames_and_drops_leaves_the_rest_as_on_the_original() {
    let database = small().await;
    let migrate = "psql -X -q -v ON_ERROR_STOP=1 -c 'ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME COLUMN v TO x; \
                   DROP TABLE gone; ALTER INDEX t_v RENAME TO u_x; ALTER TABLE u ADD COLUMN y int NOT NULL DEFAULT 0; ANALYZE u'";
    let ask = "psql -X -A -t -c \"SELECT reltuples, relpages FROM pg_class WHERE relname IN ('u', 'u_x') ORDER BY relname\" \
               -c \"SELECT count(*) FROM pg_stats WHERE tablename = 'u' AND attname IN ('id', 'x', 'w')\" \
               -c \"EXPLAIN SELECT * FROM u WHERE x = 'v7'\"";
    let twin = on_twin(&database, &["--migrate", migrate], ask);
    assert!(twin.status.success(), "{twin:?}");
    let said = String::from_utf8(twin.stdout).unwrap();
    let original = "SELECT reltuples || '|' || relpages FROM pg_class WHERE relname IN ('t', 't_v') ORDER BY relname";
    let client = database.client().await;
    let rows = client.query(original, &[]).await.unwrap();
    let mut expected: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    expected.push("3".into());
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.get(..3).unwrap(), expected, "{said}");
    assert!(said.contains("u_x") && said.contains("rows=50 "), "{said}");
}

#[tokio::test]
async fn what_would_lose_the_statistics_is_refused_with_the_reason_and_the_way() {
    let database = small().await;
    let refused = [
        ("ANALYZE t", "would replace production's statistics"),
        ("ANALYZE", "would replace production's statistics"),
        ("VACUUM t", "invalid page in block 1"),
        ("SELECT count(*) FROM t", "invalid page in block 1"),
        ("CREATE INDEX n ON t (w)", "--migrate"),
        ("CREATE INDEX CONCURRENTLY n ON t (w)", "--migrate"),
        ("ALTER TABLE t ADD PRIMARY KEY (w)", "--migrate"),
        ("REFRESH MATERIALIZED VIEW m", "--migrate"),
    ];
    let tell = "psql -X -A -t -c \"SELECT relname, reltuples FROM pg_class WHERE relname ~ '^t' AND relnamespace = 2200 ORDER BY 1\"";
    let script: String = refused
        .iter()
        .map(|(sql, _)| format!("psql -X -q -c '{sql}' 2>&1; echo \"--$?\"; "))
        .collect();
    let allowed = "psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE TEMP TABLE x (a int)' -c 'CREATE INDEX ON x (a)' \
                   -c 'BEGIN' -c 'DROP INDEX t_v' -c 'ROLLBACK' -c 'CREATE TABLE y (a int)' && echo allowed";
    let twin = on_twin(
        &database,
        &[],
        &format!("{tell}; {script} {tell}; {allowed}"),
    );
    let said = String::from_utf8(twin.stdout).unwrap();
    let (before, rest) = said.split_at(said.find("ERROR").unwrap());
    let mut parts = rest.split("--1\n");
    for (sql, reason) in refused {
        let part = parts.next().unwrap();
        assert!(part.contains(reason), "{sql}: {part}");
    }
    let after = parts.next().unwrap();
    assert_eq!(after, format!("{before}allowed\n"), "{said}");
}

#[tokio::test]
async fn a_migration_that_fails_ends_the_twin() {
    let database = small().await;
    let migrate = "psql -X -A -t -c 'SHOW data_directory' > data; psql -X -c 'SELECT 1/0'";
    let twin = on_twin(&database, &["--migrate", migrate], "echo ran");
    assert_eq!(twin.status.code(), Some(3), "{twin:?}");
    let said = String::from_utf8_lossy(&twin.stderr);
    assert!(
        said.contains("division by zero") && said.contains("SELECT 1/0"),
        "{said}"
    );
    assert!(twin.stdout.is_empty());
    is_gone(&database.folder().join("data"));
}

/// Without the rows of its history, a migration tool would begin anew.
#[tokio::test]
async fn a_migration_tool_finds_on_the_twin_what_it_has_applied() {
    let database = support::server().database(Template::Empty);
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY, v text, w int); CREATE TABLE gone (id int);
             INSERT INTO t SELECT n, 'v' || n % 100, n FROM generate_series(1, 5000) n;
             CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);
             INSERT INTO alembic_version VALUES ('1975ea83b712'); CREATE TABLE migrations (bird text, month int);
             INSERT INTO migrations VALUES ('secret stork', 3); ANALYZE",
        )
        .await
        .unwrap();
    let folder = database.folder().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    let write = |file: &str, sql: &str| std::fs::write(folder.join(file), sql).unwrap();
    write(
        "V1__gone.sql",
        "CREATE INDEX CONCURRENTLY gone_id ON gone (id);",
    );
    write("V2__t_v.sql", "CREATE INDEX CONCURRENTLY t_v ON t (v);");
    database
        .dbaudit(&["apply-indexes", "--migrations", "migrations"])
        .assert()
        .success();
    client.batch_execute("DROP TABLE gone").await.unwrap();
    let file = snapshot(&database, &std::env::var("PATH").unwrap(), &[]);
    let text = std::fs::read_to_string(file).unwrap();
    assert!(!text.contains("secret stork"), "another table of that name");
    write("V3__t_w.sql", "CREATE INDEX CONCURRENTLY t_w ON t (w);");
    let apply = format!(
        "{} apply-indexes --migrations migrations > applied.txt",
        env!("CARGO_BIN_EXE_dbaudit")
    );
    let ask = "psql -X -A -t -c 'SELECT version_num FROM alembic_version' \
               -c \"SELECT reltuples, relpages > 10 FROM pg_class WHERE relname = 't_w'\" \
               -c 'SELECT count(*) FROM dbaudit_index_history'";
    let twin = on_twin(&database, &["--migrate", &apply], ask);
    let applied = std::fs::read_to_string(database.folder().join("applied.txt")).unwrap();
    assert!(twin.status.success(), "{twin:?} {applied}");
    assert!(applied.contains("applied 1 of 3"), "{applied}");
    assert_eq!(
        String::from_utf8_lossy(&twin.stdout),
        "1975ea83b712\n5000|t\n3\n",
        "{twin:?}"
    );
}
