//! A statement's generic plan without indexes: its conditions stand in it as filters, with the columns they are about.

use tokio_postgres::SimpleQueryMessage;

use super::execute;
use crate::{Error, Result, db::Session, explain::QueryPlan, workload::Value as Parameter};

/// Without merge joins, which would sort for themselves, and without workers. `settings`: what else to set, as SQL.
pub async fn bare_plan(
    session: &Session,
    prepared: &str,
    parameters: &[Parameter],
    settings: &str,
) -> Result<QueryPlan> {
    let memoize = if session.version.major() >= 14 {
        "SET LOCAL enable_memoize = off;"
    } else {
        ""
    };
    let script = format!(
        "BEGIN READ ONLY; SET LOCAL statement_timeout = '20s'; SET LOCAL lock_timeout = '2s'; \
         SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; \
         SET LOCAL enable_bitmapscan = off; SET LOCAL enable_mergejoin = off; \
         SET LOCAL enable_incremental_sort = off; {memoize} {settings} \
         SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL plan_cache_mode = force_generic_plan; \
         EXPLAIN (VERBOSE, FORMAT JSON) {}; ROLLBACK; DISCARD PLANS",
        execute(prepared, parameters)
    );
    let answer = session.simple_query(&script).await;
    if answer.is_err() && !session.is_closed() {
        let _ = session.batch_execute("ROLLBACK").await;
    }
    let messages = answer.map_err(Error::server("explaining the query"))?;
    let text = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    text.and_then(|text| QueryPlan::parse(&serde_json::from_str(text).ok()?))
        .ok_or_else(|| Error::CannotJudge {
            message: "the server gave no plan for the query".into(),
            hint: String::new(),
        })
}
