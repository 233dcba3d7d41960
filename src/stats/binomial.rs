//! Exact bounds on a probability, from counts.

use statrs::distribution::{Beta, ContinuousCDF};

/// The exact (Clopper–Pearson) lower confidence bound on a probability after `hits` of `trials`,
/// one-sided, with an error of at most `alpha`. 0 where nothing was hit.
///
/// C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of
/// the binomial", Biometrika 26 (1934) 404–413, in its form by quantiles of the beta distribution.
pub fn lower_bound(hits: u64, trials: u64, alpha: f64) -> f64 {
    if hits == 0 || trials == 0 {
        return 0.0;
    }
    beta_quantile(hits, trials - hits.min(trials) + 1, alpha).unwrap_or(0.0)
}

/// The upper bound that belongs to [`lower_bound`]. 1 where everything was hit.
pub fn upper_bound(hits: u64, trials: u64, alpha: f64) -> f64 {
    if hits >= trials {
        return 1.0;
    }
    beta_quantile(hits + 1, trials - hits, 1.0 - alpha).unwrap_or(1.0)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of samples are far below 2^53"
)]
fn beta_quantile(a: u64, b: u64, p: f64) -> Option<f64> {
    Some(Beta::new(a as f64, b as f64).ok()?.inverse_cdf(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_those_of_the_tables() {
        // No hit in n: the upper bound solves (1 − p)^n = α.
        assert!((upper_bound(0, 59, 0.05) - (1.0 - 0.05_f64.powf(1.0 / 59.0))).abs() < 1e-6);
        assert!(upper_bound(0, 58, 0.05) > 0.05 && upper_bound(0, 59, 0.05) <= 0.05);
        assert!(upper_bound(0, 298, 0.05) > 0.01 && upper_bound(0, 299, 0.05) <= 0.01);
        // R: binom.test(7, 100)$conf.int = 0.02860548, 0.13891979 (two-sided 95 %).
        assert!((lower_bound(7, 100, 0.025) - 0.028_605_48).abs() < 1e-6);
        assert!((upper_bound(7, 100, 0.025) - 0.138_919_79).abs() < 1e-6);
        assert_eq!(
            (lower_bound(0, 9, 0.05), upper_bound(9, 9, 0.05)),
            (0.0, 1.0)
        );
    }
}
