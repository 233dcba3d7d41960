//! What the pure search asks, answered by the planner.

use std::collections::BTreeMap;

use super::{
    clock::Clock,
    look::Looked,
    planner::{Ask, Planner},
};
use crate::{
    Error, Result,
    advise::{Cost, Effect, Oracle, Question, Reply, Subset, Writes},
};

/// The planner of a server, as long as there is time.
#[derive(Debug)]
pub(super) struct PlannerOracle<'a> {
    pub(super) planner: &'a Planner<'a>,
    pub(super) looked: &'a [Looked],
    pub(super) clock: &'a Clock,
}

impl Oracle for PlannerOracle<'_> {
    type Error = Error;

    async fn ask(&self, questions: &[Question]) -> Result<Vec<Option<Reply>>> {
        let asks: Vec<Ask<'_>> = questions
            .iter()
            .filter_map(|question| {
                Some(Ask {
                    looked: self.looked.get(question.query)?,
                    set: question.set.clone(),
                })
            })
            .collect();
        let answers = self.planner.ask(&asks, self.clock).await?;
        Ok(answers
            .into_iter()
            .map(|answer| {
                let answer = answer?;
                Some(Reply {
                    costs: answer.costs,
                    used: answer.used,
                    present: answer.present,
                })
            })
            .collect())
    }

    fn left(&self) -> f64 {
        self.clock.left()
    }
}

pub(super) struct Task<'a> {
    pub(super) planner: &'a Planner<'a>,
    pub(super) looked: &'a [Looked],
    /// The predicted bytes of each candidate.
    pub(super) bytes: &'a [u64],
    pub(super) writes: &'a Writes,
}

pub(super) struct Found {
    /// The best sets, the best first; never empty.
    pub(super) sets: Vec<Subset>,
    /// What each of them does, as far as the planner could be asked.
    pub(super) effects: Vec<Effect>,
    /// All was looked at.
    pub(super) complete: bool,
    pub(super) asked: usize,
    /// Of each member of the best set, what all queries take together without it, as a multiple of what they take with it.
    pub(super) without: BTreeMap<usize, f64>,
    /// Of members of the best set, what the queries that use it take with it alone, in milliseconds, where that was asked.
    pub(super) alone: BTreeMap<(usize, usize), f64>,
}

impl Found {
    /// The costs of each query with a set; of one with members that no planner knew, those of the rest.
    pub(super) fn costs(&self, set: &Subset, queries: usize) -> Vec<Vec<Cost>> {
        let nearest = self
            .effects
            .iter()
            .filter(|effect| effect.set.is_subset(set))
            .max_by_key(|effect| effect.set.len());
        (0..queries)
            .map(|query| nearest.map_or_else(Vec::new, |effect| effect.costs(query).to_vec()))
            .collect()
    }
}
