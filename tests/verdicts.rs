//! Proofs that take a quiet machine and some minutes: `cargo test --release --test verdicts -- --ignored --nocapture
//! --test-threads 1`.
//!
//! `DBAUDIT_VERDICTS_ROUNDS` (50) repeated runs of the standard queries, with and without the two indexes that their
//! search needs; the medians of `time-queries` beside those of pgbench; and verdicts around the budget, beside busy
//! loops, with pgbench as the truth.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    reason = "tests fail by panicking"
)]

mod support;
#[path = "verdicts/truth.rs"]
mod truth;

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;
use support::{
    PrivateServer, dbaudit,
    pgbench::{latencies, pgbench},
};

/// As many as the application's owner has; see docs/src/safety.md.
const ROWS: u64 = 300_000;

fn rounds() -> usize {
    std::env::var("DBAUDIT_VERDICTS_ROUNDS").map_or(50, |text| text.parse().expect("a number"))
}

/// A server with the sample data and these of the migrations, and with memory enough to hold it.
async fn loaded(migrations: &[u32]) -> PrivateServer {
    let server = PrivateServer::start(15, &["shared_buffers=256MB"]);
    let client = support::connect(&server.url("postgres")).await;
    dbaudit::demo::load(&client, ROWS, dbaudit::demo::SEED, |_| ())
        .await
        .expect("the sample loads");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    for file in std::fs::read_dir(folder).expect("the folder").flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let wanted = |version: &u32| name.starts_with(&format!("V{version}__"));
        if migrations.iter().any(wanted) {
            let sql = std::fs::read_to_string(file.path()).expect("the file");
            client.batch_execute(&sql).await.expect("it is built");
        }
    }
    client
        .batch_execute("VACUUM ANALYZE")
        .await
        .expect("it is analysed");
    server
}

fn time_queries(server: &PrivateServer, folder: &Path, args: &[&str]) -> (i32, Value) {
    time_queries_at(&server.url("postgres"), folder, args)
}

fn time_queries_at(url: &str, folder: &Path, args: &[&str]) -> (i32, Value) {
    let output = dbaudit(folder)
        .args(["-d", url, "time-queries"])
        .args(["--format", "json"])
        .args(args)
        .output()
        .expect("it runs");
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    (output.status.code().expect("a status"), json)
}

