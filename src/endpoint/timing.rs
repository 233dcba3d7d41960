//! What endpoints and pages are timed with, and their results as long as nothing is known.

use std::time::{Duration, Instant};

use super::Trust;
use crate::{
    Error,
    measure::TimeLimits,
    report::timing::QueryResult,
    stats::{Design, Percentile},
};

#[derive(Debug)]
pub struct EndpointTiming {
    pub trust: Trust,
    /// The browser verifies no certificates.
    pub insecure: bool,
    /// Per endpoint; `None`: what the percentile needs.
    pub max_samples: Option<u32>,
    /// Per endpoint; `None`: what its budget needs.
    pub max_time: Option<Duration>,
    /// How long many at once are kept up.
    pub load_time: Duration,
    pub deadline: Instant,
}

impl EndpointTiming {
    pub(super) fn limits(&self, budget: Duration, percentile: Percentile) -> TimeLimits {
        let given = (self.max_time, self.max_samples);
        TimeLimits::from_now((budget, percentile), given, self.deadline)
    }

    pub(super) fn design(&self, percentile: Percentile) -> Design {
        Design::with_limit(percentile, self.max_samples)
    }
}

pub(super) fn untimed(name: &str, request: String, budget: (Duration, Percentile)) -> QueryResult {
    QueryResult::untimed(name, "dbaudit.toml".to_owned(), request, budget)
}

pub(super) fn failed(result: &mut QueryResult, error: &Error) {
    result.hint = error.hint();
    result.error = Some(error.to_string());
}
