//! What `advise` recommends: the value that every output format receives. Its serialisation is the JSON
//! contract.

use serde::Serialize;

use super::timing::{Server, Verdict};
use crate::{Outcome, advise::Redundant, catalog::QualifiedName};

#[derive(Debug, Clone, Serialize)]
pub struct AdviseResult {
    pub schema_version: u32,
    pub command: &'static str,
    /// Whether every query is within its budget with the indexes recommended.
    pub verdict: Verdict,
    /// What the figures after rest on.
    pub basis: Basis,
    pub server: Server,
    /// The indexes to build, those that weigh most first.
    pub recommended: Vec<Recommended>,
    pub queries: Vec<Query>,
    pub redundant: Vec<Redundant>,
    /// Queries that no index brings within their budget.
    pub unmet: Vec<Unmet>,
    /// The sets that were built for real, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proven: Vec<Proven>,
    /// Statistics of columns together that were made for the proof, and changed a plan for the better.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statistics: Vec<Statistics>,
    pub search: Search,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<String>,
    /// What else the user should know.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The planner's costs with indexes that are not there.
    Prediction,
    Proof,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recommended {
    /// The statement, without a final semicolon.
    pub statement: String,
    pub name: String,
    pub table: QualifiedName,
    pub method: &'static str,
    pub columns: Vec<String>,
    /// As measured, where it was built; else as predicted.
    pub size_bytes: u64,
    pub predicted_size_bytes: u64,
    /// For which queries, and what it does alone.
    pub reason: String,
    /// The queries whose plans use it.
    pub serves: Vec<String>,
    /// What all queries together are predicted to take without it, as a multiple of what they take with all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_it: Option<f64>,
    /// The same with this one and those before it alone, as `--max-indexes` would keep them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to_it: Option<f64>,
    /// How long its build took, where it was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_ms: Option<f64>,
    /// What it costs the writers of its table, where it was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_tax: Option<WriteTax>,
    /// What it is estimated to add to all that is written.
    pub writes: WriteCost,
}

/// Rows of the table since its counters began, and what the index would have added to them.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct WriteCost {
    pub inserted: f64,
    pub updated: f64,
    /// Of the updates, those that needed no entry in any index.
    pub hot_updated: f64,
    pub deleted: f64,
    /// Index entries that these rows would have needed, if the HOT updates stay so.
    pub entries: f64,
    pub ms: f64,
    /// The statements of the workload that write into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<WritingStatement>,
}

/// What an index adds to a call of a statement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WritingStatement {
    pub query: String,
    /// Entries in all indexes of the table, the new one's included.
    pub entries: f64,
    /// It changes a column of this index and of none there is: its updates stay on their page no more.
    pub loses_hot: bool,
    pub ms: f64,
}

/// What all new indexes of a table cost its writers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WriteTax {
    /// WAL records of an inserted row, without the new indexes.
    pub insert_records_before: f64,
    pub insert_records_after: f64,
    /// WAL records of a row updated in the indexed columns, without the new indexes.
    pub update_records_before: f64,
    pub update_records_after: f64,
    /// The share of such updates that stayed on their page without touching any index, without the new indexes.
    pub hot_share_before: f64,
    pub hot_share_after: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Query {
    pub name: String,
    pub sql: String,
    pub budget_ms: f64,
    /// The median of its cases now.
    pub before_ms: f64,
    /// The median of its cases with the indexes recommended.
    pub after_ms: f64,
    pub worst_before_ms: f64,
    pub worst_after_ms: f64,
    /// It was stopped after `worst_before_ms`: it takes more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub worst_before_is_least: bool,
    /// The times after are guessed from costs alone, as it was stopped or not run: they decide no verdict.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub after_is_guess: bool,
    /// The case that is slowest now.
    pub worst_case: String,
    /// As predicted, where `worst_after_ms` was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_worst_after_ms: Option<f64>,
    pub verdict: Verdict,
    /// The new indexes in its plans.
    pub indexes: Vec<String>,
    /// What the user should know of it.
    pub notes: Vec<String>,
}

/// A query that stays over its budget, or could not be judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unmet {
    pub query: String,
    /// What would help instead, or besides.
    pub instead: String,
    /// The indexes recommended that make it faster, though not fast enough.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub helped_by: Vec<String>,
    /// What kept it from being judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Nobody asked for this particular query: it is not a failure that it cannot be judged.
    #[serde(skip)]
    pub in_passing: bool,
}

/// Columns that tell of each other, of which the planner was far wrong until it was told so.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// Without a final semicolon; an ANALYZE of the table has to follow.
    pub statement: String,
    pub name: String,
    pub table: QualifiedName,
    pub columns: Vec<String>,
    pub query: String,
    /// Of the query's rows that these columns decide.
    pub estimated_rows: f64,
    /// With the statistics, where the plan still shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_rows_after: Option<f64>,
    pub actual_rows: f64,
    pub before_ms: f64,
    pub after_ms: f64,
}

/// A set that was built and timed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proven {
    /// Its indexes, as `table(columns)`.
    pub indexes: Vec<String>,
    pub verdict: Verdict,
    /// The slowest case of all queries, as a share of its budget.
    pub worst_share: f64,
    pub predicted_worst_share: f64,
    pub size_bytes: u64,
    /// The query and case that is slowest.
    pub worst_case: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Search {
    pub candidates: usize,
    /// Sets the planner was asked about, each with each query it could serve.
    pub asked: usize,
    /// Nothing was left out for want of time.
    pub complete: bool,
    /// The user did not wait for its end: what is recommended is the best found by then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    pub duration_ms: f64,
}

impl AdviseResult {
    pub fn outcome(&self) -> Outcome {
        match self.verdict {
            _ if self.search.interrupted => Outcome::Interrupted,
            Verdict::Within | Verdict::Planned | Verdict::Skipped | Verdict::Inconclusive => {
                Outcome::Success
            }
            Verdict::Over | Verdict::PredictedOver => Outcome::Objection,
            Verdict::Error => Outcome::CannotJudge,
        }
    }
}
