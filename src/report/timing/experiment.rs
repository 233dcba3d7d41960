//! Two ways of running a query, side by side.

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub struct AbResult {
    /// The first way: `work_mem = 4MB`, `with idx_x`.
    pub a: String,
    pub b: String,
    /// The case it was run with.
    pub case: String,
    pub pairs: usize,
    pub a_p50_ms: f64,
    pub b_p50_ms: f64,
    /// The median of b / a, pair by pair.
    pub median_ratio: f64,
    /// How often chance alone gives such a difference.
    pub p_value: f64,
    /// Whether the two have the same plan.
    pub same_plan: bool,
    /// In words.
    pub summary: String,
}
