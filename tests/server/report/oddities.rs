//! Everything odd that a database may hold, in every format.

use serde_json::Value;

use super::{exposition, json, named, number};
use crate::support::{self, PrivateServer, Template, TestDatabase};

/// Names that break out of whatever does not quote them.
const NAMES: &[&str] = &[
    "quo\"te's",
    "line\nbreak; DROP TABLE users",
    "pi|pe, comma;",
    "</script><script>alert(1)</script>",
    "<b>&amp;</b>",
    "back\\slash`tick",
    "naïve 数据 😀",
    "\u{1b}[31mred\u{7}",
    "$1 ${2} %s {}",
    "-- comment /*",
];

async fn plant(database: &TestDatabase) {
    let client = database.client().await;
    for (at, name) in NAMES.iter().enumerate() {
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        client
            .batch_execute(&format!(
                "CREATE SCHEMA {quoted};
                 CREATE TABLE {quoted}.{quoted} ({quoted} int, b text);
                 INSERT INTO {quoted}.{quoted} VALUES (1, 'x'), (1, 'y');
                 CREATE INDEX ON {quoted}.{quoted} ({quoted});
                 CREATE INDEX ON {quoted}.{quoted} ({quoted});
                 CREATE INDEX ON {quoted}.{quoted} (({quoted} + {at})) WHERE {quoted} > 0;
                 CREATE SEQUENCE {quoted}.\"{at}\" MAXVALUE 10;
                 SELECT setval('{}.\"{at}\"', 9);
                 ALTER TABLE {quoted}.{quoted} ADD CONSTRAINT {quoted} CHECK ({quoted} > 0) NOT VALID",
                quoted.replace('\'', "''")
            ))
            .await
            .unwrap();
    }
    client
        .batch_execute(
            "DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE wide (' || string_agg('c' || n || ' int', ',') || ')'
                                  FROM generate_series(1, 1600) n); END $$;
             INSERT INTO wide (c1, c1600) VALUES (1, 1);
             CREATE TABLE no_columns ();
             INSERT INTO no_columns DEFAULT VALUES;
             CREATE TABLE dropped (id int PRIMARY KEY, long text);
             ALTER TABLE dropped ALTER long SET STORAGE EXTERNAL;
             INSERT INTO dropped SELECT n, repeat('long', 2000) FROM generate_series(1, 20) n;
             ALTER TABLE dropped DROP COLUMN long;
             CREATE TABLE none_left (a int);
             ALTER TABLE none_left DROP COLUMN a;
             CREATE UNLOGGED TABLE unlogged (id serial PRIMARY KEY);
             INSERT INTO unlogged DEFAULT VALUES;
             CREATE MATERIALIZED VIEW unpopulated AS SELECT 1 AS one WITH NO DATA;
             CREATE VIEW seen AS SELECT 1 AS one;
             CREATE TYPE pair AS (a int, b int);
             CREATE FOREIGN DATA WRAPPER nowhere;
             CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere;
             CREATE FOREIGN TABLE far (id int, name text) SERVER elsewhere;
             CREATE TABLE of_extension (id int);
             ALTER EXTENSION plpgsql ADD TABLE of_extension;
             CREATE TABLE tree (a int, b int, c int, PRIMARY KEY (a, b)) PARTITION BY RANGE (a);
             CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (10) PARTITION BY LIST (b);
             CREATE TABLE tree_1_1 PARTITION OF tree_1 FOR VALUES IN (1) PARTITION BY RANGE (b);
             CREATE TABLE tree_1_1_1 PARTITION OF tree_1_1 DEFAULT;
             CREATE TABLE tree_2 PARTITION OF tree DEFAULT;
             CREATE INDEX tree_c ON tree (c);
             INSERT INTO tree SELECT n % 20, 1, n FROM generate_series(0, 0) n;
             CREATE TABLE parent_of (id int);
             CREATE TABLE child_of () INHERITS (parent_of)",
        )
        .await
        .unwrap();
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
}

