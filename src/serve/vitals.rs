//! What browsers measured: page loads, the Core Web Vitals and `fetch` calls, aggregated per page and endpoint.
//!
//! A beacon is believed as far as its figures are possible, and its names are shortened to patterns; how many
//! pages and endpoints there are is bounded, so that a client that makes paths up grows nothing.

mod beacon;
mod path;
mod series;
mod spread;

use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Recorder, counter, histogram};
use serde::Serialize;

pub(super) use self::{
    beacon::{Beacon, MOST_BYTES},
    series::IDLE_S,
};
use self::{path::pattern, series::Slots, spread::Windowed};

/// The snippet that a page includes: without indentation and comments, under 3 KB.
pub(super) fn snippet() -> &'static str {
    static SERVED: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    SERVED.get_or_init(|| {
        let lines = include_str!("assets/vitals.js").lines().map(str::trim);
        let kept = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
        kept.flat_map(|line| [line, "\n"]).collect()
    })
}

/// Further pages are counted together.
const MOST_PAGES: usize = 100;
/// Further endpoints are counted together.
const MOST_ENDPOINTS: usize = 200;

/// The figures of a page, or of all.
#[derive(Debug, Default)]
struct PageSeries {
    load: Windowed,
    ttfb: Windowed,
    lcp: Windowed,
    inp: Windowed,
    /// In thousandths: the spread wants figures from 1 on.
    cls: Windowed,
    errors: u64,
    interactions: u64,
}

/// The figures of an endpoint.
#[derive(Debug, Default)]
struct EndpointSeries {
    duration: Windowed,
    calls: u64,
    failed: u64,
    slow: u64,
}

/// Everything that beacons told.
pub(super) struct Vitals {
    recorder: Arc<dyn Recorder + Send + Sync>,
    slow_ms: f64,
    held: Mutex<Held>,
}

impl std::fmt::Debug for Vitals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vitals").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Held {
    pages: Slots<PageSeries>,
    endpoints: Slots<EndpointSeries>,
    beacons: u64,
    refused: u64,
}

/// A page as it is shown. Figures are of the last quarter of an hour, those of a list of the last hour, oldest first.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PageFigures {
    pub(super) page: String,
    pub(super) loads: u64,
    pub(super) load_p75_ms: Option<f64>,
    pub(super) ttfb_p75_ms: Option<f64>,
    pub(super) lcp_p75_ms: Option<f64>,
    pub(super) inp_p75_ms: Option<f64>,
    pub(super) cls_p75: Option<f64>,
    pub(super) errors: u64,
    pub(super) interactions: u64,
    pub(super) trend_ms: Vec<Option<f64>>,
}

/// An endpoint as it is shown.
#[derive(Debug, Clone, Serialize)]
pub(super) struct EndpointFigures {
    pub(super) endpoint: String,
    pub(super) calls: u64,
    pub(super) failed: u64,
    /// Calls over the budget.
    pub(super) slow: u64,
    pub(super) p50_ms: Option<f64>,
    pub(super) p95_ms: Option<f64>,
    pub(super) trend_ms: Vec<Option<f64>>,
}

/// All of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct VitalsFigures {
    pub(super) beacons: u64,
    pub(super) refused: u64,
    pub(super) pages: Vec<PageFigures>,
    pub(super) endpoints: Vec<EndpointFigures>,
}

impl Vitals {
    pub(super) fn new(recorder: Arc<dyn Recorder + Send + Sync>, slow_ms: f64) -> Self {
        Self {
            recorder,
            slow_ms,
            held: Mutex::new(Held {
                pages: Slots::new(MOST_PAGES),
                endpoints: Slots::new(MOST_ENDPOINTS),
                beacons: 0,
                refused: 0,
            }),
        }
    }

    /// A beacon that is none, or that may not be sent.
    pub(super) fn refuse(&self) {
        self.lock().refused += 1;
        metrics::with_local_recorder(&*self.recorder, || {
            counter!("beacons_refused_total").increment(1);
        });
    }

    /// Counts a beacon in. `now`: seconds since the start.
    pub(super) fn take(&self, beacon: &Beacon, now: u64) {
        let mut held = self.lock();
        held.beacons += 1;
        let (page, series) = held.pages.of(&pattern(&beacon.page), now);
        for (window, value) in [
            (&mut series.load, beacon.load),
            (&mut series.ttfb, beacon.ttfb),
            (&mut series.lcp, beacon.lcp),
            (&mut series.inp, beacon.inp),
            (&mut series.cls, beacon.cls.map(|cls| cls * 1000.0)),
        ] {
            if let Some(value) = value {
                window.add(now, value);
            }
        }
        series.errors += u64::from(beacon.errors);
        series.interactions += u64::from(beacon.interactions);
        let mut calls = Vec::with_capacity(beacon.fetches.len());
        for fetch in &beacon.fetches {
            let name = format!("{} {}", fetch.method(), pattern(&fetch.url));
            let (endpoint, series) = held.endpoints.of(&name, now);
            series.duration.add(now, fetch.ms);
            series.calls += 1;
            series.failed += u64::from(fetch.failed());
            series.slow += u64::from(fetch.ms > self.slow_ms);
            calls.push((endpoint, fetch.failed(), fetch.ms));
        }
        drop(held);
        metrics::with_local_recorder(&*self.recorder, || record(&page, beacon, &calls));
    }

