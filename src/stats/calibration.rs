//! What the planner's cost says of a time, by statements of which both are known.

use super::{Interval, quantile};

/// Costs in the planner's units, with the milliseconds that they took.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration(Vec<(f64, f64)>);

/// A time in milliseconds that was not measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    pub ms: f64,
    /// Eight of ten statements of about this cost take as long.
    pub interval: Interval,
}

/// With fewer statements, an interval that eight of ten are in says nothing.
const FEWEST: usize = 10;

impl Calibration {
    /// `None`: too few to predict from.
    pub fn new(points: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        let usable = |(cost, ms): &(f64, f64)| *cost > 0.0 && *ms > 0.0;
        let points: Vec<(f64, f64)> = points.into_iter().filter(usable).collect();
        (points.len() >= FEWEST).then_some(Self(points))
    }

    /// From the statements whose costs are nearest, by their ratio: a millisecond is worth more cost among the cheap ones than
    /// among those that read a whole table.
    pub fn predict(&self, cost: f64) -> Option<Prediction> {
        let mut nearest: Vec<(f64, f64)> = self
            .0
            .iter()
            .map(|(own, ms)| ((own / cost).ln().abs(), ms / own))
            .collect();
        nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
        nearest.truncate(FEWEST.max(self.0.len() / 3));
        let mut ratios: Vec<f64> = nearest.into_iter().map(|(_, ratio)| ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let at = |fraction| quantile(&ratios, fraction).map(|ratio| ratio * cost);
        Some(Prediction {
            ms: at(0.5)?,
            interval: Interval {
                low: at(0.1),
                high: at(0.9),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Statements whose time grows with the cost, scattered around that by up to a factor of three.
    fn statements(random: &mut ChaCha8Rng, count: usize) -> Vec<(f64, f64)> {
        (0..count)
            .map(|_| {
                let cost = 10f64.powf(random.random_range(0.0..5.0));
                let scatter = 3f64.powf(random.random_range(-1.0..1.0));
                (cost, 0.05 + cost.powf(0.9) * 0.01 * scatter)
            })
            .collect()
    }

    #[test]
    fn about_eight_of_ten_other_statements_are_in_the_interval() {
        let mut random = ChaCha8Rng::seed_from_u64(4_711);
        let (mut inside, mut all) = (0, 0);
        for _ in 0..50 {
            let calibration = Calibration::new(statements(&mut random, 100)).unwrap();
            for (cost, ms) in statements(&mut random, 40) {
                let predicted = calibration.predict(cost).unwrap();
                let (low, high) = (
                    predicted.interval.low.unwrap(),
                    predicted.interval.high.unwrap(),
                );
                assert!(low <= predicted.ms && predicted.ms <= high);
                inside += usize::from((low..=high).contains(&ms));
                all += 1;
            }
        }
        let share = f64::from(inside as u32) / f64::from(all);
        assert!((0.7..0.9).contains(&share), "{share}");
    }

    #[test]
    fn nine_statements_predict_nothing() {
        assert_eq!(Calibration::new([(1.0, 1.0); 9]), None);
        assert_eq!(
            Calibration::new([(1.0, 1.0); 9].into_iter().chain([(0.0, 1.0)])),
            None
        );
        assert!(Calibration::new([(1.0, 1.0); 10]).is_some());
    }
}
