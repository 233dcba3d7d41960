//! What a role may not see is said, with the GRANT that would show it.

use serde_json::Value;

use super::{findings, json};
use crate::support::{self, PrivateServer};

/// A server with a database that has something to hide, and a role that may only connect.
async fn with_limited_role(major: u32) -> (PrivateServer, tempfile::TempDir) {
    let server = PrivateServer::start(major, &[]);
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
    for major in support::servers().iter().map(support::TestServer::major) {
        let (server, folder) = with_limited_role(major).await;
        // A session of someone else, to be hidden.
        let other = support::connect(&server.url("postgres")).await;
        other.batch_execute("BEGIN").await.unwrap();
        let report = report_as(&server, &folder, "limited");
        let grants = grants(&report);
        let reads_all = if major >= 14 {
            "GRANT pg_read_all_data TO limited"
        } else {
            "GRANT SELECT ON ALL TABLES IN SCHEMA secret TO limited"
        };
        for needed in [
            "GRANT pg_read_all_stats TO limited",
            "GRANT pg_read_all_settings TO limited",
            reads_all,
        ] {
            assert!(
                grants.contains(needed),
                "{major}: {needed} is not among:\n{grants}"
            );
        }
        let table = super::named(&report, "tables", "secret", "t");
        assert_eq!(
            table["estimated_rows"], 1000.0,
            "the catalog itself is open to all"
        );
        let by_state = &report["connections"]["by_state"];
        assert!(by_state["unknown"].as_u64().unwrap() >= 1, "{major}");
        let skipped = report["skipped"].as_array().unwrap();
        let saturation = skipped
            .iter()
            .find(|one| one["check"] == "connection-saturation")
            .expect("it saw only a part of the sessions");
        assert_eq!(saturation["partial"], true);
    }
}

/// The grants that a report names, given, leave nothing more to be granted.
#[tokio::test]
async fn the_grants_that_a_report_names_show_what_it_missed() {
    for major in support::servers().iter().map(support::TestServer::major) {
        let (server, folder) = with_limited_role(major).await;
        let admin = support::connect(&server.url("postgres")).await;
        admin.batch_execute("BEGIN").await.unwrap();
        let before = report_as(&server, &folder, "limited");
        let other = support::connect(&server.url("postgres")).await;
        let named = grants(&before);
        for grant in named.lines().filter(|line| line.starts_with("GRANT")) {
            other.batch_execute(grant).await.unwrap();
        }
        let after = report_as(&server, &folder, "limited");
        let left = grants(&after);
        assert!(
            left.lines().all(|grant| grant.starts_with("CREATE")),
            "{major}: {left}"
        );
    }
}

#[tokio::test]
async fn the_printed_grants_leave_nothing_hidden() {
    for major in support::servers().iter().map(support::TestServer::major) {
        // Which pg_read_all_data is there from.
        if major < 14 {
            continue;
        }
        let (server, folder) = with_limited_role(major).await;
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
        assert_eq!(grants(&report), "", "{major}: {:#}", report["skipped"]);
        assert!(findings(&report, "invalid-index").is_empty());
    }
}
