//! The server's plan of the very statement that is timed.

use serde_json::Value;

use super::Bench;
use crate::{
    Error, Result,
    catalog::{quote_identifier, quote_literal},
    db::sqlstate,
    workload::Value as Parameter,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanDetail {
    /// Runs it; rows, blocks and the whole time, but no clock in the nodes (which costs up to 72 %).
    Counted,
    /// Runs it with the clock in every node.
    Timed,
    /// Only plans it.
    Planned,
}

/// `EXPLAIN … EXECUTE` of the prepared statement itself, so that its plan mode, and the server's choice
/// between a generic and a custom plan, are those of the samples. `None` when the timeout struck.
pub async fn fetch_plan(bench: &mut Bench<'_>, detail: PlanDetail) -> Result<Option<Value>> {
    let name = bench.server_side_name().await?;
    let options = match detail {
        PlanDetail::Counted => "ANALYZE, BUFFERS, TIMING OFF",
        PlanDetail::Timed => "ANALYZE, BUFFERS",
        PlanDetail::Planned => "COSTS",
    };
    let parameters = bench.parameters.iter().map(|parameter| &parameter.0);
    let sql = format!(
        "EXPLAIN (VERBOSE, {options}, FORMAT JSON) {}",
        execute(&quote_identifier(&name), parameters)
    );
    bench.begin().await?;
    match bench.client.query_one(&sql, &[]).await {
        Ok(row) => {
            bench.end_of_write().await?;
            row.try_get(0)
                .map(Some)
                .map_err(Error::server("reading the plan"))
        }
        Err(error) => {
            bench.end().await?;
            if sqlstate(&error) == Some("57014") {
                Ok(None)
            } else {
                Err(Error::server("explaining the query")(error))
            }
        }
    }
}

/// `EXECUTE` of a prepared statement. `prepared`: its name as SQL.
pub fn execute<'p>(prepared: &str, parameters: impl IntoIterator<Item = &'p Parameter>) -> String {
    let values: Vec<String> = parameters
        .into_iter()
        .map(|value| value.as_deref().map_or("NULL".to_owned(), quote_literal))
        .collect();
    if values.is_empty() {
        format!("EXECUTE {prepared}")
    } else {
        format!("EXECUTE {prepared}({})", values.join(", "))
    }
}
