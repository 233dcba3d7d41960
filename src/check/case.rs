//! What a check is, and what it is given.

use std::collections::BTreeMap;

use super::{Finding, Severity};
use crate::catalog::{Catalog, Fact, Index, Table};

#[derive(Debug)]
pub struct Check {
    /// Its stable name: `unused-index`.
    pub code: &'static str,
    /// How bad its findings are, unless one says otherwise.
    pub severity: Severity,
    /// What it finds, in a few words.
    pub summary: &'static str,
    /// The user's page: what, why it matters, how to confirm it, how to fix it. Paragraphs are
    /// separated by empty lines.
    pub explanation: &'static str,
    /// What its judgement hangs on, and `dbaudit.toml` may change.
    pub thresholds: &'static [Threshold],
    /// The facts it judges on. Where one was not read, the check is skipped.
    pub needs: &'static [Fact],
    pub evidence: Evidence,
    pub runs_on: RunsOn,
    pub judge: fn(&CheckContext<'_>) -> Vec<Finding>,
}

/// A number that a check's judgement hangs on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Its key in `[report.checks.<code>]`; the unit is in it: `min-bytes`, `min-age-days`.
    pub key: &'static str,
    /// Its value unless the file says otherwise.
    pub default: f64,
    pub meaning: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The state at the time of the report.
    State,
    /// Counters since the database's statistics began.
    DatabaseCounters,
    /// Counters since `pg_stat_statements` was reset.
    StatementCounters,
    /// Counters of the whole server: WAL, checkpoints.
    ServerCounters,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsOn {
    /// On a primary and on a standby.
    Anywhere,
    /// On a primary alone: a standby counts no writes, vacuums and analyzes.
    Primary,
}

#[derive(Debug, Clone, Copy)]
pub struct CheckContext<'a> {
    pub catalog: &'a Catalog,
    /// The same database on its standbys, where they were given.
    pub replicas: &'a [Catalog],
    pub(super) check: &'a Check,
    /// What the file says, by check and key.
    pub(super) thresholds: &'a BTreeMap<String, BTreeMap<String, f64>>,
}

impl<'a> CheckContext<'a> {
    /// The check's threshold: the file's value, or its default. 0 for a key that the check does not
    /// declare, which a test of the registry rules out.
    pub fn threshold(&self, key: &str) -> f64 {
        let set = self
            .thresholds
            .get(self.check.code)
            .and_then(|of| of.get(key));
        set.copied().unwrap_or_else(|| {
            let declared = self.check.thresholds.iter().find(|t| t.key == key);
            declared.map_or(0.0, |threshold| threshold.default)
        })
    }

    /// Scans of the index, with all that is attached to it, in this catalog: the case's own, or a standby's.
    pub(super) fn scans_on(&self, catalog: &Catalog, index: &Index) -> u64 {
        let parts = self.catalog.tree_of(index).into_iter();
        let same = parts.filter_map(|part| catalog.index(part.oid));
        same.map(|part| part.scans).sum()
    }

    /// Scans of the index, with all that is attached to it, here and on the standbys.
    pub(super) fn scans(&self, index: &Index) -> u64 {
        let everywhere = std::iter::once(self.catalog).chain(self.replicas);
        everywhere
            .map(|catalog| self.scans_on(catalog, index))
            .sum()
    }

    /// The table that an index, column or constraint belongs to.
    pub fn table(&self, oid: u32) -> Option<&'a Table> {
        self.catalog.table(oid)
    }
}
