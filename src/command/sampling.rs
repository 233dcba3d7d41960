//! The engine that every timing command shares: samples from a clock until the verdict is certain.

use std::time::{Duration, Instant};

use crate::{
    Result,
    measure::{Clock, LoadSamples, Sample},
    render::human_ms,
    report::timing::{CaseResult, CpuWait, LoadLevel, Verdict},
    stats::{
        Design, FALSE_OVER, FALSE_WITHIN, Finding, Judge, Percentile, Standing, Summary,
        explained_by_noise, lower_bound, upper_bound,
    },
};

/// When sampling ends without a decision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until {
    /// When the case began.
    begun: Instant,
    /// Of one case, its warm-up included.
    max_time: Duration,
    deadline: Instant,
}

impl Until {
    /// From now on. Where no time is given, as long as [`time_needed`].
    pub(super) fn from_now(given: Option<Duration>, needed: Duration, deadline: Instant) -> Self {
        Self {
            begun: Instant::now(),
            max_time: given.unwrap_or(needed.max(CASE_TIME)),
            deadline,
        }
    }

    /// What is left of both limits.
    pub(super) fn left(&self) -> Duration {
        let of_run = self.deadline.saturating_duration_since(Instant::now());
        self.max_time
            .saturating_sub(self.begun.elapsed())
            .min(of_run)
    }

    /// Which of the two limits comes first.
    fn limit(&self) -> &'static str {
        if self.begun + self.max_time < self.deadline {
            "--max-time"
        } else {
            "--total-time"
        }
    }
}

/// A case may take this long, where it does not need longer.
const CASE_TIME: Duration = Duration::from_secs(30);

/// What the fewest samples that can say `within` take, where each of them takes the whole budget, and a few warm-ups:
/// less time could not prove a query that is barely within it.
pub(super) fn time_needed(
    budget: Duration,
    percentile: Percentile,
    max_samples: Option<u32>,
) -> Duration {
    let fewest = Design::fewest_for_within(percentile).min(max_samples.unwrap_or(u32::MAX));
    budget.saturating_mul(fewest.saturating_add(10))
}

/// What a whole run may take, where nobody says: twice what its budgets need, and a quarter of an hour at least.
pub(super) fn run_time(
    budgets: impl Iterator<Item = (Duration, Percentile)>,
    max_samples: Option<u32>,
) -> Duration {
    const FEWEST: Duration = Duration::from_secs(15 * 60);
    let needed = budgets
        .map(|(budget, percentile)| time_needed(budget, percentile, max_samples).saturating_mul(2));
    needed
        .fold(Duration::ZERO, Duration::saturating_add)
        .max(FEWEST)
}

/// The test of a percentile, with the limit on the samples that is given, or what the percentile needs.
pub(super) fn design(percentile: Percentile, max_samples: Option<u32>) -> Design {
    let most = max_samples.unwrap_or_else(|| Design::default_max_samples(percentile));
    Design::new(percentile, most)
}

/// Runs it a few times that do not count; none of them may take more than half of the time there is.
pub(super) async fn warm_up(
    clock: &mut impl Clock,
    times: u32,
    at_most: Duration,
    until: Until,
) -> Result<()> {
    let begun = Instant::now();
    for _ in 0..times {
        clock.limit(until.left() / 2);
        let sample = clock.sample().await?;
        if sample.timed_out || begun.elapsed() > at_most {
            break;
        }
    }
    Ok(())
}

#[derive(Debug)]
pub(super) struct Sampled {
    pub(super) samples: Vec<Sample>,
    pub(super) finding: Option<Finding>,
    /// The first samples said `over` and those of a moment later `within`, or the other way round.
    unsteady: bool,
    /// By the clock it was over; whether it is without the waits for a CPU could not be told.
    over_by_clock: bool,
    /// What ended the sampling where nothing was found.
    limit: &'static str,
}

/// A busy machine is busy by the second: neighbours are alike, which the test takes to be independent. What was found in
/// less time than this is looked for again, a moment later: once where it is far from the budget and over it, twice where
/// it is near, and not at all where it is far within.
const STRETCH: Duration = Duration::from_secs(3);
const PAUSE_WHERE_FAR: Duration = Duration::from_millis(300);
const PAUSE_WHERE_NEAR: Duration = Duration::from_secs(1);
/// A sample between these shares of the budget is near it.
const NEAR: std::ops::Range<f64> = 0.33..1.5;

