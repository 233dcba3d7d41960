//! The figures of endpoints, in bounded number: of those that pages call, and of those that an application serves.

use serde::Serialize;

use super::{series::BoundedMap, spread::WindowedHistogram};

pub(super) const MOST_ENDPOINTS: usize = 200;

#[derive(Debug, Default)]
pub(in crate::serve) struct EndpointSeries {
    duration: WindowedHistogram,
    calls: u64,
    failed: u64,
    aborted: u64,
    slow: u64,
}

impl EndpointSeries {
    /// Counts calls that took as long as this.
    pub(in crate::serve) fn add(&mut self, now: u64, ms: f64, times: u32, slow_ms: f64) {
        self.duration.add(now, ms, times);
        self.calls += u64::from(times);
        if ms > slow_ms {
            self.slow += u64::from(times);
        }
    }

    /// So many of those counted failed.
    pub(in crate::serve) fn fail(&mut self, times: u32) {
        self.failed += u64::from(times);
    }

    /// Counts calls that their page gave up: they took no time of their own.
    pub(super) fn abort(&mut self, times: u32) {
        self.calls += u64::from(times);
        self.aborted += u64::from(times);
    }
}

/// An endpoint as it is shown.
#[derive(Debug, Clone, Serialize)]
pub(in crate::serve) struct EndpointFigures {
    pub(in crate::serve) endpoint: String,
    pub(in crate::serve) calls: u64,
    pub(in crate::serve) failed: u64,
    /// Calls that the page gave up: they are neither failed nor in the percentiles.
    pub(in crate::serve) aborted: u64,
    /// Calls over the budget.
    pub(in crate::serve) slow: u64,
    pub(in crate::serve) p50_ms: Option<f64>,
    pub(in crate::serve) p95_ms: Option<f64>,
    pub(in crate::serve) trend_ms: Vec<Option<f64>>,
}

/// Endpoints by name.
#[derive(Debug)]
pub(in crate::serve) struct EndpointTable(BoundedMap<EndpointSeries>);

impl Default for EndpointTable {
    fn default() -> Self {
        Self(BoundedMap::new(MOST_ENDPOINTS))
    }
}

impl EndpointTable {
    /// The series of this name, and the name it is counted under.
    pub(in crate::serve) fn of(&mut self, name: &str, now: u64) -> (String, &mut EndpointSeries) {
        self.0.of(name, now)
    }

    /// Counts calls whose endpoint is not known.
    pub(super) fn add_others(&mut self, now: u64, times: u32) {
        self.0.other(now).calls += u64::from(times);
    }

    /// All of them, the slowest first.
    pub(in crate::serve) fn figures(&self, now: u64) -> Vec<EndpointFigures> {
        let shown = |(endpoint, series): (&str, &EndpointSeries)| EndpointFigures {
            endpoint: endpoint.to_owned(),
            calls: series.calls,
            failed: series.failed,
            aborted: series.aborted,
            slow: series.slow,
            p50_ms: series.duration.quantile(now, 0.5),
            p95_ms: series.duration.quantile(now, 0.95),
            trend_ms: series.duration.trend(now, 0.95),
        };
        let mut endpoints: Vec<EndpointFigures> = self.0.iter().map(shown).collect();
        let slowest = |figures: &EndpointFigures| figures.p95_ms.unwrap_or(0.0);
        endpoints.sort_by(|a, b| slowest(b).total_cmp(&slowest(a)));
        endpoints
    }
}
