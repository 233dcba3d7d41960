//! The current costs and times of the queries.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    clock::Clock,
    examine::ExaminedQuery,
    planner::{Planner, PlannerQuestion, WhatIf},
};
use crate::{
    Error, Result,
    advise::{Cost, Point, QueryModel, Reply, Subset, TableFacts, Time},
    catalog::QualifiedName,
    db::{Session, is_connection_loss},
    measure::{Access, Bench, BenchSettings},
    workload::{Case, PlanMode},
};

/// Reads what the queries need of their tables, and what the planner says of them as things are.
pub(super) async fn plan_all(
    session: &Session,
    examined: &mut [ExaminedQuery],
    tables: &BTreeMap<QualifiedName, TableFacts>,
    by_name: &BTreeMap<QualifiedName, &TableFacts>,
    clock: &Clock,
) -> Result<Vec<Reply>> {
    let planner = Planner::new(session, WhatIf::Built(BTreeMap::new()), &[], tables);
    let mut replies = Vec::with_capacity(examined.len());
    for one in examined.iter_mut() {
        replies.push(Reply::default());
        if one.error.is_some() {
            continue;
        }
        one.read_needs(by_name);
        let ask = PlannerQuestion {
            examined: one,
            set: Subset::new(),
        };
        let answer = planner.ask(&[ask], clock).await?.pop().flatten();
        let Some(answer) = answer.filter(|answer| !answer.shapes.is_empty()) else {
            one.error = Some(match clock.stopped() {
                Some(_) => ExaminedQuery::no_time(),
                None => (
                    "the server cannot plan it with these parameters".into(),
                    None,
                ),
            });
            continue;
        };
        one.model = model(one, &answer.costs);
        if let Some(reply) = replies.last_mut() {
            reply.costs = answer.costs;
            reply.present = answer.present;
        }
        one.prints = answer.shapes;
    }
    Ok(replies)
}

/// Each case, and each with the generic plan, not measured yet.
fn model(examined: &ExaminedQuery, costs: &[Cost]) -> QueryModel {
    let custom = examined.cases.iter().filter(|_| !examined.generic_only);
    let custom = custom.map(|case| case.label.clone());
    let generic = examined.cases.iter().filter(|_| examined.has_generic());
    let generic = generic.map(|case| format!("{}, generic plan", case.label));
    QueryModel {
        budget_ms: examined.query.budget.as_secs_f64() * 1000.0,
        weight: examined.weight,
        points: custom
            .chain(generic)
            .zip(costs)
            .map(|(label, cost)| Point {
                label,
                cost: cost.units,
                time: examined.known_ms.map_or(Time::Unknown, Time::Measured),
            })
            .collect(),
    }
}

/// Of all the time, what is left to the search when everything was measured.
const MEASURING: f64 = 0.45;
const LEAST: Duration = Duration::from_millis(400);
/// Samples at most for each point: it is the search that must be right, and the proof is another command's.
const SAMPLES: u32 = 3;

/// Measures each query as it is now: each case, and its generic plan where that is another. The cheapest come first, and
/// each gets its share of what time there is: what is stopped takes more than that.
pub(super) async fn measure_all(
    session: &Session,
    examined: &mut [ExaminedQuery],
    clock: &Clock,
) -> Result<()> {
    // However little time there is, a little of it: what was not measured at all decides nothing.
    let end = clock.share(MEASURING).max(Instant::now() + LEAST);
    let heaviest = |one: &ExaminedQuery| {
        let costs = one.model.points.iter().map(|point| point.cost);
        costs.fold(0.0, f64::max)
    };
    let mut order: Vec<(f64, usize)> = examined
        .iter()
        .enumerate()
        .filter(|(_, one)| one.error.is_none() && one.known_ms.is_none())
        .map(|(at, one)| (heaviest(one), at))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut left: usize = order.iter().map(|(_, at)| examined[*at].points()).sum();
    for (_, at) in order {
        let one = &mut examined[at];
        let points = one.points();
        measure(session, one, end, left, clock).await?;
        left -= points;
    }
    Ok(())
}

async fn measure(
    session: &Session,
    examined: &mut ExaminedQuery,
    end: Instant,
    mut left: usize,
    clock: &Clock,
) -> Result<()> {
    let cases = examined.cases.clone();
    let customs = if examined.generic_only {
        0
    } else {
        cases.len()
    };
    let generic = examined.prints.last().cloned();
    let mut times: Vec<Time> = Vec::new();
    for at in 0..examined.model.points.len() {
        let is_custom = at < customs;
        let case = if is_custom { at } else { at - customs };
        let is_the_same = !is_custom
            && generic.is_some()
            && examined.prints.get(case).filter(|_| case < customs) == generic.as_ref();
        let time = match (times.get(case).filter(|_| is_the_same), cases.get(case)) {
            (Some(time), _) => *time,
            (None, Some(case)) => {
                let mode = if is_custom {
                    PlanMode::Custom
                } else {
                    PlanMode::Generic
                };
                let now = Instant::now();
                if clock.stopped().is_some() || now >= end {
                    Time::Unknown
                } else {
                    #[expect(clippy::cast_possible_truncation, reason = "thousands at most")]
                    let share = (end - now) / left.max(1) as u32 * 2;
                    run(session, examined, case, mode, share.min(end - now)).await?
                }
            }
            (None, None) => Time::Unknown,
        };
        left = left.saturating_sub(1);
        times.push(time);
    }
    for (point, time) in examined.model.points.iter_mut().zip(times) {
        point.time = time;
    }
    Ok(())
}

async fn run(
    session: &Session,
    examined: &mut ExaminedQuery,
    case: &Case,
    mode: PlanMode,
    share: Duration,
) -> Result<Time> {
    let budget = examined.query.budget;
    let timeout = (budget * 20)
        .max(Duration::from_secs(10))
        .min(share.max(budget * 2).max(Duration::from_millis(50)));
    let limits = BenchSettings {
        timeout,
        mode,
        prelude: String::new(),
        access: Access::ReadOnly,
    };
    let sql = examined.query.sql.clone();
    let timed = async {
        let mut bench = Bench::prepare(session, &sql, &case.parameters, limits).await?;
        let mut least: Option<(Duration, bool)> = None;
        let begun = Instant::now();
        for _ in 0..SAMPLES {
            let sample = bench.sample().await?;
            // Waits of backend and client add up to more than both together where they wait for each other.
            let net = sample.net().max(sample.elapsed / 3);
            if least.is_none_or(|(known, stopped)| stopped || net < known) {
                least = Some((net, sample.timed_out));
            }
            // Well within, or far beyond anything that a warm cache changes.
            let is_clear = net < budget / 4 || begun.elapsed() > (budget * 20).min(timeout / 2);
            if sample.timed_out || is_clear {
                break;
            }
        }
        bench.end().await?;
        Ok::<_, Error>(least)
    };
    match timed.await {
        Ok(Some((least, true))) => Ok(Time::MoreThan(least.as_secs_f64() * 1000.0)),
        Ok(Some((least, false))) => Ok(Time::Measured(least.as_secs_f64() * 1000.0)),
        Ok(None) => Ok(Time::Unknown),
        Err(Error::Server { source, doing }) if is_connection_loss(&source) => {
            Err(Error::Server { source, doing })
        }
        Err(error) => {
            let note = format!(
                "{}: not measured ({error}); its time is a guess based on its cost",
                case.label
            );
            if !examined.notes.contains(&note) {
                examined.notes.push(note);
            }
            Ok(Time::Unknown)
        }
    }
}
