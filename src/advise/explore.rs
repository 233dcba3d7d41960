//! One query: which sets of its candidates to ask the server about, and which of them help.

use std::collections::{BTreeMap, BTreeSet};

use super::{Alternative, Cost, QueryModel, Subset};

/// A set that is no longer better than a smaller one by this many steps is none.
const WORTH_STEPS: f64 = 4.0;
/// A query that stays over its budget must become about twice as fast for an index to be worth it; a step may be
/// lost in rounding.
const STILL_OVER_STEPS: f64 = 5.0;
/// Alternatives kept for the search over all queries.
const MOST_ALTERNATIVES: usize = 10;
/// Pairs asked about at most.
const MOST_PAIRS: usize = 400;

/// What the server said of one set.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    excess: f64,
    used: Subset,
}

#[derive(Debug, Clone)]
pub struct Exploration {
    model: QueryModel,
    /// The candidates that could serve it, with the table of each.
    candidates: BTreeMap<usize, String>,
    /// Two indexes on one table may be used together: a table joined with itself, or an OR.
    together: bool,
    known: BTreeMap<Subset, Known>,
    stage: usize,
}

impl Exploration {
    /// Nothing is known yet.
    pub fn new(model: QueryModel, candidates: BTreeMap<usize, String>, together: bool) -> Self {
        Self {
            model,
            candidates,
            together,
            known: BTreeMap::new(),
            stage: 0,
        }
    }

    /// Notes what each point costs with this set, and which of its members the plans use.
    pub fn note(&mut self, set: Subset, costs: &[Cost], used: Subset) {
        let excess = self.model.excess(costs);
        self.known.insert(set, Known { excess, used });
    }

    /// The sets to ask about next; none when there is nothing more to learn.
    pub fn ask_next(&mut self) -> Vec<Subset> {
        while self.stage < 7 {
            let wanted = self.wanted();
            self.stage += 1;
            let unknown: Vec<Subset> = wanted
                .into_iter()
                .filter(|set| !self.known.contains_key(set))
                .collect();
            if !unknown.is_empty() {
                return unknown;
            }
        }
        Vec::new()
    }

    fn all(&self) -> Subset {
        self.candidates.keys().copied().collect()
    }

    fn excess(&self, set: &Subset) -> Option<f64> {
        self.known.get(set).map(|known| known.excess)
    }

    /// There is nothing to improve, or the planner, given all candidates, uses none.
    fn is_hopeless(&self) -> bool {
        let none = self.excess(&Subset::new());
        none.is_some_and(|none| none <= 0.0)
            || self
                .known
                .get(&self.all())
                .is_some_and(|known| known.used.is_empty())
    }

    fn is_solved_by_one(&self) -> bool {
        self.known
            .iter()
            .any(|(set, known)| set.len() == 1 && known.excess <= 0.0)
    }

    fn wanted(&self) -> BTreeSet<Subset> {
        let mut wanted = BTreeSet::new();
        let used_of_all = || self.known.get(&self.all()).map(|known| known.used.clone());
        match self.stage {
            0 => {
                wanted.insert(Subset::new());
                wanted.insert(self.all());
            }
            _ if self.is_hopeless() => {}
            1 => wanted.extend(self.candidates.keys().map(|id| Subset::from([*id]))),
            2 => {
                wanted.extend(used_of_all().filter(|used| used.len() < self.candidates.len()));
            }
            3 if !self.is_solved_by_one() => wanted.extend(self.pairs()),
            // What the planner took when it had the choice, with fewer and fewer of its members.
            4 | 5 => {
                for (set, known) in self.best(6) {
                    if set.len() > 1 {
                        wanted.insert(known.used.clone());
                        wanted.extend(without_one(&set));
                        wanted.extend(without_one(&known.used));
                    }
                }
            }
            // And with each of its members exchanged for another of the same table.
            6 => {
                for (set, _) in self.best(2).into_iter().filter(|(set, _)| set.len() > 2) {
                    for member in &set {
                        let table = self.candidates.get(member);
                        for (other, _) in
                            self.candidates.iter().filter(|(_, of)| Some(*of) == table)
                        {
                            let mut changed = set.clone();
                            changed.remove(member);
                            changed.insert(*other);
                            wanted.insert(changed);
                        }
                    }
                }
            }
            _ => {}
        }
        wanted
    }

    fn pairs(&self) -> Vec<Subset> {
        let mut pairs = Vec::new();
        for (a, of_a) in &self.candidates {
            for (b, of_b) in &self.candidates {
                if a < b && (of_a != of_b || self.together) {
                    pairs.push(Subset::from([*a, *b]));
                }
            }
        }
        pairs.truncate(MOST_PAIRS);
        pairs
    }

