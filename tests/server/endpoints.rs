//! `time-endpoints` against a server with planted delays, and a page in a real browser.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::Mutex,
};

use crate::support::dbaudit;

/// What the server saw.
#[derive(Default)]
struct Snapshot {
    requests: AtomicUsize,
    connections: AtomicUsize,
}

struct Site {
    address: String,
    seen: Arc<Snapshot>,
    _runtime: tokio::runtime::Runtime,
}

impl Site {
    /// `/fast`, `/health`, `/slow` (80 ms), `/second`, `/queue` (one at a time, 20 ms each), `/broken`, `/hangs`, `/closes`,
    /// `/echo` (201, where the method, header and body are as expected), `/page` and `/slow-page`.
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Snapshot::default());
        let counted = Arc::clone(&seen);
        let queue = Arc::new(Mutex::new(()));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.connections.fetch_add(1, Ordering::Relaxed);
                let (seen, queue) = (Arc::clone(&counted), Arc::clone(&queue));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut kept = false;
                    while answer(&mut stream, &seen, &queue, kept)
                        .await
                        .unwrap_or(false)
                    {
                        kept = true;
                    }
                });
            }
        });
        Self {
            address,
            seen,
            _runtime: runtime,
        }
    }

    /// Runs the command on these definitions; `HOST` in them is the site's.
    fn time(&self, definitions: &str, arguments: &[&str]) -> (i32, Value, String) {
        let folder = tempfile::tempdir().unwrap();
        let config = definitions.replace("HOST", &self.address);
        std::fs::write(folder.path().join("dbaudit.toml"), config).unwrap();
        let output = dbaudit(folder.path())
            .args(["time-endpoints", "--format", "json"])
            .args(arguments)
            .env("PLANTED_TOKEN", "hunter2")
            .output()
            .unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            !text.contains("hunter2") && !log.contains("hunter2"),
            "{text}{log}"
        );
        let value = serde_json::from_str(&text).unwrap_or(Value::Null);
        (output.status.code().unwrap(), value, log)
    }
}

async fn answer(
    stream: &mut BufReader<tokio::net::TcpStream>,
    seen: &Snapshot,
    queue: &Mutex<()>,
    kept: bool,
) -> std::io::Result<bool> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Ok(false);
        }
    }
    seen.requests.fetch_add(1, Ordering::Relaxed);
    let lower = head.to_lowercase();
    let length = lower.split("content-length: ").nth(1);
    let length: usize = length
        .and_then(|rest| rest.split("\r\n").next()?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    if kept && path == "/closes-silently" {
        // After the request was read, before the first byte of an answer.
        return Ok(false);
    }
    let pause = |ms| tokio::time::sleep(Duration::from_millis(ms));
    let (status, text) = match path.as_str() {
        "/slow" | "/slow.js" => {
            pause(80).await;
            ("200 OK", "slow")
        }
        "/second" => {
            pause(1_000).await;
            ("200 OK", "slow")
        }
        "/queue" => {
            let _turn = queue.lock().await;
            pause(20).await;
            ("200 OK", "queued")
        }
        "/broken" => ("503 Broken", "broken"),
        // Every tenth request of all.
        "/flaky" => {
            if seen.requests.load(Ordering::Relaxed).is_multiple_of(10) {
                ("503 Broken", "broken")
            } else {
                ("200 OK", "fine")
            }
        }
        // Its head at once, its body late.
        "/slow-body" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlo")
                .await?;
            stream.flush().await?;
            pause(80).await;
            stream.write_all(b"ng").await?;
            return Ok(true);
        }
        // It says that the connection is kept, and closes it when the next request comes.
        "/closes-silently" => ("200 OK", "fast"),
        // Its heading comes by a script, long after the load event.
        "/late-page" => (
            "200 OK",
            "<!doctype html><title>p</title><p>.</p><script>addEventListener('load', () => setTimeout(() => { \
             document.body.innerHTML = '<h1 style=\"font-size: 90px\">A late heading</h1>' }, 1500))</script>",
        ),
        "/moved-page" => (
            "200 OK",
            "<!doctype html><title>p</title><script>setTimeout(() => { location.href = '/page' }, 300)</script>",
        ),
        "/asking-page" => (
            "200 OK",
            "<!doctype html><title>p</title><h1>A page</h1><script>alert('hello')</script>",
        ),
        "/empty-page" => ("200 OK", "<!doctype html><title>p</title>"),
        "/hangs" => {
            pause(600_000).await;
            ("200 OK", "never")
        }
        "/echo?a=b" => {
            let right = head.starts_with("POST ")
                && lower.contains("x-token: bearer hunter2\r\n")
                && body == b"{\"n\":1}";
            if right {
                ("201 Created", "right")
            } else {
                ("400 Wrong", "wrong")
            }
        }
        "/page" => ("200 OK", "<!doctype html><title>p</title><h1>A page</h1>"),
        "/slow-page" => (
            "200 OK",
            "<!doctype html><title>p</title><h1>A page</h1><script src='/slow.js'></script>",
        ),
        "/fast" | "/health" | "/closes" => ("200 OK", "fast"),
        _ => ("404 Not found", "nothing"),
    };
    let closes = path == "/closes";
    let kind = if path.ends_with("page") {
        "text/html"
    } else {
        "text/javascript"
    };
    let connection = if closes { "close" } else { "keep-alive" };
    // What a cache may keep: a cold one has it not.
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: {connection}\r\n\
         Cache-Control: max-age=3600\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(!closes)
}

