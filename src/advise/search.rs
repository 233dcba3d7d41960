//! All queries together: soon a set that is good for the whole workload, then a better one, as long as there is time.
//!
//! What a set does is asked of an [`Oracle`]; what follows from earlier answers is not asked again. Whenever the time
//! is up, the best set so far is the answer.

mod moves;
mod score;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

pub use self::score::Effect;
use self::{
    moves::Until,
    score::{Score, are_heavy},
};
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

/// What a member of a set weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weight {
    pub id: usize,
    /// What all queries together take without it, as a multiple of what they take with all.
    pub without: Option<f64>,
    /// The same with it and those that weigh more alone.
    pub up_to: Option<f64>,
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

/// Candidates of one table that a query is planned with at once, in the first look: more take the planner long.
const AT_ONCE: usize = 6;
/// Of the time that is left when the queries are about to be explored one by one, what must remain for them all together.
const EXPLORED: f64 = 0.4;
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

    /// Each query with its most promising candidates at once, then what the planner took of them with the next, and
    /// so on: what it takes in the end, of all queries together.
    pub async fn relaxed(&mut self) -> Result<Effect, O::Error> {
        let subjects = self.space.subjects;
        let helped: Vec<usize> = (0..subjects.len())
            .filter(|query| subjects[*query].can_be_helped())
            .collect();
        let groups: Vec<Vec<Subset>> = helped
            .iter()
            .map(|query| self.groups(&subjects[*query]))
            .collect();
        let mut taken = vec![Subset::new(); helped.len()];
        for round in 0.. {
            let mut wanted = Vec::new();
            for ((query, groups), taken) in helped.iter().zip(&groups).zip(&taken) {
                if let Some(group) = groups.get(round) {
                    wanted.push(Question {
                        set: taken.union(group).copied().collect(),
                        query: *query,
                    });
                }
            }
            if wanted.is_empty() {
                break;
            }
            // Without a first answer there is nothing to end with: that much is asked as long as anything is answered.
            let is_first = round == 0;
            let done = self
                .learn_until(wanted.clone(), |oracle| !is_first && oracle.is_late())
                .await?;
            for question in wanted {
                let place = helped.iter().position(|query| *query == question.query);
                let reply = self.memo.get(question.query, &question.set);
                if let (Some(taken), Some(reply)) = (place.and_then(|at| taken.get_mut(at)), reply)
                {
                    let before = self.memo.get(question.query, taken);
                    let before =
                        before.map_or(f64::INFINITY, |old| self.burden(question.query, &old));
                    if self.burden(question.query, &reply) < before {
                        *taken = reply.used.clone();
                    }
                }
            }
            if !done {
                break;
            }
        }
        let all: Subset = taken.into_iter().flatten().collect();
        self.state(&all).await
    }

    /// A query's candidates, this many of each table at once.
    fn groups(&self, subject: &Subject) -> Vec<Subset> {
        let mut seen: Vec<(&IndexSpec, usize)> = Vec::new();
        let mut groups: Vec<Subset> = Vec::new();
        for id in &subject.relevant {
            let Some(spec) = self.space.candidates.get(*id) else {
                continue;
            };
            let before = seen.iter_mut().find(|(known, _)| known.table == spec.table);
            let rank = match before {
                Some((_, count)) => {
                    *count += 1;
                    *count - 1
                }
                None => {
                    seen.push((spec, 1));
                    0
                }
            };
            let round = rank / AT_ONCE;
            if groups.len() <= round {
                groups.resize(round + 1, Subset::new());
            }
            groups[round].insert(*id);
        }
        groups
    }

    /// One query by itself: each of its candidates alone, in pairs, and what comes of the best.
    async fn explore(&mut self, query: usize) -> Result<Vec<Alternative>, O::Error> {
        let subject = &self.space.subjects[query];
        let tables = subject
            .relevant
            .iter()
            .filter_map(|id| Some((*id, self.space.candidates.get(*id)?.table.to_string())))
            .collect();
        let mut exploration = Exploration::new(subject.model.clone(), tables, subject.together);
        loop {
            let next = exploration.ask_next();
            let wanted = next.iter().map(|set| Question {
                set: set.clone(),
                query,
            });
            let done = next.is_empty() || self.learn(wanted.collect()).await?;
            for set in &next {
                if let Some(reply) = self.memo.get(query, set) {
                    exploration.note(set.clone(), &reply.costs, reply.used.clone());
                }
            }
            if next.is_empty() || !done {
                break;
            }
        }
        Ok(exploration.alternatives(&|set| self.bytes_of(set)))
    }

    /// What each query could choose. With the time that may be spent on it each is explored, those first that take
    /// longest; of the others what is known has to do.
    async fn choices(&mut self) -> Result<Vec<Choice>, O::Error> {
        let subjects = self.space.subjects;
        let until = self.oracle.left() * EXPLORED;
        let weight = |subject: &Subject| {
            subject.model.burden(&subject.model.costs_now()) * subject.model.weight
        };
        let mut order: Vec<(f64, usize)> = subjects
            .iter()
            .enumerate()
            .map(|(query, subject)| (weight(subject), query))
            .collect();
        order.sort_by(|(a, own), (b, other)| b.total_cmp(a).then(own.cmp(other)));
        let mut choices = vec![Choice::default(); subjects.len()];
        for (_, query) in order {
            let subject = &subjects[query];
            choices[query] = Choice {
                weight: subject.model.weight,
                alternatives: if !subject.can_be_helped() {
                    self.known_alternatives(query, &Subset::new())
                } else if self.oracle.left() > until {
                    self.explore(query).await?
                } else {
                    self.complete = false;
                    self.known_alternatives(query, &self.relevant[query])
                },
            };
        }
        Ok(choices)
    }

    /// To do nothing, and the best that is known to be made of these.
    fn known_alternatives(&self, query: usize, of: &Subset) -> Vec<Alternative> {
        let model = &self.space.subjects[query].model;
        let best = self.reply(query, of);
        let none = Alternative {
            set: Subset::new(),
            excess: model.excess(&model.costs_now()),
        };
        let helped = Alternative {
            set: best.used.clone(),
            excess: model.excess(&best.costs),
        };
        let is_help = helped.excess < none.excess && !helped.set.is_empty();
        std::iter::once(none)
            .chain(is_help.then_some(helped))
            .collect()
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

    /// The members of a set, those first without which the queries take longest, as `--max-indexes` keeps them; as far as
    /// there was time to ask.
    pub async fn weights(&mut self, effect: &Effect) -> Result<Vec<Weight>, O::Error> {
        let total = self.read(effect).max(f64::MIN_POSITIVE);
        let mut without_each = BTreeMap::new();
        for id in &effect.set {
            let fewer = without(&effect.set, *id);
            let users = effect.users(*id).map(|query| Question {
                set: fewer.clone(),
                query,
            });
            if !self.learn(users.collect()).await? {
                break;
            }
            without_each.insert(*id, self.read(&self.effect(&fewer)) / total);
        }
        let mut gone = Vec::new();
        let left = self
            .reduced(effect.clone(), Until::Nothing, &mut gone)
            .await?;
        // What went first is the last; with it there was what was left by the one that went before it.
        let mut order: Vec<(usize, Option<f64>)> = left.set.iter().map(|id| (*id, None)).collect();
        for (at, (id, _)) in gone.iter().enumerate().rev() {
            let before = at.checked_sub(1).and_then(|at| gone.get(at));
            let up_to = before.map_or(effect, |(_, left)| left);
            order.push((*id, Some(self.read(up_to) / total)));
        }
        Ok(order
            .into_iter()
            .map(|(id, up_to)| Weight {
                id,
                without: without_each.get(&id).copied(),
                up_to,
            })
            .collect())
    }

    /// By query and member of the set, what the query takes at worst with that member alone, where that is known.
    pub fn alone(&self, effect: &Effect) -> BTreeMap<(usize, usize), f64> {
        let mut found = BTreeMap::new();
        for id in &effect.set {
            for query in effect.users(*id) {
                let model = self.space.subjects.get(query).map(|subject| &subject.model);
                let reply = self.memo.get(query, &Subset::from([*id]));
                if let (Some(model), Some(reply)) = (model, reply) {
                    let times = model.predict(&reply.costs);
                    let worst = times.into_iter().fold(0.0, f64::max);
                    found.insert((query, *id), worst);
                }
            }
        }
        found
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
