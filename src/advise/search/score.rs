//! What a set is worth.

use std::{cmp::Ordering, collections::BTreeSet, rc::Rc};

use super::{Oracle, Search, Subject};
use crate::advise::{Cost, Reply, Subset};

/// What a set does to all queries.
#[derive(Debug, Clone)]
pub struct Effect {
    pub set: Subset,
    pub replies: Vec<Rc<Reply>>,
}

impl Effect {
    #[must_use]
    pub fn costs(&self, query: usize) -> &[Cost] {
        self.replies
            .get(query)
            .map_or(&[], |reply| reply.costs.as_slice())
    }

    /// The queries whose plans use a candidate.
    pub fn users(&self, id: usize) -> impl Iterator<Item = usize> {
        let uses = move |(_, reply): &(usize, &Rc<Reply>)| reply.used.contains(&id);
        self.replies
            .iter()
            .enumerate()
            .filter(uses)
            .map(|(query, _)| query)
    }

    /// The indexes there are that any plan uses.
    #[must_use]
    pub fn present(&self) -> BTreeSet<String> {
        let present = self.replies.iter().flat_map(|reply| &reply.present);
        present.cloned().collect()
    }
}

/// A set's worth: what comes first counts first.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Score {
    /// By how much the worst query is over, in steps.
    worst: f64,
    /// Queries that are not well within their budget.
    missed: usize,
    /// Of these, those that are not at least twice as fast as now.
    unhelped: usize,
    /// The weighted sum of all times.
    pub(super) total: f64,
    bytes: u64,
    count: usize,
}

/// Sets whose totals are no further apart are equally good: the smaller one is better.
pub(super) const EQUAL: f64 = 1.02;
/// What a larger set must gain to be grown to.
const LEAST_GAIN: f64 = 0.999;

impl Score {
    fn promises(&self) -> (f64, usize, usize) {
        (self.worst, self.missed, self.unhelped)
    }

    fn by_promises(&self, other: &Self) -> Ordering {
        let (own, others) = (self.promises(), other.promises());
        own.0
            .total_cmp(&others.0)
            .then((own.1, own.2).cmp(&(others.1, others.2)))
    }

    pub(super) fn improves(&self, other: &Self) -> bool {
        match self.by_promises(other) {
            Ordering::Less => true,
            Ordering::Equal => self.total < other.total * LEAST_GAIN,
            Ordering::Greater => false,
        }
    }

    fn size(&self) -> (u64, usize) {
        (self.bytes, self.count)
    }
}

/// What a set made smaller must keep of the one it is made of.
#[derive(Debug, Clone)]
pub(super) struct Floor {
    total: f64,
    worst: f64,
    /// Of each query: it is well within its budget; it is at least twice as fast as now.
    kept: Vec<(bool, bool)>,
}

fn is_halved(subject: &Subject, costs: &[Cost]) -> bool {
    largest(&subject.model.predict(costs)) <= subject.model.worst_now() / 1.9
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

impl<O: Oracle> Search<'_, O> {
    pub(super) fn score(&self, effect: &Effect) -> Score {
        let mut score = Score {
            bytes: self.bytes_of(&effect.set),
            count: effect.set.len(),
            ..Score::default()
        };
        for (query, subject) in self.space.subjects.iter().enumerate() {
            let costs = effect.costs(query);
            let excess = subject.model.excess(costs);
            score.worst = score.worst.max(excess);
            score.missed += usize::from(excess > 0.0);
            score.unhelped += usize::from(excess > 0.0 && !is_halved(subject, costs));
            score.total += subject.model.burden(costs) * subject.model.weight;
        }
        score
    }

    pub(super) fn floor(&self, effect: &Effect) -> Floor {
        let score = self.score(effect);
        let subjects = self.space.subjects.iter().enumerate();
        Floor {
            total: score.total * EQUAL,
            worst: score.worst,
            kept: subjects
                .map(|(query, subject)| {
                    let costs = effect.costs(query);
                    (
                        subject.model.excess(costs) <= 0.0,
                        is_halved(subject, costs),
                    )
                })
                .collect(),
        }
    }

    pub(super) fn keeps(&self, floor: &Floor, effect: &Effect) -> bool {
        let score = self.score(effect);
        let subjects = self.space.subjects.iter().enumerate().zip(&floor.kept);
        score.total <= floor.total
            && score.worst <= floor.worst
            && subjects
                .into_iter()
                .all(|((query, subject), (within, halved))| {
                    let costs = effect.costs(query);
                    let is_within = subject.model.excess(costs) <= 0.0;
                    if *within {
                        is_within
                    } else {
                        !halved || is_within || is_halved(subject, costs)
                    }
                })
    }

    /// The best first: what keeps most promises; then the smallest of those whose total is about the least.
    pub(super) fn ranked(&self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut scored: Vec<(Score, Effect)> = effects
            .into_iter()
            .map(|effect| (self.score(&effect), effect))
            .collect();
        scored.sort_by(|(a, own), (b, other)| {
            a.by_promises(b)
                .then(a.total.total_cmp(&b.total))
                .then(a.size().cmp(&b.size()))
                .then_with(|| own.set.cmp(&other.set))
        });
        if let Some((first, _)) = scored.first().cloned() {
            let equals = scored.iter().enumerate().filter(|(_, (score, _))| {
                score.promises() == first.promises() && score.total <= first.total * EQUAL
            });
            let smallest = equals.min_by_key(|(at, (score, _))| (score.size(), *at));
            if let Some((at, _)) = smallest {
                let best = scored.remove(at);
                scored.insert(0, best);
            }
        }
        scored.into_iter().map(|(_, effect)| effect).collect()
    }
}