#[tokio::test]
async fn nothing_odd_breaks_any_format() {
    for server in support::servers() {
        let database = server.database(Template::Empty);
        plant(&database).await;
        let other = database.client().await;
        other
            .batch_execute(
                "CREATE TEMP TABLE of_one_session (id serial PRIMARY KEY, n int CHECK (n > 0), UNIQUE (n));
                 ALTER TABLE of_one_session ADD CONSTRAINT later CHECK (n < 9) NOT VALID;
                 INSERT INTO of_one_session (n) VALUES (1)",
            )
            .await
            .unwrap();
        let version = server.major();
        let render = |format: &str, more: &[&str]| {
            let mut all = vec![
                "report",
                "--fail-on",
                "never",
                "--limit",
                "500",
                "--format",
                format,
            ];
            all.extend(more);
            let output = database.dbaudit(&all).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(
                output.status.code(),
                Some(0),
                "{version} {format}: {stderr}"
            );
            String::from_utf8(output.stdout).unwrap()
        };
        let report: Value = serde_json::from_str(&render("json", &[])).unwrap();
        assert_eq!(report["skipped"], expected_gaps(&report), "{version}");
        for name in NAMES {
            let table = named(&report, "tables", name, name);
            assert_eq!(table["estimated_rows"], 2.0, "{version} {name}");
        }
        for name in [
            "wide",
            "no_columns",
            "dropped",
            "none_left",
            "unlogged",
            "unpopulated",
            "far",
            "tree",
        ] {
            named(&report, "tables", "public", name);
        }
        assert_eq!(
            named(&report, "tables", "public", "tree")["partitions"],
            2,
            "those with rows"
        );
        let shown = report.to_string();
        for hidden in ["of_one_session", "pg_temp", "pg_toast"] {
            assert!(
                !shown.contains(hidden),
                "{version}: {hidden} is not ours to report on"
            );
        }
        // What is pasted does what it says, and nothing else.
        let client = database.client().await;
        client
            .batch_execute("CREATE TABLE users (id int PRIMARY KEY)")
            .await
            .unwrap();
        let mut pasted = 0;
        for finding in report["findings"].as_array().unwrap() {
            let check = finding["check"].as_str().unwrap();
            let wanted = [
                "duplicate-index",
                "not-valid-constraint",
                "sequence-exhaustion",
            ];
            let schema = finding["subject"]["schema"].as_str().unwrap_or_default();
            if !wanted.contains(&check) || !NAMES.contains(&schema) {
                continue;
            }
            for key in ["remedy", "undo"] {
                let Some(statement) = finding[key].as_str() else {
                    continue;
                };
                client
                    .batch_execute(statement)
                    .await
                    .unwrap_or_else(|error| panic!("{version}: {statement}: {error:?}"));
                pasted += 1;
            }
        }
        assert!(pasted >= 4 * NAMES.len(), "{version}: {pasted}");
        number(&client, "SELECT count(*) FROM users").await;

        let table = render("table", &[]);
        assert!(
            !table.chars().any(|c| c.is_control() && c != '\n'),
            "{version}: a name drives the terminal"
        );
        let markdown = render("markdown", &[]);
        // In a fence, statements are as they are to be pasted.
        let prose: String = markdown.split("```").step_by(2).collect();
        assert!(!prose.contains("<script>") && !prose.contains("\u{1b}"));
        let page = render("html", &[]);
        assert_eq!(page.matches("<script>").count(), 1, "its own");
        let junit = render("junit", &[]);
        assert!(
            !junit
                .chars()
                .any(|c| c.is_control() && !"\n\t\r".contains(c))
        );
        assert!(!junit.contains("<script>"));
        super::sarif::accepted(&render("sarif", &[]));
        exposition::parse(&render("prometheus", &[]))
            .unwrap_or_else(|wrong| panic!("{version}: {wrong}"));
        for section in [
            "tables",
            "indexes",
            "findings",
            "skipped",
            "statements",
            "sessions",
            "settings",
        ] {
            render("csv", &["--section", section]);
        }
        drop(other);
    }
}

