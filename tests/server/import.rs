//! `import`, judged by psql: what it takes, applied where the tool's other statements have run, leaves the indexes that
//! psql leaves by running the Up parts; and where psql has run them already, nothing is left to do.
//!
//! Files are drawn at random, as goose, dbmate, golang-migrate, Flyway, Prisma or nobody writes them. A statement stands in
//! them if the server takes it after those before it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tokio_postgres::Client;

use crate::support::{self, Template, TestDatabase};

const TABLES: [&str; 4] = ["t", "u", "app.t", "\"Odd; --\""];
const NAMES: [&str; 6] = [
    "i",
    "j",
    "\"K; --\"",
    "app_index",
    "idx_a_name_that_is_much_longer_than_what_postgres_keeps_of_it_1",
    "idx_a_name_that_is_much_longer_than_what_postgres_keeps_of_it_1_and_more",
];
const DEFINITIONS: [&str; 9] = [
    "(x)",
    "(y DESC NULLS LAST, x)",
    "(lower(s) text_pattern_ops)",
    "USING hash (s)",
    "(x) INCLUDE (s) WHERE y > 0",
    "((x + y))",
    "(s COLLATE \"C\") WITH (fillfactor = 70)",
    "USING gin (to_tsvector('simple'::regconfig, s))",
    "(z)",
];

/// What stands in a file.
struct Written {
    sql: String,
    /// The tool runs it where dbaudit has taken over the concurrent index statements.
    is_the_tools: bool,
}

/// One statement, whether or not the server takes it.
fn statement(rng: &mut ChaCha8Rng) -> Written {
    fn any<'a>(rng: &mut ChaCha8Rng, list: &[&'a str]) -> &'a str {
        list.choose(rng).unwrap()
    }
    let (table, index, other) = (any(rng, &TABLES), any(rng, &NAMES), any(rng, &NAMES));
    let of_index = |rng: &mut ChaCha8Rng| match any(rng, &TABLES).split_once('.') {
        Some((schema, _)) => format!("{schema}.{index}"),
        None => index.to_owned(),
    };
    let definition = any(rng, &DEFINITIONS);
    let (sql, is_the_tools) = match rng.random_range(0..28) {
        0..=2 => (
            format!("CREATE TABLE {table} (x int, y int, s text, z int)"),
            true,
        ),
        3..=9 => {
            let unique = any(rng, &["", "", "", "UNIQUE "]);
            let unless = any(rng, &["", "IF NOT EXISTS "]);
            let sql = format!(
                "CREATE {unique}INDEX CONCURRENTLY {unless}{index} ON {table} {definition}"
            );
            (sql, false)
        }
        10 => (
            format!("create index concurrently on {table} (y, s)"),
            false,
        ),
        11 => (
            format!("CREATE INDEX {index} ON {table} {definition}"),
            true,
        ),
        12..=14 => {
            let unless = any(rng, &["", "IF EXISTS "]);
            (
                format!("DROP INDEX CONCURRENTLY {unless}{}", of_index(rng)),
                false,
            )
        }
        15 => (format!("DROP INDEX {}", of_index(rng)), true),
        16 | 17 => (
            format!("ALTER INDEX {} RENAME TO {other}", of_index(rng)),
            true,
        ),
        18 => (format!("DROP TABLE {table}"), true),
        19 => (
            format!(
                "ALTER TABLE {table} RENAME TO {}",
                any(rng, &["t", "u", "v"])
            ),
            true,
        ),
        20 => (
            format!("ALTER TABLE {table} RENAME COLUMN x TO \"X\""),
            true,
        ),
        21 => (
            format!(
                "ALTER TABLE {table} DROP COLUMN {}",
                any(rng, &["x", "y", "s", "z"])
            ),
            true,
        ),
        22 => (format!("ALTER TABLE {table} SET SCHEMA app"), true),
        23 => (
            format!(
                "COMMENT ON INDEX {} IS 'why it''s there; {}'",
                of_index(rng),
                rng.random::<u8>()
            ),
            // Of an index that is not taken, it is the tool's.
            true,
        ),
        24 => (
            format!("REINDEX INDEX CONCURRENTLY {}", of_index(rng)),
            false,
        ),
        25 => ("SET lock_timeout = '5s'".to_owned(), true),
        26 => (
            format!(
                "SET search_path TO {}",
                any(rng, &["app", "public", "\"$user\", public"])
            ),
            true,
        ),
        _ => {
            let sql = format!(
                "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN -- ; {index}\n RETURN 1; END $f$"
            );
            (sql, true)
        }
    };
    Written { sql, is_the_tools }
}

