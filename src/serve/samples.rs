//! PURE: the request metrics in an application's `/metrics`: a histogram of durations, by endpoint.

use std::collections::BTreeMap;

use crate::config::AppConfig;

#[derive(Debug, Clone, PartialEq)]
struct Sample<'a> {
    name: &'a str,
    labels: BTreeMap<&'a str, String>,
    value: f64,
}

/// What an application counted of one endpoint since it was started.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct EndpointCounts {
    /// Up to each bound in milliseconds, all below included; the last bound is infinite.
    pub(super) below: BTreeMap<Bound, f64>,
    /// Answered with a status of 500 or more.
    pub(super) failed: f64,
}

/// A bound in microseconds: whole numbers have an order.
pub(super) type Bound = u64;

/// Histograms of request durations that are known, and what a second is in their unit. An application that follows none
/// of them names its own.
const HISTOGRAMS: [(&str, f64); 7] = [
    // prometheus-fastapi-instrumentator, express-prom-bundle, express-prometheus-middleware; this repository's middleware
    ("http_request_duration_seconds", 1.0),
    // starlette-exporter
    ("starlette_request_duration_seconds", 1.0),
    // starlette-prometheus
    ("starlette_requests_processing_time_seconds", 1.0),
    // django-prometheus
    ("django_http_requests_latency_seconds_by_view_method", 1.0),
    // OpenTelemetry
    ("http_server_request_duration_seconds", 1.0),
    ("http_server_duration_milliseconds", 1000.0),
    ("http_request_duration_ms", 1000.0),
];
const ENDPOINT_LABELS: [&str; 8] = [
    "handler",
    "route",
    "path_template",
    "http_route",
    "path",
    "view",
    "uri",
    "endpoint",
];
const METHOD_LABELS: [&str; 3] = ["method", "http_request_method", "http_method"];
const STATUS_LABELS: [&str; 5] = [
    "status",
    "status_code",
    "code",
    "http_response_status_code",
    "http_status_code",
];
/// Where the histogram has no status, a counter beside it may.
const COUNTERS: [&str; 2] = ["http_requests_total", "starlette_requests_total"];

/// By endpoint, `GET /items/{id}`.
pub(super) fn read(
    text: &str,
    wanted: &AppConfig,
) -> Result<BTreeMap<String, EndpointCounts>, String> {
    let samples: Vec<Sample<'_>> = text.lines().filter_map(sample).collect();
    let has = |name: &str| {
        let bucket = format!("{name}_bucket");
        samples.iter().any(|sample| sample.name == bucket)
    };
    let (name, per_second) = match &wanted.histogram {
        Some(name) => {
            let per_second = if name.ends_with("_ms") || name.contains("milliseconds") {
                1000.0
            } else {
                1.0
            };
            (name.as_str(), per_second)
        }
        None => HISTOGRAMS.into_iter().find(|(name, _)| has(name)).ok_or(
            "it has none of the known histograms of request durations: name yours with `histogram`",
        )?,
    };
    if !has(name) {
        return Err(format!("it has no histogram named {name}"));
    }
    let bucket = format!("{name}_bucket");
    let mut endpoints: BTreeMap<String, EndpointCounts> = BTreeMap::new();
    let mut has_status = false;
    for one in samples.iter().filter(|sample| sample.name == bucket) {
        let Some(bound) = one.labels.get("le").and_then(|le| bound(le, per_second)) else {
            continue;
        };
        let counted = endpoints.entry(endpoint(one, wanted)).or_default();
        *counted.below.entry(bound).or_default() += one.value;
        if let Some(status) = status(one, wanted) {
            has_status = true;
            if bound == Bound::MAX && status.starts_with('5') {
                counted.failed += one.value;
            }
        }
    }
    for one in samples
        .iter()
        .filter(|sample| !has_status && COUNTERS.contains(&sample.name))
    {
        if status(one, wanted).is_some_and(|status| status.starts_with('5'))
            && let Some(counted) = endpoints.get_mut(&endpoint(one, wanted))
        {
            counted.failed += one.value;
        }
    }
    Ok(endpoints)
}

