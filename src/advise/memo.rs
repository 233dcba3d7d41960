//! The answers of the server, and what follows from them.

use std::{collections::BTreeSet, rc::Rc};

use super::{Cost, Subset};

/// What the server said of one query under one set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    pub costs: Vec<Cost>,
    /// The members of the set that its plans use.
    pub used: Subset,
    /// The indexes there are that its plans use.
    pub present: BTreeSet<String>,
}

impl Reply {
    fn is_answer(&self) -> bool {
        self.costs.iter().all(|cost| cost.units.is_finite())
    }
}

/// Everything that the server said, by query.
#[derive(Debug, Clone, Default)]
pub struct Memo {
    known: Vec<Vec<(Subset, Rc<Reply>)>>,
}

impl Memo {
    /// Of no query anything yet.
    pub fn new(queries: usize) -> Self {
        Self {
            known: vec![Vec::new(); queries],
        }
    }

    pub fn note(&mut self, query: usize, set: Subset, reply: Reply) {
        if let Some(known) = self.known.get_mut(query) {
            known.push((set, Rc::new(reply)));
        }
    }

    /// What the server would say: as it said of this very set, or of a larger one of which it used only what is in
    /// this one too (what it did not want, it does not miss).
    pub fn get(&self, query: usize, set: &Subset) -> Option<Rc<Reply>> {
        let follows = |asked: &Subset, reply: &Reply| {
            reply.is_answer() && reply.used.is_subset(set) && set.is_subset(asked)
        };
        self.of(query)
            .find(|(asked, reply)| asked == set || follows(asked, reply))
            .map(|(_, reply)| Rc::clone(reply))
    }

    /// The candidates that any plan has used.
    pub fn used(&self) -> Subset {
        let replies = self.known.iter().flatten();
        replies
            .flat_map(|(_, reply)| &reply.used)
            .copied()
            .collect()
    }

    /// All that is known of a query.
    pub fn of(&self, query: usize) -> impl Iterator<Item = &(Subset, Rc<Reply>)> {
        self.known.get(query).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_is_not_missed_and_what_failed_tells_nothing() {
        let mut memo = Memo::new(2);
        let reply = |units: f64, used: &[usize]| Reply {
            costs: vec![Cost::of(units)],
            used: used.iter().copied().collect(),
            present: BTreeSet::new(),
        };
        memo.note(0, Subset::from([1, 2, 3]), reply(5.0, &[2]));
        memo.note(1, Subset::from([1, 2]), reply(f64::INFINITY, &[]));
        let units = |query, set: &[usize]| {
            let set = set.iter().copied().collect();
            memo.get(query, &set).map(|reply| reply.costs[0].units)
        };
        assert_eq!(units(0, &[2]), Some(5.0));
        assert_eq!(units(0, &[1, 2]), Some(5.0));
        assert_eq!(units(0, &[1, 3]), None, "the one used is missing");
        assert_eq!(units(0, &[2, 4]), None, "of 4 nobody asked");
        assert_eq!(units(1, &[1]), None);
    }
}
