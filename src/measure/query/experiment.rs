//! `--ab` and `--ab-without-index`: two ways of running the worst case, interleaved in one run.

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Run, case::bench_settings};
use crate::{
    Error, Result,
    catalog::quote_literal,
    db::Session,
    duration::in_ms,
    explain::{QueryPlan, fingerprint},
    human::human_ms,
    measure::{Bench, BenchSettings, Experiment, PlanDetail, fetch_plan},
    report::timing::AbResult,
    stats::{compare_pairs, quantile},
    workload::{Case, QueryFile},
};

/// So many pairs, if the time allows.
const PAIRS: usize = 60;
/// The minimum number of pairs.
const FEWEST_PAIRS: usize = 10;
const TIME: Duration = Duration::from_secs(20);
const SEED: u64 = 0xdba;

pub(super) async fn compare_ways(
    run: &Run<'_>,
    query: &QueryFile,
    case: &Case,
    experiment: &Experiment,
) -> Result<AbResult> {
    let (a, b) = ways(run.session, experiment).await?;
    let under = |prelude: &str| BenchSettings {
        prelude: prelude.to_owned(),
        ..bench_settings(query, case)
    };
    let prepare = |prelude| Bench::prepare(run.session, &query.sql, &case.parameters, prelude);
    let mut first = prepare(under(&a.prelude)).await?;
    let mut second = prepare(under(&b.prelude)).await?;

    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut pairs = Vec::with_capacity(PAIRS);
    let begun = Instant::now();
    while pairs.len() < PAIRS && (pairs.len() < FEWEST_PAIRS || begun.elapsed() < TIME) {
        // Either may come first: what the first leaves in the caches must not favour the second.
        let pair = if rng.random() {
            let first = once(&mut first).await?;
            (first, once(&mut second).await?)
        } else {
            let second = once(&mut second).await?;
            (once(&mut first).await?, second)
        };
        pairs.push(pair);
    }
    let same_plan = shape(&mut first).await? == shape(&mut second).await?;
    let result = compare_pairs(&pairs, SEED).ok_or_else(|| Error::CannotJudge {
        message: "no pair could be timed".into(),
        hint: String::new(),
    })?;
    let median = |pick: fn(&(f64, f64)) -> f64| {
        let mut times: Vec<f64> = pairs.iter().map(pick).collect();
        times.sort_by(f64::total_cmp);
        quantile(&times, 0.5).unwrap_or(0.0)
    };
    let (a_p50_ms, b_p50_ms) = (median(|p| p.0), median(|p| p.1));
    let verdict = if result.p_value >= 0.01 {
        "no difference beyond chance".to_owned()
    } else if result.median_ratio > 1.0 {
        format!("{} is {:.2} times as slow", b.name, result.median_ratio)
    } else {
        format!(
            "{} is {:.2} times as fast",
            b.name,
            1.0 / result.median_ratio
        )
    };
    Ok(AbResult {
        summary: format!(
            "{} ({}) against {} ({}): {verdict} (p = {:.4}, {} pairs, {}{})",
            a.name,
            human_ms(a_p50_ms),
            b.name,
            human_ms(b_p50_ms),
            result.p_value,
            pairs.len(),
            case.label,
            if same_plan {
                ", the same plan"
            } else {
                ", another plan"
            },
        ),
        a: a.name,
        b: b.name,
        case: case.label.clone(),
        pairs: pairs.len(),
        a_p50_ms,
        b_p50_ms,
        median_ratio: result.median_ratio,
        p_value: result.p_value,
        same_plan,
    })
}

/// One execution, after one that is not counted, in a transaction of its own: the other way's must not be open
/// at the same time.
async fn once(bench: &mut Bench<'_>) -> Result<f64> {
    bench.sample().await?;
    let sample = bench.sample().await?;
    bench.end().await?;
    Ok(in_ms(sample.net()))
}

async fn shape(bench: &mut Bench<'_>) -> Result<Option<String>> {
    let plan = fetch_plan(bench, PlanDetail::Planned).await?;
    bench.end().await?;
    Ok(plan
        .as_ref()
        .and_then(QueryPlan::parse)
        .map(|plan| fingerprint(&plan.root)))
}

struct Variant {
    name: String,
    prelude: String,
}

async fn ways(session: &Session, experiment: &Experiment) -> Result<(Variant, Variant)> {
    match experiment {
        Experiment::Setting(pair) => {
            let way = |value: &str| Variant {
                name: format!("{} = {value}", pair.name),
                prelude: format!("SET LOCAL {} = {}", pair.name, quote_literal(value)),
            };
            Ok((way(&pair.a), way(&pair.b)))
        }
        Experiment::WithoutIndex(index) => {
            let quoted = find_index(session, index).await?;
            be_alone(session, index).await?;
            let with = Variant {
                name: format!("with {index}"),
                prelude: String::new(),
            };
            // Rolled back after every pair. Nobody else is there to wait for the lock, and it gives up at once
            // where somebody came meanwhile.
            let without = Variant {
                name: format!("without {index}"),
                prelude: format!("SET LOCAL lock_timeout = '500ms'; DROP INDEX {quoted}"),
            };
            Ok((with, without))
        }
    }
}

async fn find_index(session: &Session, index: &str) -> Result<String> {
    let row = session
        .query_opt(
            "SELECT format('%I.%I', n.nspname, c.relname),
                    EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = c.oid)
               FROM pg_catalog.pg_class c
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relkind IN ('i', 'I')
                AND (c.relname = $1 OR format('%s.%s', n.nspname, c.relname) = $1)
              ORDER BY pg_catalog.pg_table_is_visible(c.oid) DESC
              LIMIT 1",
            &[&index],
        )
        .await
        .map_err(Error::server(format!("looking for the index {index}")))?;
    let refuse = |message: String, hint: &str| Error::CannotJudge {
        message,
        hint: hint.into(),
    };
    let row = row.ok_or_else(|| {
        refuse(
            format!("there is no index {index}"),
            "write its exact name, or schema.name",
        )
    })?;
    if row.get(1) {
        return Err(refuse(
            format!("{index} belongs to a constraint and cannot be dropped without it"),
            "choose an index that could be dropped",
        ));
    }
    Ok(row.get(0))
}

/// Hiding an index takes an exclusive lock on its table for the length of a sample: never where anybody
/// else works.
async fn be_alone(session: &Session, index: &str) -> Result<()> {
    let row = session
        .query_one(
            "SELECT count(*) FROM pg_catalog.pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid()
                AND backend_type = 'client backend'",
            &[],
        )
        .await
        .map_err(Error::server("counting the sessions in this database"))?;
    let others: i64 = row.get(0);
    if others > 0 {
        return Err(Error::CannotJudge {
            message: format!(
                "hiding {index} locks its table, but {others} other sessions are connected to this database"
            ),
            hint: "use a throwaway copy of the database".into(),
        });
    }
    Ok(())
}
