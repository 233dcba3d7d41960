//! Samples from a clock until the verdict is certain.

use std::time::{Duration, Instant};

use super::{CaseSamples, Clock, Sample};
use crate::{
    Result,
    stats::{Design, Judge, Judgement, Percentile, time_needed},
};

/// When sampling ends without a decision.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimits {
    /// When the case began.
    begun: Instant,
    /// Of one case, its warm-up included.
    max_time: Duration,
    deadline: Instant,
}

impl TimeLimits {
    /// From now on. `given`: of one case, and of its samples; where no time is given, as long as the samples need.
    pub fn from_now(
        (budget, percentile): (Duration, Percentile),
        given: (Option<Duration>, Option<u32>),
        deadline: Instant,
    ) -> Self {
        let needed = || time_needed(budget, percentile, given.1).max(CASE_TIME);
        Self {
            begun: Instant::now(),
            max_time: given.0.unwrap_or_else(needed),
            deadline,
        }
    }

    /// What is left of both limits.
    pub fn left(&self) -> Duration {
        let of_run = self.deadline.saturating_duration_since(Instant::now());
        self.max_time
            .saturating_sub(self.begun.elapsed())
            .min(of_run)
    }

    /// Which of the two limits comes first.
    pub fn limit(&self) -> &'static str {
        if self.begun + self.max_time < self.deadline {
            "--max-time"
        } else {
            "--total-time"
        }
    }
}

/// A case may take this long, where it does not need longer.
const CASE_TIME: Duration = Duration::from_secs(30);

/// Runs it a few times that do not count; none of them may take more than half of the time there is.
pub async fn warm_up(
    clock: &mut impl Clock,
    times: u32,
    at_most: Duration,
    limits: TimeLimits,
) -> Result<()> {
    let begun = Instant::now();
    for _ in 0..times {
        clock.limit(limits.left() / 2);
        let sample = clock.sample().await?;
        if sample.timed_out || begun.elapsed() > at_most {
            break;
        }
    }
    Ok(())
}

/// A busy machine is busy by the second: neighbours are alike, which the test takes to be independent. What was found in
/// less time than this is looked for again, a moment later: once where it is far from the budget and over it, twice where
/// it is near, and not at all where it is far within.
const STRETCH: Duration = Duration::from_secs(3);
const PAUSE_WHERE_FAR: Duration = Duration::from_millis(300);
const PAUSE_WHERE_NEAR: Duration = Duration::from_secs(1);
/// A sample between these shares of the budget is near it.
const NEAR: std::ops::Range<f64> = 0.33..1.5;

/// Samples until the budget is decided, and once or twice more where the machine may have been busy.
pub async fn sample(
    clock: &mut impl Clock,
    budget: Duration,
    design: &Design,
    limits: TimeLimits,
) -> Result<CaseSamples> {
    let mut sampled = CaseSamples::default();
    let begun = Instant::now();
    bout(clock, budget, design, limits, &mut sampled).await?;
    let found = sampled.finding;
    let is_near = |sample: &Sample| NEAR.contains(&sample.elapsed.div_duration_f64(budget));
    let (again, pause) = match found {
        Some(Judgement::Over | Judgement::Within) if sampled.samples.iter().any(is_near) => {
            (2, PAUSE_WHERE_NEAR)
        }
        Some(Judgement::Over) => (1, PAUSE_WHERE_FAR),
        _ => (0, Duration::ZERO),
    };
    for _ in 0..again {
        if sampled.finding != found
            || begun.elapsed() > STRETCH
            || limits.left() < pause + begun.elapsed() * 2
        {
            break;
        }
        tokio::time::sleep(pause).await;
        bout(clock, budget, design, limits, &mut sampled).await?;
        if let (Some(Judgement::Over), Some(Judgement::Within))
        | (Some(Judgement::Within), Some(Judgement::Over)) = (found, sampled.finding)
        {
            sampled.finding = None;
            sampled.unsteady = true;
        }
    }
    Ok(sampled)
}

/// Samples until something is found, or a limit reached.
async fn bout(
    clock: &mut impl Clock,
    budget: Duration,
    design: &Design,
    limits: TimeLimits,
    sampled: &mut CaseSamples,
) -> Result<()> {
    let mut judge = Judge::new(design);
    sampled.finding = None;
    while sampled.finding.is_none() && judge.samples() < design.max_samples() {
        let mut left = limits.left();
        if sampled.samples.is_empty() {
            // One at least: no figure at all would help nobody.
            left = left.max(budget + Duration::from_millis(1));
        }
        if left.is_zero() {
            sampled.limit = limits.limit();
            break;
        }
        clock.limit(left);
        let sample = clock.sample().await?;
        if sample.timed_out && sample.elapsed <= budget {
            // Cut off by the limit before it could exceed anything.
            sampled.limit = limits.limit();
            break;
        }
        sampled.add(&mut judge, sample, budget);
    }
    sampled.over_by_clock = judge.is_over_by_clock();
    Ok(())
}
