//! An index with what is attached to it: in a partition tree the whole is read, or unused, together.

use std::collections::HashMap;

use crate::{
    catalog::{Catalog, Index},
    check::Case,
};

/// An index with what is attached to it.
pub(super) struct Tree<'a> {
    pub(super) index: &'a Index,
    pub(super) bytes: u64,
    pub(super) scans: u64,
    /// Days since the last scan, where they are more than may pass.
    pub(super) idle_days: Option<f64>,
}

/// The indexes attached to each.
pub(super) struct Children<'a>(HashMap<u32, Vec<&'a Index>>);

impl<'a> Children<'a> {
    pub(super) fn of(catalog: &'a Catalog) -> Self {
        let mut children: HashMap<u32, Vec<&Index>> = HashMap::new();
        for index in &catalog.indexes {
            if let Some(parent) = index.parent {
                children.entry(parent).or_default().push(index);
            }
        }
        Self(children)
    }

    /// The index and everything attached to it, at any depth.
    fn with(&self, index: &'a Index) -> Vec<&'a Index> {
        let mut all = vec![index];
        let mut at = 0;
        while let Some(index) = all.get(at) {
            all.extend(self.0.get(&index.oid).into_iter().flatten());
            at += 1;
        }
        all
    }

    pub(super) fn tree(&self, case: &Case<'_>, index: &'a Index) -> Tree<'a> {
        let all = self.with(index);
        let last = all.iter().filter_map(|index| index.last_scan).max();
        let scans = all.iter().map(|index| index.scans).sum();
        let taken_at = case.catalog.server.taken_at;
        let idle_days = last
            .map(|last| taken_at.duration_since(last).as_secs_f64() / 86_400.0)
            .filter(|days| *days > case.threshold("max-idle-days"))
            .filter(|_| scans as f64 > case.threshold("max-scans"));
        Tree {
            index,
            bytes: all.iter().map(|index| index.bytes).sum(),
            scans,
            idle_days,
        }
    }

    /// Scans of the whole tree on a standby.
    pub(super) fn scans_on(&self, replica: &Catalog, index: &'a Index) -> u64 {
        self.with(index)
            .iter()
            .filter_map(|index| replica.index(index.oid))
            .map(|same| same.scans)
            .sum()
    }
}
