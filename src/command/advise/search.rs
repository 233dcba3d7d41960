//! Asks about sets of candidates until there is nothing more to learn, or the time is up.

use std::{collections::BTreeMap, time::Instant};

use super::{
    look::Looked,
    planner::{Ask, Planner},
};
use crate::{
    Result,
    advise::{Alternative, Choice, Cost, Exploration, Limits, Subset, combine},
};

/// What the search is given.
pub(super) struct Task<'a> {
    pub(super) planner: &'a Planner<'a>,
    pub(super) looked: &'a [Looked],
    /// For each query, the candidates that could serve it.
    pub(super) relevant: &'a [Vec<usize>],
    /// The predicted bytes of each candidate.
    pub(super) bytes: &'a [u64],
    pub(super) limits: Limits,
    pub(super) deadline: Instant,
}

/// What came of it.
pub(super) struct Found {
    /// The best sets, the best first; never empty.
    pub(super) sets: Vec<Subset>,
    /// All was looked at.
    pub(super) complete: bool,
    /// How many questions were asked.
    pub(super) asked: usize,
    /// What each of them costs each query.
    pub(super) costs: BTreeMap<Subset, Vec<Vec<Cost>>>,
}

/// What a set does to all queries: the costs of each.
#[derive(Debug, Clone)]
pub(super) struct Effect {
    pub(super) set: Subset,
    pub(super) costs: Vec<Vec<Cost>>,
    /// Which members each query's plans use.
    pub(super) used: Vec<Subset>,
    /// The present indexes that any plan uses.
    pub(super) present: std::collections::BTreeSet<String>,
}

