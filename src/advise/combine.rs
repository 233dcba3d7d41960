//! All queries together: one alternative for each, so that the whole is best.
//!
//! Best is, in this order: the worst query's excess over its budget, the weighted sum of all, the bytes, the
//! number of indexes. Branch and bound, depth first, the most promising alternative first: whenever it is
//! stopped, the best found so far is a whole answer. Ties are broken by the candidates' numbers, so that
//! the answer is the same on every run; and what stops it is a number of steps, the clock only on a slow machine.

use std::collections::{BTreeSet, HashMap};

/// A set of candidates, by their numbers.
pub type Subset = BTreeSet<usize>;

/// A set that helps one query.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    pub set: Subset,
    /// What the query is still over by, in the steps of [`super::QueryModel::excess`].
    pub excess: f64,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    /// Its share in the total.
    pub weight: f64,
    /// What can be chosen; the first is to do nothing.
    pub alternatives: Vec<Alternative>,
}

/// What must not be exceeded.
#[derive(Debug, Clone, Copy, Default)]
pub struct SetLimits {
    pub indexes: Option<usize>,
    /// Bytes.
    pub bytes: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Combined {
    /// The best first; never empty.
    pub sets: Vec<Subset>,
    /// Everything was looked at, or is known to be no better.
    pub complete: bool,
}

const KEPT: usize = 4;
/// Steps at most: about a second. Queries that share nothing multiply, and the first thousands find the best.
const MOST_STEPS: u64 = 100_000;

/// Chooses. `bytes`: of each candidate. `go_on`: asked now and then; false ends the search.
pub fn combine(
    choices: &[Choice],
    bytes: &dyn Fn(usize) -> u64,
    limits: SetLimits,
    go_on: &mut dyn FnMut() -> bool,
) -> Combined {
    let mut order: Vec<&Choice> = choices.iter().collect();
    order.sort_by_key(|choice| choice.alternatives.len());
    let mut search = Search {
        order,
        bytes,
        limits,
        go_on,
        best: Vec::new(),
        seen: HashMap::new(),
        nodes: 0,
        complete: true,
    };
    search.descend(0, &Subset::new(), Score::default());
    let mut sets: Vec<Subset> = search.best.into_iter().map(|(_, set)| set).collect();
    if sets.is_empty() {
        sets.push(Subset::new());
    }
    Combined {
        sets,
        complete: search.complete,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Score {
    worst: f64,
    sum: f64,
    bytes: u64,
    count: usize,
}

impl Score {
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.worst
            .total_cmp(&other.worst)
            .then(self.sum.total_cmp(&other.sum))
            .then(self.bytes.cmp(&other.bytes))
            .then(self.count.cmp(&other.count))
    }
}

struct Search<'a> {
    order: Vec<&'a Choice>,
    bytes: &'a dyn Fn(usize) -> u64,
    limits: SetLimits,
    go_on: &'a mut dyn FnMut() -> bool,
    best: Vec<(Score, Subset)>,
    /// The least excesses with which each set was come to, by how many queries had chosen.
    seen: HashMap<(usize, Subset), (f64, f64)>,
    nodes: u64,
    complete: bool,
}

impl Search<'_> {
    fn descend(&mut self, at: usize, set: &Subset, so_far: Score) {
        self.nodes += 1;
        let looks = self.nodes.is_multiple_of(256) && !self.best.is_empty();
        if self.nodes > MOST_STEPS || (looks && !(self.go_on)()) {
            self.complete = false;
        }
        if !self.complete {
            return;
        }
        let Some(choice) = self.order.get(at).copied() else {
            self.keep(set);
            return;
        };
        if self.is_beaten(&self.bound(at, set, so_far)) || self.was_here(at, set, so_far) {
            return;
        }
        let mut options: Vec<(Score, &Alternative, Subset)> = Vec::new();
        for alternative in &choice.alternatives {
            let union: Subset = set.union(&alternative.set).copied().collect();
            let score = Score {
                worst: so_far.worst.max(alternative.excess),
                sum: so_far.sum + alternative.excess * choice.weight,
                bytes: union.iter().map(|id| (self.bytes)(*id)).sum(),
                count: union.len(),
            };
            let fits = self.limits.indexes.is_none_or(|most| score.count <= most)
                && self.limits.bytes.is_none_or(|most| score.bytes <= most);
            if fits {
                options.push((score, alternative, union));
            }
        }
        options.sort_by(|(a, _, set_a), (b, _, set_b)| a.order(b).then_with(|| set_a.cmp(set_b)));
        for (score, _, union) in options {
            self.descend(at + 1, &union, score);
        }
    }

    /// What lies below was looked at already, on a way that was no worse.
    fn was_here(&mut self, at: usize, set: &Subset, so_far: Score) -> bool {
        let here = (so_far.worst, so_far.sum);
        match self.seen.get_mut(&(at, set.clone())) {
            Some(known) if known.0 <= here.0 && known.1 <= here.1 => true,
            Some(known) => {
                *known = here;
                false
            }
            None => {
                self.seen.insert((at, set.clone()), here);
                false
            }
        }
    }

    /// No answer below here is better than this.
    fn bound(&self, at: usize, set: &Subset, so_far: Score) -> Score {
        let mut bound = so_far;
        for choice in &self.order[at..] {
            let least = choice
                .alternatives
                .iter()
                .map(|a| a.excess)
                .fold(f64::INFINITY, f64::min);
            bound.worst = bound.worst.max(least);
            bound.sum += least * choice.weight;
        }
        bound.count = set.len();
        bound
    }