    /// The best sets so far, the smallest of equals first.
    fn best(&self, most: usize) -> Vec<(Subset, Known)> {
        let mut sets: Vec<(Subset, Known)> = self
            .known
            .iter()
            .filter(|(set, _)| **set != self.all() || set.len() < 4)
            .map(|(set, known)| (set.clone(), known.clone()))
            .collect();
        sets.sort_by(|(a, known_a), (b, known_b)| {
            known_a
                .excess
                .total_cmp(&known_b.excess)
                .then(a.len().cmp(&b.len()))
                .then(a.cmp(b))
        });
        sets.truncate(most);
        sets
    }

    /// The sets worth choosing from, `none` first: each helps, every member of it is used, and no smaller set of
    /// its members is as good.
    pub fn alternatives(&self, bytes: &dyn Fn(&Subset) -> u64) -> Vec<Alternative> {
        let none = self.excess(&Subset::new()).unwrap_or(0.0);
        let mut found = vec![Alternative {
            set: Subset::new(),
            excess: none,
        }];
        if none <= 0.0 {
            return found;
        }
        let mut sets: Vec<(&Subset, &Known)> = self
            .known
            .iter()
            .filter(|(set, known)| !set.is_empty() && **set == known.used)
            .filter(|(_, known)| known.excess <= 0.0 || known.excess <= none - STILL_OVER_STEPS)
            .collect();
        sets.sort_by(|(a, known_a), (b, known_b)| {
            known_a
                .excess
                .total_cmp(&known_b.excess)
                .then_with(|| bytes(a).cmp(&bytes(b)))
                .then(a.len().cmp(&b.len()))
                .then(a.cmp(b))
        });
        for (set, known) in sets {
            let smaller_is_as_good = self.known.iter().any(|(other, of)| {
                other.len() < set.len()
                    && other.is_subset(set)
                    && (of.excess <= known.excess
                        || (known.excess > 0.0 && of.excess < known.excess + WORTH_STEPS))
            });
            if !smaller_is_as_good && found.len() <= MOST_ALTERNATIVES {
                found.push(Alternative {
                    set: set.clone(),
                    excess: known.excess,
                });
            }
        }
        found
    }
}

fn without_one(set: &Subset) -> Vec<Subset> {
    set.iter().map(|member| without(set, *member)).collect()
}

pub(super) fn without(set: &Subset, member: usize) -> Subset {
    set.iter()
        .copied()
        .filter(|other| *other != member)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advise::{Point, Time};

    /// A server on which only candidates 1 and 4 together help.
    fn explore(helps: &dyn Fn(&Subset) -> (f64, Subset)) -> (Vec<Alternative>, usize) {
        let model = QueryModel {
            budget_ms: 10.0,
            weight: 1.0,
            points: vec![Point {
                label: "worst".into(),
                cost: 1_000.0,
                time: Time::Measured(100.0),
            }],
        };
        let tables = |id: usize| {
            if id < 3 {
                "a".to_owned()
            } else {
                "b".to_owned()
            }
        };
        let candidates = (0..6).map(|id| (id, tables(id))).collect();
        let mut exploration = Exploration::new(model, candidates, false);
        let mut asked = 0;
        loop {
            let next = exploration.ask_next();
            if next.is_empty() {
                break;
            }
            asked += next.len();
            for set in next {
                let (cost, used) = helps(&set);
                exploration.note(set, &[Cost::of(cost)], used);
            }
        }
        (exploration.alternatives(&|set| set.len() as u64), asked)
    }

    #[test]
    fn a_pair_is_found_of_which_neither_helps_alone() {
        let pair = Subset::from([1, 4]);
        let (found, _) = explore(&|set| {
            if set.is_superset(&pair) {
                (1.0, pair.clone())
            } else {
                (1_000.0, Subset::new())
            }
        });
        let sets: Vec<&Subset> = found.iter().map(|one| &one.set).collect();
        assert_eq!(sets, [&Subset::new(), &pair]);
    }

    #[test]
    fn what_nothing_helps_costs_two_questions() {
        let (found, asked) = explore(&|_| (1_000.0, Subset::new()));
        assert_eq!((found.len(), asked), (1, 2));
    }

    #[test]
    fn a_set_with_a_member_that_is_not_needed_is_no_alternative() {
        let (found, _) = explore(&|set| {
            if set.contains(&2) {
                (10.0, Subset::from([2]))
            } else {
                (1_000.0, Subset::new())
            }
        });
        let sets: Vec<Subset> = found.into_iter().map(|one| one.set).collect();
        assert_eq!(sets, [Subset::new(), Subset::from([2])]);
    }
}
