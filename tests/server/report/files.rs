//! Facts kept in files, baselines, rules, and formats.

use serde_json::Value;

use super::{INVALID, exposition, findings, json, report};
use crate::support::{self, Template};

#[tokio::test]
async fn saved_facts_give_the_same_report_without_a_server() {
    let database = support::server().database(Template::Demo);
    let (_, live) = report(&database, &["--save", "facts.json", "--fail-on", "never"]);
    let mut offline = support::dbaudit(database.folder());
    offline.args([
        "report",
        "--from",
        "facts.json",
        "--format",
        "json",
        "--fail-on",
        "never",
    ]);
    let (_, again) = json(&mut offline);
    assert_eq!(live, again);
}

#[tokio::test]
async fn rates_are_given_between_two_snapshots_and_withheld_after_a_reset() {
    let database = support::server().database(Template::Demo);
    let client = database.client().await;
    report(&database, &["--save", "before.json", "--fail-on", "never"]);
    client
        .batch_execute("DELETE FROM content_metadata WHERE content_id <= 100; DELETE FROM content WHERE id <= 100")
        .await
        .unwrap();
    // A session reports its counters when it ends, at the latest.
    drop(client);
    let since = ["--since", "before.json", "--fail-on", "never"];
    let mut changes = Value::Null;
    for _ in 0..200 {
        changes = report(&database, &since).1["changes"].clone();
        if deleted(&changes) == Some(100) {
            break;
        }
    }
    assert_eq!(deleted(&changes), Some(100), "{changes:#}");
    assert_eq!(changes["counters_reset"], Value::Null);

    let client = database.client().await;
    client
        .batch_execute("SELECT pg_stat_reset()")
        .await
        .unwrap();
    let (_, report) = report(&database, &since);
    let changes = &report["changes"];
    assert!(
        changes["counters_reset"]
            .as_str()
            .unwrap()
            .contains("reset"),
        "{changes:#}"
    );
    assert_eq!(changes["commits_per_s"], Value::Null);
    assert!(
        changes["tables"]
            .as_array()
            .unwrap()
            .iter()
            .all(|t| t["deletes"].is_null())
    );
}

/// Rows deleted from `content`.
fn deleted(changes: &Value) -> Option<u64> {
    let tables = changes["tables"].as_array()?;
    tables.iter().find(|table| table["name"] == "content")?["deletes"].as_u64()
}

#[tokio::test]
async fn only_findings_that_the_baseline_lacks_fail() {
    let database = support::server().database(Template::Demo);
    let client = database.client().await;
    client.batch_execute(INVALID).await.unwrap_err();
    // The error is told before the backend has put its failed build away; its next answer comes after.
    client.batch_execute("SELECT 1").await.unwrap();
    let written = database
        .dbaudit(&["report", "--format", "json", "-o", "known.json"])
        .output()
        .unwrap();
    assert_eq!(written.status.code(), Some(1));
    let (status, again) = report(&database, &["--baseline", "known.json"]);
    assert_eq!(status, 0);
    assert_eq!(findings(&again, "invalid-index")[0]["known"], true);
    client
        .batch_execute(&INVALID.replace("broken", "broken_too"))
        .await
        .unwrap_err();
    let (status, _) = report(&database, &["--baseline", "known.json"]);
    assert_eq!(status, 1);
}

#[tokio::test]
async fn a_rule_ignores_until_its_day_and_is_counted() {
    let database = support::server().database(Template::Demo);
    database
        .client()
        .await
        .batch_execute(INVALID)
        .await
        .unwrap_err();
    let rule = |until: &str| {
        let text = format!(
            "[[report.ignore]]\ncheck = \"invalid-index\"\nobject = \"public.bro*\"\n\
             reason = \"being rebuilt\"\nuntil = {until}\n"
        );
        std::fs::write(database.folder().join("dbaudit.toml"), text).unwrap();
    };
    rule("2999-12-31");
    let (status, ignored) = report(&database, &[]);
    assert_eq!((status, &ignored["ignored"]), (0, &Value::from(1)));
    rule("\"2999-12-31\"");
    assert_eq!(report(&database, &[]).0, 0);
    rule("2001-01-01");
    let (status, _) = report(&database, &[]);
    assert_eq!(status, 1);
}

#[tokio::test]
async fn a_wrong_threshold_is_refused_before_anything_is_sent() {
    let database = support::server().database(Template::Empty);
    for (text, complaint) in [
        (
            "[report.checks.unused-index]\nmin-agee = 3\n",
            "min-age-days",
        ),
        (
            "[report.checks.unusd-index]\nmin-age-days = 3\n",
            "unusd-index",
        ),
        (
            "[[report.ignore]]\ncheck = \"nothing\"\nreason = \"x\"\n",
            "nothing",
        ),
    ] {
        std::fs::write(database.folder().join("dbaudit.toml"), text).unwrap();
        let output = database.dbaudit(&["report"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains(complaint), "{stderr}");
    }
}

#[tokio::test]
async fn every_database_of_the_cluster_is_reported_on() {
    let server = support::server();
    let (one, other) = (
        server.database(Template::Empty),
        server.database(Template::Demo),
    );
    let (status, report) = report(&one, &["--all-databases", "--fail-on", "never"]);
    // Other tests' databases come and go meanwhile: one that went away is named, and fails nothing.
    assert_eq!(status, 0);
    let names: Vec<&str> = report["databases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|report| report["database"]["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&one.name.as_str()) && names.contains(&other.name.as_str()),
        "{names:?}"
    );
}

