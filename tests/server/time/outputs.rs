//! Formats, comparison, experiments and load.

use quick_junit::{NonSuccessKind, Report, TestCaseStatus};

use super::{
    ORDERS,
    bench::{Timed, case},
};
use crate::support::chromium::{Scheme, drive};

async fn slow_and_fast() -> Timed {
    let timed = Timed::with(ORDERS).await;
    timed.query("slow", "-- budget: 60ms\nSELECT pg_sleep(0.2)");
    timed.query("fast", "-- budget: 2s\n-- description: one <order>\n-- param $1: values 1\nSELECT * FROM orders WHERE id = $1");
    timed.query("off", "-- budget: 2s\n-- skip: later\nSELECT 1");
    timed.query("broken", "-- budget: 2s\nSELECT * FROM nowhere");
    timed
}

#[tokio::test]
async fn junit_has_a_suite_per_query_and_a_test_per_case() {
    let timed = slow_and_fast().await;
    let run = timed.run(&["--format", "junit"]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let report = Report::deserialize_from_str(&run.stdout).expect("JUnit that parses");
    let names: Vec<&str> = report
        .test_suites
        .iter()
        .map(|suite| suite.name.as_str())
        .collect();
    assert_eq!(names, ["broken", "fast", "off", "slow"]);
    let status = |suite: usize, test: usize| &report.test_suites[suite].test_cases[test].status;
    let kind = |suite| match status(suite, 0) {
        TestCaseStatus::NonSuccess { kind, .. } => *kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(kind(0), NonSuccessKind::Error);
    assert!(matches!(status(1, 0), TestCaseStatus::Success { .. }));
    assert!(matches!(status(2, 0), TestCaseStatus::Skipped { .. }));
    assert_eq!(kind(3), NonSuccessKind::Failure);
}

#[tokio::test]
async fn html_is_one_page_that_loads_nothing_and_escapes_what_it_shows() {
    let timed = slow_and_fast().await;
    let page = timed.run(&["--format", "html"]).stdout;
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"),
        "{page}"
    );
    assert!(page.contains("one &lt;order&gt;") && page.contains("<svg"));
    for loaded in ["src=", "http://", "https://", "<script", "@import", "url("] {
        assert!(!page.contains(loaded), "{loaded}");
    }
}

#[tokio::test]
async fn the_page_is_readable_in_a_browser_by_day_and_night_and_on_a_phone() {
    let timed = slow_and_fast().await;
    let page = timed.run(&["--format", "html"]).stdout;
    let script = r##"
        const links = [...document.querySelectorAll("nav a")];
        outcome.links = links.map((link) => link.textContent);
        outcome.lost = links.filter((link) => !document.querySelector(link.getAttribute("href"))).length;
        outcome.drawn = [...document.querySelectorAll("tbody svg")]
          .map((svg) => Math.max(...[...svg.querySelectorAll("rect")].map((rect) => rect.getBBox().height)));
        for (const details of document.querySelectorAll("details")) details.open = true;
    "##;
    for scheme in [Scheme::Light, Scheme::Dark] {
        let Some(outcome) = drive(&page, scheme, script) else {
            return;
        };
        assert_eq!(
            outcome["links"],
            serde_json::json!(["broken", "fast", "off", "slow"])
        );
        assert_eq!(outcome["lost"], 0);
        let drawn = outcome["drawn"].as_array().unwrap();
        assert!(
            !drawn.is_empty() && drawn.iter().all(|height| height.as_f64() >= Some(31.9)),
            "the fullest bucket fills the height: {drawn:?}"
        );
    }
}

#[tokio::test]
async fn github_is_told_at_the_file_what_is_over() {
    let timed = slow_and_fast().await;
    let output = timed
        .database
        .dbaudit(&[
            "time-queries",
            "--queries",
            "queries",
            "--only",
            "slow",
            "--format",
            "markdown",
        ])
        .env("GITHUB_ACTIONS", "true")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("::error file=queries/slow.sql,title=slow%3A over::given: p95 "),
        "{stderr}"
    );
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .starts_with("# Query timing")
    );
}

#[tokio::test]
async fn a_saved_run_gates_rows_and_blocks_and_plans_where_asked_but_never_times() {
    let timed = Timed::with(ORDERS).await;
    timed.query(
        "q",
        "-- budget: 2s\n-- param $1: values 7\nSELECT * FROM orders WHERE customer_id = $1",
    );
    assert_eq!(timed.run(&["--save", "saved.json"]).status, 0);
    let same = timed.run(&["--compare", "saved.json", "--fail-on-plan-change"]);
    assert_eq!(
        (same.status, &same.json()["comparison"]["failed"]),
        (0, &false.into())
    );

    let client = timed.database.client().await;
    client
        .batch_execute("CREATE INDEX ON orders (customer_id); ANALYZE orders")
        .await
        .unwrap();
    assert_eq!(
        timed.run(&["--compare", "saved.json"]).status,
        0,
        "a plan alone is only shown"
    );
    let changed = timed.run(&["--compare", "saved.json", "--fail-on-plan-change"]);
    let comparison = &changed.json()["comparison"];
    assert_eq!(
        (changed.status, &comparison["changes"][0]["what"]),
        (1, &"plan".into())
    );

    client
        .batch_execute("DELETE FROM orders WHERE id = 10")
        .await
        .unwrap();
    let fewer = timed.run(&["--compare", "saved.json"]);
    let gate = &fewer.json()["comparison"]["changes"][0];
    assert_eq!(fewer.status, 1);
    assert_eq!(
        (&gate["what"], &gate["before"], &gate["now"]),
        (&"rows".into(), &"2000".into(), &"1999".into())
    );

    std::fs::write(timed.database.folder().join("bad.json"), "{}").unwrap();
    assert_eq!(timed.run(&["--compare", "bad.json"]).status, 2);
}

