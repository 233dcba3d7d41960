//! Statistics of columns together, proven as indexes are: made in a transaction that is rolled back, and the plans and
//! times compared.

use std::collections::BTreeMap;

use tokio_postgres::SimpleQueryMessage;

use super::{examine::ExaminedQuery, planner::explain_analyzed, search::SearchInput};
use crate::{
    Error, Result,
    advise::{Correlated, KINDS, Misestimate, estimates, is_far_off},
    db::{Session, is_connection_loss},
    explain::{QueryPlan, fingerprint},
    report::{AdviseResult, advise::Statistics},
};

/// What is tried at most; each costs an ANALYZE of its table.
const MOST: usize = 5;
/// It must be this much faster.
const GAIN: f64 = 0.9;
/// A name that stands in one transaction only.
const TRIED: &str = "dbaudit_advise_statistics";

/// A query as it was run.
struct Run<'q> {
    examined: &'q ExaminedQuery,
    plan: QueryPlan,
}

/// Puts the statistics into the result that change the plan of a query and make it faster.
pub(super) async fn prove_statistics(
    session: &Session,
    input: &SearchInput<'_>,
    result: &mut AdviseResult,
) -> Result<()> {
    let mut runs = Vec::new();
    for examined in input.examined {
        if examined.error.is_none() && examined.is_over() && !examined.clauses.writes {
            let plan = run(session, examined, "").await?;
            runs.extend(plan.map(|plan| Run { examined, plan }));
        }
    }
    let mut wrong: BTreeMap<Correlated, Vec<(&Run<'_>, Misestimate)>> = BTreeMap::new();
    for run in &runs {
        for one in estimates(&run.plan, input.planner.tables) {
            if is_far_off(&one) {
                wrong.entry(one.of.clone()).or_default().push((run, one));
            }
        }
    }
    for (of, runs) in wrong.into_iter().take(MOST) {
        let tries = KINDS
            .iter()
            .flat_map(|kinds| runs.iter().map(move |run| (*kinds, run)));
        for (kinds, (before, was)) in tries {
            let (learn, table) = (of.statement(TRIED, kinds), of.table.quoted());
            let learn = format!("{learn}; ANALYZE {table};");
            let Some(plan) = run(session, before.examined, &learn).await? else {
                continue;
            };
            let (ms_before, ms_after) = (before.plan.execution_ms, plan.execution_ms);
            let is_faster = ms_after
                .zip(ms_before)
                .is_some_and(|(after, before)| after < before * GAIN);
            let is_other = fingerprint(&plan.root) != fingerprint(&before.plan.root);
            if !is_faster || !is_other {
                continue;
            }
            let estimated_after = estimates(&plan, input.planner.tables)
                .into_iter()
                .find(|one| one.of == of)
                .map(|one| one.estimated);
            let columns: Vec<String> = of.columns.iter().cloned().collect();
            let name = format!("stat_{}_{}", of.table.name, columns.join("_"));
            let name: String = name.chars().take(63).collect();
            result.statistics.push(Statistics {
                statement: of.statement(&name, kinds),
                name,
                table: of.table.clone(),
                columns,
                query: before.examined.query.name.clone(),
                estimated_rows: was.estimated,
                estimated_rows_after: estimated_after,
                actual_rows: was.actual,
                before_ms: ms_before.unwrap_or(0.0),
                after_ms: ms_after.unwrap_or(0.0),
            });
            break;
        }
    }
    Ok(())
}

/// The plan of a query's first case, run, in a transaction that is rolled back. `None`: the server objects, or it takes
/// too long.
async fn run(
    session: &Session,
    examined: &ExaminedQuery,
    first: &str,
) -> Result<Option<QueryPlan>> {
    let parameters = examined
        .cases
        .first()
        .map_or(&[][..], |case| &case.parameters);
    let script = format!(
        "BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '60s'; {first} \
         SET LOCAL statement_timeout = '10s'; SET LOCAL jit = off; SET LOCAL plan_cache_mode = force_custom_plan; \
         {} ROLLBACK",
        explain_analyzed(&examined.prepared, parameters)
    );
    let answer = session.simple_query(&script).await;
    if answer.is_err() && !session.is_closed() {
        let _ = session.batch_execute("ROLLBACK").await;
    }
    match answer {
        Ok(messages) => {
            let text = messages.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            Ok(text.and_then(|text| QueryPlan::parse(&serde_json::from_str(text).ok()?)))
        }
        Err(error) if is_connection_loss(&error) => Err(Error::server("proving statistics")(error)),
        Err(_) => Ok(None),
    }
}