/// A migration: what its Up part says.
type File = Vec<Written>;

fn text(file: &File) -> String {
    file.iter().map(|one| format!("{};\n", one.sql)).collect()
}

/// Files whose statements the server takes, one after the other.
async fn draw(rng: &mut ChaCha8Rng, client: &Client) -> Vec<File> {
    let mut files = Vec::new();
    for _ in 0..rng.random_range(2..7) {
        let mut file = File::new();
        for _ in 0..rng.random_range(2..14) {
            let one = statement(rng);
            if client.batch_execute(&one.sql).await.is_ok() {
                file.push(one);
            }
        }
        // Each file has a session of its own.
        client.batch_execute("RESET ALL").await.unwrap();
        files.push(file);
    }
    files
}

/// Writes the files as a tool has them; its name.
fn write(rng: &mut ChaCha8Rng, folder: &Path, files: &[File]) -> &'static str {
    let down = "DROP INDEX CONCURRENTLY i;\nDROP TABLE t;\n";
    let tools = [
        "goose",
        "dbmate",
        "golang-migrate",
        "flyway",
        "prisma",
        "sql",
    ];
    let tool = *tools.choose(rng).unwrap();
    for (at, file) in files.iter().enumerate() {
        let (n, up) = (at + 1, text(file));
        let put = |name: String, text: &str| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        match tool {
            "goose" => put(
                format!("{n:05}_step.sql"),
                &format!("-- +goose NO TRANSACTION\n-- +goose Up\n{up}\n-- +goose Down\n{down}"),
            ),
            "dbmate" => put(
                format!("202601{n:02}120000_step.sql"),
                &format!(
                    "-- migrate:up transaction:false\n{up}\n-- migrate:down transaction:false\n{down}"
                ),
            ),
            "golang-migrate" => {
                put(format!("{n}_step.up.sql"), &up);
                put(format!("{n}_step.down.sql"), down);
            }
            "flyway" => put(format!("V1.{n}__step.sql"), &up),
            "prisma" => put(format!("202601{n:02}120000_step/migration.sql"), &up),
            _ => put(format!("{n}.sql"), &up),
        }
    }
    tool
}

fn psql(database: &TestDatabase, sql: &str, stops: bool) -> Result<(), String> {
    let script = database.folder().join("up.sql");
    fs::write(&script, sql).unwrap();
    let stop = format!("ON_ERROR_STOP={}", u8::from(stops));
    let output = Command::new("psql")
        .args(["-X", "-q", "-v", &stop, "-d", &database.url, "-f"])
        .arg(&script)
        .output()
        .expect("psql runs: tests/run installs it");
    fs::remove_file(script).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() || !stops {
        Ok(())
    } else {
        Err(said)
    }
}

