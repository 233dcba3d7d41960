//! The engine that every timing command shares: samples from a clock until the verdict is certain.

use std::time::{Duration, Instant};

use crate::{
    Result,
    measure::{Clock, LoadSamples, Sample},
    report::timing::{CpuWait, LoadLevel, Verdict},
    stats::{
        Decision, Design, FALSE_OVER, FALSE_WITHIN, Percentile, SequentialTest, Summary,
        lower_bound, upper_bound,
    },
};

/// When sampling ends without a decision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until {
    /// Of one case.
    pub(super) max_time: Duration,
    /// Of the whole run.
    pub(super) deadline: Instant,
}

/// What sampling came to.
#[derive(Debug)]
pub(super) struct Sampled {
    pub(super) samples: Vec<Sample>,
    pub(super) exceedances: u32,
    pub(super) decision: Option<Decision>,
    /// Why sampling ended without a decision.
    pub(super) limit: &'static str,
}

pub(super) async fn sample(
    clock: &mut impl Clock,
    budget: Duration,
    design: &Design,
    until: Until,
) -> Result<Sampled> {
    let mut test = SequentialTest::new(design);
    let mut sampled = Sampled {
        samples: Vec::new(),
        exceedances: 0,
        decision: None,
        limit: "--max-samples",
    };
    let begun = Instant::now();
    while sampled.decision.is_none() && test.samples() < design.max_samples() {
        // One at least: no figure at all would help nobody.
        let some = !sampled.samples.is_empty();
        if some && begun.elapsed() > until.max_time {
            sampled.limit = "--max-time";
            break;
        }
        if some && Instant::now() >= until.deadline {
            sampled.limit = "--total-time";
            break;
        }
        let sample = clock.sample().await?;
        sampled.decision = test.observe(exceeds(&sample, budget));
        sampled.samples.push(sample);
    }
    sampled.exceedances = test.exceedances();
    Ok(sampled)
}

/// A busy machine is no slow query: waits for a CPU do not count.
pub(super) fn exceeds(sample: &Sample, budget: Duration) -> bool {
    sample.timed_out || sample.net() > budget
}

impl Sampled {
    /// Why nothing could be decided.
    pub(super) fn undecided(&self, percentile: Percentile) -> String {
        let fewest = Design::fewest_for_within(percentile);
        let mut reason = format!(
            "{} of {} samples exceed the budget: not enough to tell whether {percentile} is within it ({} reached)",
            self.exceedances,
            self.samples.len(),
            self.limit
        );
        if self.samples.len() < usize::try_from(fewest).unwrap_or(usize::MAX) {
            reason.push_str(&format!("; {fewest} are the fewest that can"));
        }
        reason
    }
}

pub(super) fn cpu_wait(budget: Duration, samples: &[Sample]) -> CpuWait {
    let excused = samples
        .iter()
        .filter(|sample| sample.elapsed > budget && !exceeds(sample, budget))
        .count();
    let net: Vec<f64> = samples.iter().map(|s| in_ms(s.net())).collect();
    CpuWait {
        excused: u32::try_from(excused).unwrap_or(u32::MAX),
        max_ms: samples.iter().map(|s| in_ms(s.waited)).fold(0.0, f64::max),
        total_ms: samples.iter().map(|s| in_ms(s.waited)).sum(),
        net_p95_ms: Summary::of(&net, Percentile::P95).map_or(0.0, |summary| summary.p95),
    }
}

/// All samples of a load are in: a single look, by the exact bounds. Waits for a CPU are part of a load.
pub(super) fn sum_up(
    budget: Duration,
    percentile: Percentile,
    clients: u32,
    rate: Option<f64>,
    run: &LoadSamples,
) -> LoadLevel {
    let over = |(latency, timed_out): &&(_, bool)| *timed_out || *latency > budget;
    let exceedances = run.latencies.iter().filter(over).count() as u64;
    let trials = run.latencies.len() as u64;
    let tolerated = percentile.tolerated();
    let verdict = if lower_bound(exceedances, trials, FALSE_OVER) > tolerated {
        Verdict::Over
    } else if upper_bound(exceedances, trials, FALSE_WITHIN) <= tolerated {
        Verdict::Within
    } else {
        Verdict::Inconclusive
    };
    let times: Vec<f64> = run
        .latencies
        .iter()
        .map(|(latency, _)| in_ms(*latency))
        .collect();
    let summary = Summary::of(&times, percentile);
    let of = |pick: fn(&Summary) -> f64| summary.as_ref().map_or(0.0, pick);
    #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
    let per_second = times.len() as f64 / run.elapsed.as_secs_f64().max(1e-9);
    LoadLevel {
        clients,
        rate,
        samples: times.len(),
        per_second,
        exceedances,
        verdict,
        p50_ms: of(|s| s.p50),
        p95_ms: of(|s| s.p95),
        p99_ms: of(|s| s.p99),
        max_ms: of(|s| s.max),
        judged_ms: of(|s| s.judged),
    }
}

pub(super) fn in_ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
