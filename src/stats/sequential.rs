//! Is the budget met? A sequential exact binomial test on the count of samples that exceed it.

use super::Percentile;

/// The probability, at most, of calling a query `within` that is not: over all looks together.
pub const FALSE_WITHIN: f64 = 0.05;

/// The probability, at most, of calling a query `over` that is not: over all looks together. Smaller than
/// [`FALSE_WITHIN`], since it fails somebody's night build, and costs hardly a sample: four of four over
/// the budget have a probability of 0.000006 where one in twenty may be.
pub const FALSE_OVER: f64 = 0.001;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The percentile is within the budget.
    Within,
    /// The percentile is over the budget.
    Over,
}

/// When to look, and what to decide there, for one percentile and one limit on the samples.
///
/// The hypothesis is about p = P(sample > budget): *within* says p ≤ p₀ = 1 − percentile, *over* says
/// p > p₀. At a look after n samples with x exceedances, the exact (Clopper–Pearson) bound at the look's
/// own level decides: *within* where x is so small that P(X ≤ x | p₀) is below it, *over* where x is so large
/// that P(X ≥ x | p₀) is.
///
/// Looking repeatedly at a fixed level would err far more often than that level says. So the levels come
/// from an error-spending function (K. K. G. Lan and D. L. DeMets, "Discrete sequential boundaries for
/// clinical trials", Biometrika 70 (1983) 659–663), and what each look spends is computed exactly, by the
/// recursion over all paths that have not stopped before (C. Jennison and B. W. Turnbull, "Group Sequential
/// Methods with Applications to Clinical Trials" (2000), chapter 12): no normal approximation, and the
/// error over *all* looks together is at most [`FALSE_WITHIN`] and [`FALSE_OVER`]. Both are attained at p = p₀,
/// and are smaller beyond it.
///
/// *Over* is looked for after each of the first twenty samples, both then at a geometric schedule. *Within* can
/// be said first after the n with (1 − p₀)ⁿ ≤ α/2: 72 samples for p95 (a single look would need 59), 368 for p99.
///
/// What it does at p95 and at most 1,800 samples, by 4,000 simulated runs for each true rate (the test
/// `false_alarms_and_misses_stay_below_what_is_promised` prints it):
///
/// | true P(sample > budget) | within | over | inconclusive | samples (median) |
/// | ---: | ---: | ---: | ---: | ---: |
/// | 0 % | 100 % | 0 % | 0 % | 72 |
/// | 0.5 % | 100 % | 0 % | 0 % | 72 |
/// | 1 % | 100 % | 0 % | 0 % | 141 |
/// | 2 % | 100 % | 0 % | 0 % | 275 |
/// | 3 % | 97.12 % | 0 % | 2.88 % | 671 |
/// | 4 % | 40.88 % | 0 % | 59.13 % | 1800 |
/// | 5 % (the budget is just met) | 4.40 % | 0.07 % | 95.53 % | 1800 |
/// | 6 % | 1.40 % | 3.98 % | 94.62 % | 1800 |
/// | 8 % | 0.15 % | 93.92 % | 5.92 % | 1048 |
/// | 10 % | 0.07 % | 99.92 % | 0 % | 429 |
/// | 20 % | 0 % | 100 % | 0 % | 61 |
/// | 50 % | 0 % | 100 % | 0 % | 9 |
/// | 100 % | 0 % | 100 % | 0 % | 4 |
///
/// Assumed: that samples are independent. A machine that stalls for seconds makes neighbours alike; see
/// [`crate::measure`] for how waits for a CPU are separated.
#[derive(Debug, Clone)]
pub struct Design {
    looks: Vec<Look>,
    max_samples: u32,
    fewest: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    /// After this many samples.
    samples: u32,
    /// Within, at this many exceedances or fewer.
    within_at_most: Option<u32>,
    /// Over, at this many exceedances or more.
    over_at_least: Option<u32>,
}

/// Each look has this many times the samples of the one before.
const GROWTH: f64 = 1.25;
/// Up to here every sample is followed by a look for `over`.
const EAGER_LOOKS: u32 = 20;

impl Design {
    /// For a budget's percentile, with the limit on the samples that is given, or what the percentile needs.
    pub fn with_limit(percentile: Percentile, max_samples: Option<u32>) -> Self {
        let most = max_samples.unwrap_or_else(|| Self::default_max_samples(percentile));
        Self::new(percentile, most)
    }

    /// For a budget's percentile, with at most `max_samples` samples.
    pub fn new(percentile: Percentile, max_samples: u32) -> Self {
        let p0 = percentile.tolerated();
        let schedule = schedule(first_within(p0), max_samples);
        let within = spend(&schedule, p0, FALSE_WITHIN, Side::Within);
        let over = spend(&schedule, p0, FALSE_OVER, Side::Over);
        let looks = schedule
            .into_iter()
            .zip(within.into_iter().zip(over))
            .map(|(samples, (within_at_most, over_at_least))| Look {
                samples,
                within_at_most,
                over_at_least,
            })
            .collect();
        Self {
            looks,
            max_samples,
            fewest: first_within(p0),
        }
    }

    pub fn max_samples(&self) -> u32 {
        self.max_samples
    }

    /// How many samples `within` takes at least for this design's percentile.
    pub fn fewest(&self) -> u32 {
        self.fewest
    }

