//! `--clients`, `--rate`, `--sweep`: a case under load.

use std::time::Instant;

use super::{Run, case::bench_settings};
use crate::{
    Result,
    db::Pool,
    duration::in_ms,
    human::human_ms,
    measure::{Bench, Load, closed_loop, judge_load, open_loop, session::settle},
    report::timing::{LoadLevel, LoadResult, Verdict},
    workload::{Case, QueryFile},
};

pub(super) async fn time_under_load(
    run: &Run<'_>,
    query: &QueryFile,
    case: &Case,
    load: Load,
) -> Result<LoadResult> {
    let (Load::Closed { clients } | Load::Open { clients, .. } | Load::Sweep { most: clients }) =
        load;
    // What one level of a sweep opened serves the next.
    let mut connection = run.connection.clone();
    connection.pool.size = usize::try_from(clients).unwrap_or(usize::MAX);
    let pool = Pool::new(&connection, "time-queries load")?;
    match load {
        Load::Closed { clients } => {
            let level = level(run, &pool, query, case, clients, None).await?;
            Ok(LoadResult {
                case: case.label.clone(),
                verdict: level.verdict,
                summary: format!(
                    "{clients} clients ({}): {} {}, {:.0} executions per second",
                    case.label,
                    query.percentile,
                    human_ms(level.judged_ms),
                    level.per_second
                ),
                holds_up_to: None,
                levels: vec![level],
            })
        }
        Load::Open { rate, clients } => {
            let level = level(run, &pool, query, case, clients, Some(rate)).await?;
            Ok(LoadResult {
                case: case.label.clone(),
                verdict: level.verdict,
                summary: format!(
                    "{rate} executions due per second ({}): {} {} from the moment they were due, {:.0} \
                     finished per second",
                    case.label,
                    query.percentile,
                    human_ms(level.judged_ms),
                    level.per_second
                ),
                holds_up_to: None,
                levels: vec![level],
            })
        }
        Load::Sweep { most } => sweep(run, &pool, query, case, most).await,
    }
}

/// Twice as many clients each time until the budget breaks; then halfway between, to find where.
async fn sweep(
    run: &Run<'_>,
    pool: &Pool,
    query: &QueryFile,
    case: &Case,
    most: u32,
) -> Result<LoadResult> {
    let mut levels: Vec<LoadLevel> = Vec::new();
    let (mut holds, mut breaks) = (0, None);
    let mut clients = 1;
    loop {
        let level = level(run, pool, query, case, clients, None).await?;
        let held = level.verdict != Verdict::Over;
        levels.push(level);
        if held {
            holds = clients;
        } else {
            breaks = Some(clients);
        }
        clients = match breaks {
            _ if Instant::now() >= run.deadline => break,
            None if holds >= most => break,
            None => (holds * 2).min(most),
            // A quarter off is near enough.
            Some(broken) if broken - holds <= (holds / 4).max(1) => break,
            Some(broken) => holds + (broken - holds) / 2,
        };
    }
    levels.sort_by_key(|level| level.clients);
    let budget = human_ms(in_ms(query.budget));
    let summary = match (holds, breaks) {
        (0, _) => format!(
            "does not meet {budget} even with a single client ({})",
            case.label
        ),
        (_, None) => format!(
            "meets {budget} with up to {holds} clients, the most tried ({})",
            case.label
        ),
        (_, Some(broken)) => {
            format!(
                "meets {budget} with up to {holds} clients and exceeds it with {broken} ({})",
                case.label
            )
        }
    };
    Ok(LoadResult {
        case: case.label.clone(),
        verdict: levels
            .first()
            .map_or(Verdict::Inconclusive, |level| level.verdict),
        levels,
        holds_up_to: Some(holds),
        summary,
    })
}

async fn level(
    run: &Run<'_>,
    pool: &Pool,
    query: &QueryFile,
    case: &Case,
    clients: u32,
    rate: Option<f64>,
) -> Result<LoadLevel> {
    let mut connections = Vec::new();
    for _ in 0..clients {
        let connection = pool.get().await?;
        settle(&connection).await?;
        connections.push(connection);
    }
    let mut benches = Vec::new();
    for connection in &connections {
        benches.push(
            Bench::prepare(
                connection,
                &query.sql,
                &case.parameters,
                bench_settings(query, case),
            )
            .await?,
        );
    }
    let duration = run.settings.load_time;
    let samples = match rate {
        Some(rate) => open_loop(&mut benches, rate, duration).await?,
        None => closed_loop(&mut benches, duration).await?,
    };
    for bench in &mut benches {
        bench.end().await?;
    }
    let (budget, percentile) = (query.budget, query.percentile);
    let floor = &run.floor;
    Ok(judge_load(
        budget, percentile, clients, rate, &samples, floor,
    ))
}
