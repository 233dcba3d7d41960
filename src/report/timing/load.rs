//! A query under load.

use serde::Serialize;

use super::Verdict;

/// One case of a query under load, by several sessions at once.
#[derive(Debug, Clone, Serialize)]
pub struct LoadResult {
    /// The case: `worst`, `typical`.
    pub case: String,
    /// On the load asked for; a sweep's is that of one client.
    pub verdict: Verdict,
    pub levels: Vec<LoadLevel>,
    /// Of a sweep: the most clients that were within the budget; 0 where one was too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds_up_to: Option<u32>,
    /// In words: `holds 100 ms up to 8 clients`.
    pub summary: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct LoadLevel {
    pub clients: u32,
    /// Executions asked for per second, in an open loop.
    pub rate: Option<f64>,
    pub samples: usize,
    /// Executions finished per second.
    pub per_second: f64,
    /// Those over the budget.
    pub exceedances: u64,
    pub verdict: Verdict,
    /// The median; in an open loop counted from the time an execution was due.
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// The percentile the budget speaks of.
    pub judged_ms: f64,
}
