//! Whether a machine is quiet enough for a budget to be judged on it.

use super::{Percentile, quantile};
use crate::render::human_ms;

/// Why a budget cannot be judged where a statement that does nothing takes `floor` milliseconds; `None`
/// where it can. The no-op must meet the budget itself, at the budget's own percentile.
#[must_use]
pub fn unjudgeable(floor: &[f64], budget_ms: f64, percentile: Percentile) -> Option<String> {
    let mut sorted = floor.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = quantile(&sorted, 0.5)?;
    if median > budget_ms {
        return Some(format!(
            "a statement that does nothing takes {} here: the floor alone exceeds the budget",
            human_ms(median)
        ));
    }
    let tail = quantile(&sorted, percentile.fraction())?;
    (tail > budget_ms).then(|| {
        format!(
            "the {percentile} of a statement that does nothing is {} here: the machine or the network \
             is too noisy for this budget",
            human_ms(tail)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_below_the_floor_or_inside_the_noise_cannot_be_judged() {
        let quiet = [0.1; 100];
        assert_eq!(unjudgeable(&quiet, 1.0, Percentile::P95), None);
        assert!(
            unjudgeable(&quiet, 0.05, Percentile::P95)
                .unwrap()
                .contains("the floor alone")
        );
        let mut noisy = quiet;
        noisy[..10].fill(30.0);
        assert!(
            unjudgeable(&noisy, 10.0, Percentile::P95)
                .unwrap()
                .contains("too noisy")
        );
        assert_eq!(unjudgeable(&noisy, 100.0, Percentile::P95), None);
    }
}
