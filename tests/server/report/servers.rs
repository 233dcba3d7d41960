//! Standbys, and counters after a crash.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{findings, json};
use crate::support::{self, PrivateServer};

fn report_on(url: &str, folder: &Path, args: &[&str]) -> Value {
    let mut command = support::dbaudit(folder);
    command
        .args([
            "-d",
            url,
            "report",
            "--format",
            "json",
            "--fail-on",
            "never",
        ])
        .args(args);
    json(&mut command).1
}

const UNUSED: &str = "
    CREATE TABLE t (id int PRIMARY KEY, a int, b int);
    INSERT INTO t SELECT n, n, n FROM generate_series(1, 100000) n;
    CREATE INDEX unused ON t (a);
    VACUUM ANALYZE t";

#[tokio::test]
async fn an_index_that_a_standby_uses_is_not_unused() {
    for major in support::servers().iter().map(support::TestServer::major) {
        read_by_a_standby(major).await;
    }
}

async fn read_by_a_standby(major: u32) {
    let mut primary = PrivateServer::start(major, &[]);
    let admin = support::connect(&primary.url("postgres")).await;
    for statement in UNUSED.split(';') {
        admin.batch_execute(statement).await.unwrap();
    }
    drop(admin);
    // The standby starts from a copy of the stopped primary's files.
    let mut standby = PrivateServer::start(major, &["hot_standby=on"]);
    primary.stop_fast();
    standby.stop_fast();
    // The harness keeps its settings, the port among them, in this.
    let own: Vec<(PathBuf, Vec<u8>)> = ["dbaudit.conf"]
        .iter()
        .map(|name| standby.data_dir.join(name))
        .filter_map(|path| std::fs::read(&path).ok().map(|text| (path, text)))
        .collect();
    std::fs::remove_dir_all(&standby.data_dir).unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([&primary.data_dir, &standby.data_dir])
        .status()
        .unwrap();
    assert!(copied.success());
    for (path, text) in own {
        // Over the copy, whose owner is the server's.
        std::fs::write(path, text).unwrap();
    }
    std::fs::write(standby.data_dir.join("standby.signal"), "").unwrap();
    standby.start_again();
    primary.start_again();

    let folder = tempfile::tempdir().unwrap();
    let url = primary.url("postgres");
    let alone = report_on(&url, folder.path(), &[]);
    assert_eq!(
        findings(&alone, "unused-index").len(),
        1,
        "{:#}",
        alone["findings"]
    );

    let reader = support::connect(&standby.url("postgres")).await;
    reader
        .batch_execute("SET enable_seqscan = off; SELECT * FROM t WHERE a = 5")
        .await
        .unwrap();
    drop(reader);
    let replica = standby.url("postgres");
    let mut last = Value::Null;
    // The reader's counters arrive when its session has ended.
    for _ in 0..200 {
        last = report_on(&url, folder.path(), &["--replica", &replica]);
        if findings(&last, "unused-index").is_empty() {
            break;
        }
        // The connection needs this thread to say that it ends.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(
        findings(&last, "unused-index").is_empty(),
        "{major}: {:#}",
        last["findings"]
    );

    let there = report_on(&replica, folder.path(), &[]);
    assert_eq!(there["server"]["in_recovery"], true);
    // It counts no writes and runs no vacuums: what rests on them is skipped, and not found to be fine.
    let skipped = there["skipped"].as_array().unwrap();
    for check in ["dead-tuples", "table-bloat", "never-analyzed"] {
        assert!(
            skipped
                .iter()
                .any(|one| one["check"] == check && one["partial"] == false),
            "{major}: {check}"
        );
    }
    assert!(there["replication"]["standby"].is_object(), "{major}");
}

#[tokio::test]
async fn after_a_crash_the_age_of_the_counters_is_unknown_and_unused_is_only_an_info() {
    for major in support::servers().iter().map(support::TestServer::major) {
        after_a_crash(major).await;
    }
}

async fn after_a_crash(major: u32) {
    let mut server = PrivateServer::start(major, &[]);
    let admin = support::connect(&server.url("postgres")).await;
    for statement in UNUSED.split(';') {
        admin.batch_execute(statement).await.unwrap();
    }
    admin.batch_execute("CHECKPOINT").await.unwrap();
    drop(admin);
    server.stop_immediate();
    server.start_again();
    let folder = tempfile::tempdir().unwrap();
    let url = server.url("postgres");
    let report = report_on(&url, folder.path(), &["--save", "after.json"]);
    assert_eq!(report["database"]["stats_reset"], Value::Null);
    let found = findings(&report, "unused-index");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["severity"], "info");
    assert_eq!(found[0]["evidence_age"]["kind"], "counters");
    assert_eq!(found[0]["evidence_age"]["since"], Value::Null);
    // Between two snapshots with a crash in between no rate is made up.
    server.stop_immediate();
    server.start_again();
    let again = report_on(&url, folder.path(), &["--since", "after.json"]);
    let changes = &again["changes"];
    let reason = changes["counters_reset"].as_str().unwrap_or_default();
    assert!(reason.contains("crash"), "{major}: {changes:#}");
    assert_eq!(changes["commits_per_s"], Value::Null);
}

#[tokio::test]
async fn a_server_that_is_no_standby_of_this_one_is_not_taken_for_one() {
    let major = support::server().major();
    let one = PrivateServer::start(major, &[]);
    let other = PrivateServer::start(major, &[]);
    for (server, before) in [(&one, "SELECT 1"), (&other, "CREATE TABLE t (id int)")] {
        let admin = support::connect(&server.url("postgres")).await;
        // So that the next database gets another oid.
        admin.batch_execute(before).await.unwrap();
        admin.batch_execute("CREATE DATABASE app").await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let output = support::dbaudit(folder.path())
        .args(["-d", &one.url("app"), "report", "--replica"])
        .arg(other.url("app"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("is a different one"), "{stderr}");
}
