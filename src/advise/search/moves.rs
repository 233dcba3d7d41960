//! From one set to a better one.

use super::{
    Effect, Oracle, Search,
    score::{Floor, Loss},
};
use crate::advise::{Subset, explore::without, merge::covers};

/// Rounds of growing and shrinking: what a later one finds is little.
const ROUNDS: usize = 3;

/// How far a set is made smaller.
#[derive(Clone, Copy)]
pub(super) enum Until<'f> {
    /// Nothing may go any more.
    Floor(&'f Floor),
    /// It is no larger than it may be.
    Limits,
    Nothing,
}

impl<O: Oracle> Search<'_, O> {
    /// As good as it gets from here.
    pub(super) async fn improved(&mut self, start: Effect) -> Result<Effect, O::Error> {
        let mut best = start;
        let mut seen: Vec<Subset> = Vec::new();
        for _ in 0..ROUNDS {
            if seen.contains(&best.set) || self.oracle.is_late() {
                break;
            }
            seen.push(best.set.clone());
            let grown = self.grown(best).await?;
            let floor = self.floor(&grown);
            let gone = &mut Vec::new();
            let small = self.reduced(grown, Until::Floor(&floor), gone).await?;
            let folded = self.folded(small, &floor).await?;
            best = self.reduced(folded, Until::Floor(&floor), gone).await?;
        }
        let clean = self.clean(best).await?;
        self.worthwhile(clean).await
    }

    /// Without what costs the writers of the workload more than it spares its readers, whatever it promises.
    async fn worthwhile(&mut self, mut effect: Effect) -> Result<Effect, O::Error> {
        for id in effect.set.clone() {
            if self.written(&Subset::from([id])) > 0.0 {
                let tried = self.changed(&effect, &without(&effect.set, id)).await?;
                if self.score(&tried).total <= self.score(&effect).total {
                    effect = tried;
                }
            }
        }
        Ok(effect)
    }

    /// Without what another member covers, however little it is slower: nobody keeps both.
    async fn clean(&mut self, effect: Effect) -> Result<Effect, O::Error> {
        let spec = |id: &usize| self.space.candidates.get(*id);
        let is_covered = |id: &&usize| {
            let others = effect.set.iter().filter(|other| other != id);
            let mut covering = others.filter_map(|other| Some((other, spec(other)?)));
            spec(id).is_some_and(|own| {
                covering.any(|(other, one)| covers(one, own) && (!covers(own, one) || other < *id))
            })
        };
        let covered: Subset = effect.set.iter().filter(is_covered).copied().collect();
        if covered.is_empty() {
            return Ok(effect);
        }
        let fewer: Subset = effect.set.difference(&covered).copied().collect();
        self.changed(&effect, &fewer).await
    }

    /// With what the queries miss most of what is known to help them.
    async fn grown(&mut self, mut effect: Effect) -> Result<Effect, O::Error> {
        let subjects = self.space.subjects;
        let mut order: Vec<(f64, usize)> = subjects
            .iter()
            .enumerate()
            .filter(|(_, subject)| subject.can_be_helped())
            .map(|(query, subject)| {
                (
                    subject.model.burden(effect.costs(query)) * subject.calls,
                    query,
                )
            })
            .collect();
        order.sort_by(|(a, own), (b, other)| b.total_cmp(a).then(own.cmp(other)));
        for (_, query) in order {
            if self.oracle.is_late() {
                break;
            }
            let model = &subjects[query].model;
            let known = self
                .memo
                .of(query)
                .filter(|(_, reply)| !reply.used.is_empty());
            let best = known.min_by(|(_, a), (_, b)| {
                let excess = |costs| model.excess(costs);
                excess(&a.costs)
                    .total_cmp(&excess(&b.costs))
                    .then(model.burden(&a.costs).total_cmp(&model.burden(&b.costs)))
                    .then_with(|| self.bytes_of(&a.used).cmp(&self.bytes_of(&b.used)))
                    .then_with(|| a.used.cmp(&b.used))
            });
            let Some((_, best)) = best else { continue };
            let costs = effect.costs(query);
            let helps = model.excess(&best.costs) < model.excess(costs)
                || model.burden(&best.costs) < 0.99 * model.burden(costs);
            let union: Subset = effect.set.union(&best.used).copied().collect();
            if !helps || union == effect.set {
                continue;
            }
            let tried = self.changed(&effect, &union).await?;
            if self.score(&tried).improves(&self.score(&effect)) {
                effect = tried;
            }
        }
        Ok(effect)
    }

    /// Without what is not missed: always the one next that is missed least. What is missed once is missed more in a
    /// smaller set, so each is looked at again only when its turn comes. Those that went stand in `gone`, the first first,
    /// each with what is left.
    pub(super) async fn reduced(
        &mut self,
        mut effect: Effect,
        until: Until<'_>,
        gone: &mut Vec<(usize, Effect)>,
    ) -> Result<Effect, O::Error> {
        let mut losses: Vec<(Loss, usize)> =
            effect.set.iter().map(|id| (Loss::UNKNOWN, *id)).collect();
        // The least missed is the last; of equals the largest.
        let bytes = self.space.bytes;
        let order = |(a, own): &(Loss, usize), (b, other): &(Loss, usize)| {
            let size = |id: usize| bytes.get(id).copied();
            b.order(a)
                .then_with(|| (size(*own), own).cmp(&(size(*other), other)))
        };
        losses.sort_by(order);
        while let Some((_, id)) = losses.pop() {
            let is_done = match until {
                Until::Floor(_) | Until::Nothing => self.oracle.is_late(),
                Until::Limits => self.is_allowed(&effect.set),
            };
            if is_done {
                break;
            }
            let fewer = without(&effect.set, id);
            let tried = self.changed(&effect, &fewer).await?;
            if matches!(until, Until::Floor(floor) if !self.keeps(floor, &tried)) {
                continue;
            }
            let loss = self.score(&effect).loss(&self.score(&tried));
            let next = losses.last();
            if next.is_some_and(|(next, _)| loss.order(next).is_gt()) && loss.is_any() {
                losses.push((loss, id));
                losses.sort_by(order);
            } else {
                gone.push((id, tried.clone()));
                effect = tried;
            }
        }
        Ok(effect)
    }

    fn is_allowed(&self, set: &Subset) -> bool {
        let limits = self.space.limits;
        limits.indexes.is_none_or(|most| set.len() <= most)
            && limits.bytes.is_none_or(|most| self.bytes_of(set) <= most)
    }

    /// One index for several that it covers, and a smaller one for a larger that covers it.
    async fn folded(&mut self, mut effect: Effect, floor: &Floor) -> Result<Effect, O::Error> {
        for id in 0..self.space.candidates.len() {
            if self.oracle.is_late() {
                break;
            }
            if effect.set.contains(&id) {
                continue;
            }
            let mut covered = Subset::new();
            let mut covering = Subset::new();
            for member in &effect.set {
                if let (Some(own), Some(other)) = (
                    self.space.candidates.get(id),
                    self.space.candidates.get(*member),
                ) {
                    if covers(own, other) {
                        covered.insert(*member);
                    } else if covers(other, own) {
                        covering.insert(*member);
                    }
                }
            }
            let is_smaller = |search: &Self, of: &Subset| {
                search.bytes_of(&Subset::from([id])) < search.bytes_of(of)
            };
            let instead_of = if covered.len() > 1 {
                covered
            } else if covering.len() == 1 && is_smaller(self, &covering) {
                covering
            } else {
                continue;
            };
            let mut changed: Subset = effect.set.difference(&instead_of).copied().collect();
            changed.insert(id);
            let tried = self.changed(&effect, &changed).await?;
            if self.keeps(floor, &tried) {
                effect = tried;
            }
        }
        Ok(effect)
    }

    /// No larger than it may be: what goes first is what the queries miss least.
    pub(super) async fn trimmed(&mut self, effect: Effect) -> Result<Effect, O::Error> {
        self.reduced(effect, Until::Limits, &mut Vec::new()).await
    }
}
