use super::*;
use crate::serve::store::Store;
use axum::{Router, body::Body, routing::get};

async fn ask(app: &Router, path: &str) -> Response<Body> {
    let request = Request::get(path).body(Body::empty()).unwrap();
    app.clone().call(request).await.unwrap()
}

#[tokio::test]
async fn every_answer_says_what_it_took_and_is_counted_by_its_route_not_its_path() {
    let recorder = Arc::new(Store::default());
    let tracking = RequestTracking::with(SLOW, TOO_SLOW, Some(recorder.clone()));
    let app = Router::new()
        .route("/users/{id}", get(async || "a user"))
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .layer(tracking.clone());
    for path in ["/users/1", "/users/2", "/broken", "/random/1", "/random/2"] {
        let answer = ask(&app, path).await;
        let header = |name| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(header("server-timing").starts_with("app;dur="));
        assert!(header("x-process-time").parse::<f64>().unwrap() >= 0.0);
    }
    let figures = tracking.stats().figures();
    assert_eq!((figures.total, figures.errors), (5, 1));
    assert_eq!((figures.in_flight, figures.per_minute), (0, 5));
    let text = recorder.text();
    for line in [
        r#"http_requests_total{method="GET",route="/users/{id}",status="2xx"} 2"#,
        r#"http_requests_total{method="GET",route="(unmatched)",status="4xx"} 2"#,
        r#"http_request_errors_total{method="GET",route="/broken"} 1"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

/// What is logged while something is done.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_slow_request_is_warned_of_and_a_slower_one_is_an_error_also_where_its_client_left() {
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_writer(move || written.clone())
        .finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    let never = Duration::from_secs(3600);
    let app = |slow, too_slow| {
        Router::new()
            .route(
                "/pause/{ms}",
                get(async || {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    "done"
                }),
            )
            .route("/hangs", get(std::future::pending::<&str>))
            .layer(RequestTracking::with(slow, too_slow, None))
    };
    let short = Duration::from_millis(1);
    ask(&app(never, never), "/pause/1").await;
    assert_eq!(log.lines(), Vec::<String>::new());
    ask(&app(short, never), "/pause/2").await;
    ask(&app(Duration::ZERO, short), "/pause/3").await;
    let hanging = app(Duration::ZERO, short);
    let gives_up = ask(&hanging, "/hangs");
    let gave_up = tokio::time::timeout(Duration::from_millis(20), gives_up).await;
    assert!(gave_up.is_err());
    let lines = log.lines();
    let [warned, failed, left] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert!(warned.starts_with("WARN GET /pause/{ms} took "), "{warned}");
    assert!(
        failed.starts_with("ERROR GET /pause/{ms} took "),
        "{failed}"
    );
    assert!(failed.ends_with("(status 200)"), "{failed}");
    assert!(left.starts_with("ERROR GET /hangs took "), "{left}");
    assert!(
        left.ends_with("(no answer sent: the client disconnected)"),
        "{left}"
    );
}

#[test]
fn a_flood_of_slow_requests_is_no_flood_of_lines() {
    let mut lines = Lines::default();
    let begun = Instant::now();
    let said = (0..1_000).filter_map(|_| lines.next(begun)).count();
    assert_eq!(said, 10);
    assert_eq!(lines.next(begun + Duration::from_secs(1)), Some(990));
    assert_eq!(lines.next(begun + Duration::from_secs(1)), Some(0));
}

#[test]
fn a_method_made_up_by_a_client_makes_no_series_of_its_own() {
    let odd = Method::from_bytes(b"X9").unwrap();
    assert_eq!((known(&odd), known(&Method::PATCH)), ("other", "PATCH"));
}
