//! `init`: what it writes works at once, and what it takes over from a database is what is there.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::support::{self, Template, TestDatabase};

fn run(database: &TestDatabase, args: &[&str], status: i32) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--format", "json"]).collect();
    let output = database.dbaudit(&args).output().unwrap();
    let said = format!(
        "{args:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(status), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"))
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for part in ["", "migrations", "queries"] {
        for entry in fs::read_dir(folder.join(part)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                files.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}

#[tokio::test]
async fn every_command_works_on_what_init_wrote() {
    let servers = support::servers().iter();
    for server in servers.filter(|server| [13, 18].contains(&server.major())) {
        let database = server.database(Template::Empty);
        run(&database, &["init"], 0);
        let names: Vec<String> = files(database.folder()).into_keys().collect();
        assert_eq!(
            names,
            [
                "dbaudit.toml",
                "migrations/V1__first_index.sql",
                "queries/first_query.sql"
            ]
        );
        let planned = run(&database, &["apply-indexes", "--dry-run"], 0);
        assert_eq!(planned["migrations"].as_array().unwrap().len(), 0);
        let applied = run(&database, &["apply-indexes"], 0);
        assert_eq!(applied["outcome"], "nothing_to_do");
        run(&database, &["status"], 0);
        let timed = run(&database, &["time-queries", "--allow-inconclusive"], 0);
        assert_eq!(timed["queries"][0]["name"], "first_query");
        assert!(timed["queries"][0]["error"].is_null(), "{timed}");
        run(&database, &["report"], 0);
        run(&database, &["config"], 0);
        // Not even a comment was recorded.
        let client = database.client().await;
        let history = client
            .query_one("SELECT to_regclass('dbaudit_index_history') IS NULL", &[])
            .await;
        assert!(history.unwrap().get::<_, bool>(0));
    }
}

#[test]
fn init_never_overwrites() {
    let database = support::server().database(Template::Empty);
    let folder = database.folder();
    fs::create_dir(folder.join("migrations")).unwrap();
    fs::write(
        folder.join("migrations/V7__mine.sql"),
        "CREATE INDEX CONCURRENTLY i ON t (a);",
    )
    .unwrap();
    fs::write(folder.join("dbaudit.toml"), "# mine\n").unwrap();
    let result = run(&database, &["init"], 0);
    let status: Vec<&str> = result["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["status"].as_str().unwrap())
        .collect();
    assert_eq!(status, ["kept", "kept", "written"]);
    let after = files(folder);
    assert_eq!(after["dbaudit.toml"], "# mine\n");
    assert_eq!(after.len(), 3);
    run(&database, &["init", "--from-database"], 0);
    assert_eq!(files(folder), after);
}

#[tokio::test]
async fn an_example_that_nobody_changed_does_not_stand_in_the_way() {
    let database = support::server().database(Template::Empty);
    let client = database.client().await;
    let sql = "CREATE TABLE t (a int); CREATE INDEX t_a ON t (a)";
    client.batch_execute(sql).await.unwrap();
    run(&database, &["init"], 0);
    let first = files(database.folder());
    run(&database, &["init", "--from-database"], 0);
    let mut filled = first.clone();
    let index = files(database.folder())["migrations/V2__t_a.sql"].clone();
    filled.insert("migrations/V2__t_a.sql".to_owned(), index);
    assert_eq!(files(database.folder()), filled);
    let applied = run(&database, &["apply-indexes"], 0);
    assert_eq!(applied["migrations"][0]["steps"][0]["action"], "keep");
    // Once more: the folder is the user's now.
    client.batch_execute("CREATE INDEX ON t (a)").await.unwrap();
    run(&database, &["init", "--from-database"], 0);
    assert_eq!(files(database.folder()), filled);
}

/// Every index but those of dbaudit's own table and the parts of partitioned ones, by what the server prints of it.
async fn definitions(client: &tokio_postgres::Client) -> BTreeMap<u32, String> {
    let sql = "SELECT i.indexrelid, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
               JOIN pg_namespace n ON n.oid = t.relnamespace
               WHERE n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema') AND t.relname <> 'dbaudit_index_history'
               AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

const TABLES: &str = "
CREATE SCHEMA app;
CREATE TABLE app.\"Odd t\" (id int PRIMARY KEY, \"B\" text, r int4range, n int, UNIQUE (\"B\"), EXCLUDE USING gist (r WITH &&));
CREATE TABLE app.parted (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE app.part_1 PARTITION OF app.parted FOR VALUES FROM (0) TO (9);
CREATE MATERIALIZED VIEW seen AS SELECT n FROM app.\"Odd t\";";

const INDEXES: &str = "
CREATE INDEX \"Odd; -- index\" ON app.\"Odd t\" (lower(\"B\") text_pattern_ops DESC, n) WHERE n > 0;
CREATE UNIQUE INDEX plain_unique ON app.\"Odd t\" (n, id) WITH (fillfactor = 70);
CREATE INDEX included ON app.\"Odd t\" (n) INCLUDE (\"B\");
CREATE INDEX ON app.\"Odd t\" USING hash (n);
CREATE INDEX ON app.\"Odd t\" USING gin (to_tsvector('simple', \"B\"));
CREATE INDEX parted_b ON app.parted (b);
CREATE INDEX part_own ON app.part_1 (a, b);
CREATE INDEX seen_n ON seen (n);";

/// A foreign key that needs an index which is no constraint's.
const REFERRING: &str =
    "CREATE TABLE refs (n int, id int, FOREIGN KEY (n, id) REFERENCES app.\"Odd t\" (n, id));";

#[tokio::test]
async fn the_indexes_of_a_database_become_migrations_that_are_applied_already() {
    let servers = support::servers().iter();
    for server in servers.filter(|server| [13, 15, 18].contains(&server.major())) {
        let database = server.database(Template::Demo);
        let client = database.client().await;
        // With the demo's own indexes, as its deploy leaves them.
        run(&database, &["apply-indexes"], 0);
        let recorded = "SELECT count(*) FROM dbaudit_index_history";
        let deployed: i64 = client.query_one(recorded, &[]).await.unwrap().get(0);
        for sql in [TABLES, INDEXES, REFERRING] {
            client.batch_execute(sql).await.unwrap();
        }
        let before = definitions(&client).await;
        assert!(before.len() > 10);
        let result = run(&database, &["init", "--from-database"], 0);
        assert_eq!(definitions(&client).await, before);
        let after: i64 = client.query_one(recorded, &[]).await.unwrap().get(0);
        assert_eq!(after, deployed, "init has written into the database");

        // Those that neither a constraint needs nor a parent holds, by the server's own word.
        let plain = "SELECT count(*) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
                     WHERE n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
                     AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
                     AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)";
        let plain: i64 = client.query_one(plain, &[]).await.unwrap().get(0);
        let migrations = files(database.folder())
            .keys()
            .filter(|name| name.starts_with("migrations/"))
            .count();
        assert_eq!(migrations as i64, plain, "{result}");

        let applied = run(&database, &["apply-indexes"], 0);
        for migration in applied["migrations"].as_array().unwrap() {
            for step in migration["steps"].as_array().unwrap() {
                assert_eq!(step["action"], "keep", "{migration}");
            }
        }
        assert_eq!(definitions(&client).await, before);
        let again = run(&database, &["apply-indexes"], 0);
        assert_eq!(again["outcome"], "nothing_to_do");

        // On another database with the same tables, they make the same indexes.
        let bare = server.database(Template::Demo);
        let other = bare.client().await;
        other.batch_execute(TABLES).await.unwrap();
        copy(
            &database.folder().join("migrations"),
            &bare.folder().join("migrations"),
        );
        run(&bare, &["apply-indexes"], 0);
        let sorted = |found: BTreeMap<u32, String>| {
            let mut found: Vec<String> = found.into_values().collect();
            found.sort();
            found
        };
        assert_eq!(sorted(definitions(&other).await), sorted(before));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[tokio::test]
async fn the_heaviest_selects_become_query_files_that_are_timed() {
    let server = support::fresh_server();
    let database = server.database(Template::Demo);
    let client = database.client().await;
    client
        .batch_execute("CREATE EXTENSION pg_stat_statements")
        .await
        .unwrap();
    // pgbench's place: what an application sends, with constants of its own.
    for n in 0..40 {
        for sql in [
            format!(
                "SELECT id, topic FROM content WHERE user_id = {n} ORDER BY generated_at DESC LIMIT 20"
            ),
            format!("SELECT count(*) FROM users WHERE last_used_at > now() - interval '{n} days'"),
            format!(
                "SELECT c.*, m.word_count FROM content c LEFT JOIN content_metadata m ON m.content_id = c.id WHERE c.id IN ({n}, 2, 3)"
            ),
            format!(
                "WITH recent AS (SELECT * FROM content ORDER BY id DESC LIMIT {n}) SELECT topic, count(*) FROM recent GROUP BY 1"
            ),
            format!("UPDATE users SET last_used_at = now() WHERE id = {n}"),
            format!("SELECT id FROM users WHERE id = {n} FOR UPDATE"),
        ] {
            client.batch_execute(&sql).await.unwrap();
        }
    }
    run(&database, &["init", "--from-database"], 0);
    let heaviest: i64 = client
        .query_one(
            "SELECT count(*) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
             WHERE d.datname = current_database() AND query ~* '^(select|with)' AND query !~* 'for update'
             AND query ~ '(content|users)' AND query !~ 'pg_' AND query !~ 'dbaudit'",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    let queries: Vec<String> = files(database.folder())
        .into_keys()
        .filter(|name| name.starts_with("queries/"))
        .collect();
    assert_eq!(queries.len() as i64, heaviest, "{queries:?}");
    assert!(
        queries
            .iter()
            .any(|name| name.starts_with("queries/content_")),
        "{queries:?}"
    );
    let timed = run(
        &database,
        &[
            "time-queries",
            "--allow-inconclusive",
            "--max-samples",
            "80",
        ],
        0,
    );
    let timed = timed["queries"].as_array().unwrap();
    assert_eq!(timed.len(), queries.len());
    for query in timed {
        assert!(
            query["error"].is_null() && !query["cases"].as_array().unwrap().is_empty(),
            "{query}"
        );
    }
}

const PREPARE: &str = r#"^\s*PREPARE\s+("[^"]*"|[^\s("]+)\s*(\([^)]*\))?\s*AS\s+"#;

/// A statement without what differs from call to call.
fn skeleton(sql: &str) -> String {
    let sql = sql
        .split(';')
        .next()
        .unwrap_or_default()
        .to_lowercase()
        .replace("true", "?");
    let mut found = String::new();
    let mut signs = sql.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '$' | '0'..='9' => {
                while signs.next_if(char::is_ascii_digit).is_some() {}
                found.push('?');
            }
            '\'' => {
                signs.by_ref().find(|sign| *sign == '\'');
                found.push('?');
            }
            sign if sign.is_whitespace() => {}
            sign => found.push(sign),
        }
    }
    found
}

/// What a database is left with after every command ran: the statements timed are the application's, all others carry
/// the mark, or read catalogs alone.
#[tokio::test]
async fn no_statement_of_dbaudits_own_passes_for_the_applications() {
    let server = support::fresh_server();
    let database = server.database(Template::Demo);
    let client = database.client().await;
    client
        .batch_execute("CREATE EXTENSION pg_stat_statements; CREATE EXTENSION hypopg")
        .await
        .unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    copy(
        &repository.join("queries"),
        &database.folder().join("queries"),
    );
    copy(
        &repository.join("migrations"),
        &database.folder().join("migrations"),
    );
    for (args, statuses) in [
        (&["advise"][..], &[0, 1][..]),
        (&["apply-indexes", "--history-table", "deploys"], &[0]),
        (&["status", "--history-table", "deploys"], &[0]),
        (&["time-queries", "--max-samples", "80"], &[0, 1, 3]),
        (
            &[
                "time-queries",
                "--from-statements",
                "5",
                "--max-samples",
                "80",
            ],
            &[0, 1, 3],
        ),
        (&["report", "-v"], &[0]),
        (&["init", "--from-database"], &[0]),
        (&["time-queries", "--plans-only"], &[0]),
        (&["advise", "--plans-only"], &[0, 1]),
        (
            &[
                "advise",
                "--disposable",
                "--without",
                "idx_content_user_date",
            ],
            &[0, 1],
        ),
        (
            &[
                "snapshot",
                "--keep-values",
                "--statements",
                "--calibrate",
                "-o",
                "it.snapshot",
            ],
            &[0],
        ),
    ] {
        let output = database.dbaudit(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            statuses.contains(&output.status.code().unwrap()),
            "{args:?}: {said}"
        );
    }
    let known: Vec<String> = fs::read_dir(repository.join("queries"))
        .unwrap()
        .map(|entry| {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with("--"));
            skeleton(&lines.collect::<Vec<_>>().join(" "))
        })
        .collect();
    let sql =
        include_str!("../../src/measure/heavy_statements.sql").replace("/* schema */", "public");
    let rows = client.query(&sql, &[&500_i64, &PREPARE]).await.unwrap();
    let heaviest: Vec<String> = rows.iter().map(|row| row.get(1)).collect();
    for text in &heaviest {
        assert!(known.contains(&skeleton(text)), "{text}");
    }
    let kept: Vec<String> = heaviest.iter().map(|text| skeleton(text)).collect();
    assert!(known.iter().all(|one| kept.contains(one)), "{heaviest:#?}");
    let report = run(&database, &["report"], 0);
    let shown: Vec<String> = report["statements"]["by_total"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| skeleton(one["text"].as_str().unwrap()))
        .collect();
    assert!(known.iter().all(|one| shown.contains(one)), "{shown:#?}");
}

#[test]
fn without_a_server_from_database_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = support::dbaudit(folder.path())
        .args([
            "init",
            "--from-database",
            "-d",
            "postgres://u@127.0.0.1:1/d",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
