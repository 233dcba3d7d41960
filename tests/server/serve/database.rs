//! What it collects, and what it does when a database goes away and comes back.

use super::{Serving, beacon};
use crate::support::{self, PrivateServer, Template};

#[tokio::test]
async fn what_the_report_knows_is_served_as_json_and_metrics_without_literals() {
    let database = support::server().database(Template::Demo);
    let client = database.client().await;
    client
        .batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        .await
        .unwrap();
    let serving = Serving::on(&database.url, "");
    serving.await_points(1);
    // Over the budget, with literals that nobody may see: in a statement, and in an open transaction.
    client
        .batch_execute(
            "SELECT pg_sleep(0.15), 'hunter2-statement'; BEGIN; SELECT 1, 'hunter2-session' /* hunter2-comment */",
        )
        .await
        .unwrap();
    let slow = |overview: &serde_json::Value| {
        let slow = &overview["databases"][0]["latest"]["slow_queries"];
        slow.as_array().is_some_and(|list| !list.is_empty())
    };
    let overview = serving.await_json("/api/overview", slow);
    let query = &overview["databases"][0]["latest"]["slow_queries"][0];
    assert!(
        query["text"].as_str().unwrap().contains("pg_sleep"),
        "{query}"
    );
    assert!(query["mean_ms"].as_f64().unwrap() > 100.0, "{query}");

    let report = serving.get("/api/databases/main/report");
    assert_eq!(report.json()["command"], "report");
    assert!(
        report.body.contains("SELECT ?, ?"),
        "the open transaction is in it"
    );
    let history = serving.json("/api/databases/main/history");
    assert_eq!(history[0]["up"], true);
    let metrics = serving.get("/metrics");
    for name in [
        "dbaudit_up{database=\"main\"} 1",
        "dbaudit_table_heap_bytes{database=\"main\",schema=\"public\",table=\"content\"}",
        "dbaudit_http_request_duration_seconds_bucket{method=\"GET\",route=\"/api/databases/{name}/report\",le=\"0.1\"}",
        "dbaudit_process_resident_memory_bytes",
    ] {
        assert!(metrics.body.contains(name), "{name}\n{}", metrics.body);
    }
    for path in [
        "/",
        "/api/overview",
        "/api/databases",
        "/api/databases/main/report",
        "/metrics",
    ] {
        let answer = serving.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.contains("hunter2"), "{path}: {}", answer.body);
    }
    assert_eq!(serving.get("/api/databases/other/report").status, 404);
}

#[test]
fn a_database_that_goes_away_is_shown_as_such_and_comes_back_with_its_gap_marked() {
    let mut server = PrivateServer::start(support::server().major(), &[]);
    let serving = Serving::on(&server.url("postgres"), "");
    serving.await_points(1);
    assert_eq!(serving.get("/ready").status, 200);

    server.stop_immediate();
    let down = serving.await_json("/api/overview", |overview| {
        overview["databases"][0]["status"]["state"] == "down"
    });
    assert_eq!(down["budgets"][0]["state"], "down");
    assert!(
        down["databases"][0]["latest"].is_object(),
        "what was known last"
    );
    assert_eq!(serving.get("/ready").status, 503);
    assert_eq!(serving.get("/health").status, 200, "alive all the same");
    let metrics = serving.get("/metrics").body;
    assert!(
        metrics.contains("dbaudit_up{database=\"main\"} 0"),
        "{metrics}"
    );
    assert!(
        !metrics.contains("dbaudit_database_size_bytes{"),
        "no old figures: {metrics}"
    );

    server.start_again();
    serving.await_json("/api/overview", |overview| {
        overview["databases"][0]["status"]["state"] == "up"
    });
    let history = serving.json("/api/databases/main/history");
    let ups: Vec<bool> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["up"].as_bool().unwrap())
        .collect();
    let mut turns = ups.clone();
    turns.dedup();
    assert_eq!(turns, [true, false, true], "{history}");
}

#[test]
fn a_server_that_was_never_there_keeps_nothing_else_from_being_served() {
    let database = support::server().database(Template::Empty);
    let config = format!(
        "[[database]]\nname = \"here\"\nurl = \"{}\"\n[[database]]\nname = \"gone\"\n\
         url = \"postgres://ann:hunter2@127.0.0.1:1/x\"\n",
        database.url
    );
    let serving = Serving::start(&config, &["--listen", "127.0.0.1:0"]);
    let overview = serving.await_json("/api/overview", |overview| {
        overview["databases"][0]["status"]["state"] == "up"
            && overview["databases"][1]["status"]["state"] == "down"
    });
    assert!(!overview.to_string().contains("hunter2"), "{overview}");
    assert!(!serving.log().contains("hunter2"), "{}", serving.log());
    assert_eq!(serving.get("/ready").status, 200);
}

