//! The queries one by one: what each could choose, and a first set of what each would.

use super::{
    Alternative, Choice, Effect, Exploration, IndexSpec, Oracle, Question, Search, Subject, Subset,
};

/// Candidates of one table that a query is planned with at once, in the first look: more take the planner long.
const AT_ONCE: usize = 6;
/// Of the time that is left when the queries are about to be explored one by one, what must remain for them all together.
const EXPLORED: f64 = 0.4;

impl<O: Oracle> Search<'_, O> {
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
    pub(super) async fn choices(&mut self) -> Result<Vec<Choice>, O::Error> {
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
}