fn verdict_of<'a>(result: &'a Value, name: &str) -> &'a Value {
    let all = result["queries"].as_array().unwrap();
    all.iter().find(|query| query["name"] == name).unwrap()
}

#[test]
fn endpoints_are_judged_against_their_budgets_by_the_engine_of_queries() {
    let site = Site::start();
    let definitions = r#"
        [[endpoint]]
        name = "fast"
        url = "http://HOST/fast"
        budget = "10s"
        [[endpoint]]
        name = "slow"
        url = "http://HOST/slow"
        budget = "40ms"
        [[endpoint]]
        name = "echo"
        url = "http://HOST/echo?a=b"
        method = "post"
        headers = { X-Token = "Bearer ${PLANTED_TOKEN}" }
        body = '{"n":1}'
        status = 201
        budget = "10s p90"
    "#;
    let (status, result, log) = site.time(definitions, &[]);
    assert_eq!(status, 1, "{log}{result:#}");
    assert_eq!(
        (&result["command"], &result["verdict"]),
        (&"time-endpoints".into(), &"over".into())
    );
    assert!(result.get("server").is_none());
    let fast = verdict_of(&result, "fast");
    assert_eq!(fast["verdict"], "within");
    assert_eq!(fast["cases"][0]["samples"], 72, "what p95 takes at least");
    let slow = verdict_of(&result, "slow");
    assert_eq!(slow["verdict"], "over");
    assert_eq!(
        slow["cases"][0]["samples"], 8,
        "and what `over` takes, twice where it took less than three seconds"
    );
    assert!(slow["cases"][0]["min_ms"].as_f64().unwrap() >= 80.0);
    let echo = verdict_of(&result, "echo");
    assert_eq!(
        (&echo["verdict"], &echo["percentile"]),
        (&"within".into(), &90.0.into())
    );
    assert_eq!(
        site.seen.connections.load(Ordering::Relaxed),
        3,
        "one each, kept open"
    );
}

/// The time that a run may take comes from the budget: 72 samples of two seconds each would not fit into half a minute.
#[test]
#[ignore = "over a minute"]
fn an_endpoint_of_a_second_is_proven_within_its_budget_of_two() {
    let site = Site::start();
    let definitions = r#"
        [[endpoint]]
        name = "second"
        url = "http://HOST/second"
        budget = "2s"
    "#;
    let (status, result, log) = site.time(definitions, &[]);
    assert_eq!(
        (status, &result["verdict"]),
        (0, &"within".into()),
        "{log}{result:#}"
    );
}

