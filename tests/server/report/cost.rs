//! What the report costs the server, and that it says so.

use serde_json::Value;

use super::{exposition, number, report, report_beside};
use crate::{
    apply_pooler::PgBouncer,
    report_checks::planted,
    support::{self, Template, TestDatabase},
};

/// The last line of `-v`.
fn said(database: &TestDatabase) -> String {
    let output = database
        .dbaudit(&["report", "--fail-on", "never", "-v"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = stderr.lines().find(|line| line.contains(" queries, "));
    line.unwrap_or_else(|| panic!("{stderr}")).to_owned()
}

#[tokio::test]
async fn the_blocks_that_it_read_are_told_on_every_version() {
    for server in support::servers() {
        let database = server.database(Template::Demo);
        let client = database.client().await;
        // Others read meanwhile: what they read is not the report's.
        let reading = tokio::spawn(async move {
            for _ in 0..20 {
                client
                    .batch_execute("SELECT count(*) FROM content, generate_series(1, 5)")
                    .await
                    .unwrap();
            }
        });
        let (_, report) = report_beside(&database).await;
        reading.await.unwrap();
        let cost = &report["cost"];
        let blocks =
            cost["blocks"]["hit"].as_i64().unwrap() + cost["blocks"]["read"].as_i64().unwrap();
        // Each of the large catalogs is read whole, once: a few more for indexes and lookups.
        let client = database.client().await;
        let whole = "SELECT sum(pg_relation_size(c.oid) / 8192)::int8 FROM pg_class c
                     WHERE c.relname IN ('pg_class', 'pg_attribute', 'pg_constraint', 'pg_index', 'pg_statistic')";
        let least = number(&client, whole).await;
        let version = server.major();
        assert!(blocks >= least, "{version}: {blocks} of {least}");
        assert!(blocks < 60 * least, "{version}: {blocks} of {least}");
        let (elapsed, at_server) = (
            cost["elapsed_ms"].as_f64().unwrap(),
            cost["server_ms"].as_f64().unwrap(),
        );
        assert!(at_server > 0.0 && at_server <= elapsed, "{version}: {cost}");
        let said = said(&database);
        assert!(
            said.contains(" ms of it on the server, ")
                && said.contains(" blocks from shared buffers"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn where_the_server_does_not_count_the_blocks_are_said_to_be_unknown() {
    let database = support::server().database(Template::Empty);
    let client = database.client().await;
    let off = format!(
        "ALTER DATABASE \"{}\" SET track_counts = off",
        database.name
    );
    client.batch_execute(&off).await.unwrap();
    let (_, report) = report(&database, &["--fail-on", "never"]);
    assert_eq!(report["cost"]["blocks"], Value::Null);
    assert_eq!(report["cost"]["blocks_unknown"], "track_counts is off");
    assert!(said(&database).contains("blocks unknown: track_counts is off"));
}

/// Formats that show no definitions do not ask for all of them: they judge alike.
#[tokio::test]
async fn what_is_found_does_not_hang_on_the_format() {
    let server = support::server();
    let database = server.database(Template::Empty);
    planted::plant(&database, server.major()).await;
    std::fs::write(database.folder().join("dbaudit.toml"), planted::THRESHOLDS).unwrap();
    let (_, report) = report(&database, &["--fail-on", "never", "--save", "facts.json"]);
    let mut live = database.dbaudit(&["report", "--fail-on", "never", "--format", "prometheus"]);
    let live = String::from_utf8(live.output().unwrap().stdout).unwrap();
    let samples = exposition::parse(&live).unwrap();
    let of = |sample: &exposition::Sample, key: &str| {
        let label = sample.labels.iter().find(|(label, _)| label == key);
        label.unwrap().1.clone()
    };
    let by_index = |check: &str| check.contains("index");
    let mut compared = 0.0;
    for sample in samples
        .iter()
        .filter(|sample| sample.name == "dbaudit_findings")
    {
        let (check, severity) = (of(sample, "check"), of(sample, "severity"));
        if !by_index(&check) {
            continue;
        }
        let found = report["findings"].as_array().unwrap().iter();
        let count = found
            .filter(|f| f["check"] == check.as_str() && f["severity"] == severity.as_str())
            .count();
        assert_eq!(sample.value, count as f64, "{check} {severity}");
        compared += sample.value;
    }
    assert!(compared >= 10.0, "{compared}");
}

#[tokio::test]
async fn a_transaction_pooler_in_between_is_no_hindrance() {
    let database = support::server().database(Template::Demo);
    let Some(pooler) = PgBouncer::start(&database, "transaction").await else {
        return;
    };
    let direct = report(&database, &["--fail-on", "never"]).1;
    let mut command = support::dbaudit(database.folder());
    command.args([
        "-d",
        &pooler.url,
        "report",
        "--format",
        "json",
        "--fail-on",
        "never",
    ]);
    let (status, pooled) = super::json(&mut command);
    assert_eq!(status, 0);
    let names = |report: &Value| -> Vec<String> {
        let tables = report["tables"].as_array().unwrap();
        tables
            .iter()
            .map(|table| table["name"].to_string())
            .collect()
    };
    assert_eq!(names(&pooled), names(&direct));
    assert_eq!(pooled["skipped"], direct["skipped"]);
}
