//! Where the `metrics` macros of `serve` count: counters, gauges and histograms, written out as Prometheus text.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

use crate::render::{Buckets, Exposition, Kind, Labels};

/// Every metric, and what it says.
const HELP: [(&str, &str); 20] = [
    (
        "api_errors_total",
        "Failed requests to a monitored API, from its own metrics.",
    ),
    (
        "api_request_duration_seconds",
        "Duration of requests to a monitored API, from its own metrics.",
    ),
    (
        "api_requests_total",
        "Requests to a monitored API, from its own metrics.",
    ),
    (
        "beacons_refused_total",
        "Beacons that were malformed, too large, or from an origin that is not allowed.",
    ),
    ("beacons_total", "Beacons received from browsers."),
    ("fetch_aborted_total", "API calls that the page aborted."),
    (
        "fetch_errors_total",
        "API calls that got no answer, or a status of 400 or more.",
    ),
    (
        "fetch_duration_seconds",
        "Duration of API calls, to the end of the response body.",
    ),
    (
        "http_request_duration_seconds",
        "Duration of requests to dbaudit serve.",
    ),
    (
        "http_request_errors_total",
        "Requests that dbaudit serve answered with a status of 500 or more.",
    ),
    (
        "http_requests_in_flight",
        "Requests that dbaudit serve is processing.",
    ),
    (
        "http_requests_total",
        "Requests that dbaudit serve answered.",
    ),
    ("page_cls", "Cumulative Layout Shift of a page view."),
    (
        "page_errors_total",
        "Script and resource errors on the page.",
    ),
    ("page_fcp_seconds", "First Contentful Paint of a page view."),
    (
        "page_inp_seconds",
        "Interaction to Next Paint of a page view.",
    ),
    (
        "page_interactions_total",
        "Clicks and key presses on the page.",
    ),
    (
        "page_lcp_seconds",
        "Largest Contentful Paint of a page view.",
    ),
    ("page_load_seconds", "Duration of page loads."),
    ("page_ttfb_seconds", "Time to first byte of a page."),
];

/// Seconds; the budgets of 100 ms, 1 s and 2 s are bounds, and so are those of the Web Vitals for 200 ms and 2.5 s.
const DURATIONS: [f64; 14] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0, 30.0,
];
const SHIFTS: [f64; 6] = [0.01, 0.05, 0.1, 0.15, 0.25, 0.5];

#[derive(Debug, Default)]
pub(super) struct Store(Mutex<HashMap<Key, Series>>);

#[derive(Debug, Clone)]
enum Series {
    Counter(Arc<AtomicU64>),
    Gauge(Arc<AtomicU64>),
    Spread(Arc<Spread>),
}

#[derive(Debug)]
struct Spread {
    bounds: &'static [f64],
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    /// One more than there are bounds.
    counts: Vec<u64>,
    sum: f64,
    heard: Instant,
}

impl Store {
    fn of(&self, key: &Key, new: impl FnOnce() -> Series) -> Series {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(key) {
            return known.clone();
        }
        let series = new();
        all.insert(key.clone(), series.clone());
        series
    }

    /// A page that nobody visits any more gives its histograms up.
    pub(super) fn forget_idle(&self, patience: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, series| match series {
            Series::Spread(spread) => spread.lock().heard.elapsed() < patience,
            Series::Counter(_) | Series::Gauge(_) => true,
        });
    }

    /// All of it, in the order of the names.
    pub(super) fn write(&self, text: &mut Exposition) {
        let mut families: BTreeMap<String, BTreeMap<Labels, Series>> = BTreeMap::new();
        for (key, series) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let labels = key
                .labels()
                .map(|label| (label.key().to_owned().into(), label.value().to_owned()));
            let family = families.entry(key.name().to_owned()).or_default();
            family.insert(labels.collect(), series.clone());
        }
        for (name, family) in families {
            let help = HELP.iter().find(|(known, _)| *known == name);
            let help = help.map_or("", |(_, help)| help);
            let number = |series: &Series| match series {
                Series::Counter(of) => {
                    Some((Kind::Counter, of.load(Ordering::Relaxed).to_string()))
                }
                Series::Gauge(of) => Some((
                    Kind::Gauge,
                    f64::from_bits(of.load(Ordering::Relaxed)).to_string(),
                )),
                Series::Spread(_) => None,
            };
            match family.values().next().map(number) {
                Some(Some((kind, _))) => {
                    let samples = family
                        .iter()
                        .filter_map(|(labels, series)| Some((labels.clone(), number(series)?.1)));
                    text.family(&name, kind, help, samples);
                }
                _ => {
                    let samples = family
                        .into_iter()
                        .filter_map(|(labels, series)| match series {
                            Series::Spread(spread) => Some((labels, spread.buckets())),
                            Series::Counter(_) | Series::Gauge(_) => None,
                        });
                    text.histograms(&name, help, samples);
                }
            }
        }
    }

    /// The text of what is counted here alone.
    #[cfg(test)]
    pub(super) fn text(&self) -> String {
        let mut text = Exposition::default();
        self.write(&mut text);
        text.into_text()
    }
}

