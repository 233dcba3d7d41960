//! Queries of half to twice their budget, alone and beside busy loops, each verdict held against pgbench before and
//! after it.

use std::collections::BTreeMap;

use dbaudit::stats::{lower_bound, upper_bound};

use crate::{
    rounds,
    support::{
        PrivateServer,
        pgbench::{BusyLoops, latencies, pgbench},
    },
    time_queries,
};

/// What a query takes on a quiet machine, as a multiple of its budget.
const FACTORS: [(&str, f64); 4] = [("half", 0.5), ("most", 0.8), ("more", 1.25), ("twice", 2.0)];
const LOOPS: [usize; 3] = [0, 2, 6];
/// Of pgbench, before and after each run.
const TRANSACTIONS: usize = 200;
const SQL: &str = "SELECT count(*) FROM generate_series(1, 40000)";

/// What pgbench says, where it is sure: that its p95 is on one side of the budget, with an error of one in a hundred, and
/// that it was there both before and after. Where it changed its mind meanwhile, there is no truth to hold a verdict
/// against.
fn truth(before: &[f64], after: &[f64], budget_ms: f64) -> &'static str {
    let counts = [before, after].map(|latencies| {
        let over = latencies.iter().filter(|ms| **ms > budget_ms).count();
        (over as u64, latencies.len() as u64)
    });
    let (over, all) = (counts[0].0 + counts[1].0, counts[0].1 + counts[1].1);
    let is_over = counts.map(|(over, all)| over * 20 > all);
    match is_over {
        [true, true] if lower_bound(over, all, 0.01) > 0.05 => "over",
        [false, false] if upper_bound(over, all, 0.01) <= 0.05 => "within",
        _ => "unsure",
    }
}

#[tokio::test]
#[ignore = "a quarter of an hour; see the head of the file"]
async fn verdicts_around_the_budget_are_those_of_pgbench() {
    let pgbench = pgbench().expect("pgbench (Debian, Ubuntu: apt-get install postgresql)");
    let server = PrivateServer::start(15, &[]);
    let url = server.url("postgres");
    let script = format!("{SQL};\n");
    let measure = || latencies(&pgbench, &url, &script, TRANSACTIONS);
    // What it takes where nothing disturbs it.
    let alone = measure()[TRANSACTIONS / 2];
    let folder = tempfile::tempdir().expect("a folder");
    let queries = folder.path().join("queries");
    std::fs::create_dir_all(&queries).expect("the folder");
    for (name, factor) in FACTORS {
        let text = format!("-- budget: {:.3}ms\n{SQL}\n", alone / factor);
        std::fs::write(queries.join(format!("{name}.sql")), text).expect("the file");
    }
    let mut failures = Vec::new();
    for loops in LOOPS {
        let busy = BusyLoops::start(loops);
        // By factor: truth and verdict, how often.
        let mut counts: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
        let mut before = measure();
        for _ in 0..rounds() {
            let (_, json) = time_queries(&server, folder.path(), &["--queries", "queries"]);
            let after = measure();
            for (name, factor) in FACTORS {
                let queries = json["queries"].as_array().expect("queries");
                let query = queries.iter().find(|query| query["name"] == name);
                let verdict = query.and_then(|query| query["verdict"].as_str());
                let verdict = verdict.expect("a verdict");
                let truth = truth(&before, &after, alone / factor);
                *counts
                    .entry(name)
                    .or_default()
                    .entry(format!("pgbench {truth}, dbaudit {verdict}"))
                    .or_default() += 1;
            }
            before = after;
        }
        drop(busy);
        eprintln!("{loops} busy loops, {alone:.2} ms alone: {counts:#?}");
        let of = |wanted: &dyn Fn(&str) -> bool| -> usize {
            let all = counts.values().flatten();
            all.filter(|(told, _)| wanted(told)).map(|(_, n)| n).sum()
        };
        let judged = of(&|_| true);
        let wrong = of(&|told| {
            [
                "pgbench over, dbaudit within",
                "pgbench within, dbaudit over",
            ]
            .contains(&told)
        });
        let inconclusive = of(&|told| told.ends_with("inconclusive"));
        eprintln!("{loops} busy loops: {wrong} wrong, {inconclusive} inconclusive of {judged}");
        if wrong * 100 > judged {
            failures.push(format!("{loops} loops: {wrong} of {judged} wrong"));
        }
        let most = match loops {
            0 => judged / 10,
            2 => judged / 2,
            _ => judged,
        };
        if inconclusive > most {
            failures.push(format!(
                "{loops} loops: {inconclusive} of {judged} inconclusive"
            ));
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}
