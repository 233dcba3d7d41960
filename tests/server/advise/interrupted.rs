//! A proof that does not come to its end leaves nothing of its own, and touches nothing of others'.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio_postgres::Client;

use super::{database, query, run};
use crate::support::TestDatabase;

/// Two tables, each of which needs an index; and indexes of somebody else's that look like a proof's: by the name
/// alone, by the comment alone, and invalid.
const TABLES: &str = "
    CREATE TABLE left_side (id int NOT NULL, code text NOT NULL, note text NOT NULL);
    INSERT INTO left_side SELECT n, md5(n::text), repeat('l', 150) FROM generate_series(1, 60000) AS n;
    CREATE TABLE right_side (id int NOT NULL, left_id int NOT NULL, note text NOT NULL);
    INSERT INTO right_side SELECT n, n, repeat('r', 150) FROM generate_series(1, 60000) AS n;
    CREATE INDEX dbaudit_advise_0 ON left_side (length(note));
    CREATE INDEX dbaudit_advise_1_2 ON right_side (length(note));
    CREATE INDEX theirs ON left_side (id);
    COMMENT ON INDEX theirs IS 'built by dbaudit advise --prove, which drops it';
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'dbaudit_advise_1_2'::regclass";

const QUERY: &str = "-- budget: 3ms p50\n-- param $1: column left_side.code\n\
    SELECT l.note, r.note FROM left_side l JOIN right_side r ON r.left_id = l.id WHERE l.code = $1";

const PROVE: [&str; 6] = [
    "advise",
    "--queries",
    "queries",
    "--prove",
    "--disposable",
    "--no-progress",
];

async fn scene() -> (TestDatabase, Client, Vec<String>) {
    let database = database(TABLES).await;
    query(&database, "queries", "joined", QUERY);
    let client = database.client().await;
    let indexes = indexes(&client).await;
    (database, client, indexes)
}

