//! What the pure search asks, answered by the planner.

use std::collections::BTreeMap;

use super::{
    clock::Clock,
    examine::ExaminedQuery,
    planner::{Planner, PlannerQuestion},
};
use crate::{
    Error, Result,
    advise::{Cost, Effect, Oracle, Question, Reply, Subset, Weight, Writes},
};

/// The planner of a server, as long as there is time.
#[derive(Debug)]
pub(super) struct PlannerOracle<'a> {
    pub(super) planner: &'a Planner<'a>,
    pub(super) examined: &'a [ExaminedQuery],
    pub(super) clock: &'a Clock,
}

impl Oracle for PlannerOracle<'_> {
    type Error = Error;

    async fn ask(&self, questions: &[Question]) -> Result<Vec<Option<Reply>>> {
        let asks: Vec<PlannerQuestion<'_>> = questions
            .iter()
            .filter_map(|question| {
                Some(PlannerQuestion {
                    examined: self.examined.get(question.query)?,
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

pub(super) struct SearchInput<'a> {
    pub(super) planner: &'a Planner<'a>,
    pub(super) examined: &'a [ExaminedQuery],
    /// The predicted bytes of each candidate.
    pub(super) bytes: &'a [u64],
    pub(super) writes: &'a Writes,
}

pub(super) struct SearchResult {
    /// The best sets, the best first; never empty.
    pub(super) sets: Vec<Subset>,
    /// What each of them does, as far as the planner could be asked.
    pub(super) effects: Vec<Effect>,
    /// All was looked at.
    pub(super) complete: bool,
    pub(super) asked: usize,
    /// The members of the best set, those first that weigh most.
    pub(super) weights: Vec<Weight>,
    /// Of members of the best set, what the queries that use it take with it alone, in milliseconds, where that was asked.
    pub(super) alone: BTreeMap<(usize, usize), f64>,
}

impl SearchResult {
    /// What a member of the best set weighs, and its place.
    pub(super) fn weight(&self, id: usize) -> Option<(usize, Weight)> {
        let mut weights = self.weights.iter().copied().enumerate();
        weights.find(|(_, weight)| weight.id == id)
    }

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
