//! How long it takes to prove that a budget is met.

use std::time::Duration;

use super::{Design, Percentile};

/// What the fewest samples that can say `within` take, where each of them takes the whole budget, and a few warm-ups:
/// less time could not prove a query that is barely within it.
pub fn time_needed(budget: Duration, percentile: Percentile, max_samples: Option<u32>) -> Duration {
    let fewest = Design::fewest_for_within(percentile).min(max_samples.unwrap_or(u32::MAX));
    budget.saturating_mul(fewest.saturating_add(10))
}

/// What a whole run may take, where nobody says: twice what its budgets need, and a quarter of an hour at least.
pub fn run_time(
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