/// The tests' servers may lack an extension; nothing else is missing.
fn expected_gaps(report: &Value) -> Value {
    let skipped = report["skipped"].as_array().unwrap();
    let known = |one: &&Value| {
        let reason = one["reason"].as_str().unwrap();
        reason.contains("pg_stat_statements is not installed")
            || reason.contains("the server has it from version")
    };
    skipped.iter().filter(known).cloned().collect()
}

#[tokio::test]
async fn a_database_with_nothing_in_it_is_reported_on_in_every_format() {
    let database = support::server().database(Template::Empty);
    for format in [
        "table",
        "json",
        "csv",
        "markdown",
        "junit",
        "sarif",
        "prometheus",
        "html",
    ] {
        let output = database
            .dbaudit(&["report", "--fail-on", "never", "--format", format])
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{format}: {stderr}");
    }
}

#[tokio::test]
async fn tables_that_come_and_go_meanwhile_break_nothing() {
    let database = support::server().database(Template::Empty);
    let client = database.client().await;
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let coming = tokio::spawn(async move {
        let mut rounds = 0_u32;
        while stopped.try_recv().is_err() {
            client
                .batch_execute(
                    "CREATE TABLE passing (id serial PRIMARY KEY, name text);
                     INSERT INTO passing (name) VALUES ('x');
                     CREATE INDEX passing_1 ON passing (lower(name)) WHERE id > 0;
                     CREATE INDEX passing_2 ON passing (lower(name)) WHERE id > 0;
                     CREATE INDEX passing_3 ON passing USING gin (to_tsvector('simple', name))",
                )
                .await
                .unwrap();
            client.batch_execute("DROP TABLE passing").await.unwrap();
            rounds += 1;
        }
        rounds
    });
    for _ in 0..15 {
        let (status, report) = super::report_beside(&database).await;
        assert_eq!(status, 0);
        assert!(report["tables"].as_array().unwrap().len() <= 1);
    }
    stop.send(()).unwrap();
    assert!(coming.await.unwrap() > 0);
}

#[tokio::test]
async fn logical_slots_and_prepared_transactions_hold_the_horizon_and_are_named() {
    for server in support::servers() {
        let major = server.major();
        let server =
            PrivateServer::start(major, &["wal_level=logical", "max_prepared_transactions=5"]);
        let client = support::connect(&server.url("postgres")).await;
        for statement in [
            "CREATE TABLE t (id int PRIMARY KEY)",
            "SELECT pg_create_logical_replication_slot('reader', 'pgoutput')",
            "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'left ''behind'''",
            "INSERT INTO t VALUES (2)",
        ] {
            client.batch_execute(statement).await.unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let mut command = support::dbaudit(folder.path());
        let url = server.url("postgres");
        command.args([
            "-d",
            &url,
            "report",
            "--format",
            "json",
            "--fail-on",
            "never",
        ]);
        let (_, report) = json(&mut command);
        let slot = &report["replication"]["slots"][0];
        assert_eq!(
            (&slot["kind"], &slot["plugin"]),
            (&"logical".into(), &"pgoutput".into()),
            "{major}"
        );
        assert!(slot["catalog_xmin_age"].is_number(), "{major}: {slot}");
        assert_eq!(
            report["replication"]["prepared_transactions"][0]["name"],
            "left 'behind'"
        );
        let horizon = &report["sessions"]["xmin_horizon"];
        let (kind, name) = (horizon["kind"].as_str(), horizon["name"].as_str());
        assert!(
            matches!(
                (kind, name),
                (Some("slot (catalogs)"), Some("reader"))
                    | (Some("prepared transaction"), Some("left 'behind'"))
            ),
            "{major}: {horizon}"
        );
    }
}
