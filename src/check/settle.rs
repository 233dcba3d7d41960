//! One consistent set of remedies: each index gets one at most, none is dropped that another one's going leans
//! on, and no two new ones share a name.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Finding,
    change::{DropReason, IndexChange, IndexDrop, NewIndex},
    index_statement::{create_index, drop_index, new_index},
    registry::find,
};
use crate::catalog::{Catalog, Index};

/// Gives the findings their statements. What cannot stand beside another's remedy loses its own, and says so;
/// where an index is called redundant to one that goes itself, there is nothing to say.
pub(super) fn settle(catalog: &Catalog, mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut plan = Plan::of(catalog, &findings);
    plan.decide(&findings);
    findings.retain(|finding| !plan.is_void(finding));
    let mut settled: Vec<(usize, SettledRemedy)> = findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| !matches!(finding.change, IndexChange::Create(_)))
        .map(|(at, finding)| (at, plan.settled(finding)))
        .collect();
    settled.extend(plan.new_indexes(&findings));
    for (at, settled) in settled {
        let elsewhere = settled.elsewhere.clone();
        findings[at].apply(settled);
        for (owner, reason) in elsewhere {
            let owner = findings
                .iter_mut()
                .find(|finding| Owner::of(finding) == owner);
            if let Some(owner) = owner {
                owner.reasons.push(reason);
            }
        }
    }
    findings
}

/// What is to become of the indexes that findings name.
struct Plan<'a> {
    catalog: &'a Catalog,
    /// To be dropped, and by which finding's remedy; of a tree, every part.
    dropped: HashMap<u32, Owner>,
    /// To be built anew with all others of their collation.
    sorted: HashMap<u32, Owner>,
    /// To stay, and for which index's sake.
    kept: HashMap<u32, Keeper>,
}

#[derive(Clone, PartialEq, Eq)]
struct Owner {
    check: &'static str,
    subject: String,
}

impl Owner {
    fn of(finding: &Finding) -> Self {
        Self {
            check: finding.check,
            subject: finding.subject.to_string(),
        }
    }
}

/// For whose sake an index stays.
enum Keeper {
    /// This index goes because it is there.
    Index(u32),
    Remedy(&'static str),
}

#[derive(Default)]
pub(super) struct SettledRemedy {
    statements: Vec<String>,
    undo: Option<Vec<String>>,
    /// The findings whose remedies fix it, and the reason that each of them shows.
    elsewhere: Vec<(Owner, String)>,
    notes: Vec<String>,
    /// Its own remedy is not to be given.
    withheld: bool,
}

impl<'a> Plan<'a> {
    fn of(catalog: &'a Catalog, findings: &[Finding]) -> Self {
        let kept = findings
            .iter()
            .filter_map(|finding| match finding.change {
                IndexChange::Keep(index) => Some((index, Keeper::Remedy(finding.check))),
                _ => None,
            })
            .collect();
        let mut sorted = HashMap::new();
        for finding in findings {
            if let IndexChange::Sort(indexes) = &finding.change {
                sorted.extend(indexes.iter().map(|index| (*index, Owner::of(finding))));
            }
        }
        Self {
            catalog,
            dropped: HashMap::new(),
            sorted,
            kept,
        }
    }

    /// In the order of the reasons: the surer ones first. An index that nothing reads goes before one that is
    /// read is called redundant to it: else the next report, before the counters of the one that stayed have
    /// moved, would drop it as well.
    fn decide(&mut self, findings: &[Finding]) {
        let mut wishes: Vec<(&IndexDrop, Owner)> = Vec::new();
        for finding in findings {
            if let IndexChange::Drop(drops) = &finding.change {
                let sure = drops.iter().filter(|drop| drop.sure);
                wishes.extend(sure.map(|drop| (drop, Owner::of(finding))));
            }
        }
        wishes.sort_by_key(|(drop, _)| rank(drop.why));
        for (drop, owner) in wishes {
            let leans_on = drop.why.leans_on();
            let taken = self.dropped.contains_key(&drop.index) || self.keeper(drop.index).is_some();
            if taken || leans_on.is_some_and(|other| self.dropped.contains_key(&other)) {
                continue;
            }
            for part in self.tree(drop.index) {
                self.dropped.insert(part.oid, owner.clone());
            }
            if let Some(other) = leans_on {
                self.kept.entry(other).or_insert(Keeper::Index(drop.index));
            }
        }
    }

    fn tree(&self, index: u32) -> Vec<&'a Index> {
        let index = self.catalog.index(index);
        index.map_or_else(Vec::new, |index| self.catalog.tree_of(index))
    }

    /// Why the index, or a part of its tree, has to stay.
    fn keeper(&self, index: u32) -> Option<&Keeper> {
        let mut tree = self.tree(index).into_iter();
        tree.find_map(|part| self.kept.get(&part.oid))
    }

    /// All that it says is that an index is redundant to one that goes.
    fn is_void(&self, finding: &Finding) -> bool {
        let IndexChange::Drop(drops) = &finding.change else {
            return false;
        };
        drops.iter().all(|drop| {
            let goes = |index: &u32| self.dropped.contains_key(index);
            drop.why.leans_on().is_some_and(|other| goes(&other)) && !goes(&drop.index)
        })
    }

