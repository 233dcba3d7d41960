//! All queries together: soon a set that is good for the whole workload, then a better one, as long as there is time.
//!
//! What a set does is asked of an [`Oracle`]; what follows from earlier answers is not asked again. Whenever the time
//! is up, the best set so far is the answer.

mod by_query;
mod moves;
mod score;
#[cfg(test)]
mod tests;
mod weights;

use std::{collections::BTreeSet, rc::Rc};

use self::{
    moves::Until,
    score::{Score, are_heavy},
};
pub use self::{score::Effect, weights::Weight};
use super::{
    Alternative, Choice, Exploration, IndexSpec, Memo, QueryModel, Reply, SetLimits, Subset,
    Writes, combine, explore::without,
};

/// Who tells what queries cost with indexes that are not there.
pub trait Oracle {
    /// What keeps it from going on.
    type Error;

    /// In the order of the questions; `None` where the time was up.
    ///
    /// # Errors
    /// It cannot go on.
    fn ask(
        &self,
        questions: &[Question],
    ) -> impl Future<Output = Result<Vec<Option<Reply>>, Self::Error>>;

    /// The share of the time that is left; none where there is none for another question.
    fn left(&self) -> f64;

    /// There is no time for another question.
    fn is_late(&self) -> bool {
        self.left() <= 0.0
    }
}

/// What a query costs with a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    pub set: Subset,
    pub query: usize,
}

/// A query, as the search sees it.
#[derive(Debug, Clone)]
pub struct Subject {
    pub model: QueryModel,
    /// How often it counts in what all take together.
    pub calls: f64,
    /// The candidates that could serve it, the most promising first.
    pub relevant: Vec<usize>,
    /// Two indexes on one table may serve it together.
    pub together: bool,
}

impl Subject {
    fn can_be_helped(&self) -> bool {
        self.model.is_over() && !self.relevant.is_empty()
    }

    /// What all its calls take as things are.
    fn now(&self) -> f64 {
        self.model.burden(&self.model.costs_now()) * self.calls
    }
}

