//! The request-tracking layer: what an application's own requests take, for any axum application.
//!
//! ```
//! use axum::{Router, routing::get};
//! use dbaudit::serve::RequestTracking;
//!
//! let tracking = RequestTracking::new();
//! let app: Router = Router::new()
//!     .route("/users/{id}", get(async || "a user"))
//!     .layer(tracking.clone());
//! assert_eq!(tracking.stats().figures().total, 0);
//! # let _ = app;
//! ```
//!
//! Every response then carries `Server-Timing` (browsers show it, and give it to scripts) and `X-Process-Time` (in
//! seconds); a request that takes more than two seconds is warned of, one that takes more than five is an error
//! line (ten lines a second at most; the next one says how many were left out); and the `metrics` crate is told:
//!
//! | metric | kind | labels |
//! | --- | --- | --- |
//! | `http_requests_total` | counter | `method`, `route`, `status` (`2xx`, …) |
//! | `http_request_errors_total` | counter | `method`, `route` |
//! | `http_request_duration_seconds` | histogram | `method`, `route` |
//! | `http_requests_in_flight` | gauge | |
//!
//! `route` is the route's pattern as it was registered (`/users/{id}`), and `(unmatched)` for a path that has none,
//! so that no client decides how many series there are.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    extract::MatchedPath,
    http::{HeaderValue, Method, Request, Response, StatusCode, header::HeaderName},
};
use metrics::{Recorder, counter, gauge, histogram};
use tower::{Layer, Service};

use super::{RequestStats, request_stats::InFlight};

/// From here on a request is warned of.
pub const SLOW: Duration = Duration::from_secs(2);
/// From here on a request is an error line.
pub const TOO_SLOW: Duration = Duration::from_secs(5);

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");

/// The layer. Clones share their figures.
#[derive(Clone)]
pub struct RequestTracking(Arc<Shared>);

struct Shared {
    stats: RequestStats,
    slow: Duration,
    too_slow: Duration,
    recorder: Option<Arc<dyn Recorder + Send + Sync>>,
    lines: Mutex<Lines>,
}

/// What was logged within the running second: clients that are slow on purpose must not fill a disk.
#[derive(Debug, Default)]
struct Lines {
    second: Option<Instant>,
    said: u32,
    left_out: u64,
}

const LINES_A_SECOND: u32 = 10;

impl Lines {
    /// How many were left out before this one; `None`: this one is to be left out as well.
    fn next(&mut self, now: Instant) -> Option<u64> {
        let running = |begun: Instant| now.duration_since(begun) < Duration::from_secs(1);
        if !self.second.is_some_and(running) {
            self.second = Some(now);
            self.said = 0;
        }
        if self.said == LINES_A_SECOND {
            self.left_out += 1;
            return None;
        }
        self.said += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

impl std::fmt::Debug for RequestTracking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestTracking")
            .field("stats", &self.0.stats)
            .finish_non_exhaustive()
    }
}

impl Default for RequestTracking {
    fn default() -> Self {
        Self::with(SLOW, TOO_SLOW, None)
    }
}

impl RequestTracking {
    /// Warns after two seconds, errors after five, and tells the process's `metrics` recorder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Other limits, or a recorder of its own instead of the process's.
    #[must_use]
    pub fn with(
        slow: Duration,
        too_slow: Duration,
        recorder: Option<Arc<dyn Recorder + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Shared {
            stats: RequestStats::default(),
            slow,
            too_slow,
            recorder,
            lines: Mutex::default(),
        }))
    }

    /// The figures so far.
    #[must_use]
    pub fn stats(&self) -> &RequestStats {
        &self.0.stats
    }
}

impl<S> Layer<S> for RequestTracking {
    type Service = Tracked<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Tracked {
            inner,
            shared: Arc::clone(&self.0),
        }
    }
}

