//! Percentiles and their confidence intervals, by order statistics: true for any distribution.

use serde::{Serialize, Serializer};
use statrs::distribution::{Binomial, DiscreteCDF};

/// A confidence interval. A side that the samples are too few to bound is `None`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: Option<f64>,
    pub high: Option<f64>,
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.low, self.high).serialize(serializer)
    }
}

/// The quantile at `fraction` of samples in ascending order, by nearest rank (type 1 of R. J. Hyndman and
/// Y. Fan, "Sample quantiles in statistical packages", 1996): always one of the samples. `None` of none.
pub fn quantile(sorted: &[f64], fraction: f64) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank between 1 and the number of samples"
    )]
    // The small term: 0.95 × 100 is a hair above 95 in floating point.
    let rank = (fraction * sorted.len() as f64 - 1e-9).ceil().max(1.0) as usize;
    sorted.get(rank - 1).or(sorted.last()).copied()
}

/// The two-sided, distribution-free confidence interval of the quantile at `fraction`, with an error of
/// at most `alpha`, from samples in ascending order.
///
/// The number of samples below the true quantile is Binomial(n, fraction), so the order statistics at
/// that distribution's tails bound it: H. A. David and H. N. Nagaraja, "Order Statistics", 3rd ed. (2003),
/// section 7.1. Conservative, never short of its confidence.
pub fn quantile_interval(sorted: &[f64], fraction: f64, alpha: f64) -> Interval {
    let n = sorted.len() as u64;
    let Ok(below) = Binomial::new(fraction, n) else {
        return Interval {
            low: None,
            high: None,
        };
    };
    // low: the largest rank l with P(B ≤ l − 1) ≤ α/2. Starts at the median, a few steps away.
    let mut low = below.inverse_cdf(alpha / 2.0).min(n);
    while low > 0 && below.cdf(low - 1) > alpha / 2.0 {
        low -= 1;
    }
    // high: the smallest rank u with P(B ≤ u − 1) ≥ 1 − α/2.
    let mut high = below.inverse_cdf(1.0 - alpha / 2.0) + 1;
    while high > 1 && below.cdf(high - 2) >= 1.0 - alpha / 2.0 {
        high -= 1;
    }
    let at = |rank: u64| {
        let index = usize::try_from(rank.checked_sub(1)?).ok()?;
        sorted.get(index).copied()
    };
    Interval {
        low: at(low),
        high: at(high),
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn one_to(n: u32) -> Vec<f64> {
        (1..=n).map(f64::from).collect()
    }

    #[test]
    fn a_quantile_is_one_of_the_samples() {
        assert_eq!(quantile(&one_to(100), 0.95), Some(95.0));
        assert_eq!(quantile(&one_to(100), 0.5), Some(50.0));
        assert_eq!(quantile(&one_to(1), 0.99), Some(1.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_interval_has_the_ranks_of_the_tables_and_says_where_it_has_none() {
        // n = 100, median: ranks 40 and 61 (David and Nagaraja).
        let median = quantile_interval(&one_to(100), 0.5, 0.05);
        assert_eq!((median.low, median.high), (Some(40.0), Some(61.0)));
        // 20 samples cannot bound a p95 from above.
        assert_eq!(quantile_interval(&one_to(20), 0.95, 0.05).high, None);
        assert_eq!(quantile_interval(&one_to(72), 0.95, 0.05).high, Some(72.0));
        assert_eq!(quantile_interval(&[], 0.95, 0.05).high, None);
    }

    /// Simulation, fixed seed: a skewed, discrete-ish distribution, its true p95 known.
    #[test]
    fn the_interval_covers_the_true_percentile_at_least_as_often_as_it_promises() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for (n, fraction) in [(72, 0.95), (200, 0.95), (400, 0.99), (50, 0.5)] {
            let runs = 1_000;
            let mut covered = 0;
            for _ in 0..runs {
                // Exponential of mean 1 to the power of 3: a heavy tail; quantile (−ln(1 − q))³.
                let mut samples: Vec<f64> = (0..n)
                    .map(|_| (-(1.0 - rng.random::<f64>()).ln()).powi(3))
                    .collect();
                samples.sort_by(f64::total_cmp);
                let truth = (-(1.0_f64 - fraction).ln()).powi(3);
                let interval = quantile_interval(&samples, fraction, 0.05);
                let above = interval.low.is_none_or(|low| low <= truth);
                covered += u32::from(above && interval.high.is_none_or(|high| truth <= high));
            }
            let rate = f64::from(covered) / f64::from(runs);
            // 95 % promised; three standard errors of the simulation are 2 %.
            assert!(rate >= 0.93, "n={n} p={fraction}: {rate}");
        }
    }
}
