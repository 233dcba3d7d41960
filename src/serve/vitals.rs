//! What browsers measured: page views, the Core Web Vitals and calls, aggregated per page and endpoint.
//!
//! A beacon is believed as far as its figures are possible, and its names are shortened to patterns; how many
//! pages and endpoints there are is bounded, so that a client that makes paths up grows nothing.

mod beacon;
mod endpoint;
mod path;
mod series;
mod spread;
mod views;

use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Recorder, counter, histogram};
use serde::Serialize;

use self::{
    beacon::Ending,
    path::pattern,
    series::BoundedMap,
    spread::WindowedHistogram,
    views::{Figures, FinalFigures, Views},
};
pub(super) use self::{
    beacon::{Beacon, MOST_BYTES},
    endpoint::{EndpointFigures, EndpointTable},
    series::IDLE_S,
};

/// The snippet that a page includes: `assets/vitals.js` without all that a browser does not need.
pub(super) const SNIPPET: &str = include_str!("assets/vitals.min.js");

/// What has a budget of what is measured once of a page view; its place in [`FIGURES`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Figure {
    Load = 0,
    Lcp = 3,
    Inp = 4,
    Cls = 5,
}

/// What is measured once of a page view: its metric, and how many of what is counted (milliseconds; thousandths of CLS) its unit has.
const FIGURES: [(&str, f64); 6] = [
    ("page_load_seconds", 1_000.0),
    ("page_ttfb_seconds", 1_000.0),
    ("page_fcp_seconds", 1_000.0),
    ("page_lcp_seconds", 1_000.0),
    ("page_inp_seconds", 1_000.0),
    ("page_cls", 1_000.0),
];

const MOST_PAGES: usize = 100;
/// The figures of a page, or of all.
#[derive(Debug, Default)]
struct PageSeries {
    views: u64,
    /// In milliseconds; CLS in thousandths: the spread wants figures from 1 on.
    figures: [WindowedHistogram; FIGURES.len()],
    errors: u64,
    interactions: u64,
}

pub(super) struct Vitals {
    recorder: Arc<dyn Recorder + Send + Sync>,
    slow_ms: f64,
    held: Mutex<VitalsState>,
}

impl std::fmt::Debug for Vitals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vitals").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct VitalsState {
    pages: BoundedMap<PageSeries>,
    endpoints: EndpointTable,
    views: Views,
    beacons: u64,
    refused: u64,
}

/// A page as it is shown. Figures are of the last quarter of an hour, those of a list of the last hour, oldest first.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PageFigures {
    pub(super) page: String,
    /// Page views: loads, restored pages, and routes of a single-page application.
    pub(super) views: u64,
    pub(super) loads: u64,
    pub(super) load_p75_ms: Option<f64>,
    pub(super) ttfb_p75_ms: Option<f64>,
    pub(super) fcp_p75_ms: Option<f64>,
    pub(super) lcp_p75_ms: Option<f64>,
    pub(super) inp_p75_ms: Option<f64>,
    pub(super) cls_p75: Option<f64>,
    pub(super) errors: u64,
    pub(super) interactions: u64,
    pub(super) trend_ms: Vec<Option<f64>>,
    /// How many views told of each figure.
    #[serde(skip)]
    told: [u64; FIGURES.len()],
}

impl PageFigures {
    pub(super) fn told(&self, figure: Figure) -> u64 {
        self.told.get(figure as usize).copied().unwrap_or(0)
    }

