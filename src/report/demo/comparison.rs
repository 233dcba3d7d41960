//! Each query before and after.

use serde::Serialize;
use serde_json::Value;

use crate::report::timing::{CaseResult, QueryResult, TimingResult, Verdict};

/// One query's slowest case before, and the same case after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    pub query: String,
    pub case: String,
    pub budget_ms: f64,
    /// The percentile that the budget speaks of, before.
    pub before_ms: f64,
    pub after_ms: f64,
    pub factor: f64,
    /// The verdict on the query before.
    pub before: Verdict,
    /// The verdict on the query after.
    pub after: Verdict,
    /// The indexes in the plan after, comma-separated; null where there is none.
    pub index: Option<String>,
}

/// Pairs the queries of two runs. One that could not be timed in either is left out.
pub fn compare(before: &TimingResult, after: &TimingResult) -> Vec<Comparison> {
    before
        .queries
        .iter()
        .filter_map(|query| {
            let later = after
                .queries
                .iter()
                .find(|later| later.name == query.name)?;
            let slowest = slowest_case(query)?;
            let same = later
                .cases
                .iter()
                .find(|case| case.label == slowest.label)?;
            Some(Comparison {
                query: query.name.clone(),
                case: slowest.label.clone(),
                budget_ms: query.budget_ms,
                before_ms: slowest.judged_ms,
                after_ms: same.judged_ms,
                factor: slowest.judged_ms / same.judged_ms.max(f64::MIN_POSITIVE),
                before: query.verdict,
                after: later.verdict,
                index: same
                    .plan
                    .as_ref()
                    .map(indexes_in)
                    .filter(|names| !names.is_empty()),
            })
        })
        .collect()
}

fn slowest_case(query: &QueryResult) -> Option<&CaseResult> {
    query
        .cases
        .iter()
        .max_by(|a, b| a.judged_ms.total_cmp(&b.judged_ms))
}

/// Every `Index Name` of a plan in `EXPLAIN (FORMAT JSON)`'s form, in the order of its nodes.
fn indexes_in(plan: &Value) -> String {
    fn walk<'a>(value: &'a Value, names: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                if let Some(name) = fields.get("Index Name").and_then(Value::as_str)
                    && !names.contains(&name)
                {
                    names.push(name);
                }
                fields.values().for_each(|field| walk(field, names));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, names)),
            _ => {}
        }
    }
    let mut names = Vec::new();
    walk(plan, &mut names);
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_of_a_plan_is_named_once_and_a_plan_without_one_names_none() {
        let plan = serde_json::json!([{"Plan": {
            "Node Type": "Nested Loop",
            "Plans": [
                {"Node Type": "Index Scan", "Index Name": "idx_content_search_recent"},
                {"Node Type": "Memoize", "Plans": [
                    {"Node Type": "Index Scan", "Index Name": "idx_content_metadata_content_id"}
                ]},
                {"Node Type": "Index Scan", "Index Name": "idx_content_search_recent"},
            ],
        }}]);
        assert_eq!(
            indexes_in(&plan),
            "idx_content_search_recent, idx_content_metadata_content_id"
        );
        assert_eq!(
            indexes_in(&serde_json::json!([{"Plan": {"Node Type": "Seq Scan"}}])),
            ""
        );
    }
}