#[tokio::test]
async fn an_index_is_hidden_for_the_comparison_only_where_nobody_else_is_and_comes_back() {
    let timed = Timed::with(&format!(
        "{ORDERS}; CREATE INDEX orders_customer ON orders (customer_id)"
    ))
    .await;
    timed.query(
        "q",
        "-- budget: 2s\n-- param $1: values 1001\nSELECT * FROM orders WHERE customer_id = $1",
    );
    let args = ["--ab-without-index", "orders_customer"];
    // The set-up's connection may still be closing.
    let client = timed.database.client().await;
    let refused = timed.run(&args);
    assert_eq!(refused.status, 3);
    assert!(
        refused.query()["error"]
            .as_str()
            .unwrap()
            .contains("other sessions are connected to this database")
    );

    let alone = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend')";
    let (elsewhere, connection) = tokio_postgres::connect(
        &timed
            .database
            .url
            .replace(&format!("/{}", timed.database.name), "/postgres"),
        tokio_postgres::NoTls,
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    drop(client);
    while !elsewhere
        .query_one(alone, &[&timed.database.name])
        .await
        .unwrap()
        .get::<_, bool>(0)
    {
        tokio::task::yield_now().await;
    }
    let query = timed.run(&args).query();
    let ab = &query["ab"];
    assert!(
        ab["median_ratio"].as_f64().unwrap() > 1.0 && ab["p_value"].as_f64().unwrap() < 0.01,
        "{ab:#}"
    );
    assert_eq!(ab["same_plan"], false);
    let client = timed.database.client().await;
    let valid: bool = client
        .query_one(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_customer'::regclass",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert!(valid, "the index is there as before");
}

#[tokio::test]
async fn a_stall_is_seen_by_the_open_loop_that_the_closed_one_hides() {
    // Every execution but one is quick; that one takes 600 ms while others fall due.
    let timed = Timed::with(
        "CREATE FUNCTION now_and_then() RETURNS void LANGUAGE plpgsql AS $$
         BEGIN IF (extract(epoch FROM clock_timestamp()) * 1000)::bigint % 1000 < 20 THEN PERFORM pg_sleep(0.6); END IF; END $$",
    )
    .await;
    timed.query("q", "-- budget: 100ms\nSELECT now_and_then()");
    let p95 = |args: &[&str]| {
        let query = timed.run(args).query();
        query["load"]["levels"][0]["p95_ms"].as_f64().unwrap()
    };
    let closed = p95(&["--clients", "1", "--load-time", "3s"]);
    let open = p95(&["--rate", "100", "--clients", "1", "--load-time", "3s"]);
    assert!(
        open > 100.0 && closed < open,
        "open {open} ms, closed {closed} ms"
    );
}

#[tokio::test]
async fn a_sweep_says_how_many_clients_the_budget_holds() {
    let timed = Timed::with("").await;
    timed.query("q", "-- budget: 150ms\nSELECT pg_sleep(0.001)");
    let query = timed.run(&["--sweep", "2", "--load-time", "500ms"]).query();
    let load = &query["load"];
    assert_eq!(
        (&load["holds_up_to"], &load["verdict"]),
        (&2.into(), &"within".into()),
        "{load:#}"
    );
    assert_eq!(load["levels"].as_array().unwrap().len(), 2);
    assert_eq!(case(&query, "given")["verdict"], "within");
}

#[tokio::test]
async fn a_load_is_put_on_the_worst_and_on_the_typical_case() {
    let timed = Timed::with(ORDERS).await;
    timed.query(
        "q",
        "-- budget: 2s\n-- param $1: column orders.customer_id\nSELECT count(*) FROM orders WHERE customer_id = $1",
    );
    let query = timed
        .run(&["--clients", "2", "--load-time", "300ms"])
        .query();
    assert_eq!(
        (&query["load"]["case"], &query["load_typical"]["case"]),
        (&"worst".into(), &"typical".into()),
        "{query:#}"
    );
    for load in [&query["load"], &query["load_typical"]] {
        assert_eq!(load["verdict"], "within");
        let summary = load["summary"].as_str().unwrap();
        let case = load["case"].as_str().unwrap();
        assert!(summary.contains(&format!("({case})")), "{summary}");
    }
}

#[tokio::test]
async fn a_load_that_breaks_the_budget_fails_in_junit_and_is_told_to_github() {
    // One at a time it is quick; a second one waits for the first.
    let timed = Timed::with("").await;
    timed.query(
        "q",
        "-- budget: 600ms p50\nSELECT pg_advisory_lock(1), pg_sleep(0.4), pg_advisory_unlock(1)",
    );
    let args = ["--clients", "2", "--load-time", "6s", "--format", "junit"];
    let mut all = vec!["time-queries", "--queries", "queries"];
    all.extend(args);
    let output = timed
        .database
        .dbaudit(&all)
        .env("GITHUB_ACTIONS", "true")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let report = Report::deserialize_from_str(&String::from_utf8(output.stdout).unwrap())
        .expect("JUnit that parses");
    let load = report.test_suites[0].test_cases.last().unwrap();
    assert_eq!(load.name.as_str(), "given under load");
    assert!(
        matches!(load.status, TestCaseStatus::NonSuccess { .. }),
        "{report:?}"
    );
    assert!(
        output.status.code() == Some(1)
            && stderr.contains("title=q%3A over::2 clients (given): p50 "),
        "{stderr}"
    );
}