#[test]
fn a_kept_connection_that_was_closed_is_no_failure_and_a_body_counts_to_its_end() {
    let site = Site::start();
    let definitions = r#"
        [[endpoint]]
        name = "closes"
        url = "http://HOST/closes-silently"
        budget = "10s"
        [[endpoint]]
        name = "posts"
        url = "http://HOST/closes-silently"
        method = "POST"
        budget = "10s"
        [[endpoint]]
        name = "body"
        url = "http://HOST/slow-body"
        budget = "40ms"
    "#;
    let (status, result, log) = site.time(definitions, &[]);
    assert_eq!(status, 1, "{log}{result:#}");
    let closes = verdict_of(&result, "closes");
    assert_eq!(closes["verdict"], "within", "{closes:#}");
    let note = closes["notes"][0].as_str().unwrap();
    assert!(note.contains("sent again on a new connection"), "{note}");
    // One that may have done something is not sent twice.
    let posts = verdict_of(&result, "posts");
    let error = posts["error"].as_str().unwrap();
    assert!(error.contains("the connection broke"), "{error}");
    let body = verdict_of(&result, "body");
    assert_eq!(body["verdict"], "over", "{body:#}");
    assert!(body["cases"][0]["min_ms"].as_f64().unwrap() >= 80.0);
}

#[test]
fn failures_have_a_budget_of_their_own_and_are_counted_in_the_text() {
    let site = Site::start();
    let definitions = |errors: &str| {
        format!(
            "[[endpoint]]\nname = \"flaky\"\nurl = \"http://HOST/flaky\"\nbudget = \"10s\"\n{errors}\n"
        )
    };
    let (status, result, log) = site.time(&definitions("errors = \"1%\""), &[]);
    assert_eq!(status, 1, "{log}{result:#}");
    let reason = result["queries"][0]["cases"][0]["reason"].as_str().unwrap();
    assert!(
        reason.contains(
            " requests failed, the last one: the endpoint answered with status 503 instead of 200; at most 1 % may fail"
        ),
        "{reason}"
    );
    let (status, result, log) = site.time(&definitions("errors = \"30%\""), &[]);
    assert_eq!(status, 0, "{log}{result:#}");
    let note = result["queries"][0]["notes"][0].as_str().unwrap();
    assert!(
        note.contains(" requests failed") && note.contains("within the allowed 30 %"),
        "{note}"
    );
    // Without a budget for them a failure is an error, with its number.
    let (status, result, log) = site.time(&definitions(""), &[]);
    assert_eq!(status, 3, "{log}{result:#}");
    let error = result["queries"][0]["error"].as_str().unwrap();
    assert!(
        error.starts_with("1 of ") && error.contains("requests failed"),
        "{error}"
    );
    // Nothing but failures.
    let broken = "[[endpoint]]\nname = \"broken\"\nurl = \"http://HOST/broken\"\nerrors = \"5%\"\n";
    let (status, result, log) = site.time(broken, &[]);
    assert_eq!(status, 1, "{log}{result:#}");
    assert_eq!(result["queries"][0]["cases"][0]["p95_ms"], Value::Null);
}

#[test]
fn many_at_once_are_held_to_an_average_of_their_own() {
    let site = Site::start();
    let definitions = |average: &str| {
        format!(
            "[[endpoint]]\nname = \"queue\"\nurl = \"http://HOST/queue\"\nbudget = \"30s\"\nconcurrency = 10\n{average}\n"
        )
    };
    // Alone 20 ms; ten wait for each other: 200 ms.
    let (status, result, log) = site.time(
        &definitions("average-budget = \"100ms\""),
        &["--load-time", "1s"],
    );
    assert_eq!(status, 1, "{log}{result:#}");
    let load = &result["queries"][0]["load"];
    assert_eq!(
        (&load["verdict"], &load["levels"][0]["clients"]),
        (&"over".into(), &10.into())
    );
    assert_eq!(result["queries"][0]["cases"][0]["verdict"], "within");
    let (status, result, log) = site.time(
        &definitions("average-budget = \"20s\""),
        &["--load-time", "2s"],
    );
    assert_eq!(status, 0, "{log}{result:#}");
}

