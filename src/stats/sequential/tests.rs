use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

struct Rates {
    within: f64,
    over: f64,
    inconclusive: f64,
    median_samples: u32,
}

/// Runs the test `runs` times on samples that exceed the budget with probability `p`.
fn simulate(design: &Design, max_samples: u32, p: f64, runs: u32, seed: u64) -> Rates {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut within, mut over, mut lengths) = (0, 0, Vec::new());
    for _ in 0..runs {
        let mut test = SequentialTest::new(design);
        let mut decision = None;
        while decision.is_none() && test.samples() < max_samples {
            decision = test.observe(rng.random_bool(p));
        }
        within += u32::from(decision == Some(Decision::Within));
        over += u32::from(decision == Some(Decision::Over));
        lengths.push(test.samples());
    }
    lengths.sort_unstable();
    let share = |count: u32| f64::from(count) / f64::from(runs);
    Rates {
        within: share(within),
        over: share(over),
        inconclusive: share(runs - within - over),
        median_samples: lengths[lengths.len() / 2],
    }
}

/// The table at the head of sequential.rs: `cargo test --lib false_alarms -- --nocapture`.
#[expect(clippy::print_stdout, reason = "the table is to be read")]
#[test]
fn false_alarms_and_misses_stay_below_what_is_promised() {
    let max_samples = Design::default_max_samples(Percentile::P95);
    let design = Design::new(Percentile::P95, max_samples);
    println!("| true P(sample > budget) | within | over | inconclusive | samples (median) |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    for (seed, p) in [
        0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.2, 0.5, 1.0,
    ]
    .into_iter()
    .enumerate()
    {
        let rates = simulate(&design, max_samples, p, 4_000, seed as u64);
        println!(
            "| {:.1} % | {:.2} % | {:.2} % | {:.2} % | {} |",
            p * 100.0,
            rates.within * 100.0,
            rates.over * 100.0,
            rates.inconclusive * 100.0,
            rates.median_samples
        );
        // Three standard errors of the simulation on top of the promise.
        let slack = |promise: f64| promise + 3.0 * (promise * (1.0 - promise) / 4_000.0).sqrt();
        if p >= 0.05 {
            assert!(
                rates.within <= slack(FALSE_WITHIN),
                "p={p}: {}",
                rates.within
            );
        }
        if p <= 0.05 {
            assert!(rates.over <= slack(FALSE_OVER), "p={p}: {}", rates.over);
        }
        if p <= 0.005 {
            assert!(rates.within > 0.999 && rates.median_samples <= 140, "p={p}");
        }
        if p >= 0.5 {
            assert!(rates.over > 0.999 && rates.median_samples <= 20, "p={p}");
        }
    }
}

#[test]
fn a_clear_case_is_decided_after_the_documented_number_of_samples() {
    for (percentile, within, over) in [("p95", 72, 4), ("p99", 368, 3), ("p50", 6, 12)] {
        let percentile: Percentile = percentile.parse().unwrap();
        assert_eq!(
            Design::fewest_for_within(percentile),
            within,
            "{percentile}"
        );
        let max_samples = Design::default_max_samples(percentile);
        let design = Design::new(percentile, max_samples);
        for (exceeds, decision, expected) in [
            (false, Decision::Within, within),
            (true, Decision::Over, over),
        ] {
            let mut test = SequentialTest::new(&design);
            while test.samples() < max_samples {
                if let Some(decided) = test.observe(exceeds) {
                    assert_eq!(decided, decision);
                    break;
                }
            }
            assert_eq!(test.samples(), expected, "{percentile} {decision:?}");
        }
    }
}

#[test]
fn boundaries_agree_with_the_clopper_pearson_bounds_at_a_level_no_laxer_than_promised() {
    let design = Design::new(Percentile::P95, 1_800);
    for look in &design.looks {
        if let Some(x) = look.within_at_most {
            let bound = crate::stats::upper_bound(x.into(), look.samples.into(), FALSE_WITHIN);
            assert!(bound <= 0.05, "{look:?}: {bound}");
        }
        if let Some(x) = look.over_at_least {
            let bound = crate::stats::lower_bound(x.into(), look.samples.into(), FALSE_OVER);
            assert!(bound >= 0.05, "{look:?}: {bound}");
        }
    }
}

#[test]
fn too_few_samples_for_the_percentile_never_say_within() {
    let design = Design::new("p99.9".parse().unwrap(), 100);
    let mut test = SequentialTest::new(&design);
    assert!((0..100).all(|_| test.observe(false).is_none()));
}
