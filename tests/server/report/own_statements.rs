//! dbaudit's own statements are no statements of the application.

use std::time::Duration;

use super::json;
use crate::{
    serve::{Serving, notify::webhook},
    support::{self, PrivateServer},
};

#[tokio::test]
async fn reports_leave_no_trace_among_the_applications_statements_and_transactions() {
    for major in support::servers().iter().map(support::TestServer::major) {
        of(major).await;
    }
}

async fn of(major: u32) {
    let server = PrivateServer::start(major, &["shared_preload_libraries=pg_stat_statements"]);
    let client = support::connect(&server.url("postgres")).await;
    if client
        .batch_execute("CREATE EXTENSION pg_stat_statements")
        .await
        .is_err()
    {
        return;
    }
    client
        .batch_execute(
            "CREATE ROLE auditor LOGIN; GRANT pg_monitor TO auditor; CREATE TABLE t (id int PRIMARY KEY)",
        )
        .await
        .unwrap();
    client.query("SELECT count(*) FROM t", &[]).await.unwrap();
    let rollbacks = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    let before: i64 = client.query_one(rollbacks, &[]).await.unwrap().get(0);
    let folder = tempfile::tempdir().unwrap();
    let budget =
        "[report.checks]\nslow-statement = { budget-ms = 0, min-calls = 1, max-findings = 1000 }";
    std::fs::write(folder.path().join("dbaudit.toml"), budget).unwrap();
    let report = |user: &str, args: &[&str]| {
        let mut command = support::dbaudit(folder.path());
        let url = server
            .url("postgres")
            .replacen("postgres@", &format!("{user}@"), 1);
        command
            .args([
                "-d",
                &url,
                "report",
                "--format",
                "json",
                "--fail-on",
                "never",
            ])
            .args(args);
        json(&mut command).1
    };
    for _ in 0..2 {
        report("auditor", &["--exact-bloat"]);
        report("auditor", &["--all-databases"]);
    }
    // Every query of the role is one of dbaudit's, whoever looks.
    let unmarked = client
        .query(
            "SELECT query FROM pg_stat_statements
             WHERE userid = 'auditor'::regrole AND strpos(query, '/* dbaudit */') = 0",
            &[],
        )
        .await
        .unwrap();
    let unmarked: Vec<&str> = unmarked.iter().map(|row| row.get(0)).collect();
    assert_eq!(unmarked, Vec::<&str>::new(), "PostgreSQL {major}");
    let last = report("postgres", &[]);
    let mut shown: Vec<&str> = Vec::new();
    for list in ["by_total", "by_mean"] {
        let list = last["statements"][list].as_array().unwrap();
        shown.extend(
            list.iter()
                .filter_map(|statement| statement["text"].as_str()),
        );
    }
    assert!(
        shown.contains(&"SELECT count(*) FROM t"),
        "PostgreSQL {major}: {shown:#?}"
    );
    let slow = super::findings(&last, "slow-statement");
    shown.extend(
        slow.iter()
            .filter_map(|finding| finding["evidence"]["query"].as_str()),
    );
    let own: Vec<&&str> = shown
        .iter()
        .filter(|text| text.contains("dbaudit"))
        .collect();
    assert!(own.is_empty(), "PostgreSQL {major}: {own:#?}");
    let after: i64 = client.query_one(rollbacks, &[]).await.unwrap().get(0);
    assert_eq!(after, before, "PostgreSQL {major}: rollbacks");
    let advised = |user: &str| {
        let mut command = support::dbaudit(folder.path());
        let url = server
            .url("postgres")
            .replacen("postgres@", &format!("{user}@"), 1);
        command.args([
            "-d",
            &url,
            "advise",
            "--from-statements",
            "--format",
            "json",
        ]);
        let json = json(&mut command).1;
        let queries = json["queries"].as_array().unwrap().iter();
        let sql = queries.map(|query| query["sql"].as_str().unwrap().to_owned());
        sql.collect::<Vec<String>>()
    };
    // The second time there are advise's own as well.
    advised("postgres");
    let advised = advised("postgres");
    let foreign: Vec<&String> = advised
        .iter()
        .filter(|sql| *sql != "SELECT count(*) FROM t")
        .collect();
    assert!(
        advised.len() == 1 && foreign.is_empty(),
        "PostgreSQL {major}: {advised:#?}"
    );
}

/// Every statement is over so small a budget: were serve's own among them, the webhook would be told.
#[tokio::test]
async fn serve_is_never_over_its_budget_by_its_own_statements() {
    let server = PrivateServer::start(
        support::server().major(),
        &["shared_preload_libraries=pg_stat_statements"],
    );
    let client = support::connect(&server.url("postgres")).await;
    if client
        .batch_execute("CREATE EXTENSION pg_stat_statements")
        .await
        .is_err()
    {
        return;
    }
    client
        .batch_execute("SELECT /* dbaudit */ pg_stat_statements_reset()")
        .await
        .unwrap();
    let (url, told) = webhook();
    let config =
        format!("[serve]\nwebhook = \"{url}\"\nnotify-interval = \"1s\"\nquery-budget = \"1us\"\n");
    let serving = Serving::on(&server.url("postgres"), &config);
    // The machine that the tests run on may be short of memory or disk: that is told as well, and not meant here.
    let of_queries = |notice: &serde_json::Value| notice["scope"] != "host";
    let collections = || {
        let metrics = serving.get("/metrics").body;
        let mut lines = metrics.lines();
        let line = lines.find(|line| line.starts_with("dbaudit_collections_total"));
        let count = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        count.unwrap_or(0.0)
    };
    while collections() < 8.0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let own: Vec<serde_json::Value> = told.try_iter().filter(of_queries).collect();
    assert!(own.is_empty(), "{own:#?}");
    // And it is told of the application's.
    let is_told = async {
        while !told.try_iter().any(|notice| of_queries(&notice)) {
            client.query("SELECT pg_sleep(0.01)", &[]).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), is_told)
        .await
        .unwrap();
}