/// Every index: its definition, whether it is valid, its comment.
async fn indexes(client: &Client) -> Vec<(String, bool, Option<String>)> {
    let rows = client
        .query(
            "SELECT pg_get_indexdef(i.indexrelid), i.indisvalid, obj_description(i.indexrelid, 'pg_class')
             FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
             WHERE n.nspname !~ '^(pg_|information_schema)' AND t.relname <> 'dbaudit_index_history'
             ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

async fn oids(client: &Client) -> Vec<u32> {
    let sql = "SELECT i.indexrelid FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
               JOIN pg_namespace n ON n.oid = t.relnamespace
               WHERE n.nspname !~ '^(pg_|information_schema)' AND t.relname <> 'dbaudit_index_history' ORDER BY 1";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn apply(database: &TestDatabase) -> Result<(), String> {
    if !database.folder().join("out").is_dir() {
        return Ok(());
    }
    let output = database
        .dbaudit(&["apply-indexes", "--migrations", "out", "--allow-duplicates"])
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("apply-indexes: {stdout}{stderr}"))
    }
}

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Whether the import of `folder` holds what psql makes of the files.
async fn judge(
    folder: &Path,
    ups: &[String],
    tools: &[String],
    seed: &str,
    all_succeed: bool,
) -> Result<(), String> {
    let server = support::server();
    let (all, rest) = (
        server.database(Template::Empty),
        server.database(Template::Empty),
    );
    for database in [&all, &rest] {
        psql(database, "CREATE SCHEMA app", true)?;
    }
    for up in ups {
        psql(&all, up, all_succeed)
            .map_err(|said| format!("{seed}: psql does not take the files: {said}"))?;
    }
    for own in tools {
        psql(&rest, own, false)?;
    }
    let from = folder.display().to_string();
    let import = rest
        .dbaudit(&["import", &from, "--to", "out"])
        .output()
        .unwrap();
    let said = format!(
        "{seed}\n{}{}",
        String::from_utf8_lossy(&import.stdout),
        String::from_utf8_lossy(&import.stderr)
    );
    if !import.status.success() {
        return Err(said);
    }
    apply(&rest)
        .await
        .map_err(|error| format!("{said}\n{error}"))?;
    let (of_all, of_rest) = (all.client().await, rest.client().await);
    let (wanted, found) = (indexes(&of_all).await, indexes(&of_rest).await);
    if wanted != found {
        return Err(format!("{said}\npsql:    {wanted:#?}\ndbaudit: {found:#?}"));
    }
    // Where the tool has run everything, there is nothing to do.
    copy(&rest.folder().join("out"), &all.folder().join("out"));
    let before = oids(&of_all).await;
    apply(&all)
        .await
        .map_err(|error| format!("{said}\n{error}"))?;
    if oids(&of_all).await != before || indexes(&of_all).await != wanted {
        return Err(format!(
            "{said}\na deploy after psql did something:\n{:#?}",
            indexes(&of_all).await
        ));
    }
    Ok(())
}

