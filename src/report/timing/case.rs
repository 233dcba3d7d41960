//! One case of a query. Its times are what the client waited, by the clock; where waits for a CPU can be told apart,
//! they stand beside it ([`CpuWait`]). A time that is infinite is that of a run that was cut off, and of a case that
//! failed every time is: JSON has null there, and people read `timed out` or `failed`, never a number.

use serde::Serialize;
use serde_json::Value;

use super::Verdict;
use crate::{
    human::human_ms,
    stats::{Interval, Summary},
};

/// One case of a query: these parameters, this plan mode.
#[derive(Debug, Clone, Serialize)]
pub struct CaseResult {
    /// `worst`, `typical`, `worst, $3=1000, generic plan`, …
    pub label: String,
    /// The parameters as text; null is NULL.
    pub params: Vec<Option<String>>,
    /// Which plan it was run with: `auto`, `generic` or `custom`.
    pub plan_mode: &'static str,
    /// The case whose plan and parameters are the same: it was not timed again, and its figures stand here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_plan_as: Option<String>,
    pub verdict: Verdict,
    /// Why, where it is not simply the counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub samples: usize,
    /// How many of them exceeded the budget, by the clock.
    pub exceedances: u32,
    /// How many ended in the timeout.
    pub timed_out: u32,
    pub rows: u64,
    pub min_ms: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    /// Its 95 % confidence interval; null where the samples are too few to bound it.
    pub p95_ci_ms: Interval,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// The percentile the budget speaks of.
    pub judged_ms: f64,
    /// Its 95 % confidence interval.
    pub judged_ci_ms: Interval,
    pub server_ms: Option<f64>,
    /// Blocks found in shared buffers.
    pub shared_hit: Option<u64>,
    /// Blocks read from outside.
    pub shared_read: Option<u64>,
    /// A forecast, not measured: the median if every block had to be read from outside.
    pub cold_forecast_ms: Option<f64>,
    /// A hash of the plan's shape.
    pub plan_fingerprint: Option<String>,
    pub plan: Option<Value>,
    /// The planner's, of the whole plan, where it was only planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_cost: Option<f64>,
    /// The planner's, of a case that was only planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_rows: Option<f64>,
    /// By its cost, not measured: what statements of about that cost take in the database that a twin is made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_ms: Option<f64>,
    /// What eight of ten such statements take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_interval_ms: Option<Interval>,
    /// Samples that waited for a CPU.
    pub cpu_wait: CpuWait,
    pub histogram: Histogram,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// The plan that the explanation is about.
    #[serde(skip)]
    pub explained_plan: Option<Value>,
}

/// Time that backend and client were ready to run and had no CPU.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct CpuWait {
    /// Samples that exceeded the budget, and would not have without it.
    pub excused: u32,
    /// The longest wait in one sample.
    pub max_ms: f64,
    pub total_ms: f64,
    /// The 95th percentile without the waits.
    pub net_p95_ms: f64,
}

/// Why a case is over its budget.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// In sentences, weightiest first.
    pub reasons: Vec<String>,
    pub costliest: String,
    /// The plan as compact text.
    pub tree: String,
}

/// Counts of samples in buckets of equal width in the logarithm.
#[derive(Debug, Clone, Serialize)]
pub struct Histogram {
    /// The lower end of the first bucket.
    pub from_ms: f64,
    /// The upper end of the last.
    pub to_ms: f64,
    /// How many samples each bucket holds.
    pub counts: Vec<u32>,
}

impl Histogram {
    /// Of samples in milliseconds; those without end are in no bucket.
    pub fn of(samples: &[f64], buckets: usize) -> Self {
        let samples = || samples.iter().copied().filter(|ms| ms.is_finite());
        let from_ms = samples().fold(f64::INFINITY, f64::min).max(1e-6);
        let to_ms = samples().fold(0.0, f64::max).max(from_ms);
        let mut counts = vec![0; buckets.max(1)];
        let span = (to_ms / from_ms).ln();
        for sample in samples() {
            let share = if span > 0.0 {
                (sample.max(from_ms) / from_ms).ln() / span
            } else {
                0.0
            };
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an index into a few buckets"
            )]
            let at = ((share * counts.len() as f64) as usize).min(counts.len() - 1);
            if let Some(count) = counts.get_mut(at) {
                *count += 1;
            }
        }
        if !from_ms.is_finite() {
            return Self {
                from_ms: 0.0,
                to_ms: 0.0,
                counts,
            };
        }
        Self {
            from_ms,
            to_ms,
            counts,
        }
    }
}