#[test]
fn wrong_answers_and_dead_servers_are_errors_and_hanging_ones_are_over() {
    let site = Site::start();
    let definitions = r#"
        [[endpoint]]
        name = "broken"
        url = "http://HOST/broken"
        [[endpoint]]
        name = "gone"
        url = "http://127.0.0.1:1/"
        [[endpoint]]
        name = "closes"
        url = "http://HOST/closes"
        budget = "10s"
    "#;
    let (status, result, log) = site.time(definitions, &[]);
    assert_eq!(status, 3, "{log}");
    let broken = verdict_of(&result, "broken");
    assert!(
        broken["error"]
            .as_str()
            .unwrap()
            .contains("status 503 instead of 200"),
        "{broken}"
    );
    assert!(
        verdict_of(&result, "gone")["error"]
            .as_str()
            .unwrap()
            .contains("connecting to 127.0.0.1")
    );
    assert_eq!(verdict_of(&result, "closes")["verdict"], "within");

    let hangs = "[[endpoint]]\nname = \"hangs\"\nurl = \"http://HOST/hangs\"\nbudget = \"10ms\"\n";
    let (status, result, log) = site.time(hangs, &[]);
    assert_eq!(status, 1, "{log}{result:#}");
    let case = &result["queries"][0]["cases"][0];
    assert_eq!(
        (&case["timed_out"], &case["samples"]),
        (&1.into(), &1.into()),
        "{case:#}"
    );
    assert_eq!(
        case["min_ms"],
        Value::Null,
        "a timeout is no time: {case:#}"
    );
    // Its default budget, 2 s, and a limit below five times that: it still never answers.
    let hangs = "[[endpoint]]\nname = \"hangs\"\nurl = \"http://HOST/hangs\"\n";
    let begun = std::time::Instant::now();
    let (status, _, log) = site.time(hangs, &["--max-time", "5s"]);
    assert_eq!(status, 1, "{log}");
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "the limit holds as a whole: {:?}",
        begun.elapsed()
    );
}

#[test]
fn what_cannot_be_timed_is_refused_before_anything_is_sent() {
    let site = Site::start();
    for (definitions, said) in [
        ("", "no [[endpoint]] and no [[page]]"),
        (
            "[[endpoint]]\nname = \"a\"\nurl = \"ftp://x/\"\n",
            "[[endpoint]] a: url: it begins with neither",
        ),
        (
            "[[endpoint]]\nname = \"a\"\nurl = \"http://HOST/\"\nheaders = { A = \"$NOT_SET_HERE\" }\n",
            "NOT_SET_HERE is not set",
        ),
        (
            "[[endpoint]]\nname = \"a\"\nurl = \"http://HOST/\"\nbudget = \"fast\"\n",
            "budget: `fast`",
        ),
        (
            "[[endpoint]]\nname = \"a\"\nurl = \"http://HOST/\"\naverage-budget = \"1s\"\n",
            "needs concurrency",
        ),
        (
            "[[page]]\nname = \"a\"\nurl = \"http://HOST/\"\n[[endpoint]]\nname = \"a\"\nurl = \"http://HOST/\"\n",
            "used twice",
        ),
        (
            "[[endpoint]]\nname = \"a\"\nurl = \"http://ann:hunter2@HOST/\"\n",
            "credentials belong in a header",
        ),
    ] {
        let (status, _, log) = site.time(definitions, &[]);
        assert_eq!(status, 2, "{definitions}: {log}");
        assert!(log.contains(said), "{said}: {log}");
    }
    assert_eq!(site.seen.requests.load(Ordering::Relaxed), 0);
    let health = "[[endpoint]]\nname = \"h\"\nurl = \"http://HOST/health\"\n";
    let (_, result, _) = site.time(health, &["--max-samples", "1"]);
    assert_eq!(result["queries"][0]["budget_ms"], 100.0);
}

