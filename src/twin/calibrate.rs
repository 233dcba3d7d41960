//! What production's statements take beside what the planner thinks that they cost.

use std::time::Duration;

use serde_json::Value;

use crate::{
    Error, Result,
    db::Session,
    explain::QueryPlan,
    measure::{execute, heaviest_statements},
    stats::Percentile,
};

/// The heaviest statements that are looked at.
const MOST: u32 = 200;
const PREPARED: &str = "dbaudit_calibrate";

/// The cost of each statement's generic plan, and its mean time in milliseconds; without those that the server cannot plan,
/// and those that write, whose cost leaves the indexes out.
pub(super) async fn points(session: &Session) -> Result<Vec<(f64, f64)>> {
    let budget = (Duration::from_millis(100), Percentile::P95);
    let mut points = Vec::new();
    for heavy in heaviest_statements(session, budget, MOST).await? {
        if heavy.query.writes {
            continue;
        }
        match cost(session, &heavy.query.sql).await {
            Ok(cost) => points.extend(cost.map(|cost| (cost, heavy.mean_ms))),
            Err(error) if session.is_closed() => {
                return Err(Error::server("planning the statements")(error));
            }
            // It names what is gone, or a temporary table.
            Err(_) => {
                let _ = session.batch_execute("ROLLBACK; DEALLOCATE ALL").await;
            }
        }
    }
    Ok(points)
}

async fn cost(session: &Session, sql: &str) -> Result<Option<f64>, tokio_postgres::Error> {
    session
        .batch_execute(&format!(
            "BEGIN READ ONLY; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL statement_timeout = '5s';
             PREPARE {PREPARED} AS {sql}"
        ))
        .await?;
    let parameters: i32 = session
        .query_one(
            "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = $1",
            &[&PREPARED],
        )
        .await?
        .get(0);
    let none = vec![None; usize::try_from(parameters).unwrap_or(0)];
    let explain = format!("EXPLAIN (FORMAT JSON) {}", execute(PREPARED, &none));
    let plan: Value = session.query_one(&explain, &[]).await?.get(0);
    session
        .batch_execute(&format!("COMMIT; DEALLOCATE {PREPARED}"))
        .await?;
    Ok(QueryPlan::parse(&plan).map(|plan| plan.root.total_cost))
}