impl Recorder for Store {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.of(key, || Series::Counter(Arc::default())) {
            Series::Counter(number) => Counter::from_arc(Arc::new(Number(number))),
            Series::Gauge(_) | Series::Spread(_) => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.of(key, || Series::Gauge(Arc::default())) {
            Series::Gauge(number) => Gauge::from_arc(Arc::new(Number(number))),
            Series::Counter(_) | Series::Spread(_) => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let new = || Series::Spread(Arc::new(Spread::new(key.name())));
        match self.of(key, new) {
            Series::Spread(spread) => Histogram::from_arc(spread),
            Series::Counter(_) | Series::Gauge(_) => Histogram::noop(),
        }
    }
}

/// A counter, or a gauge's bits.
struct Number(Arc<AtomicU64>);

impl CounterFn for Number {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

impl GaugeFn for Number {
    fn increment(&self, value: f64) {
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        // It always has a new value.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    fn decrement(&self, value: f64) {
        GaugeFn::increment(self, -value);
    }

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }
}

impl Spread {
    fn new(name: &str) -> Self {
        let bounds: &'static [f64] = if name == "page_cls" {
            &SHIFTS
        } else {
            &DURATIONS
        };
        Self {
            bounds,
            counts: Mutex::new(Counts {
                counts: vec![0; bounds.len() + 1],
                sum: 0.0,
                heard: Instant::now(),
            }),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn buckets(&self) -> Buckets {
        let held = self.lock();
        Buckets {
            counts: self
                .bounds
                .iter()
                .copied()
                .zip(held.counts.iter().copied())
                .collect(),
            beyond: held.counts.last().copied().unwrap_or(0),
            sum: held.sum,
        }
    }
}

impl HistogramFn for Spread {
    fn record(&self, value: f64) {
        self.record_many(value, 1);
    }

    #[expect(clippy::cast_precision_loss, reason = "a count")]
    fn record_many(&self, value: f64, times: usize) {
        let mut held = self.lock();
        held.heard = Instant::now();
        held.sum += value * times as f64;
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = held.counts.get_mut(at) {
            *count += u64::try_from(times).unwrap_or(u64::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics::{counter, gauge, histogram};

    use super::*;

    #[test]
    fn what_the_macros_count_is_written_in_order_and_an_idle_histogram_is_given_up() {
        let store = Store::default();
        metrics::with_local_recorder(&store, || {
            counter!("page_errors_total", "page" => "/b").increment(0);
            counter!("page_errors_total", "page" => "/a").increment(2);
            gauge!("http_requests_in_flight").set(3.0);
            histogram!("page_cls", "page" => "/a").record(0.1);
            histogram!("page_cls", "page" => "/a").record_many(0.3, 4);
        });
        let text = store.text();
        let wanted =
            "dbaudit_page_errors_total{page=\"/a\"} 2\ndbaudit_page_errors_total{page=\"/b\"} 0\n";
        assert!(text.contains(wanted), "{text}");
        for line in [
            "dbaudit_http_requests_in_flight 3",
            "dbaudit_page_cls_bucket{page=\"/a\",le=\"0.1\"} 1",
            "dbaudit_page_cls_bucket{page=\"/a\",le=\"0.5\"} 5",
            "dbaudit_page_cls_count{page=\"/a\"} 5",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
        store.forget_idle(Duration::ZERO);
        let text = store.text();
        assert!(
            !text.contains("page_cls") && text.contains("page_errors"),
            "{text}"
        );
    }
}
