//! From costs to milliseconds to a verdict that is labelled as a prediction.

/// A plan that is not measured is hoped to stay within this share of the budget: predictions err.
pub const WITHIN_MARGIN: f64 = 0.5;
/// What no statement is faster than, in milliseconds.
const FLOOR_MS: f64 = 0.05;

/// Where nothing was measured: a page read from memory, in order, takes about as long.
const MS_PER_COST: f64 = 0.01;

/// One way a query is run: parameters and kind of plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// `worst, generic plan`
    pub label: String,
    pub cost: f64,
    pub time: Time,
}

/// What is known of a time, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Time {
    Measured(f64),
    /// It was stopped after that long.
    MoreThan(f64),
    /// It could not be run, or there was no time to.
    Unknown,
}

impl Time {
    /// As measured, or as far as it came.
    pub fn ms(self) -> Option<f64> {
        match self {
            Time::Measured(ms) | Time::MoreThan(ms) => Some(ms),
            Time::Unknown => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// In the planner's units.
    pub units: f64,
    /// The point, of the same parameters, whose plan this is too.
    pub twin: Option<usize>,
    /// It includes reading on where the plan hopes to stop early: a query that finds nothing fast now says nothing
    /// about that.
    pub hopeful: bool,
}

impl Cost {
    /// Of a plan of its own.
    pub fn of(units: f64) -> Self {
        Self {
            units,
            twin: None,
            hopeful: false,
        }
    }
}

/// A query as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryModel {
    pub budget_ms: f64,
    /// Its share in the total.
    pub weight: f64,
    pub points: Vec<Point>,
}

impl QueryModel {
    /// What each point is predicted to take at these costs: as much less as it costs less; and where its plan is
    /// that of another point with the same parameters, what that one takes. (A generic plan expects as many rows
    /// of every value, so that of a common one it takes longer than its cost tells.)
    pub fn predict(&self, costs: &[Cost]) -> Vec<f64> {
        let ratio = self.ms_per_cost();
        let alone = |at: usize| -> f64 {
            let (Some(point), Some(cost)) = (self.points.get(at), costs.get(at)) else {
                return f64::INFINITY;
            };
            let now = match point.time {
                // It may be far more: what such costs take elsewhere is the better guess.
                Time::MoreThan(ms) => Some(ms.max(point.cost * ratio)),
                known => known.ms(),
            };
            match now {
                Some(ms) if same(cost.units, point.cost) => ms,
                Some(ms) => {
                    let in_proportion = ms * cost.units / point.cost.max(f64::MIN_POSITIVE);
                    let read_on = if cost.hopeful {
                        cost.units * ratio
                    } else {
                        0.0
                    };
                    in_proportion.max(read_on).max(FLOOR_MS.min(ms))
                }
                None => cost.units * ratio,
            }
        };
        (0..self.points.len())
            .map(|at| {
                let unchanged =
                    self.points
                        .get(at)
                        .zip(costs.get(at))
                        .is_some_and(|(point, cost)| {
                            point.time != Time::Unknown && same(point.cost, cost.units)
                        });
                match costs.get(at).and_then(|cost| cost.twin) {
                    Some(twin) if !unchanged => alone(twin),
                    _ => alone(at),
                }
            })
            .collect()
    }

    /// Milliseconds of one unit of cost, where this query was measured at its heaviest.
    fn ms_per_cost(&self) -> f64 {
        let measured = self.points.iter().filter_map(|point| match point.time {
            Time::Measured(ms) => Some((ms, point.cost)),
            _ => None,
        });
        measured
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(MS_PER_COST, |(ms, cost)| ms / cost.max(1.0))
    }

    /// The worst of its points now.
    pub fn worst_now(&self) -> f64 {
        worst(&self.predict(&self.costs_now()))
    }

    pub fn costs_now(&self) -> Vec<Cost> {
        self.points
            .iter()
            .map(|point| Cost::of(point.cost))
            .collect()
    }