#[test]
fn a_saved_run_is_compared_with_and_every_output_is_there() {
    let site = Site::start();
    let definitions =
        "[[endpoint]]\nname = \"fast\"\nurl = \"http://HOST/fast\"\nbudget = \"10s\"\n";
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved.json");
    let saved = saved.to_str().unwrap();
    assert_eq!(site.time(definitions, &["--save", saved]).0, 0);
    let (status, result, log) = site.time(definitions, &["--compare", saved]);
    assert_eq!(status, 0, "{log}");
    assert_eq!(result["comparison"]["failed"], false);
    std::fs::write(
        folder.path().join("dbaudit.toml"),
        definitions.replace("HOST", &site.address),
    )
    .unwrap();
    for (format, said) in [
        ("table", "Endpoint timing"),
        ("markdown", "# Endpoint timing"),
        ("junit", "time-endpoints.fast"),
        ("html", "<h1>Endpoint timing"),
    ] {
        let output = dbaudit(folder.path())
            .args(["time-endpoints", "--format", format])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(said), "{format}: {text}");
        assert!(!text.contains("PostgreSQL"), "{format}: {text}");
    }
}

#[test]
fn a_page_is_loaded_cold_each_time_and_judged_by_its_load_event() {
    if let Err(error) = dbaudit::endpoint::find_chromium() {
        assert!(
            std::env::var_os("DBAUDIT_TEST_REQUIRE").is_none(),
            "{error}"
        );
        eprintln!("skipped: {error}");
        return;
    }
    let site = Site::start();
    let definitions = r#"
        [[page]]
        name = "quick"
        url = "http://HOST/page"
        budget = "30s"
        [[page]]
        name = "slow"
        url = "http://HOST/slow-page"
        budget = "60ms"
    "#;
    let (status, result, log) = site.time(definitions, &["--max-time", "120s"]);
    assert_eq!(status, 1, "{log}{result:#}");
    let quick = verdict_of(&result, "quick");
    assert_eq!(quick["verdict"], "within", "{quick:#}");
    assert_eq!(
        (&quick["percentile"], &quick["cases"][0]["samples"]),
        (&75.0.into(), &13.into())
    );
    assert_eq!(
        quick["cases"][1]["label"], "largest contentful paint",
        "{quick:#}"
    );
    let slow = verdict_of(&result, "slow");
    assert_eq!(slow["verdict"], "over", "{slow:#}");
    // Its script waits 80 ms: also the second time, which finds nothing in a cache.
    assert!(
        slow["cases"][0]["min_ms"].as_f64().unwrap() >= 80.0,
        "{slow:#}"
    );
}

#[test]
fn what_a_page_shows_late_elsewhere_or_behind_a_dialog_is_seen() {
    if dbaudit::endpoint::find_chromium().is_err() {
        // The test before this one fails where a browser must be there.
        return;
    }
    let site = Site::start();
    let page = |name: &str, budget: &str| {
        format!(
            "[[page]]\nname = \"{name}\"\nurl = \"http://HOST/{name}-page\"\nbudget = \"{budget}\"\n"
        )
    };
    let pages = [
        page("late", "1s p50"),
        page("moved", "250ms p50"),
        page("asking", "30s p50"),
        page("empty", "30s p50"),
    ];
    let (status, result, log) = site.time(&pages.concat(), &["--max-time", "120s"]);
    assert_eq!(status, 1, "{log}{result:#}");
    // Its load event is early, its content 1.5 s after it.
    let late = verdict_of(&result, "late");
    assert_eq!(late["verdict"], "over", "{late:#}");
    assert_eq!(
        late["deciding_case"], "largest contentful paint",
        "{late:#}"
    );
    assert!(
        late["cases"][1]["min_ms"].as_f64().unwrap() >= 1_500.0,
        "{late:#}"
    );
    // 300 ms before the script goes on to the page that is meant.
    let moved = verdict_of(&result, "moved");
    assert_eq!(moved["verdict"], "over", "{moved:#}");
    assert!(
        moved["cases"][0]["min_ms"].as_f64().unwrap() >= 300.0,
        "{moved:#}"
    );
    assert!(
        moved["notes"]
            .to_string()
            .contains("continued to another page by script"),
        "{moved:#}"
    );
    let asking = verdict_of(&result, "asking");
    assert_eq!(asking["verdict"], "within", "{asking:#}");
    assert!(
        asking["notes"]
            .to_string()
            .contains("dialogs were opened and dismissed"),
        "{asking:#}"
    );
    let empty = verdict_of(&result, "empty");
    assert_eq!(empty["verdict"], "within", "{empty:#}");
    assert!(
        empty["notes"]
            .to_string()
            .contains("no largest contentful paint"),
        "{empty:#}"
    );
}