/// The embedded queries with their own budget, 100 ms.
#[tokio::test]
#[ignore = "minutes; see the head of the file"]
async fn with_all_six_indexes_every_run_of_the_standard_queries_is_within() {
    let server = loaded(&[1, 2, 3, 4, 5, 6]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut verdicts: BTreeMap<String, usize> = BTreeMap::new();
    let mut seconds = Vec::new();
    for _ in 0..rounds() {
        let begun = std::time::Instant::now();
        let (status, json) = time_queries(&server, folder.path(), &[]);
        seconds.push(begun.elapsed().as_secs_f64());
        for query in json["queries"].as_array().expect("queries") {
            let told = format!("{} {}", query["name"], query["verdict"]);
            *verdicts.entry(told).or_default() += 1;
            if query["verdict"] != "within" {
                eprintln!("{query:#}");
            }
        }
        *verdicts.entry(format!("status {status}")).or_default() += 1;
    }
    seconds.sort_by(f64::total_cmp);
    eprintln!(
        "{verdicts:#?}\nseconds a run: median {:.1}, slowest {:.1}",
        seconds[seconds.len() / 2],
        seconds[seconds.len() - 1]
    );
    assert_eq!(verdicts.get("status 0"), Some(&rounds()), "{verdicts:#?}");
    assert_eq!(
        verdicts.len(),
        5,
        "each query within, always: {verdicts:#?}"
    );
}

#[tokio::test]
#[ignore = "minutes; see the head of the file"]
async fn without_the_two_of_the_search_only_the_search_is_over_every_time_and_says_why() {
    let server = loaded(&[1, 2, 3, 4]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut verdicts: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..rounds() {
        let (status, json) = time_queries(&server, folder.path(), &[]);
        *verdicts.entry(format!("status {status}")).or_default() += 1;
        for query in json["queries"].as_array().expect("queries") {
            let told = format!("{} {}", query["name"], query["verdict"]);
            *verdicts.entry(told).or_default() += 1;
            if query["verdict"] != "over" {
                continue;
            }
            let deciding = query["cases"].as_array().expect("cases").iter();
            let deciding = deciding
                .filter(|case| case["label"] == query["deciding_case"])
                .map(|case| case["explanation"]["reasons"].to_string());
            let reasons: String = deciding.collect();
            for reason in ["a sequential scan of public.content_metadata", "a sort of"] {
                if reasons.contains(reason) {
                    *verdicts.entry(format!("because of {reason}")).or_default() += 1;
                }
            }
            assert!(
                reasons.contains("a sequential scan of public.content_metadata")
                    || reasons.contains("a sort of"),
                "{reasons}"
            );
        }
    }
    eprintln!("{verdicts:#?}");
    let always = |what: &str| assert_eq!(verdicts.get(what), Some(&rounds()), "{verdicts:#?}");
    always("\"content_search\" \"over\"");
    for other in ["active_users", "content_by_user", "topic_duplicates"] {
        always(&format!("\"{other}\" \"within\""));
    }
    always("status 1");
}

/// Blocks of so many samples, in turns.
const BLOCK: usize = 500;
/// Blocks of each: 2,000 samples and more.
const BLOCKS: usize = 8;

/// In turns, on one server and over the same kind of connection; compared are the medians of the blocks' medians, which
/// a block that the machine disturbed does not move.
#[tokio::test]
#[ignore = "takes a quiet machine; see the head of the file"]
async fn the_median_is_the_one_that_pgbench_sees() {
    let pgbench = pgbench().expect("pgbench (Debian, Ubuntu: apt-get install postgresql)");
    let server = loaded(&[1]).await;
    let socket = server.socket_dir.display().to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let mut off = Vec::new();
    for (name, sql, parameter) in [
        (
            "by primary key",
            "SELECT id, topic FROM content WHERE id = $1",
            4711,
        ),
        (
            "twenty rows of an index",
            "SELECT id, topic FROM content WHERE user_id = $1 ORDER BY generated_at DESC LIMIT 20",
            1,
        ),
        (
            "an aggregate",
            "SELECT count(*), sum(length(topic)) FROM content WHERE id <= $1",
            3_000,
        ),
    ] {
        // So many are needed before anything can be certified: 3,688 of a p99.9, 72 of a p95; the limit ends a block.
        let text = format!("-- budget: 500ms p99.9\n-- param $1: values {parameter}\n{sql}\n");
        let queries = folder.path().join("queries");
        std::fs::create_dir_all(&queries).unwrap();
        std::fs::write(queries.join("q.sql"), text).unwrap();
        let script = format!("\\set n {parameter}\n{};\n", sql.replace("$1", ":n"));
        for host in [socket.as_str(), "127.0.0.1"] {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for block in 0..2 * BLOCKS {
                // ABBA: what drifts drifts for both.
                let url = format!(
                    "host={host} port={} user=postgres dbname=postgres sslmode=disable",
                    server.port
                );
                if block % 4 == 0 || block % 4 == 3 {
                    ours.push(our_median(&url, folder.path()));
                } else {
                    theirs.push(latencies(&pgbench, &url, &script, BLOCK)[BLOCK / 2]);
                }
            }
            let (ours, theirs) = (median(&mut ours), median(&mut theirs));
            let ratio = ours / theirs;
            eprintln!("{name}, {host}: {ours:.4} ms, pgbench {theirs:.4} ms, ratio {ratio:.3}");
            if !(0.85..=1.15).contains(&ratio) {
                off.push(format!("{name}, {host}: {ratio:.3}"));
            }
        }
    }
    assert!(off.is_empty(), "{off:?}");
}

fn our_median(url: &str, folder: &Path) -> f64 {
    let samples = BLOCK.to_string();
    let args = ["--queries", "queries", "--max-samples", &samples];
    let (_, json) = time_queries_at(url, folder, &args);
    let case = &json["queries"][0]["cases"][0];
    assert_eq!(case["samples"], BLOCK, "{json:#}");
    case["p50_ms"].as_f64().expect("a median")
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
