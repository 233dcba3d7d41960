//! PURE: everything measured, held against its budget.

use serde::Serialize;

/// One thing with a budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Reading {
    /// `database`, `api`, `page` or `host`.
    pub(super) scope: &'static str,
    /// What it is of: the database's name, the slowest endpoint, …
    pub(super) subject: String,
    /// The application that says so of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<String>,
    /// `slowest query`, `memory`.
    pub(super) what: &'static str,
    /// `ms` or `ratio`.
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

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Within,
    Over,
    /// Nothing was measured lately.
    Unknown,
    /// It cannot be reached.
    Down,
}

impl Reading {
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

/// At most so many points, evenly chosen, the newest always among them.
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
        let of = |value| Reading::new("api", "GET /", "responses", "ms", value, 100.0).state;
        assert_eq!(of(Some(100.0)), State::Within);
        assert_eq!(of(Some(100.1)), State::Over);
        assert_eq!(of(None), State::Unknown);
    }

    #[test]
    fn thinning_keeps_both_ends() {
        let points: Vec<u32> = (0..1_000).collect();
        let thin = thinned(&points, 60);
        assert_eq!((thin.len(), thin[0], thin[59]), (60, 0, 999));
        assert_eq!(thinned(&[1, 2], 60), [1, 2]);
    }
}