#[test]
fn without_a_browser_the_message_says_what_to_install() {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let definitions = format!(
        "[[page]]\nname = \"p\"\nurl = \"http://{}/page\"\n",
        site.address
    );
    std::fs::write(folder.path().join("dbaudit.toml"), definitions).unwrap();
    let output = dbaudit(folder.path())
        .arg("time-endpoints")
        .env("PATH", folder.path())
        .env_remove("DBAUDIT_CHROMIUM")
        .output()
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{log}");
    assert!(log.contains("apt-get install chromium"), "{log}");
}

type TlsStream = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;

/// A server for https at localhost, with a certificate that nobody vouches for: its port, the certificate, and what it
/// runs in.
fn secure_site<F>(
    protocols: &[&str],
    serve: impl Fn(TlsStream) -> F + Clone + Send + 'static,
) -> (u16, String, tokio::runtime::Runtime)
where
    F: Future<Output = ()> + Send + 'static,
{
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![made.cert.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, serve) = (acceptor.clone(), serve.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream).await;
                }
            });
        }
    });
    (port, made.cert.pem(), runtime)
}

#[test]
fn https_is_verified_by_the_authorities_of_the_system() {
    let (port, certificate, _runtime) = secure_site(&[], |stream| async move {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            if line == "\r\n" {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                if stream.write_all(answer).await.is_err() {
                    return;
                }
                let _ = stream.flush().await;
            }
            line.clear();
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let authorities = folder.path().join("authorities.pem");
    std::fs::write(&authorities, certificate).unwrap();
    let definitions = format!(
        "[[endpoint]]\nname = \"tls\"\nurl = \"https://localhost:{port}/\"\nbudget = \"10s\"\n"
    );
    std::fs::write(folder.path().join("dbaudit.toml"), definitions).unwrap();
    let time = |trusted: bool| {
        let mut command = dbaudit(folder.path());
        command.arg("time-endpoints");
        if trusted {
            command.env("SSL_CERT_FILE", &authorities);
        }
        command.output().unwrap().status.code()
    };
    assert_eq!(time(true), Some(0));
    assert_eq!(time(false), Some(3), "an authority that nobody vouches for");
    let with = |options: &[&str]| {
        let mut command = dbaudit(folder.path());
        command.arg("time-endpoints").args(options);
        command.output().unwrap().status.code()
    };
    assert_eq!(with(&["--ca-file", "authorities.pem"]), Some(0));
    assert_eq!(with(&["--insecure"]), Some(0));
    assert_eq!(with(&["--ca-file", "nowhere.pem"]), Some(2));
}

#[test]
fn an_endpoint_that_offers_http_2_is_spoken_with_by_it() {
    let (port, _, _runtime) = secure_site(&["h2"], |stream| async move {
        let service =
            hyper::service::service_fn(async |request: hyper::Request<hyper::body::Incoming>| {
                // What HTTP/2 has in place of the header.
                let uri = request.uri();
                let is_right = uri.authority().is_some() && uri.path() == "/a";
                let status = if is_right { 200 } else { 400 };
                let body = http_body_util::Full::new(hyper::body::Bytes::from("ok"));
                hyper::Response::builder().status(status).body(body)
            });
        let executor = hyper_util::rt::TokioExecutor::new();
        let _ = hyper::server::conn::http2::Builder::new(executor)
            .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
            .await;
    });
    let folder = tempfile::tempdir().unwrap();
    let definitions = format!(
        "[[endpoint]]\nname = \"h2\"\nurl = \"https://localhost:{port}/a?b=c\"\nbudget = \"10s\"\n"
    );
    std::fs::write(folder.path().join("dbaudit.toml"), definitions).unwrap();
    let output = dbaudit(folder.path())
        .args(["time-endpoints", "--insecure", "--format", "json"])
        .output()
        .unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{result:#}");
    assert_eq!(result["queries"][0]["notes"][0], "measured over HTTP/2");
}