impl Task<'_> {
    fn bytes_of(&self, set: &Subset) -> u64 {
        set.iter().filter_map(|id| self.bytes.get(*id)).sum()
    }

    fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    pub(super) async fn run(&self) -> Result<Found> {
        let mut choices = Vec::new();
        let (mut asked, mut complete) = (0, true);
        for (looked, relevant) in self.looked.iter().zip(self.relevant) {
            let alternatives = if looked.model.is_over() && !relevant.is_empty() {
                let (found, number, all) = self.explore(looked, relevant).await?;
                asked += number;
                complete &= all;
                found
            } else {
                let excess = looked.model.excess(&looked.model.costs_now());
                vec![Alternative {
                    set: Subset::new(),
                    excess,
                }]
            };
            choices.push(Choice {
                weight: looked.weight,
                alternatives,
            });
        }
        let mut go_on = || !self.is_late();
        let combined = combine(
            &choices,
            &|id| self.bytes.get(id).copied().unwrap_or(0),
            self.limits,
            &mut go_on,
        );
        let (ranked, more) = self.verify(combined.sets, &choices).await?;
        Ok(Found {
            sets: ranked.iter().map(|effect| effect.set.clone()).collect(),
            complete: complete && combined.complete,
            asked: asked + more,
            costs: ranked
                .into_iter()
                .map(|effect| (effect.set, effect.costs))
                .collect(),
        })
    }

    async fn explore(
        &self,
        looked: &Looked,
        relevant: &[usize],
    ) -> Result<(Vec<Alternative>, usize, bool)> {
        let tables: BTreeMap<usize, String> = relevant
            .iter()
            .filter_map(|id| Some((*id, self.planner.candidates.get(*id)?.table.to_string())))
            .collect();
        let mut exploration =
            Exploration::new(looked.model.clone(), tables, looked.uses_a_table_twice());
        let (mut asked, mut complete) = (0, true);
        'stages: loop {
            let next = exploration.ask_next();
            if next.is_empty() {
                break;
            }
            for chunk in next.chunks(32) {
                if self.is_late() && asked > 0 {
                    complete = false;
                    break 'stages;
                }
                let asks: Vec<Ask<'_>> = chunk
                    .iter()
                    .map(|set| Ask {
                        looked,
                        set: set.clone(),
                    })
                    .collect();
                asked += asks.len();
                for (set, answer) in chunk.iter().zip(self.planner.ask(&asks).await?) {
                    exploration.note(set.clone(), &answer.costs, answer.used);
                }
            }
        }
        Ok((
            exploration.alternatives(&|set| self.bytes_of(set)),
            asked,
            complete,
        ))
    }

    /// What a set does to every query.
    pub(super) async fn effect(&self, set: &Subset) -> Result<Effect> {
        let asks: Vec<Ask<'_>> = self
            .looked
            .iter()
            .map(|looked| Ask {
                looked,
                set: set.clone(),
            })
            .collect();
        let answers = self.planner.ask(&asks).await?;
        Ok(Effect {
            set: set.clone(),
            present: answers
                .iter()
                .flat_map(|answer| answer.present.clone())
                .collect(),
            used: answers.iter().map(|answer| answer.used.clone()).collect(),
            costs: answers.into_iter().map(|answer| answer.costs).collect(),
        })
    }

    /// In the order of the search's aims: the worst query, the weighted sum, bytes, number.
    fn score(&self, effect: &Effect) -> (f64, f64, u64, usize) {
        let excesses = self
            .looked
            .iter()
            .zip(&effect.costs)
            .map(|(looked, costs)| (looked.model.excess(costs), looked.weight));
        let (mut worst, mut sum) = (0.0_f64, 0.0);
        for (excess, weight) in excesses {
            worst = worst.max(excess);
            sum += excess * weight;
        }
        (worst, sum, self.bytes_of(&effect.set), effect.set.len())
    }

    /// Where an index of one query leads the plan of another astray, what would have helped that one is added.
    async fn repair(&self, mut effect: Effect, choices: &[Choice]) -> Result<(Effect, usize)> {
        let mut asked = 0;
        for (at, choice) in choices.iter().enumerate() {
            for alternative in choice.alternatives.iter().skip(1).take(3) {
                let (Some(looked), Some(costs)) = (self.looked.get(at), effect.costs.get(at))
                else {
                    continue;
                };
                let union: Subset = effect.set.union(&alternative.set).copied().collect();
                let fits = self.limits.indexes.is_none_or(|most| union.len() <= most)
                    && self
                        .limits
                        .bytes
                        .is_none_or(|most| self.bytes_of(&union) <= most);
                let helps = alternative.excess < looked.model.excess(costs);
                if !helps || !fits || union == effect.set || self.is_late() {
                    continue;
                }
                let tried = self.effect(&union).await?;
                asked += self.looked.len();
                let ((worst, sum, ..), (worst_before, sum_before, ..)) =
                    (self.score(&tried), self.score(&effect));
                if worst <= worst_before && sum < sum_before {
                    effect = tried;
                }
            }
        }
        Ok((effect, asked))
    }

    /// All queries under each of the best sets: one query's index may mislead another's plan. Members that are
    /// not missed are left out.
    async fn verify(&self, sets: Vec<Subset>, choices: &[Choice]) -> Result<(Vec<Effect>, usize)> {
        let mut asked = 0;
        let mut ranked: Vec<Effect> = Vec::new();
        let none = self.effect(&Subset::new()).await?;
        for set in sets {
            if set.is_empty() || ranked.iter().any(|known| known.set == set) {
                continue;
            }
            let (mut effect, more) = self.repair(self.effect(&set).await?, choices).await?;
            asked += self.looked.len() + more;
            let mut members: Vec<usize> = effect.set.iter().copied().collect();
            members.sort_by_key(|id| std::cmp::Reverse(self.bytes.get(*id).copied()));
            for member in members {
                if self.is_late() || effect.set.len() == 1 {
                    break;
                }
                let mut fewer = effect.set.clone();
                fewer.remove(&member);
                let tried = self.effect(&fewer).await?;
                asked += self.looked.len();
                let ((worst, sum, ..), (worst_before, sum_before, ..)) =
                    (self.score(&tried), self.score(&effect));
                if worst <= worst_before && sum <= sum_before {
                    effect = tried;
                }
            }
            if !ranked.iter().any(|known| known.set == effect.set) {
                ranked.push(effect);
            }
        }
        ranked.push(none);
        ranked.sort_by(|a, b| {
            let (a_score, b_score) = (self.score(a), self.score(b));
            a_score
                .0
                .total_cmp(&b_score.0)
                .then(a_score.1.total_cmp(&b_score.1))
                .then(a_score.2.cmp(&b_score.2))
                .then(a_score.3.cmp(&b_score.3))
                .then_with(|| a.set.cmp(&b.set))
        });
        Ok((ranked, asked))
    }
}