/// Every index with what it is, its identity and its state.
async fn indexes(client: &Client) -> Vec<String> {
    let all =
        "SELECT format('%s %s %s %s', i.indexrelid, pg_get_indexdef(i.indexrelid), i.indisvalid,
                             obj_description(i.indexrelid))
                 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1";
    let rows = client.query(all, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn start(database: &TestDatabase) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dbaudit"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PG") || text.starts_with("DBAUDIT_") || text == "DATABASE_URL" {
            command.env_remove(&name);
        }
    }
    command
        .args(["-d", &database.url])
        .args(PROVE)
        .current_dir(database.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

/// Waits for the end; what was said on stderr comes with it.
fn end(mut child: Child) -> (ExitStatus, String) {
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    (child.wait().unwrap(), said)
}

async fn eventually(client: &Client, what: &str, condition: &str) {
    let begun = Instant::now();
    loop {
        let row = client.query_one(condition, &[]).await.unwrap();
        if row.get(0) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// One index stands, and the build of another waits for a writer of its table.
const STANDS: &str = "SELECT count(*) > 0 FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
    WHERE c.relname ~ '^dbaudit_advise_[0-9]+_[0-9]+$' AND c.relname <> 'dbaudit_advise_1_2'";
const WAITS: &str = "SELECT count(*) > 0 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX%'";

#[tokio::test]
async fn a_signal_amid_a_build_ends_it_and_drops_what_stands() {
    for chosen in [Signal::SIGINT, Signal::SIGTERM] {
        let (database, client, before) = scene().await;
        let mut writer = database.client().await;
        let writing = writer.transaction().await.unwrap();
        writing
            .batch_execute("LOCK TABLE right_side IN ROW EXCLUSIVE MODE")
            .await
            .unwrap();
        let child = start(&database);
        eventually(&client, "a build waits", WAITS).await;
        eventually(&client, "the other index stands", STANDS).await;
        signal(&child, chosen);
        let (status, said) = end(child);
        assert_eq!(status.code(), Some(130), "{chosen}: {said}");
        assert_eq!(indexes(&client).await, before, "{chosen}: {said}");
        // Nothing came later either: the session that built is gone.
        writing.rollback().await.unwrap();
        eventually(&client, "its sessions end", GONE).await;
        assert_eq!(indexes(&client).await, before, "{chosen}: {said}");
    }
}

const GONE: &str = "SELECT count(*) = 0 FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'dbaudit%'";

#[tokio::test]
async fn a_signal_amid_the_timing_drops_what_stands() {
    // With hypopg the best sets are built one after the other; without it, all candidates at once, to plan with.
    for (chosen, hypopg) in [(Signal::SIGTERM, true), (Signal::SIGINT, false)] {
        let (database, client, before) = scene().await;
        if !hypopg {
            client.batch_execute("DROP EXTENSION hypopg").await.unwrap();
        }
        let child = start(&database);
        eventually(&client, "an index stands", STANDS).await;
        signal(&child, chosen);
        let (status, said) = end(child);
        assert_eq!(status.code(), Some(130), "{chosen}: {said}");
        assert_eq!(indexes(&client).await, before, "{chosen}: {said}");
    }
}

#[tokio::test]
async fn what_a_killed_proof_left_goes_with_the_next_one_which_waits_for_its_build() {
    let (database, client, before) = scene().await;
    let mut writer = database.client().await;
    let writing = writer.transaction().await.unwrap();
    writing
        .batch_execute("LOCK TABLE right_side IN ROW EXCLUSIVE MODE")
        .await
        .unwrap();
    let killed = start(&database);
    eventually(&client, "a build waits", WAITS).await;
    signal(&killed, Signal::SIGKILL);
    end(killed);

    // The server has not noticed: the build goes on as soon as the writer lets it.
    let mut next = start(&database);
    let mut said = BufReader::new(next.stderr.take().unwrap()).lines();
    let waiting = said.find(|line| line.as_ref().unwrap().contains("waiting for another proof"));
    assert!(waiting.is_some(), "it did not wait");
    writing.rollback().await.unwrap();
    let said: Vec<String> = said.map(Result::unwrap).collect();
    let status = next.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{said:?}");
    assert_eq!(indexes(&client).await, before, "{said:?}");
}

#[tokio::test]
async fn two_proofs_in_one_database_are_kept_apart() {
    let (database, client, before) = scene().await;
    let key = 0x6462_6175_6469_7402_i64;
    client
        .execute("SELECT pg_advisory_lock($1)", &[&key])
        .await
        .unwrap();
    let (status, _, said) = run(&database, &[&PROVE[..], &["--max-time", "1s"]].concat());
    assert_eq!(status, 3, "{said}");
    let pid: i32 = client
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let way = format!("SELECT pg_terminate_backend({pid})");
    assert!(said.contains(&way), "{said}");
    assert_eq!(indexes(&client).await, before, "{said}");
}

/// The first set stands before the queries are measured: one that never ends is measured first, as it costs least.
#[tokio::test]
async fn a_signal_amid_the_search_ends_it_with_the_best_so_far() {
    let database = database(TABLES).await;
    query(&database, "queries", "joined", QUERY);
    query(
        &database,
        "queries",
        "endless",
        "-- budget: 3ms p50\nSELECT pg_sleep(600)",
    );
    let client = database.client().await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_dbaudit"))
        .args(["-d", &database.url, "advise", "--queries", "queries"])
        .args(["--max-time", "20m", "--no-progress", "--format", "json"])
        .current_dir(database.folder())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let sleeps = "SELECT count(*) > 0 FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event = 'PgSleep'";
    eventually(&client, "the endless query runs", sleeps).await;
    signal(&child, Signal::SIGINT);
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["search"]["interrupted"], true, "{json:#}");
    let found = super::recommended(&json);
    let serves = |part: &str| found.iter().any(|index| index.contains(part));
    assert!(
        serves("left_side") && serves("right_side"),
        "{found:?} {json:#}"
    );
    let nobody = "SELECT count(*) = 0 FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event = 'PgSleep'";
    eventually(&client, "the endless query is stopped", nobody).await;
}