pub(super) async fn sample(
    clock: &mut impl Clock,
    budget: Duration,
    design: &Design,
    until: Until,
) -> Result<Sampled> {
    let mut sampled = Sampled {
        samples: Vec::new(),
        finding: None,
        unsteady: false,
        over_by_clock: false,
        limit: "--max-samples",
    };
    let begun = Instant::now();
    bout(clock, budget, design, until, &mut sampled).await?;
    let found = sampled.finding;
    let is_near = |sample: &Sample| NEAR.contains(&sample.elapsed.div_duration_f64(budget));
    let (again, pause) = match found {
        Some(Finding::Over | Finding::Within) if sampled.samples.iter().any(is_near) => {
            (2, PAUSE_WHERE_NEAR)
        }
        Some(Finding::Over) => (1, PAUSE_WHERE_FAR),
        _ => (0, Duration::ZERO),
    };
    for _ in 0..again {
        if sampled.finding != found
            || begun.elapsed() > STRETCH
            || until.left() < pause + begun.elapsed() * 2
        {
            break;
        }
        tokio::time::sleep(pause).await;
        bout(clock, budget, design, until, &mut sampled).await?;
        if let (Some(Finding::Over), Some(Finding::Within))
        | (Some(Finding::Within), Some(Finding::Over)) = (found, sampled.finding)
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
    until: Until,
    sampled: &mut Sampled,
) -> Result<()> {
    let mut judge = Judge::new(design);
    sampled.finding = None;
    while sampled.finding.is_none() && judge.samples() < design.max_samples() {
        let mut left = until.left();
        if sampled.samples.is_empty() {
            // One at least: no figure at all would help nobody.
            left = left.max(budget + Duration::from_millis(1));
        }
        if left.is_zero() {
            sampled.limit = until.limit();
            break;
        }
        clock.limit(left);
        let sample = clock.sample().await?;
        if sample.timed_out && sample.elapsed <= budget {
            // Cut off by the limit before it could exceed anything.
            sampled.limit = until.limit();
            break;
        }
        sampled.finding = judge.observe(standing(&sample, budget));
        sampled.samples.push(sample);
    }
    sampled.over_by_clock = judge.is_over_by_clock();
    Ok(())
}

fn standing(sample: &Sample, budget: Duration) -> Standing {
    if sample.elapsed <= budget {
        Standing::Within
    } else if sample.timed_out {
        Standing::CutOff
    } else if sample.net() <= budget {
        Standing::OverByWaiting
    } else {
        Standing::Over
    }
}

impl Sampled {
    /// The samples in milliseconds, as judged: by the clock, and without end where one was cut off.
    pub(super) fn times(&self) -> Vec<f64> {
        let ms = |sample: &Sample| {
            if sample.timed_out {
                f64::INFINITY
            } else {
                in_ms(sample.elapsed)
            }
        };
        self.samples.iter().map(ms).collect()
    }

    /// The case with its figures and its verdict; `None` without a sample. `floor`: the milliseconds of what does
    /// nothing, where they are known.
    pub(super) fn case(
        &self,
        label: &str,
        params: Vec<Option<String>>,
        (budget, percentile): (Duration, Percentile),
        floor: &[f64],
    ) -> Option<CaseResult> {
        let times = self.times();
        let summary = Summary::of(&times, percentile)?;
        let (verdict, reason) = self.verdict(&times, floor, budget, percentile);
        let mut case = CaseResult::new(label.to_owned(), params, verdict, &summary, &times);
        case.reason = reason;
        case.exceedances = self.count(|sample| sample.elapsed > budget);
        case.timed_out = self.count(|sample| sample.timed_out);
        case.cpu_wait = self.cpu_wait(budget);
        Some(case)
    }

    fn verdict(
        &self,
        times: &[f64],
        floor: &[f64],
        budget: Duration,
        percentile: Percentile,
    ) -> (Verdict, Option<String>) {
        match self.finding {
            Some(Finding::Within) => (Verdict::Within, None),
            Some(Finding::CutOff) => {
                let cut_off = self.samples.iter().rfind(|sample| sample.timed_out);
                let after = cut_off.map_or(0.0, |sample| in_ms(sample.elapsed));
                let reason = format!(
                    "timed out: run {} was cancelled after {}",
                    self.samples.len(),
                    human_ms(after)
                );
                (Verdict::Over, Some(reason))
            }
            Some(Finding::Over) => {
                match explained_by_noise(times, floor, in_ms(budget), percentile) {
                    Some(reason) => (Verdict::Inconclusive, Some(reason)),
                    None => (Verdict::Over, None),
                }
            }
            Some(Finding::Busy) => (Verdict::Inconclusive, Some(self.busy(percentile))),
            None => (
                Verdict::Inconclusive,
                Some(self.undecided(budget, percentile)),
            ),
        }
    }

    fn busy(&self, percentile: Percentile) -> String {
        let of = |times: Vec<f64>| Summary::of(&times, percentile).map_or(0.0, |s| s.judged);
        let net = self.samples.iter().map(|s| in_ms(s.net())).collect();
        format!(
            "over budget by wall-clock time ({percentile} {}), but the machine was busy: without waits for a \
             CPU, {percentile} is {}. Repeat the run on an idle machine",
            human_ms(of(self.times())),
            human_ms(of(net))
        )
    }

    fn undecided(&self, budget: Duration, percentile: Percentile) -> String {
        if self.unsteady {
            return "within the budget at one moment and over it at the next: the machine is not steady enough \
                 to tell".into();
        }
        let limit = self.limit;
        if self.over_by_clock {
            return format!(
                "over budget by wall-clock time; whether waits for a CPU were the cause could not be \
                 determined ({limit} reached)"
            );
        }
        let fewest = Design::fewest_for_within(percentile);
        let mut reason = format!(
            "{} of {} samples exceed the budget: not enough to tell whether {percentile} is within it \
             ({limit} reached)",
            self.count(|sample| sample.elapsed > budget),
            self.samples.len(),
        );
        if self.samples.len() < usize::try_from(fewest).unwrap_or(usize::MAX) {
            reason.push_str(&format!("; a verdict takes at least {fewest} samples"));
        }
        reason
    }

    fn cpu_wait(&self, budget: Duration) -> CpuWait {
        let waits = || self.samples.iter().map(|s| in_ms(s.waited));
        let net: Vec<f64> = self.samples.iter().map(|s| in_ms(s.net())).collect();
        CpuWait {
            excused: self.count(|sample| standing(sample, budget) == Standing::OverByWaiting),
            max_ms: waits().fold(0.0, f64::max),
            total_ms: waits().sum(),
            net_p95_ms: Summary::of(&net, Percentile::P95).map_or(0.0, |summary| summary.p95),
        }
    }

    fn count(&self, which: impl Fn(&Sample) -> bool) -> u32 {
        let count = self.samples.iter().filter(|sample| which(sample)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// All samples of a load are in: a single look, by the exact bounds. Waits for a CPU are part of a load.
pub(super) fn sum_up(
    budget: Duration,
    percentile: Percentile,
    clients: u32,
    rate: Option<f64>,
    run: &LoadSamples,
    floor: &[f64],
) -> LoadLevel {
    let over = |(latency, timed_out): &&(_, bool)| *timed_out || *latency > budget;
    let exceedances = run.latencies.iter().filter(over).count() as u64;
    let trials = run.latencies.len() as u64;
    let tolerated = percentile.tolerated();
    let ms = |(latency, timed_out): &(Duration, bool)| {
        if *timed_out {
            f64::INFINITY
        } else {
            in_ms(*latency)
        }
    };
    let times: Vec<f64> = run.latencies.iter().map(ms).collect();
    let is_over = lower_bound(exceedances, trials, FALSE_OVER) > tolerated;
    // As without load: the query is not to blame for what the machine alone does.
    let noise = is_over && explained_by_noise(&times, floor, in_ms(budget), percentile).is_some();
    let verdict = if is_over && !noise {
        Verdict::Over
    } else if upper_bound(exceedances, trials, FALSE_WITHIN) <= tolerated {
        Verdict::Within
    } else {
        Verdict::Inconclusive
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_there_is_suffices_to_prove_what_is_barely_within_its_budget() {
        let budget = Duration::from_secs(2);
        for percentile in ["p50", "p75", "p95", "p99"] {
            let percentile: Percentile = percentile.parse().expect("a percentile");
            let fewest = Design::fewest_for_within(percentile);
            let needed = time_needed(budget, percentile, None);
            assert!(needed > budget * fewest, "{percentile}: {needed:?}");
            // And no longer than what is asked for.
            assert!(time_needed(budget, percentile, Some(1)) < budget * 12);
        }
        let of_run = run_time([(budget, Percentile::P95); 20].into_iter(), None);
        assert!(of_run > time_needed(budget, Percentile::P95, None) * 20);
        assert_eq!(run_time(std::iter::empty(), None), Duration::from_secs(900));
    }
}