/// `$1 = 'abc', $2 = 20, $3 = NULL`, long values shortened.
pub fn shown_parameters(parameters: &[Option<String>]) -> String {
    const LONGEST: usize = 60;
    let shown = (1..).zip(parameters).map(|(n, value)| match value {
        None => format!("${n} = NULL"),
        Some(value) if value.chars().count() > LONGEST => {
            let start: String = value.chars().take(LONGEST).collect();
            format!("${n} = '{start}…'")
        }
        Some(value) => format!("${n} = '{value}'"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// What is beyond every sample that came to an end bounds nothing.
fn finite(interval: Interval) -> Interval {
    Interval {
        low: interval.low.filter(|ms| ms.is_finite()),
        high: interval.high.filter(|ms| ms.is_finite()),
    }
}

impl CaseResult {
    /// A case that could not be run: an error, or skipped.
    pub fn failed(
        label: String,
        params: Vec<Option<String>>,
        plan_mode: &'static str,
        (verdict, message): (Verdict, String),
    ) -> Self {
        Self {
            reason: Some(message),
            ..Self::untimed(label, params, plan_mode, verdict)
        }
    }

    /// A case without samples.
    pub fn untimed(
        label: String,
        params: Vec<Option<String>>,
        plan_mode: &'static str,
        verdict: Verdict,
    ) -> Self {
        let none = Interval {
            low: None,
            high: None,
        };
        let never = f64::INFINITY;
        let summary = Summary {
            samples: 0,
            min: never,
            p50: never,
            p95: never,
            p95_interval: none,
            p99: never,
            judged: never,
            judged_interval: none,
            max: never,
        };
        Self {
            plan_mode,
            ..Self::new(label, params, verdict, &summary, &[])
        }
    }

    /// One of its times for people: as `show` writes it, unless it is none.
    pub(crate) fn shown(&self, ms: f64, show: impl Fn(f64) -> String) -> String {
        if ms.is_finite() {
            show(ms)
        } else {
            match self.verdict {
                Verdict::Error => "failed".into(),
                Verdict::Over if self.timed_out == 0 => "failed".into(),
                Verdict::Skipped | Verdict::Planned | Verdict::PredictedOver => "not timed".into(),
                _ => "timed out".into(),
            }
        }
    }

    /// `12 ms (3 ms to 40 ms)`; empty where nothing is predicted.
    pub(crate) fn predicted_words(&self) -> String {
        let ends = self
            .predicted_interval_ms
            .and_then(|it| it.low.zip(it.high));
        match (self.predicted_ms, ends) {
            (Some(ms), Some((low, high))) => {
                format!("{} ({} to {})", human_ms(ms), human_ms(low), human_ms(high))
            }
            _ => String::new(),
        }
    }

    /// A case with its samples in milliseconds summed up, and nothing else known yet.
    pub fn new(
        label: String,
        params: Vec<Option<String>>,
        verdict: Verdict,
        summary: &Summary,
        samples: &[f64],
    ) -> Self {
        Self {
            label,
            params,
            plan_mode: "auto",
            same_plan_as: None,
            verdict,
            reason: None,
            samples: summary.samples,
            exceedances: 0,
            timed_out: 0,
            rows: 0,
            min_ms: summary.min,
            p50_ms: summary.p50,
            p95_ms: summary.p95,
            p95_ci_ms: finite(summary.p95_interval),
            p99_ms: summary.p99,
            max_ms: summary.max,
            judged_ms: summary.judged,
            judged_ci_ms: finite(summary.judged_interval),
            server_ms: None,
            shared_hit: None,
            shared_read: None,
            cold_forecast_ms: None,
            plan_fingerprint: None,
            plan: None,
            total_cost: None,
            estimated_rows: None,
            predicted_ms: None,
            predicted_interval_ms: None,
            cpu_wait: CpuWait::default(),
            histogram: Histogram::of(samples, 24),
            explanation: None,
            explained_plan: None,
        }
    }
}
