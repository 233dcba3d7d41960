//! Whether the machine's own noise explains an exceeded budget.

use super::{FALSE_OVER, Percentile, lower_bound, quantile};
use crate::human::human_ms;

/// Why samples that exceed their budget say nothing about the query: a statement that does nothing, which takes `floor`
/// milliseconds, exceeds it at the budget's own percentile too, and the samples exceed it by no more than it ever took:
/// the percentile of so few is known too roughly to hold others against. `None` where the floor explains nothing. All in milliseconds.
pub fn explained_by_noise(
    samples: &[f64],
    floor: &[f64],
    budget_ms: f64,
    percentile: Percentile,
) -> Option<String> {
    let mut sorted = floor.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = quantile(&sorted, 0.5)?;
    let tail = quantile(&sorted, percentile.fraction())?;
    if tail <= budget_ms {
        return None;
    }
    let most = *sorted.last()?;
    let beyond = samples.iter().filter(|ms| **ms > budget_ms + most).count();
    if lower_bound(beyond as u64, samples.len() as u64, FALSE_OVER) > percentile.tolerated() {
        return None;
    }
    Some(if median > budget_ms {
        format!(
            "`SELECT 1` takes {} here: this alone exceeds the budget",
            human_ms(median)
        )
    } else {
        format!(
            "the {percentile} of `SELECT 1` is {} here: the machine or the network is too noisy for \
             this budget",
            human_ms(tail)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(samples: &[f64], floor: &[f64], budget_ms: f64) -> Option<String> {
        explained_by_noise(samples, floor, budget_ms, Percentile::P95)
    }

    #[test]
    fn a_floor_beyond_the_budget_explains_what_is_no_slower_than_it() {
        let quiet = [0.1; 100];
        let mut noisy = quiet;
        noisy[..10].fill(30.0);
        assert_eq!(noise(&[1.5; 8], &quiet, 1.0), None, "a quiet machine");
        let floor = noise(&[0.12; 8], &quiet, 0.05).unwrap();
        assert!(floor.contains("this alone"), "{floor}");
        let wild = noise(&[12.0; 8], &noisy, 10.0).unwrap();
        assert!(wild.contains("too noisy"), "{wild}");
        assert_eq!(noise(&[150.0; 8], &noisy, 100.0), None);
    }

    #[test]
    fn an_effect_far_beyond_the_floor_is_not_explained_by_it() {
        // 120 ms against a budget of 1 ms, on a machine whose floor is 3.6 ms.
        assert_eq!(noise(&[120.0; 4], &[3.6; 100], 1.0), None);
        assert_eq!(noise(&[5.0; 4], &[0.1; 100], 0.001), None);
        // As slow as the slowest that does nothing: no other than it.
        let mut rare = [0.1; 100];
        rare[..2].fill(30.0);
        assert!(noise(&[12.0; 4], &rare, 0.05).is_some());
        // Too few of them to tell.
        assert!(noise(&[120.0, 2.0, 2.0, 2.0], &[3.6; 100], 1.0).is_some());
    }
}