    pub(super) fn figures(&self, now: u64) -> VitalsFigures {
        let held = self.lock();
        let mut pages: Vec<PageFigures> = held
            .pages
            .iter()
            .map(|(page, series)| page_figures(page, series, now))
            .collect();
        pages.sort_by(|a, b| b.loads.cmp(&a.loads).then_with(|| a.page.cmp(&b.page)));
        let mut endpoints: Vec<EndpointFigures> = held
            .endpoints
            .iter()
            .map(|(endpoint, series)| endpoint_figures(endpoint, series, now))
            .collect();
        let slowest = |figures: &EndpointFigures| figures.p95_ms.unwrap_or(0.0);
        endpoints.sort_by(|a, b| slowest(b).total_cmp(&slowest(a)));
        VitalsFigures {
            beacons: held.beacons,
            refused: held.refused,
            pages,
            endpoints,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn page_figures(page: &str, series: &PageSeries, now: u64) -> PageFigures {
    let p75 = |window: &Windowed| window.quantile(now, 0.75);
    PageFigures {
        page: page.to_owned(),
        loads: series.load.total(),
        load_p75_ms: p75(&series.load),
        ttfb_p75_ms: p75(&series.ttfb),
        lcp_p75_ms: p75(&series.lcp),
        inp_p75_ms: p75(&series.inp),
        cls_p75: p75(&series.cls).map(|thousandths| thousandths / 1000.0),
        errors: series.errors,
        interactions: series.interactions,
        trend_ms: series.load.trend(now, 0.75),
    }
}

fn endpoint_figures(endpoint: &str, series: &EndpointSeries, now: u64) -> EndpointFigures {
    EndpointFigures {
        endpoint: endpoint.to_owned(),
        calls: series.calls,
        failed: series.failed,
        slow: series.slow,
        p50_ms: series.duration.quantile(now, 0.5),
        p95_ms: series.duration.quantile(now, 0.95),
        trend_ms: series.duration.trend(now, 0.95),
    }
}

fn record(page: &str, beacon: &Beacon, calls: &[(String, bool, f64)]) {
    let page = || page.to_owned();
    counter!("beacons_total").increment(1);
    counter!("page_errors_total").increment(u64::from(beacon.errors));
    counter!("page_interactions_total").increment(u64::from(beacon.interactions));
    for (name, value) in [
        ("page_load_seconds", beacon.load),
        ("page_ttfb_seconds", beacon.ttfb),
        ("page_lcp_seconds", beacon.lcp),
        ("page_inp_seconds", beacon.inp),
    ] {
        if let Some(ms) = value {
            histogram!(name, "page" => page()).record(ms / 1000.0);
        }
    }
    if let Some(cls) = beacon.cls {
        histogram!("page_cls", "page" => page()).record(cls);
    }
    for (endpoint, failed, ms) in calls {
        let outcome = if *failed { "error" } else { "ok" };
        histogram!("fetch_duration_seconds", "endpoint" => endpoint.clone(), "outcome" => outcome)
            .record(ms / 1000.0);
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    fn vitals() -> (Vitals, metrics_exporter_prometheus::PrometheusHandle) {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        (Vitals::new(Arc::new(recorder), 2_000.0), handle)
    }

    fn beacon(json: &str) -> Beacon {
        Beacon::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn the_snippet_is_under_three_kilobytes() {
        assert!(snippet().len() < 3 * 1024, "{}", snippet().len());
    }

    #[test]
    fn a_page_and_its_calls_are_judged_by_their_percentiles() {
        let (vitals, _) = vitals();
        for n in 0..100 {
            let load = if n < 70 { 500 } else { 1500 };
            vitals.take(
                &beacon(&format!(
                    r#"{{"page":"/articles/{n}","load":{load},"errors":1,
                         "fetches":[{{"m":"GET","u":"/api/items/{n}?q=secret","s":200,"d":{}}}]}}"#,
                    if n == 0 { 2_500 } else { 100 }
                )),
                0,
            );
        }
        let figures = vitals.figures(0);
        let page = &figures.pages[0];
        assert_eq!(
            (page.page.as_str(), page.loads, page.errors),
            ("/articles/:id", 100, 100)
        );
        let p75 = page.load_p75_ms.unwrap();
        assert!((1_400.0..=1_600.0).contains(&p75), "{p75}");
        let call = &figures.endpoints[0];
        assert_eq!(call.endpoint, "GET /api/items/:id");
        assert_eq!((call.calls, call.slow, call.failed), (100, 1, 0));
        assert_eq!(
            vitals.figures(3_600).pages[0].load_p75_ms,
            None,
            "an hour ago"
        );
    }

    #[test]
    fn ten_thousand_paths_made_up_grow_neither_pages_nor_endpoints_nor_metrics() {
        let (vitals, handle) = vitals();
        for n in 0..10_000_u32 {
            let word = n.to_string().replace(|c: char| c.is_ascii_digit(), "q");
            let name: String = format!("{n}")
                .bytes()
                .map(|b| char::from(b - b'0' + b'a'))
                .collect();
            vitals.take(
                &beacon(&format!(
                    r#"{{"page":"/{name}{word}","load":1,"fetches":[{{"m":"GET","u":"/{name}","s":1,"d":1}}]}}"#
                )),
                0,
            );
        }
        let figures = vitals.figures(0);
        assert_eq!(figures.pages.len(), MOST_PAGES + 1);
        assert_eq!(figures.endpoints.len(), MOST_ENDPOINTS + 1);
        assert_eq!(figures.pages[0].page, "(other)");
        assert_eq!(figures.pages[0].loads, 10_000 - MOST_PAGES as u64);
        let text = handle.render();
        let series = text
            .lines()
            .filter(|l| l.starts_with("page_load_seconds_count"))
            .count();
        assert!(series <= MOST_PAGES + 1, "{series}");
    }
}
