//! One case: warmed up, sampled until it is decided, and its plan fetched.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Run, in_ms, statement_timeout};
use crate::{
    Error, Result,
    command::sampling::{Sampled, Until, cpu_wait, sample},
    explain::{QueryPlan, fingerprint, tree},
    measure::{Bench, Limits, PlanDetail, fetch_plan, time_no_op},
    report::timing::{CaseResult, Explanation, Verdict},
    stats::{Decision, Design, Summary, unjudgeable},
    workload::{Case, Label, QueryFile},
};

/// The server chooses between a generic and a custom plan after five executions.
const WARM_UPS: u32 = 6;
/// A hopeless query is not warmed up for ever.
const WARM_UP_TIME: Duration = Duration::from_secs(1);

pub(super) async fn time_case(
    run: &Run<'_>,
    query: &QueryFile,
    case: &Case,
    design: &Design,
) -> Result<CaseResult> {
    let mut bench = Bench::prepare(
        run.session,
        &query.sql,
        &case.parameters,
        limits(query, case),
    )
    .await?;
    warm_up(&mut bench).await?;
    let until = Until {
        max_time: run.settings.max_time,
        deadline: run.deadline,
    };
    let sampled = sample(&mut bench, query.budget, design, until).await?;
    check_rows(query, case, &sampled)?;
    let (verdict, reason) = judge(run, query, &sampled).await?;

    // The figures are what the client saw; only the verdict sets aside the waits for a CPU.
    let times: Vec<f64> = sampled.samples.iter().map(|s| in_ms(s.elapsed)).collect();
    let Some(summary) = Summary::of(&times, query.percentile) else {
        return Err(Error::CannotJudge {
            message: format!("{}: no sample was taken", case.label),
            hint: "raise --max-time".into(),
        });
    };
    let mut result = CaseResult::new(
        case.label.clone(),
        case.parameters.clone(),
        verdict,
        &summary,
        &times,
    );
    result.plan_mode = case.mode.as_str();
    result.reason = reason;
    result.exceedances = sampled.exceedances;
    let timed_out = sampled.samples.iter().filter(|s| s.timed_out).count();
    result.timed_out = u32::try_from(timed_out).unwrap_or(u32::MAX);
    result.rows = sampled.samples.iter().map(|s| s.rows).max().unwrap_or(0);
    result.cpu_wait = cpu_wait(query.budget, &sampled.samples);
    add_plan(&mut bench, &mut result).await?;
    add_forecast(run, &mut result);
    judge_buffers(query, &mut result);
    if result.verdict == Verdict::Over {
        explain(&mut bench, &mut result).await?;
    }
    bench.end().await?;
    Ok(result)
}

/// The same case under a forced plan: where that is the plan it had anyway, the figures are taken over.
pub(super) async fn time_forced(
    run: &Run<'_>,
    query: &QueryFile,
    case: &Case,
    design: &Design,
    chosen: &CaseResult,
) -> Result<CaseResult> {
    let mut bench = Bench::prepare(
        run.session,
        &query.sql,
        &case.parameters,
        limits(query, case),
    )
    .await?;
    let forced = fetch_plan(&mut bench, PlanDetail::Planned).await?;
    bench.end().await?;
    let forced = forced
        .as_ref()
        .and_then(QueryPlan::parse)
        .map(|plan| fingerprint(&plan.root));
    if forced.is_none() || forced != chosen.plan_fingerprint {
        return time_case(run, query, case, design).await;
    }
    Ok(CaseResult {
        label: case.label.clone(),
        plan_mode: case.mode.as_str(),
        same_plan_as: Some(chosen.label.clone()),
        ..chosen.clone()
    })
}

pub(super) fn limits(query: &QueryFile, case: &Case) -> Limits {
    Limits {
        timeout: statement_timeout(query),
        mode: case.mode,
        prelude: String::new(),
    }
}

async fn warm_up(bench: &mut Bench<'_>) -> Result<()> {
    let begun = Instant::now();
    for _ in 0..WARM_UPS {
        let sample = bench.sample().await?;
        if sample.timed_out || begun.elapsed() > WARM_UP_TIME {
            break;
        }
    }
    Ok(())
}