/// The metrics, by a parser of their own.
fn parsed(text: &str) -> prometheus_parse::Scrape {
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    prometheus_parse::Scrape::parse(lines).unwrap()
}

#[tokio::test]
async fn a_parser_understands_the_metrics_and_the_dashboard_and_alerts_ask_for_nothing_else() {
    let database = support::server().database(Template::Demo);
    let client = database.client().await;
    client
        .batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        .await
        .unwrap();
    // Twice the same database, as on two servers: no series may be there twice.
    let config = format!(
        "[[database]]\nname = \"one\"\nurl = \"{0}\"\n[[database]]\nname = \"two \\\"quoted\\\"\"\nurl = \"{0}\"\n",
        database.url
    );
    let serving = Serving::start(&config, &["--listen", "127.0.0.1:0"]);
    serving.await_json("/api/overview", |overview| {
        let all = overview["databases"].as_array().unwrap();
        all.iter()
            .all(|database| database["status"]["state"] == "up")
    });
    let body = r#"{"page":"/a","load":900,"lcp":800,"cls":0.02,"inp":40,"ttfb":20,"errors":1,"interactions":2,
        "fetches":[{"m":"GET","u":"/api/a","s":200,"d":120},{"m":"GET","u":"/api/b","s":500,"d":20}]}"#;
    for _ in 0..3 {
        assert_eq!(beacon(&serving.address, body).status, 204);
    }
    // Asked once before, so that its own request is in it.
    serving.get("/metrics");
    let text = serving.get("/metrics").body;
    let scrape = parsed(&text);
    let value = |name: &str, label: (&str, &str)| {
        let found = scrape.samples.iter().find(|s| {
            s.metric == name && (label.0.is_empty() || s.labels.get(label.0) == Some(label.1))
        });
        match &found
            .unwrap_or_else(|| panic!("{name} {label:?}\n{text}"))
            .value
        {
            prometheus_parse::Value::Counter(n)
            | prometheus_parse::Value::Gauge(n)
            | prometheus_parse::Value::Untyped(n) => *n,
            prometheus_parse::Value::Histogram(buckets) => buckets.last().unwrap().count,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(value("dbaudit_up", ("database", "one")), 1.0);
    assert_eq!(value("dbaudit_page_load_seconds", ("page", "/a")), 3.0);
    assert_eq!(
        value("dbaudit_fetch_duration_seconds", ("outcome", "error")),
        3.0
    );
    for (what, limit) in [
        ("slowest page load, 75th percentile", "1"),
        ("slowest LCP, 75th percentile", "2.5"),
        ("slowest INP, 75th percentile", "0.2"),
        ("worst CLS, 75th percentile", "0.1"),
    ] {
        let labels = format!("{{scope=\"page\",database=\"\",what=\"{what}\"}}");
        let line = format!("dbaudit_budget_limit{labels} {limit}\n");
        assert!(text.contains(&line), "{line}{text}");
        assert!(
            text.contains(&format!("dbaudit_budget_value{labels} ")),
            "{what}"
        );
    }
    assert!(value("dbaudit_table_heap_bytes", ("table", "content")) > 0.0);
    assert!(value("dbaudit_http_requests_total", ("route", "/vitals")) >= 3.0);
    // What a server says of itself, against what the server says to us.
    for (sql, name) in [
        (
            "SELECT setting::float8 FROM pg_settings WHERE name = 'max_connections'",
            "dbaudit_connections_max",
        ),
        (
            "SELECT setting::float8 * 8192 FROM pg_settings WHERE name = 'shared_buffers'",
            "dbaudit_setting",
        ),
    ] {
        let said: f64 = client.query_one(sql, &[]).await.unwrap().get(0);
        let label = if name == "dbaudit_setting" {
            ("name", "shared_buffers")
        } else {
            ("database", "one")
        };
        assert_eq!(value(name, label), said, "{name}");
    }
    assert!(value("dbaudit_locks", ("mode", "AccessShareLock")) >= 0.0);
    for counted in [
        "rows_inserted_total",
        "blocks_hit_total",
        "conflicts_total",
        "rows_fetched_total",
    ] {
        assert!(value(&format!("dbaudit_database_{counted}"), ("database", "one")) >= 0.0);
    }
    for counted in [
        "checkpoints_timed_total",
        "bgwriter_buffers_total",
        "archiver_archived_total",
        "longest_transaction_seconds",
    ] {
        assert!(value(&format!("dbaudit_{counted}"), ("database", "one")) >= 0.0);
    }
    // Errors are counted from 0 on, each with its page.
    assert_eq!(value("dbaudit_page_errors_total", ("page", "/a")), 3.0);
    assert_eq!(
        value("dbaudit_fetch_aborted_total", ("endpoint", "GET /api/a")),
        0.0
    );
    assert_eq!(
        value("dbaudit_http_request_errors_total", ("route", "/vitals")),
        0.0
    );
    assert_eq!(value("dbaudit_beacons_refused_total", ("", "")), 0.0);
    assert_eq!(
        value("dbaudit_fetch_errors_total", ("endpoint", "GET /api/a")),
        0.0
    );
    assert_eq!(
        value("dbaudit_fetch_errors_total", ("endpoint", "GET /api/b")),
        3.0
    );
    // Tables and indexes join by their labels.
    let tables: std::collections::HashSet<_> = labels_of(&scrape, "dbaudit_table_live_rows");
    let indexed = labels_of(&scrape, "dbaudit_index_scans_total");
    assert!(
        indexed.len() > 2 && indexed.is_subset(&tables),
        "{indexed:?} {tables:?}"
    );
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        assert!(line.starts_with("dbaudit_"), "{line}");
    }
    promtool(&["check", "metrics"], &text);
    let monitoring = concat!(env!("CARGO_MANIFEST_DIR"), "/monitoring");
    let rules = format!("{monitoring}/alerts.yml");
    promtool(&["check", "rules", "--lint=all", &rules], "");
    promtool(
        &["test", "rules", &format!("{monitoring}/alerts.test.yml")],
        "",
    );
    check_dashboard(include_str!("../../../monitoring/grafana-dashboard.json"));
    let mut series: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.rsplit_once(' ').unwrap().0)
        .collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all, "a series is there twice");
    let mut types: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("# TYPE"))
        .collect();
    let all = types.len();
    types.sort_unstable();
    types.dedup();
    assert_eq!(types.len(), all, "a metric is described twice");

    let wanted: std::collections::BTreeSet<String> = [
        include_str!("../../../monitoring/grafana-dashboard.json"),
        include_str!("../../../monitoring/alerts.yml"),
    ]
    .iter()
    .flat_map(|file| file.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
    .filter(|word| word.starts_with("dbaudit_"))
    .map(str::to_owned)
    .collect();
    assert!(wanted.len() > 15, "{wanted:?}");
    for name in wanted {
        let there = text.contains(&format!("\n{name}{{")) || text.contains(&format!("\n{name} "));
        assert!(there, "{name}\n{text}");
    }
}