/// Leaves out the candidates that cost the writers more than all the queries take that they could serve: what they
/// promise is not worth it.
pub fn leave_out_what_never_pays(
    subjects: &mut [Subject],
    candidates: &[IndexSpec],
    writes: &Writes,
) {
    for (id, spec) in candidates.iter().enumerate() {
        let cost = writes.cost_ms(&[spec]);
        let served = subjects.iter().filter(|one| one.relevant.contains(&id));
        if cost > 0.0 && cost >= served.map(Subject::now).sum::<f64>() {
            for subject in subjects.iter_mut() {
                subject.relevant.retain(|own| *own != id);
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Space<'a> {
    pub subjects: &'a [Subject],
    pub candidates: &'a [IndexSpec],
    /// The bytes of each.
    pub bytes: &'a [u64],
    /// What the workload writes.
    pub writes: &'a Writes,
    /// What must not be exceeded.
    pub limits: SetLimits,
}

/// Questions between two looks at the clock.
const CHUNK: usize = 32;

/// The search, as far as it came.
#[derive(Debug)]
pub struct Search<'a, O> {
    oracle: &'a O,
    space: Space<'a>,
    /// By query, in the order of the candidates.
    relevant: Vec<Subset>,
    /// Those of which it counts that they become twice as fast.
    heavy: Vec<bool>,
    /// Of the sets that were grown, the best.
    best: Option<Score>,
    memo: Memo,
    pub asked: usize,
    /// Nothing was left out for want of time.
    pub complete: bool,
}

impl<'a, O: Oracle> Search<'a, O> {
    /// Goes on from what is known. What each query costs without any of the candidates must be.
    pub fn new(oracle: &'a O, space: Space<'a>, memo: Memo) -> Self {
        let relevant = space
            .subjects
            .iter()
            .map(|subject| subject.relevant.iter().copied().collect())
            .collect();
        Self {
            oracle,
            space,
            relevant,
            heavy: are_heavy(space.subjects),
            best: None,
            memo,
            asked: 0,
            complete: true,
        }
    }

    /// What is known, for a later search.
    pub fn into_memo(self) -> Memo {
        self.memo
    }

    /// Of a set, the members that could serve the query.
    fn restricted(&self, query: usize, set: &Subset) -> Subset {
        let relevant = self.relevant.get(query);
        relevant.map_or_else(Subset::new, |own| set.intersection(own).copied().collect())
    }

    /// Asks what is not known yet. False: the time was up before all of it was.
    async fn learn(&mut self, wanted: Vec<Question>) -> Result<bool, O::Error> {
        self.learn_until(wanted, |oracle| oracle.is_late()).await
    }

    async fn learn_until(
        &mut self,
        wanted: Vec<Question>,
        is_late: impl Fn(&O) -> bool,
    ) -> Result<bool, O::Error> {
        let mut open: BTreeSet<Question> = BTreeSet::new();
        for question in wanted {
            let set = self.restricted(question.query, &question.set);
            if self.memo.get(question.query, &set).is_none() {
                open.insert(Question { set, ..question });
            }
        }
        // In the order of the sets: each is made once for all the queries it is asked of.
        let open: Vec<Question> = open.into_iter().collect();
        for chunk in open.chunks(CHUNK) {
            if is_late(self.oracle) {
                self.complete = false;
                return Ok(false);
            }
            let replies = self.oracle.ask(chunk).await?;
            for (question, reply) in chunk.iter().zip(replies) {
                let Some(reply) = reply else {
                    self.complete = false;
                    return Ok(false);
                };
                self.asked += 1;
                self.memo.note(question.query, question.set.clone(), reply);
            }
        }
        Ok(true)
    }

    /// What a set does to all queries, as far as there is time to ask.
    async fn state(&mut self, set: &Subset) -> Result<Effect, O::Error> {
        let wanted = (0..self.space.subjects.len()).map(|query| Question {
            set: set.clone(),
            query,
        });
        self.learn(wanted.collect()).await?;
        Ok(self.effect(set))
    }

    /// What a set does that differs little from another: only the queries are asked about that miss a member or may want
    /// a new one.
    async fn changed(&mut self, before: &Effect, set: &Subset) -> Result<Effect, O::Error> {
        let added: Subset = set.difference(&before.set).copied().collect();
        let concerned: Vec<usize> = (0..self.space.subjects.len())
            .filter(|query| {
                let used = before.replies.get(*query).map(|reply| &reply.used);
                let misses = used.is_none_or(|used| !used.is_subset(set));
                let relevant = self.relevant.get(*query);
                misses || relevant.is_some_and(|relevant| !relevant.is_disjoint(&added))
            })
            .collect();
        let wanted = concerned.iter().map(|query| Question {
            set: set.clone(),
            query: *query,
        });
        self.learn(wanted.collect()).await?;
        let mut replies = before.replies.clone();
        for query in concerned {
            if let Some(reply) = replies.get_mut(query) {
                *reply = self.reply(query, set);
            }
        }
        Ok(Effect {
            set: set.clone(),
            replies,
        })
    }

    /// What is known of a set's effect; where that was not asked, what the best part of it does that is known.
    pub fn effect(&self, set: &Subset) -> Effect {
        let queries = 0..self.space.subjects.len();
        Effect {
            set: set.clone(),
            replies: queries.map(|query| self.reply(query, set)).collect(),
        }
    }

    fn reply(&self, query: usize, set: &Subset) -> Rc<Reply> {
        let own = self.restricted(query, set);
        self.memo.get(query, &own).unwrap_or_else(|| {
            let parts = self.memo.of(query);
            let usable = parts.filter(|(_, reply)| reply.used.is_subset(&own));
            let least = usable
                .min_by(|(_, a), (_, b)| self.burden(query, a).total_cmp(&self.burden(query, b)));
            least.map_or_else(Rc::default, |(_, reply)| Rc::clone(reply))
        })
    }

    fn burden(&self, query: usize, reply: &Reply) -> f64 {
        let subject = self.space.subjects.get(query);
        subject.map_or(0.0, |subject| subject.model.burden(&reply.costs))
    }

    /// What a set costs the writers of the workload, in milliseconds.
    fn written(&self, set: &Subset) -> f64 {
        let specs = set.iter().filter_map(|id| self.space.candidates.get(*id));
        self.space.writes.cost_ms(&specs.collect::<Vec<_>>())
    }

    /// What all queries together take, without what the indexes cost.
    fn read(&self, effect: &Effect) -> f64 {
        self.score(effect).total - self.written(&effect.set)
    }

    fn bytes_of(&self, set: &Subset) -> u64 {
        set.iter().filter_map(|id| self.space.bytes.get(*id)).sum()
    }

    /// The best sets, the best first, none among them.
    pub async fn run(&mut self) -> Result<Vec<Effect>, O::Error> {
        let first = self.relaxed().await?;
        let mut found = vec![self.effect(&Subset::new())];
        found.push(self.improved(first).await?);
        let choices = self.choices().await?;
        let bytes = self.space.bytes;
        let oracle = self.oracle;
        let combined = combine(
            &choices,
            &|id| bytes.get(id).copied().unwrap_or(0),
            self.space.limits,
            &mut || !oracle.is_late(),
        );
        self.complete &= combined.complete;
        // A set that there is no time to shrink would only be large.
        let mut starts = vec![found[1].clone()];
        for set in combined.sets {
            if !self.oracle.is_late() {
                starts.push(self.state(&set).await?);
            }
        }
        for start in starts {
            if !self.oracle.is_late() {
                found.push(self.improved(start).await?);
            }
        }
        let mut trimmed: Vec<Effect> = Vec::new();
        for effect in found {
            let effect = self.trimmed(effect).await?;
            if !trimmed.iter().any(|known| known.set == effect.set) {
                trimmed.push(effect);
            }
        }
        Ok(self.ranked(trimmed))
    }
}