    /// How many samples `within` takes at least: all of them within the budget.
    pub fn fewest_for_within(percentile: Percentile) -> u32 {
        first_within(percentile.tolerated())
    }

    /// A limit on the samples that leaves room for a percentile some way from the budget.
    fn default_max_samples(percentile: Percentile) -> u32 {
        first_within(percentile.tolerated())
            .saturating_mul(25)
            .max(500)
    }

    fn decide(&self, samples: u32, exceedances: u32) -> Option<Decision> {
        let at = self
            .looks
            .binary_search_by_key(&samples, |look| look.samples)
            .ok()?;
        let look = self.looks.get(at)?;
        if look.over_at_least.is_some_and(|x| exceedances >= x) {
            Some(Decision::Over)
        } else if look.within_at_most.is_some_and(|x| exceedances <= x) {
            Some(Decision::Within)
        } else {
            None
        }
    }
}

/// The first n with (1 − p₀)ⁿ ≤ α/2: half of the error is spent there, the other half later.
fn first_within(p0: f64) -> u32 {
    let n = ((FALSE_WITHIN / 2.0).ln() / (1.0 - p0).ln()).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and saturating is right for absurd percentiles"
    )]
    let n = n as u32;
    n.max(1)
}

fn schedule(first_within: u32, max_samples: u32) -> Vec<u32> {
    let mut looks: Vec<u32> = (1..=EAGER_LOOKS).collect();
    let mut n = f64::from(EAGER_LOOKS);
    while n < f64::from(first_within) / GROWTH {
        n *= GROWTH;
        looks.push(rounded(n));
    }
    let mut n = f64::from(first_within);
    while n < f64::from(max_samples) {
        looks.push(rounded(n));
        n *= GROWTH;
    }
    looks.push(max_samples);
    looks.retain(|n| *n <= max_samples);
    looks.sort_unstable();
    looks.dedup();
    looks
}

fn rounded(n: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "below the limit on the samples, which is a u32"
    )]
    let n = n.round() as u32;
    n
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Within,
    Over,
}

/// The boundary at each look, such that the probability of having crossed it by then, at p = p₀, is at most
/// what the spending function allows.
fn spend(schedule: &[u32], p0: f64, alpha: f64, side: Side) -> Vec<Option<u32>> {
    let first = match side {
        Side::Within => {
            let first = first_within(p0);
            schedule.iter().take_while(|n| **n < first).count()
        }
        Side::Over => 0,
    };
    #[expect(clippy::cast_precision_loss, reason = "some dozens of looks")]
    let allowed = |look: usize| {
        let share =
            (look + 1).saturating_sub(first) as f64 / (schedule.len() - first).max(1) as f64;
        match side {
            _ if look < first => 0.0,
            // Half at the first look that can say it at all.
            Side::Within => alpha * (0.5 + 0.5 * share),
            Side::Over => alpha * share,
        }
    };
    // Paths above this can never come to say `within` any more: no boundary lies above n × p₀.
    let ceiling = match side {
        Side::Within => schedule.last().map_or(0.0, |n| f64::from(*n) * p0 + 2.0),
        Side::Over => f64::INFINITY,
    };
    // alive[x]: the probability of x exceedances so far without having stopped.
    let mut alive = vec![1.0_f64];
    let mut spent = 0.0;
    let mut n = 0;
    let mut boundaries = Vec::with_capacity(schedule.len());
    for (look, &samples) in schedule.iter().enumerate() {
        while n < samples {
            step(&mut alive, p0, ceiling);
            n += 1;
        }
        let mut boundary = None;
        let order: Box<dyn Iterator<Item = usize>> = match side {
            Side::Within => Box::new(0..alive.len()),
            Side::Over => Box::new((0..alive.len()).rev()),
        };
        for x in order {
            let Some(mass) = alive.get_mut(x) else { break };
            if spent + *mass > allowed(look) {
                break;
            }
            spent += *mass;
            *mass = 0.0;
            boundary = u32::try_from(x).ok();
        }
        if side == Side::Over {
            while alive.last() == Some(&0.0) {
                alive.pop();
            }
        }
        boundaries.push(boundary);
    }
    boundaries
}

fn step(alive: &mut Vec<f64>, p0: f64, ceiling: f64) {
    #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
    if (alive.len() as f64) < ceiling {
        alive.push(0.0);
    }
    let mut below = 0.0;
    for mass in alive.iter_mut() {
        let here = *mass;
        *mass = here * (1.0 - p0) + below * p0;
        below = here;
    }
}

/// The running test of one case.
#[derive(Debug, Clone)]
pub struct SequentialTest<'d> {
    design: &'d Design,
    samples: u32,
    exceedances: u32,
}

impl<'d> SequentialTest<'d> {
    /// Before the first sample.
    pub fn new(design: &'d Design) -> Self {
        Self {
            design,
            samples: 0,
            exceedances: 0,
        }
    }

    /// Counts a sample; says what is decided, if this was a look that decides.
    pub fn observe(&mut self, exceeds: bool) -> Option<Decision> {
        self.samples += 1;
        self.exceedances += u32::from(exceeds);
        self.design.decide(self.samples, self.exceedances)
    }

    pub fn samples(&self) -> u32 {
        self.samples
    }
}

#[cfg(test)]
mod tests;