/// A query that returns nothing is fast for the wrong reason; the absent value returns nothing rightly.
fn check_rows(query: &QueryFile, case: &Case, sampled: &Sampled) -> Result<()> {
    let Some(expected) = query.rows.filter(|_| case.kind != Label::Absent) else {
        return Ok(());
    };
    let finished = sampled.samples.iter().filter(|sample| !sample.timed_out);
    match finished
        .map(|sample| sample.rows)
        .find(|rows| !expected.contains(*rows))
    {
        Some(rows) => Err(Error::CannotJudge {
            message: format!(
                "{}: {rows} rows came, the header expects {expected}",
                case.label
            ),
            hint: "are the data and the parameters the right ones? See `rows` in the header".into(),
        }),
        None => Ok(()),
    }
}

/// From the decision on the counts to the verdict: a machine that is too noisy is no slow query.
async fn judge(
    run: &Run<'_>,
    query: &QueryFile,
    sampled: &Sampled,
) -> Result<(Verdict, Option<String>)> {
    let budget_ms = in_ms(query.budget);
    match sampled.decision {
        Some(Decision::Within) => Ok((Verdict::Within, None)),
        Some(Decision::Over) => {
            // Once more now: the noise may have begun since the run did.
            let now = time_no_op(run.session, 50, Duration::from_secs(1)).await?;
            let now: Vec<f64> = now.into_iter().map(in_ms).collect();
            let reason = unjudgeable(&run.floor, budget_ms, query.percentile)
                .or_else(|| unjudgeable(&now, budget_ms, query.percentile));
            let noisy = reason.is_some();
            Ok((
                if noisy {
                    Verdict::Inconclusive
                } else {
                    Verdict::Over
                },
                reason,
            ))
        }
        None => {
            let reason = sampled.undecided(query.percentile);
            Ok((Verdict::Inconclusive, Some(reason)))
        }
    }
}

async fn add_plan(bench: &mut Bench<'_>, result: &mut CaseResult) -> Result<()> {
    let json = match fetch_plan(bench, PlanDetail::Counted).await? {
        Some(json) => Some(json),
        None => fetch_plan(bench, PlanDetail::Planned).await?,
    };
    if let Some(plan) = json.as_ref().and_then(QueryPlan::parse) {
        result.server_ms = plan.execution_ms;
        if plan.execution_ms.is_some() {
            result.shared_hit = Some(plan.root.shared_hit);
            result.shared_read = Some(plan.root.shared_read);
        }
        result.plan_fingerprint = Some(fingerprint(&plan.root));
    }
    result.plan = json.map(plan_only);
    Ok(())
}

/// What the warm figure would become if every block had to be read. An upper bound: a block touched twice is
/// counted twice, and the server reads ahead.
fn add_forecast(run: &Run<'_>, result: &mut CaseResult) {
    let (Some(read_ms), Some(hit), Some(read)) =
        (run.block_read_ms, result.shared_hit, result.shared_read)
    else {
        return;
    };
    #[expect(clippy::cast_precision_loss, reason = "counts of blocks")]
    let (hit, blocks) = (hit as f64, (hit + read) as f64);
    // What was read in the samples is in their times already, so only the hits come on top.
    result.cold_forecast_ms = (blocks > 0.0).then_some(result.p50_ms + hit * read_ms);
}

/// A limit on blocks is judged on its own: it has no noise.
fn judge_buffers(query: &QueryFile, result: &mut CaseResult) {
    let (Some(limit), Some(hit), Some(read)) =
        (query.buffers, result.shared_hit, result.shared_read)
    else {
        return;
    };
    let blocks = hit + read;
    if blocks > limit {
        result.verdict = Verdict::Over;
        result.reason = Some(format!(
            "it touches {blocks} blocks, the header allows {limit}"
        ));
    }
}

/// The plan with the clock in its nodes, where the query comes to an end at all.
async fn explain(bench: &mut Bench<'_>, result: &mut CaseResult) -> Result<()> {
    let timed = match result.server_ms {
        Some(_) => fetch_plan(bench, PlanDetail::Timed).await?.map(plan_only),
        None => None,
    };
    let json = timed.or_else(|| result.plan.clone());
    if let Some(plan) = json.as_ref().and_then(QueryPlan::parse) {
        result.explanation = Some(Explanation {
            // Filled in when the tables' indexes are known.
            reasons: Vec::new(),
            costliest: plan.costliest().kind.clone(),
            tree: tree(&plan),
        });
    }
    result.explained_plan = json;
    Ok(())
}

/// The server wraps its one plan in a list.
fn plan_only(json: Value) -> Value {
    match json {
        Value::Array(mut list) if list.len() == 1 => list.remove(0),
        other => other,
    }
}