    /// It misses its budget as things are, as far as is known.
    pub fn is_over(&self) -> bool {
        let stopped = |point: &Point| matches!(point.time, Time::MoreThan(_));
        self.worst_now() > self.budget_ms || self.points.iter().any(stopped)
    }

    /// All its points were measured: a prediction from them may say that it is within its budget.
    pub fn is_measured(&self) -> bool {
        let measured = |point: &Point| matches!(point.time, Time::Measured(_));
        self.points.iter().all(measured)
    }

    /// The mean of what its points take at these costs, each counted with at least what it should take: what is fast
    /// enough is not worth more index.
    pub fn burden(&self, costs: &[Cost]) -> f64 {
        let aim = self.aim_ms();
        let times = self.predict(costs);
        #[expect(clippy::cast_precision_loss, reason = "a number of points")]
        let number = times.len().max(1) as f64;
        times.iter().map(|ms| ms.max(aim)).sum::<f64>() / number
    }

    fn aim_ms(&self) -> f64 {
        if self.is_over() {
            self.budget_ms * WITHIN_MARGIN
        } else {
            self.budget_ms
        }
    }

    /// How far the worst point is over what it should be; 0 is good enough, and nothing better is worth an
    /// index. In steps of 12 % (a twentieth of a factor of ten), so that noise decides nothing.
    pub fn excess(&self, costs: &[Cost]) -> f64 {
        let worst = worst(&self.predict(costs));
        step((worst / self.aim_ms()).max(1.0))
    }
}

pub(super) fn worst(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

fn step(ratio: f64) -> f64 {
    (ratio.log10() * 20.0).ceil().max(0.0)
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 0.005 * a.abs().max(b.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(ms: f64) -> QueryModel {
        QueryModel {
            budget_ms: 100.0,
            weight: 1.0,
            points: vec![
                Point {
                    label: "worst".into(),
                    cost: 10_000.0,
                    time: Time::Measured(ms),
                },
                Point {
                    label: "worst, generic plan".into(),
                    cost: 5_000.0,
                    time: Time::Unknown,
                },
            ],
        }
    }

    fn costs(units: [f64; 2]) -> [Cost; 2] {
        units.map(Cost::of)
    }

    #[test]
    fn a_query_over_its_budget_is_to_come_well_below_it_and_one_within_is_left_alone() {
        let over = model(1_000.0);
        assert!(over.is_over());
        assert_eq!(over.excess(&costs([400.0, 400.0])), 0.0);
        assert!(
            over.excess(&costs([900.0, 400.0])) > 0.0,
            "90 ms is too near to be sure"
        );
        assert!(
            over.excess(&costs([400.0, 5_000.0])) > 0.0,
            "the generic plan counts too"
        );
        let within = model(90.0);
        assert_eq!(within.excess(&costs([10_000.0, 5_000.0])), 0.0);
        assert!(
            within.excess(&costs([20_000.0, 5_000.0])) > 0.0,
            "a plan that becomes worse is seen"
        );
    }

    #[test]
    fn what_was_stopped_is_over_and_no_prediction_from_it_is_certain() {
        let mut stopped = model(1_000.0);
        assert!(!stopped.is_measured(), "the generic plan was not run");
        stopped.points.truncate(1);
        assert!(stopped.is_measured());
        stopped.points[0].time = Time::MoreThan(60.0);
        assert!(stopped.is_over() && !stopped.is_measured());
        // Ten thousand units take a hundred milliseconds, not sixty.
        assert_eq!(stopped.predict(&[Cost::of(1_000.0)]), [10.0]);
    }

    #[test]
    fn a_generic_plan_that_is_the_custom_one_takes_as_long() {
        let mut model = model(1_000.0);
        // Made for an average value, run for the commonest.
        model.points[1] = Point {
            label: "worst, generic plan".into(),
            cost: 100.0,
            time: Time::Measured(400.0),
        };
        let mut after = costs([10.0, 40.0]);
        assert_eq!(model.predict(&after), [1.0, 160.0]);
        after[1].twin = Some(0);
        assert_eq!(model.predict(&after), [1.0, 1.0]);
    }
}
