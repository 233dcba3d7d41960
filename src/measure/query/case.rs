//! One case: warmed up, sampled until it is decided, and its plan fetched.

use std::time::Duration;

use serde_json::Value;

use super::{Run, statement_timeout};
use crate::{
    Error, Result,
    duration::in_ms,
    explain::{QueryPlan, fingerprint, tree},
    measure::{
        Access, Bench, BenchSettings, CaseSamples, Clock, PlanDetail, TimeLimits, fetch_plan,
        sample, time_no_op, warm_up,
    },
    report::timing::{CaseResult, Explanation, Verdict},
    stats::{Design, Judgement, Percentile, Summary},
    workload::{Case, Label, PlanMode, QueryFile},
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
    let judged = (query.budget, query.percentile);
    let given = (run.settings.max_time, run.settings.max_samples);
    let limits = TimeLimits::from_now(judged, given, run.deadline);
    let mut bench = Bench::prepare(
        run.session,
        &query.sql,
        &case.parameters,
        bench_settings(query, case),
    )
    .await?;
    warm_up(&mut bench, WARM_UPS, WARM_UP_TIME, limits).await?;
    let sampled = sample(&mut bench, query.budget, design, limits).await?;
    check_rows(query, case, &sampled)?;
    let floor = floor_now(run, &sampled).await?;
    let params = case.parameters.clone();
    let Some(mut result) = sampled.case(&case.label, params, judged, &floor) else {
        return Err(Error::CannotJudge {
            message: "no sample was taken".into(),
            hint: "raise --max-time".into(),
        });
    };
    result.plan_mode = case.mode.as_str();
    result.rows = sampled.samples.iter().map(|s| s.rows).max().unwrap_or(0);
    // As long as any other run; a limit on the samples is none on the plan.
    bench.limit(Duration::MAX);
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
        bench_settings(query, case),
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

/// Only the plan, and what the planner thinks of it.
pub(super) async fn plan_case(
    run: &Run<'_>,
    query: &QueryFile,
    case: &Case,
    chosen: Option<&CaseResult>,
) -> Result<CaseResult> {
    let settings = bench_settings(query, case);
    let mut bench = Bench::prepare(run.session, &query.sql, &case.parameters, settings).await?;
    let mut planned = None;
    // As often as a case is warmed up: the server chooses between its plans just as it would then.
    for _ in 0..=WARM_UPS {
        planned = fetch_plan(&mut bench, PlanDetail::Planned).await?;
    }
    bench.end().await?;
    let params = case.parameters.clone();
    let mut result = CaseResult::untimed(
        case.label.clone(),
        params,
        case.mode.as_str(),
        Verdict::Planned,
    );
    let plan = planned.as_ref().and_then(QueryPlan::parse);
    let plan = plan.ok_or_else(|| Error::CannotJudge {
        message: "the server gave no plan in time".into(),
        hint: "the time is 20 times the budget, and two seconds at least".into(),
    })?;
    result.total_cost = Some(plan.root.total_cost);
    result.estimated_rows = Some(plan.root.estimated_rows);
    let predicted = run
        .calibration
        .as_ref()
        .and_then(|known| known.predict(plan.root.total_cost));
    if let Some(predicted) = predicted {
        result.predicted_ms = Some(predicted.ms);
        result.predicted_interval_ms = Some(predicted.interval);
        let budget_ms = in_ms(query.budget);
        if predicted.interval.low.is_some_and(|low| low > budget_ms) {
            result.verdict = Verdict::PredictedOver;
        }
    }
    result.plan_fingerprint = Some(fingerprint(&plan.root));
    result.plan = planned.map(plan_only);
    if case.mode != PlanMode::Auto {
        let same = chosen.filter(|chosen| chosen.plan_fingerprint == result.plan_fingerprint);
        result.same_plan_as = same.map(|chosen| chosen.label.clone());
    }
    Ok(result)
}

pub(super) fn bench_settings(query: &QueryFile, case: &Case) -> BenchSettings {
    BenchSettings {
        timeout: statement_timeout(query),
        mode: case.mode,
        prelude: String::new(),
        access: if query.writes {
            Access::ReadWrite
        } else {
            Access::ReadOnly
        },
    }
}

/// A query that returns nothing is fast for the wrong reason; the absent value returns nothing rightly.
fn check_rows(query: &QueryFile, case: &Case, sampled: &CaseSamples) -> Result<()> {
    let Some(expected) = query.rows.filter(|_| case.kind != Label::Absent) else {
        return Ok(());
    };
    let finished = sampled.samples.iter().filter(|sample| !sample.timed_out);
    match finished
        .map(|sample| sample.rows)
        .find(|rows| !expected.contains(*rows))
    {
        Some(rows) => Err(Error::CannotJudge {
            message: format!("the query returned {rows} rows, but the header expects {expected}"),
            hint: "check the data and the parameters; `rows` in the header sets the expectation"
                .into(),
        }),
        None => Ok(()),
    }
}

/// The floor as it was when the run began, or as it is now where that is worse: the noise may have begun since.
async fn floor_now(run: &Run<'_>, sampled: &CaseSamples) -> Result<Vec<f64>> {
    if sampled.finding != Some(Judgement::Over) {
        return Ok(Vec::new());
    }
    let now = time_no_op(run.session, 50, Duration::from_secs(1)).await?;
    let now: Vec<f64> = now.into_iter().map(in_ms).collect();
    let tail = |floor: &[f64]| Summary::of(floor, Percentile::P95).map_or(0.0, |s| s.p95);
    Ok(if tail(&now) > tail(&run.floor) {
        now
    } else {
        run.floor.clone()
    })
}

async fn add_plan(bench: &mut Bench<'_>, result: &mut CaseResult) -> Result<()> {
    // One that timed out would again.
    let counted = match result.timed_out {
        0 => fetch_plan(bench, PlanDetail::Counted).await?,
        _ => None,
    };
    let json = match counted {
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
    result.cold_forecast_ms =
        (blocks > 0.0 && result.p50_ms.is_finite()).then_some(result.p50_ms + hit * read_ms);
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
            "it touches {blocks} blocks, but the header allows {limit}"
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
