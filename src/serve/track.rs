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
pub struct RequestTracking(Arc<Tracking>);

struct Tracking {
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
    pub fn new() -> Self {
        Self::default()
    }

    /// Other limits, or a recorder of its own instead of the process's.
    pub fn with(
        slow: Duration,
        too_slow: Duration,
        recorder: Option<Arc<dyn Recorder + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Tracking {
            stats: RequestStats::default(),
            slow,
            too_slow,
            recorder,
            lines: Mutex::default(),
        }))
    }

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
    shared: Arc<Tracking>,
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
    shared: &'a Tracking,
    method: &'static str,
    route: &'a str,
    begun: Instant,
    ended: bool,
    _in_flight: InFlight<'a>,
}

impl<'a> Watch<'a> {
    fn begin(shared: &'a Tracking, method: &'static str, route: &'a str) -> Self {
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
            let how = format_args!("no answer sent: the client disconnected");
            self.shared.complain(self.method, self.route, elapsed, how);
        }
    }
}

impl Tracking {
    fn record(&self, method: &'static str, route: &str, status: u16, elapsed: Duration) {
        let route = route.to_owned();
        counter!("http_requests_total", "method" => method, "route" => route.clone(),
            "status" => class(status))
        .increment(1);
        // Also for none: what does not exist has no rate, and the first error would be none.
        counter!("http_request_errors_total", "method" => method, "route" => route.clone())
            .increment(u64::from(status >= 500));
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
            more => format!("; {more} similar ones were suppressed"),
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
mod tests;
