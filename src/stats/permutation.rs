//! Whether paired measurements differ: a permutation test.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What pairs of measurements say of b against a.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedResult {
    /// The median of b / a.
    pub median_ratio: f64,
    /// Two-sided: how often chance alone gives a difference as large.
    pub p_value: f64,
}

const PERMUTATIONS: u32 = 9_999;

/// Compares pairs (a, b) of positive measurements, each pair taken side by side, so that what slows the machine
/// slows both.
///
/// If the two do not differ, each pair may as well have come the other way round: the signs of the logarithms
/// of the ratios are flipped at random, and the p-value is the share of flips whose mean is as far from zero
/// as the observed one (R. A. Fisher, "The Design of Experiments" (1935), section 21), counting the observed
/// one itself: B. Phipson and G. K. Smyth, "Permutation p-values should never be zero" (2010). The seed makes it
/// repeatable. `None` of no pairs.
pub fn compare_pairs(pairs: &[(f64, f64)], seed: u64) -> Option<PairedResult> {
    let mut logs: Vec<f64> = pairs
        .iter()
        .map(|(a, b)| (b / a).ln())
        .filter(|l| l.is_finite())
        .collect();
    logs.sort_by(f64::total_cmp);
    let median = super::quantile(&logs, 0.5)?;
    let observed = logs.iter().sum::<f64>().abs();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let as_far = (0..PERMUTATIONS)
        .filter(|_| {
            // Sixty-four signs at a draw.
            let mut sum = 0.0;
            for some in logs.chunks(64) {
                let mut signs: u64 = rng.random();
                for log in some {
                    sum += if signs & 1 == 1 { *log } else { -log };
                    signs >>= 1;
                }
            }
            sum.abs() >= observed - 1e-12
        })
        .count();
    #[expect(clippy::cast_precision_loss, reason = "at most some thousands")]
    let p_value = (as_far + 1) as f64 / f64::from(PERMUTATIONS + 1);
    Some(PairedResult {
        median_ratio: median.exp(),
        p_value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulation, fixed seed: noisy pairs whose noise is partly shared.
    fn pairs(rng: &mut ChaCha8Rng, factor: f64) -> Vec<(f64, f64)> {
        (0..40)
            .map(|_| {
                let shared = 1.0 + 3.0 * rng.random::<f64>().powi(4);
                let mut one = || shared * (1.0 + 0.15 * rng.random::<f64>());
                (one(), one() * factor)
            })
            .collect()
    }

    #[test]
    fn equal_runs_are_rarely_called_different_and_a_fifth_more_is_always_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let runs = 40;
        let mut false_alarms = 0;
        for seed in 0..runs {
            let same = compare_pairs(&pairs(&mut rng, 1.0), seed).unwrap();
            false_alarms += u32::from(same.p_value < 0.01);
            let slower = compare_pairs(&pairs(&mut rng, 1.2), seed).unwrap();
            assert!(
                slower.p_value < 0.01 && (slower.median_ratio - 1.2).abs() < 0.06,
                "{slower:?}"
            );
        }
        assert!(
            false_alarms <= 2,
            "{false_alarms} of {runs} at a level of 1 %"
        );
        assert_eq!(compare_pairs(&[], 1), None);
    }
}
