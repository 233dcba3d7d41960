//! A day of points, and the tables' sizes an hour apart.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::report::TableRow;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Minimum distance of points, whatever the interval: 8,640 a day.
const CLOSEST: Duration = Duration::from_secs(10);
/// Number of tables, the largest ones, whose sizes are kept.
const MOST_TABLES: usize = 500;

/// One collection, or one that failed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Point {
    pub(super) at: Timestamp,
    /// Whether the database answered; if not, there are no figures, and the gap is marked.
    pub(super) up: bool,
    pub(super) size_bytes: Option<u64>,
    pub(super) connections: Option<usize>,
    pub(super) commits_per_s: Option<f64>,
    pub(super) cache_hit_ratio: Option<f64>,
    /// Of the statements that ran since the point before, the slowest on average.
    pub(super) slowest_query_ms: Option<f64>,
    pub(super) findings: Option<usize>,
}

impl Point {
    pub(super) fn gap(at: Timestamp) -> Self {
        Self {
            at,
            up: false,
            size_bytes: None,
            connections: None,
            commits_per_s: None,
            cache_hit_ratio: None,
            slowest_query_ms: None,
            findings: None,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct History {
    points: VecDeque<Point>,
    sizes: VecDeque<Sizes>,
}

#[derive(Debug)]
struct Sizes {
    at: Timestamp,
    by_table: HashMap<(String, String), u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Growth {
    pub(super) schema: String,
    pub(super) table: String,
    pub(super) total_bytes: u64,
    pub(super) growth_bytes: u64,
    pub(super) over_s: f64,
}

impl History {
    /// Adds a point. It takes the place of the last one where that came too soon after the one before, unless one is
    /// a gap and the other not: no gap goes unmarked.
    pub(super) fn add(&mut self, point: Point) {
        let mut newest = self.points.iter().rev();
        if let (Some(last), Some(before)) = (newest.next(), newest.next())
            && last.up == point.up
            && since(before.at, last.at) < CLOSEST
        {
            self.points.pop_back();
        }
        self.points.push_back(point);
        while self
            .points
            .front()
            .is_some_and(|first| since(first.at, point.at) > DAY)
        {
            self.points.pop_front();
        }
    }

    pub(super) fn points(&self) -> impl DoubleEndedIterator<Item = &Point> {
        self.points.iter()
    }

    /// At most this many points, each for an equal part: the newest of it, or a gap where there is one. A chart of a day shows
    /// an outage of a minute.
    pub(super) fn thinned(&self, most: usize) -> Vec<Point> {
        let points: Vec<Point> = self.points.iter().copied().collect();
        if points.len() <= most {
            return points;
        }
        (0..most)
            .filter_map(|n| {
                let part = points.get(n * points.len() / most..(n + 1) * points.len() / most)?;
                part.iter().find(|point| !point.up).or(part.last()).copied()
            })
            .collect()
    }

    /// Takes note of the sizes, once an hour; tells which tables grew most since the earliest kept.
    pub(super) fn growth(&mut self, at: Timestamp, tables: &[TableRow]) -> Vec<Growth> {
        let mut largest: Vec<&TableRow> = tables.iter().filter(|t| !t.size_estimated).collect();
        largest.sort_by_key(|table| std::cmp::Reverse(table.total_bytes));
        largest.truncate(MOST_TABLES);
        while self
            .sizes
            .front()
            .is_some_and(|first| since(first.at, at) > DAY)
        {
            self.sizes.pop_front();
        }
        let due = |last: &Sizes| since(last.at, at) >= Duration::from_secs(3600);
        if self.sizes.back().is_none_or(due) {
            let by_table = largest
                .iter()
                .map(|t| ((t.schema.clone(), t.name.clone()), t.total_bytes))
                .collect();
            self.sizes.push_back(Sizes { at, by_table });
        }
        let Some(first) = self.sizes.front() else {
            return Vec::new();
        };
        let over_s = at.duration_since(first.at).as_secs_f64();
        let mut grown: Vec<Growth> = largest
            .into_iter()
            .filter_map(|table| {
                let was = first
                    .by_table
                    .get(&(table.schema.clone(), table.name.clone()))?;
                let growth_bytes = table.total_bytes.checked_sub(*was).filter(|n| *n > 0)?;
                Some(Growth {
                    schema: table.schema.clone(),
                    table: table.name.clone(),
                    total_bytes: table.total_bytes,
                    growth_bytes,
                    over_s,
                })
            })
            .collect();
        grown.sort_by_key(|growth| std::cmp::Reverse(growth.growth_bytes));
        grown
    }
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    let between: SignedDuration = now.duration_since(then);
    Duration::try_from(between).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: i64, up: bool) -> Point {
        Point {
            up,
            ..Point::gap(Timestamp::from_second(1_700_000_000 + second).unwrap())
        }
    }

    #[test]
    fn a_day_is_kept_at_most_ten_seconds_apart_whatever_the_interval() {
        let mut history = History::default();
        for second in 0..200_000 {
            history.add(point(second, true));
        }
        let kept = history.points.len();
        assert!((8_600..=8_700).contains(&kept), "{kept}");
        assert_eq!(history.points().next_back(), Some(&point(199_999, true)));
    }

    #[test]
    fn a_gap_shorter_than_the_spacing_is_kept() {
        let mut history = History::default();
        for second in 0..60 {
            history.add(point(second, second != 31));
        }
        assert_eq!(history.points().filter(|point| !point.up).count(), 1);
    }

    #[test]
    fn a_short_gap_is_among_the_few_points_of_a_chart() {
        let mut history = History::default();
        for minute in 0..1_440 {
            history.add(point(minute * 60, minute != 700));
        }
        let thin = history.thinned(60);
        assert_eq!(thin.len(), 60);
        assert_eq!(thin.iter().filter(|point| !point.up).count(), 1);
        assert_eq!(thin.last(), history.points().next_back());
        assert_eq!(history.thinned(2_000).len(), 1_440);
    }
}
