//! What a role may not see is said, with the GRANT that would show it.

use serde_json::Value;

use super::{findings, json};
use crate::support::{self, PrivateServer};

/// A server with a database that has something to hide, and a role that may only connect.
async fn with_limited_role() -> (PrivateServer, tempfile::TempDir) {
    let server = PrivateServer::start(support::server().major(), &[]);
    let client = support::connect(&server.url("postgres")).await;
    client
        .batch_execute(
            "CREATE ROLE limited LOGIN; CREATE SCHEMA secret;
             CREATE TABLE secret.t (id serial PRIMARY KEY, name text);
             INSERT INTO secret.t (name) SELECT n::text FROM generate_series(1, 1000) n;
             ANALYZE secret.t",
        )
        .await
        .unwrap();
    (server, tempfile::tempdir().unwrap())
}

fn report_as(server: &PrivateServer, folder: &tempfile::TempDir, role: &str) -> Value {
    let url = server
        .url("postgres")
        .replacen("postgres@", &format!("{role}@"), 1);
    let mut command = support::dbaudit(folder.path());
    command.args([
        "-d",
        &url,
        "report",
        "--format",
        "json",
        "--fail-on",
        "never",
    ]);
    let (status, report) = json(&mut command);
    assert_eq!(status, 0);
    assert_eq!(report["server"]["role"], role);
    report
}

fn grants(report: &Value) -> String {
    let skipped = report["skipped"].as_array().unwrap();
    let grants: Vec<&str> = skipped
        .iter()
        .filter_map(|one| one["grant"].as_str())
        .collect();
    grants.join("\n")
}

#[tokio::test]
async fn a_role_with_nothing_gets_a_report_that_says_what_is_missing() {
    let (server, folder) = with_limited_role().await;
    // A session of someone else, to be hidden.
    let other = support::connect(&server.url("postgres")).await;
    other.batch_execute("BEGIN").await.unwrap();
    let report = report_as(&server, &folder, "limited");
    let grants = grants(&report);
    for needed in [
        "GRANT pg_read_all_stats TO limited",
        "GRANT pg_read_all_settings TO limited",
        "GRANT pg_read_all_data TO limited",
    ] {
        assert!(grants.contains(needed), "{needed} is not among:\n{grants}");
    }
    let table = super::named(&report, "tables", "secret", "t");
    assert_eq!(
        table["estimated_rows"], 1000.0,
        "the catalog itself is open to all"
    );
    assert!(
        report["connections"]["by_state"]["unknown"]
            .as_u64()
            .unwrap()
            >= 1
    );
    let saturation = report["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["check"] == "connection-saturation")
        .expect("it saw only a part of the sessions");
    assert_eq!(saturation["partial"], true);
}

#[tokio::test]
async fn the_printed_grants_leave_nothing_hidden() {
    let (server, folder) = with_limited_role().await;
    let printed = support::dbaudit(folder.path())
        .args(["report", "--print-grants"])
        .output()
        .unwrap();
    assert_eq!(printed.status.code(), Some(0));
    let sql = String::from_utf8(printed.stdout).unwrap();
    let admin = support::connect(&server.url("postgres")).await;
    admin.batch_execute(&sql).await.unwrap();
    let other = support::connect(&server.url("postgres")).await;
    other.batch_execute("BEGIN").await.unwrap();
    let report = report_as(&server, &folder, "dbaudit");
    assert_eq!(grants(&report), "", "{:#}", report["skipped"]);
    assert!(findings(&report, "invalid-index").is_empty());
}
