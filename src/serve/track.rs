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
//! line; and the `metrics` crate is told:
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
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    extract::MatchedPath,
    http::{HeaderValue, Method, Request, Response, header::HeaderName},
};
use metrics::{Recorder, counter, gauge, histogram};
use tower::{Layer, Service};

use super::RequestStats;

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
            let _in_flight = shared.stats.begin();
            let begun = Instant::now();
            let mut response = answer.await?;
            let elapsed = begun.elapsed();
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
            shared.complain(method, &route, status, elapsed);
            Ok(response)
        })
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
        let in_flight = self.stats.figures().in_flight.saturating_sub(1) as f64;
        gauge!("http_requests_in_flight").set(in_flight);
    }

    fn complain(&self, method: &str, route: &str, status: u16, elapsed: Duration) {
        let ms = elapsed.as_millis();
        // The pattern, not the path: what a client sends does not go into the log.
        if elapsed > self.too_slow {
            tracing::error!("{method} {route} took {ms} ms (status {status})");
        } else if elapsed > self.slow {
            tracing::warn!("{method} {route} took {ms} ms (status {status})");
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
    use axum::{Router, body::Body, http::StatusCode, routing::get};
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

    #[test]
    fn a_method_made_up_by_a_client_makes_no_series_of_its_own() {
        let odd = Method::from_bytes(b"X9").unwrap();
        assert_eq!((known(&odd), known(&Method::PATCH)), ("other", "PATCH"));
    }
}
