//! The routes, and the layers in front of them.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Value, json};

use super::{
    App,
    access::Area,
    collect::{MonitoredDatabase, Status},
    listen::Peer,
    overview,
    rate::RateLimit,
    vitals::{self, Beacon},
};

type Shared = State<Arc<App>>;

const PAGE: &str = include_str!("assets/index.html");
const STYLE: &str = include_str!("assets/app.css");
/// With what the report's page copies by.
const SCRIPT: &str = concat!(
    include_str!("assets/app.js"),
    include_str!("../render/html/copy.js")
);
const SIGN_IN: &str = include_str!("assets/sign_in.html");

/// A body that comes slower than this is slow on purpose.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

impl App {
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/", get(async || html(PAGE)))
            .route(
                "/app.css",
                get(async || with_type("text/css; charset=utf-8", STYLE)),
            )
            .route("/app.js", get(async || script(SCRIPT)))
            .route(
                "/sign-in",
                get(async || html(sign_in_page(""))).post(sign_in),
            )
            .route("/health", get(health))
            .route("/ready", get(ready))
            .route("/metrics", get(metrics))
            .route("/vitals.js", get(async || snippet()))
            .route("/vitals", post(take_beacon))
            .route("/api/overview", get(show_overview))
            .route("/api/databases", get(databases))
            .route("/api/databases/{name}/report", get(report))
            .route("/api/databases/{name}/history", get(history))
            .route("/api/budgets", get(budgets))
            .route("/api/vitals", get(show_vitals))
            .route("/api/host", get(host))
            .route("/api/requests", get(requests))
            .fallback(async || (StatusCode::NOT_FOUND, "not found\n"))
            .layer(middleware::from_fn_with_state(Arc::clone(self), guard))
            .layer(self.tracking.clone())
            .with_state(Arc::clone(self))
    }
}

/// Who asks, how often, and whether they may; and the headers of every answer.
///
/// What is asked with the right token, what needs none, and what is refused are counted apart: whoever floods one keeps
/// nobody from the others. Whoever watches the health is kept waiting by nobody, nor is whoever signs in.
async fn guard(State(app): Shared, request: Request, next: Next) -> Response {
    let address = address_of(&app, &request);
    let within = |limit: &RateLimit, kind| address.is_none_or(|at| limit.admits(at, kind));
    let path = request.uri().path();
    let unlimited = matches!(path, "/health" | "/ready")
        || (path == "/sign-in" && request.method() == Method::POST);
    let area = area_of(path);
    let guesses = app.access.guesses(request.headers());
    let mut response = match app.access.admit(area, request.headers()) {
        Ok(()) if unlimited || within(&app.rate, Some(area)) => next.run(request).await,
        Err(status) if guesses || within(&app.rate, None) => refused(status, path),
        _ => too_many(),
    };
    let guessed = guesses || unlimited;
    if response.status() == StatusCode::UNAUTHORIZED && guessed && !within(&app.guesses, None) {
        response = too_many();
    }
    harden(response.headers_mut());
    response
}

fn too_many() -> Response {
    let wait = [(header::RETRY_AFTER, "1")];
    (StatusCode::TOO_MANY_REQUESTS, wait, "too many requests\n").into_response()
}

fn area_of(path: &str) -> Area {
    match path {
        "/health" | "/ready" | "/vitals" | "/vitals.js" | "/sign-in" | "/app.css" => Area::Open,
        "/metrics" => Area::Metrics,
        _ => Area::Private,
    }
}

fn refused(status: StatusCode, path: &str) -> Response {
    match (status, path) {
        (StatusCode::UNAUTHORIZED, "/") => (status, html(sign_in_page(""))).into_response(),
        (StatusCode::UNAUTHORIZED, _) => {
            let how = [(header::WWW_AUTHENTICATE, "Bearer")];
            (status, how, "a bearer token is required\n").into_response()
        }
        _ => (status, "the Host header does not name this machine\n").into_response(),
    }
}

/// Behind a proxy, the address that the proxy nearest to us saw.
fn address_of(app: &App, request: &Request) -> Option<IpAddr> {
    let forwarded = || {
        let last = request
            .headers()
            .get_all("x-forwarded-for")
            .iter()
            .next_back()?;
        last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
    };
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    if app.settings.behind_proxy {
        forwarded().or(peer)
    } else {
        peer
    }
}

/// A page loads its own script and style, and nothing else; nobody frames it, guesses its types, or keeps it.
fn harden(headers: &mut HeaderMap) {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
        img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

fn html(page: impl Into<Body>) -> Response {
    with_type("text/html; charset=utf-8", page)
}

fn script(text: &'static str) -> Response {
    with_type("text/javascript; charset=utf-8", text)
}

/// Any page may load it, and need not ask for it again within the hour.
fn snippet() -> Response {
    let headers = [
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ),
    ];
    (headers, script(vitals::SNIPPET)).into_response()
}

fn with_type(kind: &'static str, body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, kind)], body.into()).into_response()
}