/// Every question of the dashboard is one that Prometheus understands.
fn check_dashboard(dashboard: &str) {
    let dashboard: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let rules: Vec<serde_json::Value> = targets
        .enumerate()
        .map(|(n, target)| serde_json::json!({"record": format!("panel:{n}"), "expr": target["expr"]}))
        .collect();
    assert!(rules.len() > 10, "{rules:?}");
    // JSON is YAML too.
    let rules = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), rules.to_string()).unwrap();
    promtool(&["check", "rules", file.path().to_str().unwrap()], "");
}

type Labels = std::collections::HashSet<(String, String, String)>;

fn labels_of(scrape: &prometheus_parse::Scrape, metric: &str) -> Labels {
    let of = |sample: &prometheus_parse::Sample, name: &str| {
        sample
            .labels
            .get(name)
            .unwrap_or_else(|| panic!("{sample:?}"))
            .to_owned()
    };
    let samples = scrape
        .samples
        .iter()
        .filter(|sample| sample.metric == metric);
    samples
        .map(|sample| {
            (
                of(sample, "database"),
                of(sample, "schema"),
                of(sample, "table"),
            )
        })
        .collect()
}

/// Prometheus's own judge; nothing where it is not installed and not required.
pub fn promtool(arguments: &[&str], input: &str) {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };
    let started = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut process) = started else {
        let required = std::env::var_os("DBAUDIT_TEST_REQUIRE").is_some();
        assert!(
            !required,
            "there is no promtool here (Debian: apt-get install prometheus)"
        );
        eprintln!("skipped: there is no promtool here");
        return;
    };
    process
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = process.wait_with_output().unwrap();
    // It says what it minds, and ends well, where it can be lived with.
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}\n{input}"
    );
}