fn endpoint(sample: &Sample<'_>, wanted: &AppConfig) -> String {
    let of = label(sample, wanted.endpoint_label.as_ref(), &ENDPOINT_LABELS);
    let of = of.map_or("(all)", String::as_str);
    match label(sample, wanted.method_label.as_ref(), &METHOD_LABELS) {
        Some(method) => format!("{method} {of}"),
        None => of.to_owned(),
    }
}

fn status<'a>(sample: &'a Sample<'_>, wanted: &'a AppConfig) -> Option<&'a String> {
    label(sample, wanted.status_label.as_ref(), &STATUS_LABELS)
}

fn label<'a>(
    sample: &'a Sample<'_>,
    own: Option<&'a String>,
    known: &[&'a str],
) -> Option<&'a String> {
    match own {
        Some(own) => sample.labels.get(own.as_str()),
        None => known.iter().find_map(|name| sample.labels.get(name)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and a bound is not negative"
)]
fn bound(le: &str, per_second: f64) -> Option<Bound> {
    if le == "+Inf" {
        return Some(Bound::MAX);
    }
    let value: f64 = le.parse().ok()?;
    (value >= 0.0).then_some((value / per_second * 1e6).round() as Bound)
}

/// `name{label="value",…} value timestamp`; `None`: a comment, or not understood.
fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim_start();
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))?;
    let (name, mut rest) = line.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            rest = rest.trim_start_matches([',', ' ']);
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, value) = rest.split_once("=\"")?;
            let (value, after) = quoted(value)?;
            labels.insert(label.trim(), value);
            rest = after;
        }
    }
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some(Sample {
        name,
        labels,
        value,
    })
}

/// Up to the closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> AppConfig {
        AppConfig::parse("metrics = \"http://app:8000/metrics\"")
    }

    #[test]
    fn the_common_exporters_are_understood_as_they_are() {
        let instrumentator = r#"
# HELP http_requests_total Total number of requests by method, status and handler.
# TYPE http_requests_total counter
http_requests_total{handler="/items/{id}",method="GET",status="2xx"} 7.0
http_requests_total{handler="/items/{id}",method="GET",status="5xx"} 3.0
http_request_duration_highr_seconds_bucket{le="0.01"} 8.0
http_request_duration_seconds_bucket{handler="/items/{id}",le="0.1",method="GET"} 8.0
http_request_duration_seconds_bucket{handler="/items/{id}",le="+Inf",method="GET"} 10.0
"#;
        let express = r#"
http_request_duration_seconds_bucket{le="0.1",status_code="200",method="GET",path="/items/#val"} 8
http_request_duration_seconds_bucket{le="+Inf",status_code="200",method="GET",path="/items/#val"} 7
http_request_duration_seconds_bucket{le="+Inf",status_code="503",method="GET",path="/items/#val"} 3 1700000000000
"#;
        for (text, name) in [
            (instrumentator, "GET /items/{id}"),
            (express, "GET /items/#val"),
        ] {
            let read = read(text, &app()).unwrap();
            assert_eq!(read.len(), 1, "{read:?}");
            let counted = &read[name];
            assert_eq!(counted.below, [(100_000, 8.0), (Bound::MAX, 10.0)].into());
            assert_eq!(counted.failed, 3.0);
        }
    }

    #[test]
    fn an_application_names_what_is_its_own() {
        let text = "my_ms_bucket{le=\"250\",where=\"a \\\"b\\\"\\n}\",verb=\"PUT\"} 2\nnonsense{\nmy_ms_bucket{le=\"+Inf\",where=\"x\"} NaN\n";
        let own = AppConfig::parse(
            "metrics = \"http://app/m\"\nhistogram = \"my_ms\"\nendpoint-label = \"where\"\nmethod-label = \"verb\"",
        );
        let found = read(text, &own).unwrap();
        assert_eq!(found["PUT a \"b\"\n}"].below, [(250_000, 2.0)].into());
        let wrong = read("other_total 1", &own).unwrap_err();
        assert!(wrong.contains("my_ms"), "{wrong}");
        assert!(read("", &app()).unwrap_err().contains("`histogram`"));
    }
}