#[test]
fn the_memory_limit_comes_from_the_platforms_variable_unless_an_option_names_another() {
    let database = support::server().database(Template::Empty);
    let limit = |variable: &str, options: &[&str]| {
        let mut line = database.dbaudit(&["report", "--format", "json", "--fail-on", "never"]);
        line.args(options).env("RAILWAY_MEMORY_LIMIT", variable);
        let mut memory = json(&mut line).1["host"]["memory"].take();
        (memory["limit_bytes"].as_u64(), memory["limit_from"].take())
    };
    let configured = Value::from("configured");
    assert_eq!(limit("1GiB", &[]), (Some(1 << 30), configured.clone()));
    let options = ["--memory-limit", "512"];
    assert_eq!(limit("1GiB", &options), (Some(512 << 20), configured));
    let mut line = database.dbaudit(&["report"]);
    line.env("RAILWAY_MEMORY_LIMIT", "much");
    let output = line.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("`much`"), "{said}");
}

#[tokio::test]
async fn no_format_is_broken_by_a_name() {
    let database = support::server().database(Template::Empty);
    database
        .client()
        .await
        .batch_execute("CREATE TABLE \"<b>&\"\"'|,\n\" (id int PRIMARY KEY)")
        .await
        .unwrap();
    let render = |format: &str| {
        let output = database
            .dbaudit(&["report", "--fail-on", "never", "--format", format])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}");
        String::from_utf8(output.stdout).unwrap()
    };
    let html = render("html");
    assert!(html.contains("&lt;b&gt;&amp;") && !html.contains("<b>"));
    assert!(
        !html.contains("http://") && !html.contains("https://"),
        "no network"
    );
    let csv = render("csv");
    assert!(csv.contains("\"<b>&\"\"'|,\n\""), "{csv}");
    let metrics = render("prometheus");
    assert!(metrics.contains(r#"table="<b>&\"'|,\n""#), "{metrics}");
    exposition::parse(&metrics).unwrap();
    assert_eq!(super::sarif::accepted(&render("sarif"))["version"], "2.1.0");
    assert!(render("junit").contains("<testcase name=\"invalid-index\""));
    assert!(render("markdown").contains(r"&lt;b&gt;&amp;"));
}

#[tokio::test]
async fn all_databases_says_which_it_left_out_and_an_old_extension_how_to_update_it() {
    let server = crate::support::PrivateServer::start(
        support::server().major(),
        &["shared_preload_libraries=pg_stat_statements"],
    );
    let client = support::connect(&server.url("postgres")).await;
    for statement in [
        "CREATE DATABASE closed",
        "CREATE DATABASE guarded",
        "ALTER DATABASE closed ALLOW_CONNECTIONS false",
        "REVOKE CONNECT ON DATABASE guarded FROM PUBLIC",
        "CREATE ROLE auditor LOGIN",
        "GRANT pg_monitor TO auditor",
        "CREATE EXTENSION pg_stat_statements VERSION '1.4'",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let url = server.url("postgres").replacen("postgres@", "auditor@", 1);
    let mut command = support::dbaudit(folder.path());
    command.args([
        "-d",
        &url,
        "report",
        "--all-databases",
        "--format",
        "json",
        "--fail-on",
        "never",
    ]);
    let (_, report) = super::json(&mut command);
    let skipped = match &report["skipped"] {
        serde_json::Value::Null => &report["databases"][0]["skipped"],
        skipped => skipped,
    };
    let said = |check: &str| {
        let mut all = skipped.as_array().unwrap().iter();
        let entry = all.find(|entry| entry["check"] == check);
        entry.unwrap_or_else(|| panic!("nothing of {check}: {skipped:#}"))
    };
    for (database, reason) in [
        ("closed", "does not accept connections"),
        ("guarded", "cannot connect"),
        ("template1", "template"),
    ] {
        let entry = said(&format!("database {database}"));
        assert!(
            entry["reason"].as_str().unwrap().contains(reason),
            "{entry}"
        );
    }
    assert_eq!(
        said("slow-statement")["grant"],
        "ALTER EXTENSION pg_stat_statements UPDATE"
    );
    client
        .batch_execute("ALTER EXTENSION pg_stat_statements UPDATE")
        .await
        .unwrap();
    let (_, report) = super::json(&mut command);
    assert!(!report.to_string().contains("\"grant\":\"ALTER EXTENSION"));
}