fn json(value: impl Into<Body>) -> Response {
    with_type("application/json", value)
}

fn to_json(value: &impl serde::Serialize) -> Response {
    json(serde_json::to_vec(value).unwrap_or_default())
}

fn sign_in_page(wrong: &str) -> String {
    SIGN_IN.replace("{wrong}", wrong)
}

/// The form's one field. A browser that gave the token holds a cookie from then on.
async fn sign_in(State(app): Shared, request: Request) -> Response {
    let secure = app.settings.behind_proxy && came_by_https(request.headers());
    let body = body_of(request).await.unwrap_or_default();
    let given = body
        .split(|byte| *byte == b'&')
        .find_map(|pair| pair.strip_prefix(b"token="))
        .map(decoded)
        .unwrap_or_default();
    if !app.access.knows(&given) {
        let page = sign_in_page("The token is wrong.");
        return (StatusCode::UNAUTHORIZED, html(page)).into_response();
    }
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&app.access.cookie(secure)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// As the proxy says. Its cookie is then for no other way.
fn came_by_https(headers: &HeaderMap) -> bool {
    headers
        .get("x-forwarded-proto")
        .is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// `application/x-www-form-urlencoded`.
fn decoded(value: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.iter().copied();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match (hex(rest.next()), hex(rest.next())) {
                (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or(b'?'),
                _ => b'?',
            },
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The body, where it is small enough and comes in time.
async fn body_of(request: Request) -> Result<Vec<u8>, StatusCode> {
    let body = Limited::new(request.into_body(), vitals::MOST_BYTES);
    match tokio::time::timeout(BODY_TIMEOUT, body.collect()).await {
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        // It is malformed, or its client has gone.
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
    }
}

/// Alive. No database is asked, and no lock of theirs is taken.
async fn health() -> Response {
    json(r#"{"status":"ok"}"#)
}

/// Ready: every database was asked at least once, and one answers. A database that is down makes the rest no less
/// worth showing.
async fn ready(State(app): Shared) -> Response {
    let states: Vec<Status> = app
        .targets
        .iter()
        .map(|watched| watched.read(|state| state.status.clone()))
        .collect();
    let asked = states.iter().all(|status| *status != Status::Waiting);
    let up = states
        .iter()
        .filter(|status| matches!(status, Status::Up { .. }));
    let up = up.count();
    let ready = asked && (up > 0 || states.is_empty());
    let code = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({"ready": ready, "databases": states.len(), "up": up});
    (code, to_json(&body)).into_response()
}

async fn metrics(State(app): Shared) -> Response {
    with_type(
        "text/plain; version=0.0.4; charset=utf-8",
        app.metrics_text().await,
    )
}

async fn take_beacon(State(app): Shared, request: Request) -> StatusCode {
    if !app.access.takes_beacons_from(request.headers()) {
        app.vitals.refuse();
        return StatusCode::FORBIDDEN;
    }
    let body = match body_of(request).await {
        Ok(body) => body,
        Err(status) => {
            app.vitals.refuse();
            return status;
        }
    };
    match Beacon::parse(&body) {
        Some(beacon) => {
            app.vitals.take(&beacon, app.now_s());
            StatusCode::NO_CONTENT
        }
        None => {
            app.vitals.refuse();
            StatusCode::BAD_REQUEST
        }
    }
}

async fn show_overview(State(app): Shared) -> Response {
    json(app.overview())
}

async fn databases(State(app): Shared) -> Response {
    let list: Vec<Value> = app.targets.iter().map(overview::database).collect();
    to_json(&list)
}

async fn budgets(State(app): Shared) -> Response {
    let vitals = app.vitals.figures(app.now_s());
    to_json(&overview::readings(&app, &vitals))
}

async fn show_vitals(State(app): Shared) -> Response {
    to_json(&app.vitals.figures(app.now_s()))
}

async fn host(State(app): Shared) -> Response {
    to_json(&overview::host(&app))
}

async fn requests(State(app): Shared) -> Response {
    to_json(&json!({
        "requests": app.tracking.stats().figures(),
        "process": app.process.figures(),
    }))
}

fn find<'a>(app: &'a App, name: &str) -> Option<&'a MonitoredDatabase> {
    app.targets.iter().find(|watched| watched.name == name)
}

fn unknown() -> Response {
    (
        StatusCode::NOT_FOUND,
        "no database of this name is monitored\n",
    )
        .into_response()
}

async fn report(State(app): Shared, Path(name): Path<String>) -> Response {
    let Some(latest) = find(&app, &name).map(|at| at.read(|state| state.latest.clone())) else {
        return unknown();
    };
    let Some(latest) = latest else {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return (status, "no data collected yet\n").into_response();
    };
    json(latest.document().await)
}

async fn history(State(app): Shared, Path(name): Path<String>) -> Response {
    match find(&app, &name) {
        None => unknown(),
        Some(watched) => {
            let points: Vec<_> = watched.read(|state| state.history.points().copied().collect());
            to_json(&points)
        }
    }
}