    fn settled(&self, finding: &Finding) -> SettledRemedy {
        match &finding.change {
            IndexChange::Drop(drops) => self.settled_drops(finding, drops),
            IndexChange::Rebuild(index) => {
                let dropped = self.dropped.get(index);
                let mended = dropped.or_else(|| self.sorted.get(index)).cloned();
                SettledRemedy {
                    withheld: mended.is_some(),
                    elsewhere: mended
                        .map(|owner| (owner, reason(finding)))
                        .into_iter()
                        .collect(),
                    ..SettledRemedy::default()
                }
            }
            _ => SettledRemedy::default(),
        }
    }

    fn settled_drops(&self, finding: &Finding, drops: &[IndexDrop]) -> SettledRemedy {
        let own = Owner::of(finding);
        let mut settled = SettledRemedy {
            undo: Some(Vec::new()),
            ..SettledRemedy::default()
        };
        for drop in drops {
            let Some(index) = self.catalog.index(drop.index) else {
                continue;
            };
            match (self.dropped.get(&drop.index), self.keeper(drop.index)) {
                (Some(owner), _) if *owner == own => {
                    settled.statements.push(drop_index(index));
                    let undo = Some(index).filter(|_| drop.why != DropReason::Useless);
                    let undo = undo.and_then(|index| create_index(self.catalog, index));
                    settled.undo = settled.undo.zip(undo).map(|(mut all, one)| {
                        all.push(one);
                        all
                    });
                }
                (Some(owner), _) => settled.elsewhere.push((owner.clone(), reason(finding))),
                (None, Some(keeper)) if drop.sure => settled.notes.push(self.note(index, keeper)),
                (None, _) => {}
            }
        }
        settled
    }

    fn note(&self, index: &Index, keeper: &Keeper) -> String {
        match keeper {
            Keeper::Index(other) => {
                let other = self.catalog.index(*other);
                format!(
                    "{} stays for now: {} is to be dropped because it exists; run the report again afterwards",
                    index.qualified(),
                    other.map_or_else(String::new, |other| other.qualified().to_string())
                )
            }
            Keeper::Remedy(check) => format!(
                "{} stays for now: the remedy of {check} needs it",
                index.qualified()
            ),
        }
    }

    /// The longest first: an index on `(a, b)` also serves what asked for one on `(a)`.
    fn new_indexes(&self, findings: &[Finding]) -> Vec<(usize, SettledRemedy)> {
        let mut wishes: Vec<(usize, &NewIndex)> = Vec::new();
        for (at, finding) in findings.iter().enumerate() {
            if let IndexChange::Create(wanted) = &finding.change {
                wishes.extend(wanted.iter().map(|new| (at, new)));
            }
        }
        wishes.sort_by_key(|(_, new)| std::cmp::Reverse(new.columns.len()));
        let mut taken = HashSet::new();
        let mut proposed: Vec<(usize, &NewIndex)> = Vec::new();
        let mut settled: BTreeMap<usize, SettledRemedy> = BTreeMap::new();
        for (at, new) in wishes {
            let this = settled.entry(at).or_insert_with(|| SettledRemedy {
                undo: Some(Vec::new()),
                ..SettledRemedy::default()
            });
            if let Some((other, _)) = proposed.iter().find(|(_, other)| other.serves(new)) {
                if *other != at {
                    let owner = Owner::of(&findings[*other]);
                    this.elsewhere.push((owner, reason(&findings[at])));
                }
                continue;
            }
            proposed.push((at, new));
            if let Some((create, drop)) = new_index(self.catalog, new, &mut taken) {
                this.statements.push(create);
                if let Some(undo) = &mut this.undo {
                    undo.push(drop);
                }
            }
        }
        settled.into_iter().collect()
    }
}

fn rank(why: DropReason) -> u8 {
    match why {
        DropReason::Useless => 0,
        DropReason::Repeats(_) => 1,
        DropReason::CoveredIdle(_) => 2,
        DropReason::Unread => 3,
        DropReason::CoveredBusy(_) => 4,
    }
}

/// What a remedy shows if it fixes another finding too.
fn reason(finding: &Finding) -> String {
    let said = match &finding.change {
        IndexChange::Drop(drops) if drops.len() > 1 => {
            find(finding.check).map(|check| check.summary)
        }
        _ => Some(finding.message.as_str()),
    };
    format!("{}: {}", finding.check, said.unwrap_or_default())
}

impl Finding {
    fn apply(&mut self, settled: SettledRemedy) {
        if settled.withheld {
            self.remedy = None;
            self.undo = None;
        }
        if settled.statements.is_empty() {
            self.mended_by = settled.elsewhere.first().map(|(owner, _)| owner.check);
        } else {
            self.remedy = Some(settled.statements.join("\n"));
            self.undo = settled.undo.map(|undo| undo.join("\n"));
        }
        for note in settled.notes {
            self.confirm = Some(match self.confirm.take() {
                Some(before) => format!("{before}; {note}"),
                None => note,
            });
        }
    }
}
