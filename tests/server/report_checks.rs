//! The checks against real servers: each problem planted with real SQL, each look-alike beside it.

mod bloat;
mod collations;
mod fresh;
mod keys;
pub(crate) mod planted;
mod remedies;

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use crate::support::{self, PrivateServer, Template, TestDatabase};

/// The report, by the thresholds that make small tables count.
fn report(database: &TestDatabase, args: &[&str]) -> Value {
    std::fs::write(database.folder().join("dbaudit.toml"), planted::THRESHOLDS).unwrap();
    let mut all = vec!["report", "--format", "json", "--fail-on", "never"];
    all.extend(args);
    run(&mut database.dbaudit(&all))
}

/// Of a server of the test's own.
fn report_at(url: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dbaudit.toml"), planted::THRESHOLDS).unwrap();
    let mut command = support::dbaudit(folder.path());
    command.args(["-d", url, "report", "--format", "json"]);
    run(command.args(["--fail-on", "never"]))
}

fn run(command: &mut assert_cmd::Command) -> Value {
    let output = command.timeout(Duration::from_secs(120)).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{shown}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `check subject`, of every finding that `about` is true of.
fn found(report: &Value, about: impl Fn(&str, &str) -> bool) -> BTreeSet<String> {
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|f| {
            (
                f["check"].as_str().unwrap(),
                f["subject"]["name"].as_str().unwrap(),
            )
        })
        .filter(|(check, subject)| about(check, subject))
        .map(|(check, subject)| format!("{check} {subject}"))
        .collect()
}

/// Not the whole server's state, which tests that run at the same time change; and of unused indexes only
/// those planted for it, since most others here are never read.
fn is_planted(check: &str, subject: &str) -> bool {
    let planted_unused = ["idle", "parts", "identity", "fk_", "booked"];
    if check == "unused-index" {
        return planted_unused
            .iter()
            .any(|start| subject.starts_with(start));
    }
    !matches!(
        check,
        "connection-saturation"
            | "host-memory"
            | "host-cpu"
            | "host-disk"
            | "host-throttled"
            | "idle-in-transaction"
            | "long-transaction"
            | "blocked-sessions"
            | "prepared-transaction"
            | "slot-retention"
            | "replication-lag"
            | "slow-statement"
            | "statement-eviction"
            | "checkpoint-pressure"
            | "cache-hit-ratio"
            | "unsafe-setting"
            | "pending-restart"
            | "xid-wraparound"
            | "multixact-wraparound"
    )
}

