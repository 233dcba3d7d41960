//! What the members of a set weigh, and what each is good for alone.

use std::collections::BTreeMap;

use super::{Effect, Oracle, Question, Search, Subset, Until, without};

/// What a member of a set weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weight {
    pub id: usize,
    /// What all queries together take without it, as a multiple of what they take with all.
    pub without: Option<f64>,
    /// The same with it and those that weigh more alone.
    pub up_to: Option<f64>,
}

impl<O: Oracle> Search<'_, O> {
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
}
