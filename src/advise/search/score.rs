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
    /// Of these, those that count and are not at least twice as fast as now.
    unhelped: usize,
    /// The weighted sum of all times, and of what the indexes cost the writers.
    pub(super) total: f64,
    bytes: u64,
    count: usize,
}

/// Sets whose totals are no further apart are equally good: the smaller one is better.
pub(super) const EQUAL: f64 = 1.02;
/// What a larger set must gain to be grown to.
const LEAST_GAIN: f64 = 0.999;
/// A query that takes no larger share of all time may stay as slow as it is where its index is not missed otherwise.
const SMALL_SHARE: f64 = 0.01;

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

    /// About as good as the best, so that the smaller one of the two is better.
    fn equals(&self, best: &Self) -> bool {
        self.by_promises(best).is_le() && self.total <= best.total * EQUAL
    }

    /// What is missed of this by a smaller set, what weighs most first.
    pub(super) fn loss(&self, fewer: &Self) -> Loss {
        #[expect(clippy::cast_precision_loss, reason = "a number of queries")]
        let more = |fewer: usize, own: usize| fewer as f64 - own as f64;
        Loss([
            fewer.worst - self.worst,
            more(fewer.missed, self.missed),
            more(fewer.unhelped, self.unhelped),
            fewer.total - self.total,
        ])
    }

    fn size(&self) -> (u64, usize) {
        (self.bytes, self.count)
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Loss([f64; 4]);

impl Loss {
    pub(super) const UNKNOWN: Self = Self([f64::NEG_INFINITY; 4]);

    /// Something is missed.
    pub(super) fn is_any(&self) -> bool {
        self.order(&Self([0.0; 4])).is_gt()
    }

    pub(super) fn order(&self, other: &Self) -> Ordering {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(Ordering::Equal, |known, (own, other)| {
            known.then(own.total_cmp(other))
        })
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

/// Which queries take so much of all time that to be twice as fast is worth an index by itself.
pub(super) fn are_heavy(subjects: &[Subject]) -> Vec<bool> {
    let all: f64 = subjects.iter().map(Subject::now).sum();
    let is_heavy = |subject: &Subject| subject.now() > SMALL_SHARE * all;
    subjects.iter().map(is_heavy).collect()
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
            total: self.written(&effect.set),
            ..Score::default()
        };
        for (query, subject) in self.space.subjects.iter().enumerate() {
            let costs = effect.costs(query);
            let excess = subject.model.excess(costs);
            score.worst = score.worst.max(excess);
            score.missed += usize::from(excess > 0.0);
            score.unhelped +=
                usize::from(excess > 0.0 && self.counts(query) && !is_halved(subject, costs));
            score.total += subject.model.burden(costs) * subject.calls;
        }
        score
    }

    fn counts(&self, query: usize) -> bool {
        self.heavy.get(query).copied().unwrap_or(true)
    }

    /// What a set that is grown no more may lose: not what it promises, and of the least total of all sets seen only so
    /// much that nobody minds.
    pub(super) fn floor(&mut self, effect: &Effect) -> Floor {
        let score = self.score(effect);
        if self.best.is_none_or(|best| score.improves(&best)) {
            self.best = Some(score);
        }
        let best = self.best.filter(|best| score.equals(best));
        let subjects = self.space.subjects.iter().enumerate();
        Floor {
            total: best.unwrap_or(score).total * EQUAL,
            worst: score.worst,
            kept: subjects
                .map(|(query, subject)| {
                    let costs = effect.costs(query);
                    (
                        subject.model.excess(costs) <= 0.0,
                        self.counts(query) && is_halved(subject, costs),
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
            let best = self.best.filter(|best| first.equals(best));
            let best = best.unwrap_or(first);
            let equals = scored
                .iter()
                .enumerate()
                .filter(|(_, (score, _))| score.by_promises(&first).is_le() && score.equals(&best));
            let smallest = equals.min_by_key(|(at, (score, _))| (score.size(), *at));
            if let Some((at, _)) = smallest {
                let best = scored.remove(at);
                scored.insert(0, best);
            }
        }
        scored.into_iter().map(|(_, effect)| effect).collect()
    }
}
