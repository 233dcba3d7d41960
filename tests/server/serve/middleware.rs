//! Applications that say themselves what their requests take: real ones, of FastAPI and of Express, with the middleware
//! of `docs/middleware` and with an exporter that is not ours.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use super::{
    Answer, Serving,
    http::{parse, send},
    web,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A running application; ended with the test.
struct Application {
    process: Child,
    address: String,
}

impl Application {
    fn start(program: &Path, script: &str) -> Self {
        let mut process = Command::new(program)
            .arg(format!("{ROOT}/tests/support/{script}"))
            .arg(format!("{ROOT}/docs/middleware"))
            .current_dir(ROOT)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().unwrap_or_else(|_| {
            let mut error = String::new();
            let _ = process.stderr.take().unwrap().read_to_string(&mut error);
            panic!("{script}: {line:?} {error}")
        });
        Self {
            process,
            address: format!("127.0.0.1:{port}"),
        }
    }

    /// Ends it: what it wrote to its log.
    fn end(&mut self) -> String {
        let _ = self.process.kill();
        let mut log = String::new();
        self.process
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        let _ = self.process.wait();
        log
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Its bodies may come in chunks.
fn ask(address: &str, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    parse(&send(address, request.as_bytes()).0)
}

/// A Python with FastAPI; nothing where there is none and none is required.
fn python() -> Option<PathBuf> {
    let candidates = [
        std::env::var_os("DBAUDIT_TEST_PYTHON").map(PathBuf::from),
        Some(Path::new(ROOT).join(".cache/python/bin/python")),
        Some("python3".into()),
    ];
    let needed = "import fastapi, uvicorn, prometheus_fastapi_instrumentator";
    let works = |python: &PathBuf| {
        let tried = Command::new(python).args(["-c", needed]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    let found = candidates.into_iter().flatten().find(works);
    if found.is_none() {
        let required = std::env::var_os("DBAUDIT_TEST_REQUIRE").is_some();
        assert!(
            !required,
            "there is no Python with FastAPI here: run tests/run"
        );
        eprintln!("skipped: there is no Python with FastAPI here; tests/run fetches it");
    }
    found
}

/// Asks the application, and looks at what serve says of it.
fn watched(application: &mut Application, item: &str) -> String {
    let address = application.address.clone();
    let exporters: Vec<(&str, &str)> = if item.contains('{') {
        vec![("own", "/metrics"), ("other", "/instrumentator")]
    } else {
        vec![("own", "/metrics")]
    };
    let mut config = String::from("[serve]\napi-budget = \"300ms\"\n");
    for (name, path) in &exporters {
        config.push_str(&format!(
            "[[app]]\nname = \"{name}\"\nmetrics = \"http://{address}{path}\"\n"
        ));
    }
    config.push_str("[[app]]\nname = \"gone\"\nmetrics = \"http://127.0.0.1:1/metrics\"\n");
    // What is counted before it is watched is not of the last minutes.
    for _ in 0..5 {
        ask(&address, "/items/1");
    }
    let serving = Serving::on("postgres://ann@127.0.0.1:1/x", &config);
    let of = |overview: &Value, name: &str| -> Value {
        let all = overview["apis"].as_array().cloned().unwrap_or_default();
        all.into_iter()
            .find(|api| api["name"] == name)
            .unwrap_or_default()
    };
    // A count shows that it was read once before: then what follows is new.
    serving.await_json("/api/overview", |overview| {
        ask(&address, "/items/0");
        exporters
            .iter()
            .all(|(name, _)| of(overview, name)["endpoints"] != serde_json::json!([]))
    });
    let items = |overview: &Value, name: &str| {
        let endpoints = of(overview, name)["endpoints"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        endpoints
            .into_iter()
            .find(|e| e["endpoint"] == format!("GET {item}"))
            .map_or(0, |e| e["calls"].as_u64().unwrap())
    };
    let before = serving.json("/api/overview");
    let answer = ask(&address, "/items/7?token=hunter2");
    assert!(
        answer.header("server-timing").unwrap().contains("app;dur="),
        "{answer:?}"
    );
    assert!(
        answer
            .header("x-process-time")
            .unwrap()
            .parse::<f64>()
            .unwrap()
            >= 0.0
    );
    for _ in 0..3 {
        assert_eq!(ask(&address, "/slow?seconds=0.3").status, 200);
    }
    ask(&address, "/slow?seconds=0.5");
    assert_eq!(ask(&address, "/broken").status, 503);
    assert_eq!(ask(&address, "/crash").status, 500);
    assert_eq!(ask(&address, "/made/up/by/a/client").status, 404);
    // The last request was counted: so were those before it.
    let overview = serving.await_json("/api/overview", |overview| {
        exporters
            .iter()
            .all(|(name, _)| items(overview, name) > items(&before, name))
            && of(overview, "own")["endpoints"]
                .as_array()
                .is_some_and(|all| all.iter().any(|e| e["endpoint"] == "GET (unmatched)"))
    });
    let own = of(&overview, "own");
    let endpoint = |name: &str| {
        let all = own["endpoints"].as_array().unwrap();
        all.iter()
            .find(|e| e["endpoint"] == name)
            .unwrap_or_else(|| panic!("{name}: {own:#}"))
            .clone()
    };
    // To the end of the body, within the histogram's bucket of 250 to 500 ms and the next.
    let p50 = endpoint("GET /slow")["p50_ms"].as_f64().unwrap();
    assert!((250.0..=500.0).contains(&p50), "{own:#}");
    assert_eq!(endpoint("GET /broken")["failed"], 1, "{own:#}");
    assert_eq!(endpoint("GET /crash")["failed"], 1, "{own:#}");
    endpoint("GET (unmatched)");
    assert!(!overview.to_string().contains("hunter2"));
    let budget = |subject: &str| {
        let all = overview["budgets"].as_array().unwrap();
        all.iter()
            .find(|b| b["app"] == subject)
            .unwrap_or_else(|| panic!("{overview:#}"))
            .clone()
    };
    assert_eq!(
        (&budget("own")["state"], &budget("gone")["state"]),
        (&"over".into(), &"down".into())
    );
    assert_eq!(budget("own")["subject"], "own: GET /slow");
    let metrics = serving.get("/metrics").body;
    for line in [
        "dbaudit_api_up{app=\"own\"} 1",
        "dbaudit_api_up{app=\"gone\"} 0",
        "dbaudit_api_errors_total{app=\"own\",endpoint=\"GET /broken\"} 1",
        "dbaudit_api_requests_total{app=\"own\",endpoint=\"GET /slow\"} 4",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    super::database::promtool(&["check", "metrics"], &metrics);
    super::database::promtool(&["check", "metrics"], &ask(&address, "/metrics").body);
    application.end()
}

#[test]
fn a_fastapi_application_says_itself_what_its_requests_take() {
    let Some(python) = python() else {
        return;
    };
    let mut application = Application::start(&python, "python/app.py");
    let log = watched(&mut application, "/items/{item}");
    assert!(log.contains("GET /slow took"), "{log}");
}

#[test]
fn an_express_application_says_itself_what_its_requests_take() {
    if web::file("express/package.json").is_none() {
        return;
    }
    let mut application = Application::start(Path::new("node"), "web/app.js");
    let log = watched(&mut application, "/items/:item");
    assert!(log.contains("GET /slow took"), "{log}");
}