    fn is_beaten(&self, bound: &Score) -> bool {
        // Something chosen for one query may serve another that chose nothing: equal sums are looked into.
        self.best.len() >= KEPT
            && self
                .best
                .last()
                .is_some_and(|(score, _)| score.order(bound).is_le())
    }

    fn keep(&mut self, set: &Subset) {
        let mut score = Score {
            bytes: set.iter().map(|id| (self.bytes)(*id)).sum(),
            count: set.len(),
            ..Score::default()
        };
        for choice in &self.order {
            let excess = choice
                .alternatives
                .iter()
                .filter(|alternative| alternative.set.is_subset(set))
                .map(|alternative| alternative.excess)
                .fold(f64::INFINITY, f64::min);
            score.worst = score.worst.max(excess);
            score.sum += excess * choice.weight;
        }
        if self.best.iter().any(|(_, known)| known == set) {
            return;
        }
        self.best.push((score, set.clone()));
        self.best
            .sort_by(|(a, set_a), (b, set_b)| a.order(b).then_with(|| set_a.cmp(set_b)));
        self.best.truncate(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(alternatives: &[(&[usize], f64)]) -> Choice {
        Choice {
            weight: 1.0,
            alternatives: alternatives
                .iter()
                .map(|(set, excess)| Alternative {
                    set: set.iter().copied().collect(),
                    excess: *excess,
                })
                .collect(),
        }
    }

    fn best(choices: &[Choice], limits: SetLimits) -> Vec<usize> {
        let bytes = |id: usize| [10, 10, 15, 1, 1, 1][id];
        let combined = combine(choices, &bytes, limits, &mut || true);
        assert!(combined.complete);
        combined.sets[0].iter().copied().collect()
    }

    #[test]
    fn one_index_for_two_queries_beats_a_smaller_one_for_each() {
        let choices = [
            choice(&[(&[], 9.0), (&[0], 0.0), (&[2], 0.0)]),
            choice(&[(&[], 9.0), (&[1], 0.0), (&[2], 0.0)]),
        ];
        assert_eq!(best(&choices, SetLimits::default()), [2]);
    }

    #[test]
    fn the_worst_query_comes_before_the_sum_and_the_sum_before_bytes() {
        let choices = [
            choice(&[(&[], 20.0), (&[0], 5.0), (&[3], 12.0)]),
            choice(&[(&[], 4.0), (&[3], 0.0)]),
        ];
        assert_eq!(best(&choices, SetLimits::default()), [0, 3]);
        let one = SetLimits {
            indexes: Some(1),
            bytes: None,
        };
        assert_eq!(best(&choices, one), [0]);
        let small = SetLimits {
            indexes: None,
            bytes: Some(5),
        };
        assert_eq!(best(&choices, small), [3]);
    }

    #[test]
    fn stopped_at_once_it_still_answers_and_many_queries_are_no_trouble() {
        let choices: Vec<Choice> = (0..60)
            .map(|n| choice(&[(&[], 9.0), (&[n], 0.0), (&[n + 60], 0.0), (&[0, n], 0.0)]))
            .collect();
        let bytes = |id: usize| if id < 60 { 1 } else { 2 };
        let mut looks = 0;
        let combined = combine(&choices, &bytes, SetLimits::default(), &mut || {
            looks += 1;
            looks < 3
        });
        assert_eq!(combined.sets[0], (0..60).collect::<Subset>());
    }

    proptest::proptest! {
        /// Branch and bound finds what trying everything finds.
        #[test]
        fn it_is_as_good_as_trying_everything(
            sets in proptest::collection::vec(
                proptest::collection::vec((0_usize..6, 0_usize..6, 0_u32..4), 1..4), 1..4),
            most in 1_usize..5,
        ) {
            let choices: Vec<Choice> = sets
                .iter()
                .map(|list| {
                    let mut alternatives = vec![Alternative { set: Subset::new(), excess: 4.0 }];
                    alternatives.extend(list.iter().map(|(a, b, excess)| Alternative {
                        set: Subset::from([*a, *b]),
                        excess: f64::from(*excess),
                    }));
                    Choice { weight: 1.0, alternatives }
                })
                .collect();
            let bytes = |id: usize| [7_u64, 3, 9, 1, 4, 2][id];
            let limits = SetLimits { indexes: Some(most), bytes: None };
            let score = |set: &Subset| {
                let each = |choice: &Choice| {
                    let possible = choice.alternatives.iter().filter(|a| a.set.is_subset(set));
                    possible.map(|a| a.excess).fold(f64::INFINITY, f64::min)
                };
                let worst = choices.iter().map(each).fold(0.0, f64::max);
                let sum: f64 = choices.iter().map(each).sum();
                (worst, sum, set.iter().map(|id| bytes(*id)).sum::<u64>())
            };
            let everything = (0_u32..64)
                .map(|bits| (0..6).filter(|n| bits & (1 << n) != 0).collect::<Subset>())
                .filter(|set| set.len() <= most)
                .map(|set| score(&set))
                .min_by(|a, b| a.partial_cmp(b).unwrap())
                .unwrap();
            let found = combine(&choices, &bytes, limits, &mut || true);
            proptest::prop_assert_eq!(score(&found.sets[0]), everything);
        }
    }
}