    pub(super) fn p75(&self, figure: Figure) -> Option<f64> {
        match figure {
            Figure::Load => self.load_p75_ms,
            Figure::Lcp => self.lcp_p75_ms,
            Figure::Inp => self.inp_p75_ms,
            Figure::Cls => self.cls_p75,
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct VitalsFigures {
    pub(super) beacons: u64,
    pub(super) refused: u64,
    pub(super) pages: Vec<PageFigures>,
    pub(super) endpoints: Vec<EndpointFigures>,
}

impl Vitals {
    pub(super) fn new(recorder: Arc<dyn Recorder + Send + Sync>, slow_ms: f64) -> Self {
        metrics::with_local_recorder(&*recorder, || {
            counter!("beacons_total").increment(0);
            counter!("beacons_refused_total").increment(0);
        });
        Self {
            recorder,
            slow_ms,
            held: Mutex::new(VitalsState {
                pages: BoundedMap::new(MOST_PAGES),
                endpoints: EndpointTable::default(),
                views: Views::default(),
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
        let held = &mut *held;
        held.beacons += 1;
        let (page, series) = held.pages.of(&pattern(&beacon.page), now);
        let mut settled = count_view(&mut held.views, series, &page, beacon, now);
        settled.extend(held.views.settled(now));
        series.errors += u64::from(beacon.errors);
        series.interactions += u64::from(beacon.interactions);
        let mut calls = Vec::with_capacity(beacon.fetches.len());
        for fetch in &beacon.fetches {
            let name = format!("{} {}", fetch.method(), pattern(&fetch.url));
            let (endpoint, series) = held.endpoints.of(&name, now);
            let (ending, times) = (fetch.ending(), fetch.count);
            match ending {
                Ending::Aborted => series.abort(times),
                Ending::Failed => series.fail(times),
                Ending::Ok => {}
            }
            if ending != Ending::Aborted {
                series.add(now, fetch.ms, times, self.slow_ms);
            }
            calls.push((endpoint, ending, fetch.ms, times));
        }
        if beacon.more > 0 {
            held.endpoints.add_others(now, beacon.more);
        }
        // Under the lock: what a scrape reads of a page is of one moment.
        metrics::with_local_recorder(&*self.recorder, || {
            record(&page, beacon, &calls);
            settled.iter().for_each(record_view);
        });
    }

    /// Views that fell silent have their final figures, even where no beacon comes.
    pub(super) fn settle(&self, now: u64) {
        let settled = self.lock().views.settled(now);
        metrics::with_local_recorder(&*self.recorder, || settled.iter().for_each(record_view));
    }

    pub(super) fn figures(&self, now: u64) -> VitalsFigures {
        let held = self.lock();
        let mut pages: Vec<PageFigures> = held
            .pages
            .iter()
            .map(|(page, series)| page_figures(page, series, now))
            .collect();
        pages.sort_by(|a, b| b.loads.cmp(&a.loads).then_with(|| a.page.cmp(&b.page)));
        VitalsFigures {
            beacons: held.beacons,
            refused: held.refused,
            pages,
            endpoints: held.endpoints.figures(now),
        }
    }

    /// A page's 75th percentile in each window of the last hour, oldest first.
    pub(super) fn trend(&self, page: &str, figure: Figure, now: u64) -> Vec<Option<f64>> {
        let held = self.lock();
        let series = held.pages.iter().find(|(name, _)| *name == page);
        let window = series.and_then(|(_, series)| series.figures.get(figure as usize));
        let trend = window.map_or(Vec::new(), |window| window.trend(now, 0.75));
        let per_unit = if matches!(figure, Figure::Cls) {
            1_000.0
        } else {
            1.0
        };
        let shown = |value: Option<f64>| value.map(|value| value / per_unit);
        trend.into_iter().map(shown).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VitalsState> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts what was told of a page view, in place of what was told of it before. What is of no known view is final.
fn count_view(
    views: &mut Views,
    series: &mut PageSeries,
    page: &str,
    beacon: &Beacon,
    now: u64,
) -> Vec<FinalFigures> {
    let figures: Figures = [
        beacon.load,
        beacon.ttfb,
        beacon.fcp,
        beacon.lcp,
        beacon.inp,
        beacon.cls.map(|cls| cls * 1000.0),
    ];
    let Some(id) = beacon.view() else {
        for (window, value) in series.figures.iter_mut().zip(figures) {
            if let Some(value) = value {
                window.add(now, value, 1);
            }
        }
        series.views += 1;
        return vec![(page.into(), figures)];
    };
    let (new, changes) = views.tell(id, page, &figures, beacon.ended(), now);
    series.views += u64::from(new);
    for change in changes {
        if let Some(window) = series.figures.get_mut(change.figure) {
            if let Some((then, value)) = change.was {
                window.take_back(then, value);
            }
            window.add(now, change.value, 1);
        }
    }
    Vec::new()
}

fn page_figures(page: &str, series: &PageSeries, now: u64) -> PageFigures {
    let p75 = |window: &WindowedHistogram| window.quantile(now, 0.75);
    let [load, ttfb, fcp, lcp, inp, cls] = &series.figures;
    PageFigures {
        page: page.to_owned(),
        views: series.views,
        loads: load.total(),
        load_p75_ms: p75(load),
        ttfb_p75_ms: p75(ttfb),
        fcp_p75_ms: p75(fcp),
        lcp_p75_ms: p75(lcp),
        inp_p75_ms: p75(inp),
        cls_p75: p75(cls).map(|thousandths| thousandths / 1000.0),
        errors: series.errors,
        interactions: series.interactions,
        trend_ms: load.trend(now, 0.75),
        told: series.figures.each_ref().map(WindowedHistogram::total),
    }
}

fn record(page: &str, beacon: &Beacon, calls: &[(String, Ending, f64, u32)]) {
    counter!("beacons_total").increment(1);
    counter!("page_errors_total", "page" => page.to_owned()).increment(u64::from(beacon.errors));
    counter!("page_interactions_total", "page" => page.to_owned())
        .increment(u64::from(beacon.interactions));
    for (endpoint, ending, ms, times) in calls {
        let name = || endpoint.clone();
        let count = |wanted: Ending| {
            if *ending == wanted {
                u64::from(*times)
            } else {
                0
            }
        };
        // Also for none: what does not exist has no rate.
        counter!("fetch_errors_total", "endpoint" => name()).increment(count(Ending::Failed));
        counter!("fetch_aborted_total", "endpoint" => name()).increment(count(Ending::Aborted));
        let outcome = match ending {
            Ending::Ok => "ok",
            Ending::Failed => "error",
            Ending::Aborted => continue,
        };
        histogram!("fetch_duration_seconds", "endpoint" => name(), "outcome" => outcome)
            .record_many(ms / 1000.0, usize::try_from(*times).unwrap_or(usize::MAX));
    }
}

fn record_view((page, figures): &FinalFigures) {
    for ((name, per_unit), value) in FIGURES.into_iter().zip(figures) {
        if let Some(value) = value {
            histogram!(name, "page" => page.to_string()).record(value / per_unit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::store::Store;

    fn vitals() -> (Vitals, Arc<Store>) {
        let store = Arc::new(Store::default());
        (Vitals::new(store.clone(), 2_000.0), store)
    }

    fn beacon(json: &str) -> Beacon {
        Beacon::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn the_snippet_is_under_five_kilobytes() {
        assert!(SNIPPET.len() < 5_000, "{}", SNIPPET.len());
    }

    #[test]
    fn the_last_word_of_a_page_view_counts_once() {
        let (vitals, handle) = vitals();
        let tell = |rest: &str, now: u64| {
            vitals.take(
                &beacon(&format!(r#"{{"page":"/","v":"k3f9a0q",{rest}}}"#)),
                now,
            );
        };
        tell(r#""load":900,"inp":40,"cls":0"#, 0);
        let page = vitals.figures(0).pages.remove(0);
        assert_eq!((page.views, page.loads, page.cls_p75), (1, 1, Some(0.0)));
        tell(r#""load":900,"inp":320,"cls":0.2,"errors":2"#, 400);
        assert!(!handle.text().contains("page_inp_seconds"), "not final");
        tell(r#""load":900,"inp":320,"cls":0.2,"end":1"#, 400);
        let page = vitals.figures(400).pages.remove(0);
        assert_eq!((page.views, page.loads, page.errors), (1, 1, 2));
        vitals.settle(401);
        let inp = page.inp_p75_ms.unwrap();
        assert!((300.0..340.0).contains(&inp), "{inp}");
        let text = handle.text();
        for line in [
            "dbaudit_page_inp_seconds_count{page=\"/\"} 1",
            "dbaudit_page_inp_seconds_sum{page=\"/\"} 0.32",
            "page_cls_sum{page=\"/\"} 0.2",
            "page_errors_total{page=\"/\"} 2",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    #[test]
    fn calls_given_up_are_no_failures_and_bursts_have_their_true_count() {
        let (vitals, handle) = vitals();
        vitals.take(
            &beacon(
                r#"{"page":"/","more":7,"fetches":[{"m":"GET","u":"/a","s":200,"d":20,"n":500},
                    {"m":"GET","u":"/a","s":-1,"d":9000,"n":3},{"m":"GET","u":"/a","s":0,"d":10},
                    {"m":"GET","u":"/a","s":404,"d":10,"n":2}]}"#,
            ),
            0,
        );
        let figures = vitals.figures(0);
        let of = |name: &str| {
            figures
                .endpoints
                .iter()
                .find(|e| e.endpoint == name)
                .unwrap()
        };
        let a = of("GET /a");
        assert_eq!((a.calls, a.failed, a.aborted, a.slow), (506, 3, 3, 0));
        assert!(a.p95_ms.unwrap() < 25.0, "{a:?}");
        assert_eq!(of("(other)").calls, 7);
        let text = handle.text();
        let count = r#"fetch_duration_seconds_count{endpoint="GET /a",outcome="ok"} 500"#;
        assert!(text.contains(count), "{text}");
        assert!(
            text.contains(r#"fetch_aborted_total{endpoint="GET /a"} 3"#),
            "{text}"
        );
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
        assert_eq!(figures.endpoints.len(), endpoint::MOST_ENDPOINTS + 1);
        assert_eq!(figures.pages[0].page, "(other)");
        assert_eq!(figures.pages[0].loads, 10_000 - MOST_PAGES as u64);
        let text = handle.text();
        let series = text
            .lines()
            .filter(|l| l.starts_with("dbaudit_page_load_seconds_count"))
            .count();
        assert!(series <= MOST_PAGES + 1, "{series}");
    }
}
