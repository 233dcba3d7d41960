//! PURE: everything measured, compared with its budget.

use serde::Serialize;

use crate::human::counted;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct BudgetReading {
    /// `database`, `api`, `page` or `host`.
    pub(super) scope: &'static str,
    /// What it is of: the database's name, the slowest endpoint, …
    pub(super) subject: String,
    /// The application that says so of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<String>,
    /// `slowest query`, `memory`.
    pub(super) what: &'static str,
    /// `ms`, `ratio`, or `score` (CLS has no unit).
    pub(super) unit: &'static str,
    /// `None`: nothing was measured lately.
    pub(super) value: Option<f64>,
    pub(super) budget: f64,
    pub(super) state: State,
    /// The oldest first; `None` is a gap.
    pub(super) trend: Vec<Option<f64>>,
    /// What the reader should know of it.
    pub(super) note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Within,
    Over,
    Unknown,
    Down,
}

impl BudgetReading {
    pub(super) fn new(
        scope: &'static str,
        subject: impl Into<String>,
        what: &'static str,
        unit: &'static str,
        value: Option<f64>,
        budget: f64,
    ) -> Self {
        Self {
            scope,
            subject: subject.into(),
            app: None,
            what,
            unit,
            value,
            budget,
            state: match value {
                None => State::Unknown,
                Some(value) if value > budget => State::Over,
                Some(_) => State::Within,
            },
            trend: Vec::new(),
            note: None,
        }
    }
}

/// Whether all is well, in one sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct BudgetSummary {
    /// `over`: something is broken or down; `within`: every budget that is measured is met; `unknown`: none is measured.
    pub(super) state: State,
    pub(super) sentence: String,
    pub(super) budgets: usize,
    pub(super) broken: usize,
    pub(super) unmeasured: usize,
    pub(super) down: usize,
}

impl BudgetSummary {
    pub(super) fn of(readings: &[BudgetReading]) -> Self {
        let count = |state| readings.iter().filter(|of| of.state == state).count();
        let down = |scope| {
            let down = readings.iter().filter(|of| of.state == State::Down);
            down.filter(|of| of.scope == scope).count()
        };
        let (all, broken, met) = (readings.len(), count(State::Over), count(State::Within));
        let mut parts = Vec::new();
        if broken > 0 {
            parts.push(format!("{broken} of {} exceeded", budgets(all)));
        }
        for (number, one, many) in [
            (down("database"), "database", "databases"),
            (down("api"), "application", "applications"),
        ] {
            if number > 0 {
                parts.push(format!("{} down", counted(number, one, many)));
            }
        }
        let (state, sentence) = if !parts.is_empty() {
            (State::Over, parts.join("; "))
        } else if met == 0 {
            (State::Unknown, "Nothing measured yet".into())
        } else if met == all {
            let sentence = format!("All {} met", budgets(all));
            (State::Within, sentence)
        } else {
            let sentence = format!("{met} of {} met, the others not measured", budgets(all));
            (State::Within, sentence)
        };
        Self {
            state,
            sentence,
            budgets: all,
            broken,
            unmeasured: count(State::Unknown),
            down: count(State::Down),
        }
    }
}

fn budgets(all: usize) -> String {
    counted(all, "budget", "budgets")
}

/// What is broken first, the worst before the others; then what is met, the nearest to its budget first.
pub(super) fn sort(readings: &mut [BudgetReading]) {
    let rank = |reading: &BudgetReading| match reading.state {
        State::Down => 0,
        State::Over => 1,
        State::Within => 2,
        State::Unknown => 3,
    };
    let share = |reading: &BudgetReading| reading.value.map_or(0.0, |value| value / reading.budget);
    readings.sort_by(|a, b| {
        let by_share = || share(b).total_cmp(&share(a));
        rank(a).cmp(&rank(b)).then_with(by_share)
    });
}

/// At most this many points, evenly spaced, always with the newest.
pub(super) fn thinned<T: Copy>(points: &[T], most: usize) -> Vec<T> {
    if points.len() <= most || most < 2 {
        return points.to_vec();
    }
    let last = points.len() - 1;
    (0..most)
        .filter_map(|n| points.get(n * last / (most - 1)).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_judged_against_its_budget_and_nothing_is_not_within() {
        let of = |value| BudgetReading::new("api", "GET /", "responses", "ms", value, 100.0).state;
        assert_eq!(of(Some(100.0)), State::Within);
        assert_eq!(of(Some(100.1)), State::Over);
        assert_eq!(of(None), State::Unknown);
    }

    #[test]
    fn the_verdict_counts_what_is_broken_and_down_and_the_worst_comes_first() {
        let of = |scope, value| BudgetReading::new(scope, "x", "what", "ms", value, 100.0);
        let says = |readings: &[BudgetReading]| BudgetSummary::of(readings).sentence;
        let mut all = vec![of("page", Some(1.0)); 11];
        assert_eq!(says(&all), "All 11 budgets met");
        all.push(of("host", None));
        assert_eq!(says(&all), "11 of 12 budgets met, the others not measured");
        all.push(of("database", Some(150.0)));
        all.push(of("api", Some(900.0)));
        assert_eq!(says(&all), "2 of 14 budgets exceeded");
        let mut down = of("database", None);
        down.state = State::Down;
        all.push(down.clone());
        assert_eq!(says(&all), "2 of 15 budgets exceeded; 1 database down");
        assert_eq!(says(&[down.clone(), down]), "2 databases down");
        assert_eq!(says(&[of("page", None)]), "Nothing measured yet");
        sort(&mut all);
        let first: Vec<_> = all.iter().map(|of| (of.scope, of.value)).take(4).collect();
        assert_eq!(
            first,
            [
                ("database", None),
                ("api", Some(900.0)),
                ("database", Some(150.0)),
                ("page", Some(1.0)),
            ]
        );
    }

    #[test]
    fn thinning_keeps_both_ends() {
        let points: Vec<u32> = (0..1_000).collect();
        let thin = thinned(&points, 60);
        assert_eq!((thin.len(), thin[0], thin[59]), (60, 0, 999));
        assert_eq!(thinned(&[1, 2], 60), [1, 2]);
    }
}
