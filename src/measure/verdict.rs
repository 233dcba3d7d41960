//! The verdict on a case or a load, drawn from its samples. No clock is read here.

use std::time::Duration;

use super::{LoadSamples, Sample};
use crate::{
    duration::in_ms,
    human::human_ms,
    report::timing::{CaseResult, CpuWait, LoadLevel, Verdict},
    stats::{
        Decision, Design, Judge, Judgement, Percentile, SampleStanding, Summary, decide_once,
        explained_by_noise,
    },
};

/// A case's samples, and what was found in them.
#[derive(Debug)]
pub struct CaseSamples {
    pub samples: Vec<Sample>,
    pub finding: Option<Judgement>,
    /// What ended the sampling where nothing was found.
    pub limit: &'static str,
    /// The first samples said `over` and those of a moment later `within`, or the other way round.
    pub(super) unsteady: bool,
    /// By the clock it was over; whether it is without the waits for a CPU could not be told.
    pub(super) over_by_clock: bool,
}

fn standing(sample: &Sample, budget: Duration) -> SampleStanding {
    if sample.elapsed <= budget {
        SampleStanding::Within
    } else if sample.timed_out {
        SampleStanding::CutOff
    } else if sample.net() <= budget {
        SampleStanding::OverByWaiting
    } else {
        SampleStanding::Over
    }
}

impl Default for CaseSamples {
    fn default() -> Self {
        Self {
            samples: Vec::new(),
            finding: None,
            limit: "--max-samples",
            unsteady: false,
            over_by_clock: false,
        }
    }
}

/// Samples in milliseconds, as judged: by the clock, and without end where one was cut off.
fn times(samples: &[Sample]) -> Vec<f64> {
    let ms = |sample: &Sample| {
        if sample.timed_out {
            f64::INFINITY
        } else {
            in_ms(sample.elapsed)
        }
    };
    samples.iter().map(ms).collect()
}

fn count(samples: &[Sample], which: impl Fn(&Sample) -> bool) -> u32 {
    let count = samples.iter().filter(|sample| which(sample)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl CaseSamples {
    /// Counts a sample. What is found first stands: the test's error holds for it.
    pub fn add(&mut self, judge: &mut Judge<'_>, sample: Sample, budget: Duration) {
        let found = judge.observe(standing(&sample, budget));
        self.finding = self.finding.or(found);
        self.samples.push(sample);
    }

    /// The case with its figures and its verdict; `None` without a sample. `floor`: the milliseconds of what does
    /// nothing, where they are known.
    pub fn case(
        &self,
        label: &str,
        params: Vec<Option<String>>,
        (budget, percentile): (Duration, Percentile),
        floor: &[f64],
    ) -> Option<CaseResult> {
        let times = times(&self.samples);
        let summary = Summary::of(&times, percentile)?;
        let (verdict, reason) = self.verdict(&times, floor, budget, percentile);
        let mut case = CaseResult::new(label.to_owned(), params, verdict, &summary, &times);
        case.reason = reason;
        case.exceedances = count(&self.samples, |sample| sample.elapsed > budget);
        case.timed_out = count(&self.samples, |sample| sample.timed_out);
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
            Some(Judgement::Within) => (Verdict::Within, None),
            Some(Judgement::CutOff) => {
                let cut_off = self.samples.iter().rfind(|sample| sample.timed_out);
                let after = cut_off.map_or(0.0, |sample| in_ms(sample.elapsed));
                let reason = format!(
                    "timed out: run {} was cancelled after {}",
                    self.samples.len(),
                    human_ms(after)
                );
                (Verdict::Over, Some(reason))
            }
            Some(Judgement::Over) => {
                match explained_by_noise(times, floor, in_ms(budget), percentile) {
                    Some(reason) => (Verdict::Inconclusive, Some(reason)),
                    None => (Verdict::Over, None),
                }
            }
            Some(Judgement::Busy) => (Verdict::Inconclusive, Some(self.busy(percentile))),
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
            "over budget by wall-clock time ({percentile} {}), but the machine was busy: without waits for a CPU, \
                {percentile} is {}. Repeat the run on an idle machine",
            human_ms(of(times(&self.samples))),
            human_ms(of(net))
        )
    }

    fn undecided(&self, budget: Duration, percentile: Percentile) -> String {
        if self.unsteady {
            return "within the budget at one moment and over it at the next: the machine is not steady enough to tell".into();
        }
        let limit = self.limit;
        if self.over_by_clock {
            return format!(
                "over budget by wall-clock time; whether waits for a CPU were the cause could not be determined \
                    ({limit} reached)"
            );
        }
        let fewest = Design::fewest_for_within(percentile);
        let mut reason = format!(
            "{} of {} samples exceed the budget: not enough to tell whether {percentile} is within it ({limit} reached)",
            count(&self.samples, |sample| sample.elapsed > budget),
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
            excused: count(&self.samples, |sample| {
                standing(sample, budget) == SampleStanding::OverByWaiting
            }),
            max_ms: waits().fold(0.0, f64::max),
            total_ms: waits().sum(),
            net_p95_ms: Summary::of(&net, Percentile::P95).map_or(0.0, |summary| summary.p95),
        }
    }
}

/// All samples of a load are in: a single look, by the exact bounds. Waits for a CPU are part of a load.
pub fn judge_load(
    budget: Duration,
    percentile: Percentile,
    clients: u32,
    rate: Option<f64>,
    run: &LoadSamples,
    floor: &[f64],
) -> LoadLevel {
    let exceedances = count(&run.samples, |s| s.timed_out || s.elapsed > budget);
    let times = times(&run.samples);
    let verdict = match decide_once(exceedances.into(), times.len() as u64, percentile) {
        Some(Decision::Within) => Verdict::Within,
        // As without load: the query is not to blame for what the machine alone does.
        Some(Decision::Over)
            if explained_by_noise(&times, floor, in_ms(budget), percentile).is_none() =>
        {
            Verdict::Over
        }
        _ => Verdict::Inconclusive,
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
        exceedances: exceedances.into(),
        verdict,
        p50_ms: of(|s| s.p50),
        p95_ms: of(|s| s.p95),
        p99_ms: of(|s| s.p99),
        max_ms: of(|s| s.max),
        judged_ms: of(|s| s.judged),
    }
}
