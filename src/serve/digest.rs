//! PURE: a report, boiled down to what the dashboard shows.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    history::{Growth, Point},
    redact::without_literals,
};
use crate::{
    check::{Severity, is_a_query},
    human::shortened,
    report::DatabaseReport,
};

/// So many rows of each list are shown.
const MOST_ROWS: usize = 20;
const MOST_FINDINGS: usize = 100;

/// What the dashboard shows of a database.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Digest {
    pub(super) taken_at: Timestamp,
    pub(super) server_version: String,
    pub(super) database: String,
    pub(super) size_bytes: u64,
    pub(super) connections: Connections,
    pub(super) cache_hit_ratio: Option<f64>,
    pub(super) commits_per_s: Option<f64>,
    pub(super) slowest_query_ms: Option<f64>,
    /// Statements over the budget on average, in the last interval or since they are counted.
    pub(super) slow_queries: Vec<SlowQuery>,
    /// `None`: `pg_stat_statements` could not be read.
    pub(super) statements_known: bool,
    pub(super) growing: Vec<Growth>,
    pub(super) findings: Vec<ShownFinding>,
    pub(super) findings_total: usize,
    pub(super) skipped: Vec<ShownSkipped>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Connections {
    total: usize,
    max: Option<usize>,
    by_state: std::collections::BTreeMap<String, usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct SlowQuery {
    /// A string: JavaScript has no 64-bit integers.
    query_id: String,
    text: String,
    /// Since it is counted.
    calls: u64,
    mean_ms: f64,
    max_ms: f64,
    /// Since the collection before; `None`: it did not run.
    recent_calls: Option<u64>,
    recent_mean_ms: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct ShownFinding {
    check: &'static str,
    severity: Severity,
    subject: String,
    message: String,
    remedy: Option<String>,
    /// The check whose finding has the remedy that fixes this one too.
    mended_by: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct ShownSkipped {
    check: String,
    reason: String,
}

impl Digest {
    pub(super) fn of(report: &DatabaseReport, growing: Vec<Growth>, budget_ms: f64) -> Self {
        let mut growing = growing;
        growing.truncate(MOST_ROWS);
        Self {
            taken_at: report.taken_at,
            server_version: report.server.version.clone(),
            database: report.database.name.clone(),
            size_bytes: report.database.size_bytes,
            connections: Connections {
                total: report.connections.total.unwrap_or_default(),
                max: report.connections.max,
                by_state: report.connections.by_state.clone(),
            },
            cache_hit_ratio: report.database.cache_hit_ratio,
            commits_per_s: report.changes.as_ref().and_then(|c| c.commits_per_s),
            slowest_query_ms: slowest_query_ms(report),
            slow_queries: slow_queries(report, budget_ms),
            statements_known: report.catalog.statements.is_some(),
            growing,
            findings: report
                .findings
                .iter()
                .take(MOST_FINDINGS)
                .map(shown)
                .collect(),
            findings_total: report.findings.len(),
            skipped: report
                .skipped
                .iter()
                .take(MOST_FINDINGS)
                .map(|skipped| ShownSkipped {
                    check: skipped.check.clone(),
                    reason: skipped.reason.clone(),
                })
                .collect(),
        }
    }

    pub(super) fn point(&self, report: &DatabaseReport) -> Point {
        let weighty = |finding: &&crate::check::Finding| finding.severity > Severity::Info;
        Point {
            at: self.taken_at,
            up: true,
            size_bytes: Some(self.size_bytes),
            connections: Some(self.connections.total),
            commits_per_s: self.commits_per_s,
            cache_hit_ratio: self.cache_hit_ratio,
            slowest_query_ms: self.slowest_query_ms,
            findings: Some(report.findings.iter().filter(weighty).count()),
        }
    }
}

fn shown(finding: &crate::check::Finding) -> ShownFinding {
    ShownFinding {
        check: finding.check,
        severity: finding.severity,
        subject: finding.subject.to_string(),
        message: finding.message.clone(),
        remedy: finding.remedy.clone(),
        mended_by: finding.mended_by,
    }
}

/// Of the statements that ran since the previous collection. Maintenance and dbaudit's own statements are not queries of the
/// application.
fn slowest_query_ms(report: &DatabaseReport) -> Option<f64> {
    let changes = report.changes.as_ref()?;
    changes
        .statements
        .iter()
        .filter(|change| change.text.as_deref().is_some_and(is_a_query))
        .map(|change| change.mean_ms)
        .max_by(f64::total_cmp)
}

fn slow_queries(report: &DatabaseReport, budget_ms: f64) -> Vec<SlowQuery> {
    let Some(statements) = &report.catalog.statements else {
        return Vec::new();
    };
    let recent = |query_id: i64| {
        let changes = report.changes.as_ref()?;
        changes.statements.iter().find(|c| c.query_id == query_id)
    };
    let mut slow: Vec<SlowQuery> = statements
        .list
        .iter()
        .filter_map(|statement| {
            let query_id = statement.query_id?;
            let text = statement.text.as_deref().filter(|text| is_a_query(text))?;
            let recent = recent(query_id);
            let over = statement.mean_ms > budget_ms
                || recent.is_some_and(|recent| recent.mean_ms > budget_ms);
            over.then(|| SlowQuery {
                query_id: query_id.to_string(),
                text: shortened(&without_literals(text), 600),
                calls: statement.calls,
                mean_ms: statement.mean_ms,
                max_ms: statement.max_ms,
                recent_calls: recent.map(|recent| recent.calls),
                recent_mean_ms: recent.map(|recent| recent.mean_ms),
            })
        })
        .collect();
    let weight = |query: &SlowQuery| query.recent_mean_ms.unwrap_or(0.0).max(query.mean_ms);
    slow.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    slow.truncate(MOST_ROWS);
    slow
}