async fn folders(count: u64, seed: u64) {
    let mut failures = Vec::new();
    for seed in seed..seed + count {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let scratch = support::server().database(Template::Empty);
        let client = scratch.client().await;
        client.batch_execute("CREATE SCHEMA app").await.unwrap();
        let files = draw(rng, &client).await;
        let folder = tempfile::tempdir().unwrap();
        let tool = write(rng, folder.path(), &files);
        let ups: Vec<String> = files.iter().map(text).collect();
        let tools: Vec<String> = files
            .iter()
            .map(|file| {
                file.iter()
                    .filter(|one| one.is_the_tools)
                    .map(|one| format!("{};\n", one.sql))
                    .collect()
            })
            .collect();
        let told = format!(
            "seed {seed} (IMPORT_SEED={seed}), {tool}:\n{}",
            ups.join("--\n")
        );
        if let Err(why) = judge(folder.path(), &ups, &tools, &told, true).await {
            failures.push(why);
        }
        if failures.len() == 3 {
            break;
        }
    }
    assert!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn what_is_imported_and_applied_is_what_psql_leaves() {
    folders(
        given("IMPORT_COUNT").unwrap_or(25),
        given("IMPORT_SEED").unwrap_or(1),
    )
    .await;
}

#[tokio::test]
#[ignore = "ten minutes: 1,000 folders from a random seed"]
async fn what_is_imported_and_applied_is_what_psql_leaves_1_000_times() {
    let seed = given("IMPORT_SEED").unwrap_or_else(|| rand::random_range(1_000..1 << 40));
    eprintln!("seed {seed}");
    folders(1_000, seed).await;
}

/// `IMPORT_PROJECT=folder`: migrations of a real project whose files are whole Up parts (golang-migrate's `.up.sql`,
/// Flyway's, Prisma's, plain ones), the tool's other statements by the names of their files.
#[tokio::test]
#[ignore = "a real project's folder, named by IMPORT_PROJECT, with IMPORT_UPS the script of all its Up parts in order"]
async fn a_real_projects_folder_comes_to_what_psql_leaves() {
    let folder = PathBuf::from(std::env::var_os("IMPORT_PROJECT").unwrap());
    let script = |name: &str| fs::read_to_string(std::env::var_os(name).unwrap()).unwrap();
    let (ups, tools) = (script("IMPORT_UPS"), script("IMPORT_REST"));
    let judged = judge(&folder, &[ups], &[tools], "a real project", false).await;
    judged.unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn nothing_is_overwritten_and_a_second_import_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("db")).unwrap();
    fs::write(at("db/1_a.up.sql"), "CREATE INDEX CONCURRENTLY i ON t (a);").unwrap();
    fs::write(at("db/2_b.up.sql"), "CREATE INDEX CONCURRENTLY j ON t (a);").unwrap();
    let run = |args: &[&str]| support::dbaudit(folder.path()).args(args).output().unwrap();
    let files = || {
        let mut files: Vec<(PathBuf, String)> = fs::read_dir(at("migrations"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    assert_eq!(run(&["import", "db", "--dry-run"]).status.code(), Some(0));
    assert!(!at("migrations").exists());
    assert_eq!(run(&["import", "db"]).status.code(), Some(0));
    let first = files();
    assert_eq!(first.len(), 2);
    assert_eq!(run(&["import", "db"]).status.code(), Some(0));
    assert_eq!(files(), first);
    // What has another text stays, and that is a reason to look.
    fs::write(
        at("migrations/V1__a.sql"),
        "-- mine\nCREATE INDEX CONCURRENTLY i ON t (b);",
    )
    .unwrap();
    let changed = files();
    let again = run(&["import", "db"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stdout).contains("kept"));
    assert_eq!(files(), changed);
    assert_eq!(run(&["import", "migrations"]).status.code(), Some(2));
    assert_eq!(files(), changed);
}

#[test]
fn an_import_goes_behind_migrations_that_have_its_versions() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, column: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let index = format!("CREATE INDEX CONCURRENTLY on_{column} ON t ({column});");
        fs::write(path, index).unwrap();
    };
    let import = || {
        let output = support::dbaudit(folder.path())
            .args(["import", "db"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let mut names: Vec<String> = fs::read_dir(folder.path().join("migrations"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    write("migrations/V1__own.sql", "a");
    write("migrations/V4__own.sql", "b");
    write("db/2_c.up.sql", "c");
    write("db/4_d.up.sql", "d");
    write("db/9_e.up.sql", "e");
    let beside = [
        "V1__own.sql",
        "V2__c.sql",
        "V4__own.sql",
        "V5__d.sql",
        "V9__e.sql",
    ];
    assert_eq!(import(), beside);
    // Again, with one more of each: what was imported stays as it is.
    assert_eq!(import(), beside);
    write("migrations/V10__own.sql", "f");
    write("db/10_g.up.sql", "g");
    let mut more = beside.map(str::to_owned).to_vec();
    more.extend(["V10__own.sql".to_owned(), "V11__g.sql".to_owned()]);
    more.sort();
    assert_eq!(import(), more);
    // As `apply-indexes` reads them, no version stands there twice.
    let output = support::dbaudit(folder.path())
        .args(["apply-indexes", "-d", "postgres://h.invalid/d"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

#[test]
fn apply_indexes_on_another_tools_folder_names_import() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("goose/1_a.sql", "-- +goose Up\nCREATE TABLE t (a int);"),
        ("prisma/1_a/migration.sql", "CREATE TABLE t (a int);"),
        ("flyway/V1__a.sql", "CREATE TABLE t (a int);"),
        (
            "migrate/1_a.up.sql",
            "CREATE INDEX CONCURRENTLY i ON t (a);",
        ),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        let (tool, _) = name.split_once('/').unwrap();
        let output = support::dbaudit(folder.path())
            .args([
                "apply-indexes",
                "--migrations",
                tool,
                "-d",
                "postgres://h.invalid/d",
            ])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("dbaudit import {tool}")), "{said}");
        // It is said once, however many files there are.
        assert_eq!(said.matches("hint:").count(), 1, "{said}");
    }
    // A mistake in a folder of dbaudit's own is none of another tool's.
    fs::create_dir(folder.path().join("own")).unwrap();
    fs::write(
        folder.path().join("own/V1__a.sql"),
        "CREATE INDEX i ON t (a);",
    )
    .unwrap();
    let output = support::dbaudit(folder.path())
        .args([
            "apply-indexes",
            "--migrations",
            "own",
            "-d",
            "postgres://h.invalid/d",
        ])
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("dbaudit import"));
}
