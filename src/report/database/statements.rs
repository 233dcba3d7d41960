//! `pg_stat_statements` as the report shows it: those that cost most, those that are slow.

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{Catalog, Statement};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatementSummary {
    /// Since when they count; `None`: unknown.
    pub stats_reset: Option<Timestamp>,
    /// Times that statements were thrown out to make room.
    pub evictions: Option<u64>,
    pub kept: u64,
    /// All time spent in this database's statements.
    pub total_ms: f64,
    /// Those with most time in all.
    pub by_total: Vec<Statement>,
    /// Those with most time on average.
    pub by_mean: Vec<Statement>,
    /// How many take more than 100 ms on average.
    pub over_100_ms: usize,
}

impl StatementSummary {
    /// A statement's mean time beyond which it is over budget: what the standard queries are held to.
    pub const BUDGET_MS: f64 = 100.0;
}

/// `None` where `pg_stat_statements` could not be read.
pub(super) fn summary(catalog: &Catalog, limit: usize) -> Option<StatementSummary> {
    let statements = catalog.statements.as_ref()?;
    let mut by_mean: Vec<&Statement> = statements.list.iter().collect();
    by_mean.sort_by(|a, b| b.mean_ms.total_cmp(&a.mean_ms));
    Some(StatementSummary {
        stats_reset: statements.stats_reset,
        evictions: statements.evictions,
        kept: statements.kept,
        total_ms: statements.list.iter().map(|s| s.total_ms).sum(),
        by_total: statements.list.iter().take(limit).cloned().collect(),
        by_mean: by_mean.iter().take(limit).map(|s| (*s).clone()).collect(),
        over_100_ms: by_mean.partition_point(|s| s.mean_ms > StatementSummary::BUDGET_MS),
    })
}