#[tokio::test]
async fn every_planted_problem_is_found_and_no_look_alike() {
    for server in support::servers() {
        let database = server.database(Template::Empty);
        planted::plant(&database, server.major()).await;
        let expected: BTreeSet<String> = planted::expected(&database.name, server.major());
        let mut last = Value::Null;
        let mut seen = BTreeSet::new();
        // The counters of the sessions that planted arrive when those have ended.
        for _ in 0..100 {
            last = report(&database, &[]);
            seen = found(&last, is_planted);
            if seen == expected {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let missing: Vec<&String> = expected.difference(&seen).collect();
        let wrong: Vec<&String> = seen.difference(&expected).collect();
        assert!(
            missing.is_empty() && wrong.is_empty(),
            "{}: not found: {missing:#?}; should not be: {wrong:#?}\n{:#}",
            server.major(),
            last["findings"]
        );
    }
}

#[tokio::test]
async fn every_remedy_that_drops_or_creates_an_index_runs_and_its_undo_as_well() {
    let server = support::server();
    let database = server.database(Template::Empty);
    planted::plant(&database, server.major()).await;
    let report = report(&database, &[]);
    let client = database.client().await;
    let mut ran = 0;
    for finding in report["findings"].as_array().unwrap() {
        let check = finding["check"].as_str().unwrap();
        let wanted = matches!(
            check,
            "missing-fk-index"
                | "duplicate-index"
                | "redundant-index"
                | "null-heavy-index"
                | "build-leftover"
        );
        let Some(remedy) = finding["remedy"].as_str().filter(|_| wanted) else {
            continue;
        };
        for statement in remedy
            .lines()
            .chain(finding["undo"].as_str().unwrap_or("").lines())
        {
            client
                .batch_execute(statement)
                .await
                .unwrap_or_else(|error| panic!("{check}: {statement}: {error:?}"));
            ran += 1;
        }
    }
    assert!(ran >= 8, "{ran} statements");
}

#[tokio::test]
async fn sessions_that_hold_others_up_are_found() {
    let server = support::server();
    let database = server.database(Template::Empty);
    let holder = database.client().await;
    for statement in [
        "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1)",
        "BEGIN; UPDATE t SET n = 2",
    ] {
        holder.batch_execute(statement).await.unwrap();
    }
    let pid: i32 = holder
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let waiting = database.client().await;
    let waiting_pid: i32 = waiting
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let wait = tokio::spawn(async move {
        let _ = waiting.batch_execute("UPDATE t SET n = 3").await;
    });
    let mut last = Value::Null;
    let blocked = format!("blocked-sessions {pid}");
    for _ in 0..100 {
        last = report(&database, &[]);
        if found(&last, |_, subject| subject == pid.to_string()).contains(&blocked) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let of_holder = found(&last, |_, subject| subject == pid.to_string());
    assert_eq!(
        of_holder,
        BTreeSet::from([blocked.clone(), format!("idle-in-transaction {pid}")])
    );
    let of_waiting = found(&last, |_, subject| subject == waiting_pid.to_string());
    assert_eq!(
        of_waiting,
        BTreeSet::from([format!("long-transaction {waiting_pid}")])
    );
    let findings = last["findings"].as_array().unwrap();
    let blocked = findings
        .iter()
        .find(|f| f["check"] == "blocked-sessions")
        .unwrap();
    assert_eq!(
        blocked["evidence"]["waiting_pids"],
        serde_json::json!([waiting_pid])
    );
    holder.batch_execute("ROLLBACK").await.unwrap();
    wait.await.unwrap();
}

#[tokio::test]
async fn slow_statements_are_found_and_quick_ones_and_maintenance_are_not() {
    for major in support::servers().iter().map(support::TestServer::major) {
        // The statements of the other tests, thousands, would push these out of the shared server's memory.
        let server = PrivateServer::start(major, &[]);
        let client = support::connect(&server.url("postgres")).await;
        if client
            .batch_execute("CREATE EXTENSION pg_stat_statements")
            .await
            .is_err()
        {
            continue;
        }
        client
            .batch_execute("CREATE TABLE t (id int PRIMARY KEY)")
            .await
            .unwrap();
        for _ in 0..3 {
            client.query("SELECT pg_sleep(0.15)", &[]).await.unwrap();
            client.query("SELECT count(*) FROM t", &[]).await.unwrap();
            client
                .batch_execute("DO $$ BEGIN PERFORM pg_sleep(0.15); END $$")
                .await
                .unwrap();
        }
        let report = report_at(&server.url("postgres"));
        let findings = report["findings"].as_array().unwrap();
        let slow: Vec<&Value> = findings
            .iter()
            .filter(|finding| finding["check"] == "slow-statement")
            .map(|finding| &finding["evidence"]["query"])
            .collect();
        assert_eq!(slow, ["SELECT pg_sleep($1)"], "{major}");
    }
}

#[tokio::test]
async fn slots_prepared_transactions_and_settings_of_the_server_are_found() {
    for major in support::servers().iter().map(support::TestServer::major) {
        of_the_whole_server(major).await;
    }
}

async fn of_the_whole_server(major: u32) {
    let server = PrivateServer::start(
        major,
        &[
            "wal_level=logical",
            "max_prepared_transactions=5",
            "full_page_writes=off",
            "cluster_name=not for throwing away",
        ],
    );
    let client = support::connect(&server.url("postgres")).await;
    for statement in [
        "CREATE TABLE t (id int PRIMARY KEY)",
        "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'left behind'",
        "SELECT pg_create_physical_replication_slot('reader_gone', true)",
        "SELECT pg_create_physical_replication_slot('never_used')",
        "CREATE TABLE much AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)",
        "ALTER SYSTEM SET max_connections = 77",
        "SELECT pg_reload_conf()",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dbaudit.toml"), planted::THRESHOLDS).unwrap();
    let expected: BTreeSet<String> = [
        "prepared-transaction left behind",
        "slot-retention reader_gone",
        "unsafe-setting full_page_writes",
        "pending-restart max_connections",
    ]
    .map(str::to_owned)
    .into();
    let mut seen = BTreeSet::new();
    // The postmaster reads the files when it gets to it.
    for _ in 0..100 {
        let mut command = support::dbaudit(folder.path());
        command.args([
            "-d",
            &server.url("postgres"),
            "report",
            "--format",
            "json",
            "--fail-on",
            "never",
        ]);
        seen = found(&run(&mut command), |check, subject| {
            matches!(
                check,
                "prepared-transaction" | "slot-retention" | "pending-restart"
            ) || subject == "full_page_writes"
        });
        if seen == expected {
            break;
        }
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_role_that_cannot_see_statistics_is_told_so_and_no_check_says_fine() {
    for major in support::servers().iter().map(support::TestServer::major) {
        blind_without_statistics(major).await;
    }
}

async fn blind_without_statistics(major: u32) {
    let server = PrivateServer::start(major, &[]);
    let client = support::connect(&server.url("postgres")).await;
    client
        .batch_execute(
            "CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher; CREATE SCHEMA hidden;
             CREATE TABLE hidden.t (id serial PRIMARY KEY, v int);
             INSERT INTO hidden.t (v) SELECT NULL FROM generate_series(1, 20000);
             CREATE INDEX v_idx ON hidden.t (v)",
        )
        .await
        .unwrap();
    client
        .batch_execute("VACUUM ANALYZE hidden.t")
        .await
        .unwrap();
    let report = report_at(&server.url("postgres").replacen("postgres@", "watcher@", 1));
    let blind = [
        "table-bloat",
        "index-bloat",
        "never-analyzed",
        "null-heavy-index",
    ];
    assert_eq!(
        found(&report, |check, _| blind.contains(&check)),
        BTreeSet::new()
    );
    let skipped = report["skipped"].as_array().unwrap();
    for check in blind {
        let entry = skipped
            .iter()
            .find(|entry| entry["check"] == check)
            .unwrap_or_else(|| panic!("{check} is not skipped: {skipped:#?}"));
        assert!(
            entry["grant"].as_str().unwrap().contains("watcher"),
            "{entry}"
        );
    }
}