/// A service whose requests are tracked.
#[derive(Clone)]
pub struct Tracked<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S: std::fmt::Debug> std::fmt::Debug for Tracked<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracked")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for Tracked<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        let method = known(request.method());
        let route = request
            .extensions()
            .get::<MatchedPath>()
            .map_or_else(|| "(unmatched)".to_owned(), |path| path.as_str().to_owned());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let watch = Watch::begin(&shared, method, &route);
            let mut response = answer.await?;
            let elapsed = watch.end();
            add_headers(&mut response, elapsed);
            let status = response.status().as_u16();
            shared.stats.end(elapsed, status >= 500);
            match &shared.recorder {
                Some(own) => {
                    let record = || shared.record(method, &route, status, elapsed);
                    metrics::with_local_recorder(&**own, record);
                }
                None => shared.record(method, &route, status, elapsed),
            }
            // Where the client was too slow with its request, the application was not.
            if response.status() != StatusCode::REQUEST_TIMEOUT {
                shared.complain(method, &route, elapsed, format_args!("status {status}"));
            }
            Ok(response)
        })
    }
}

/// A request under way. Where it is dropped before its end, its client has gone, most likely for want of an answer: that
/// it took too long is said all the same.
struct Watch<'a> {
    shared: &'a Shared,
    method: &'static str,
    route: &'a str,
    begun: Instant,
    ended: bool,
    _in_flight: InFlight<'a>,
}

impl<'a> Watch<'a> {
    fn begin(shared: &'a Shared, method: &'static str, route: &'a str) -> Self {
        Self {
            shared,
            method,
            route,
            begun: Instant::now(),
            ended: false,
            _in_flight: shared.stats.begin(),
        }
    }

    fn end(mut self) -> Duration {
        self.ended = true;
        self.begun.elapsed()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let elapsed = self.begun.elapsed();
            let how = format_args!("no answer: its client is gone");
            self.shared.complain(self.method, self.route, elapsed, how);
        }
    }
}

impl Shared {
    fn record(&self, method: &'static str, route: &str, status: u16, elapsed: Duration) {
        let route = route.to_owned();
        counter!("http_requests_total", "method" => method, "route" => route.clone(),
            "status" => class(status))
        .increment(1);
        if status >= 500 {
            counter!("http_request_errors_total", "method" => method, "route" => route.clone())
                .increment(1);
        }
        histogram!("http_request_duration_seconds", "method" => method, "route" => route)
            .record(elapsed.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let in_flight = self.stats.figures().in_flight as f64;
        gauge!("http_requests_in_flight").set(in_flight);
    }

    fn complain(&self, method: &str, route: &str, elapsed: Duration, how: std::fmt::Arguments<'_>) {
        if elapsed <= self.slow.min(self.too_slow) {
            return;
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left_out) = lines.next(Instant::now()) else {
            return;
        };
        drop(lines);
        let ms = elapsed.as_millis();
        let more = match left_out {
            0 => String::new(),
            more => format!("; {more} like it were left out"),
        };
        // The pattern, not the path: what a client sends does not go into the log.
        if elapsed > self.too_slow {
            tracing::error!("{method} {route} took {ms} ms ({how}){more}");
        } else {
            tracing::warn!("{method} {route} took {ms} ms ({how}){more}");
        }
    }
}

fn add_headers<R>(response: &mut Response<R>, elapsed: Duration) {
    let headers = response.headers_mut();
    let ms = elapsed.as_secs_f64() * 1000.0;
    // Figures alone: they are always fit for a header.
    if let Ok(value) = HeaderValue::from_str(&format!("app;dur={ms:.3}")) {
        headers.append(SERVER_TIMING, value);
    }
    if let Ok(value) = HeaderValue::from_str(&format!("{:.6}", elapsed.as_secs_f64())) {
        headers.insert(PROCESS_TIME, value);
    }
}

/// A client may make methods up.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
    KNOWN
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("other")
}

fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::get};
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    async fn ask(app: &Router, path: &str) -> Response<Body> {
        let request = Request::get(path).body(Body::empty()).unwrap();
        app.clone().call(request).await.unwrap()
    }

    #[tokio::test]
    async fn every_answer_says_what_it_took_and_is_counted_by_its_route_not_its_path() {
        let recorder = Arc::new(PrometheusBuilder::new().build_recorder());
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
        let text = recorder.handle().render();
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
        assert!(left.ends_with("its client is gone)"), "{left}");
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
}
