//! The summary of a set of samples.

use super::{Interval, Percentile, quantile, quantile_interval};

/// The figures reported of one case's samples, in milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub samples: usize,
    pub min: f64,
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// Its 95 % confidence interval.
    pub p95_interval: Interval,
    /// The 99th percentile.
    pub p99: f64,
    /// The percentile the budget speaks of.
    pub judged: f64,
    /// Its 95 % confidence interval.
    pub judged_interval: Interval,
    pub max: f64,
}

impl Summary {
    /// Of samples in milliseconds, in any order; `None` of none.
    pub fn of(samples: &[f64], percentile: Percentile) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |fraction| quantile(&sorted, fraction);
        Some(Self {
            samples: sorted.len(),
            min: *sorted.first()?,
            p50: at(0.5)?,
            p95: at(0.95)?,
            p95_interval: quantile_interval(&sorted, 0.95, 0.05),
            p99: at(0.99)?,
            judged: at(percentile.fraction())?,
            judged_interval: quantile_interval(&sorted, percentile.fraction(), 0.05),
            max: *sorted.last()?,
        })
    }
}
