//! How often a verdict is right, and how often there is none.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::Value;

use super::timing::latencies;
use crate::{
    arguments::Arguments,
    compare::quantile,
    figure::ms,
    outcome::{Goal, Outcome},
    place::{Place, SMALL},
    plot::Plot,
    process::command,
};

/// Milliseconds: small, so that 200 verdicts take minutes.
const BUDGET_MS: f64 = 5.0;
const FACTORS: [f64; 5] = [0.5, 0.9, 1.0, 1.1, 2.0];
/// What the summary calls wrong: a verdict on the other side of the budget than the true percentile, where that one is
/// not within this share of the budget.
const DOUBT: f64 = 0.05;

/// Works on a processor until so much time has passed: nothing else decides how long it takes.
const WORK: &str = "CREATE FUNCTION work(ms float8) RETURNS int LANGUAGE plpgsql AS $$
    DECLARE until timestamptz := clock_timestamp() + ms * interval '1 millisecond'; turns int := 0;
    BEGIN WHILE clock_timestamp() < until LOOP turns := turns + 1; END LOOP; RETURN turns; END $$";

/// How one query's verdicts came out.
#[derive(Default)]
struct Found {
    within: usize,
    inconclusive: usize,
    over: usize,
}

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let times = arguments.rounds(20);
    let mut outcome = Outcome {
        title: "Verdicts around the budget".into(),
        header: [
            "takes",
            "busy processes",
            "its p95, by pgbench",
            "within",
            "inconclusive",
            "over",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..Outcome::default()
    };
    let database = place.copy(&place.sample(SMALL), "verdicts");
    place.sql(&database, &[WORK]);
    let folder = place.folder("verdict");
    let no_op = planted(place, &database, &folder, 0.0, 500).unwrap_or_default();
    // Without what other work on the machine adds now and then.
    let overhead = quantile(&no_op, 0.1);
    let overhead = if overhead.is_nan() { 0.0 } else { overhead };
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let (mut wrong, mut judged, mut undecided) = (0, 0, 0);
    let mut shares = Plot {
        title: format!("{times} verdicts each: within (green), inconclusive (sand), over (red)"),
        stacked: true,
        ..Plot::default()
    };
    for hogs in [0, processors] {
        for factor in FACTORS {
            let work = (BUDGET_MS * factor - overhead).max(0.0);
            let mut found = Found::default();
            let truth = beside(hogs, || {
                for _ in 0..times {
                    match verdict(place, &database, work).as_deref() {
                        Ok("within") => found.within += 1,
                        Ok("inconclusive") => found.inconclusive += 1,
                        Ok("over") => found.over += 1,
                        other => eprintln!("  no verdict: {other:?}"),
                    }
                }
                let samples = planted(place, &database, &folder, work, arguments.scaled(1_000, 50));
                samples.map(|samples| quantile(&samples, 0.95))
            });
            judged += found.within + found.inconclusive + found.over;
            undecided += found.inconclusive;
            if let Ok(truth) = truth
                && (truth / BUDGET_MS - 1.0).abs() > DOUBT
            {
                wrong += if truth < BUDGET_MS {
                    found.over
                } else {
                    found.within
                };
            }
            outcome.rows.push(vec![
                format!("{factor} × budget"),
                hogs.to_string(),
                truth.map_or_else(|why| why, ms),
                found.within.to_string(),
                found.inconclusive.to_string(),
                found.over.to_string(),
            ]);
            let label = match hogs {
                0 => format!("{factor} × budget"),
                _ => format!("{factor} × budget, beside {hogs} hogs"),
            };
            let counts = [found.within, found.inconclusive, found.over];
            let counts = counts.map(|count| count as f64).to_vec();
            shares.series.push((label, counts));
        }
    }
    outcome.plots.push(shares);
    outcome.method = format!(
        "A query that works on a processor until a part or a multiple of its budget of {BUDGET_MS} ms (p95) has passed, \
         a round trip ({}) included; {times} verdicts each (`--max-time 4s`), on an otherwise idle machine and beside as many \
         processes as there are processors that do nothing but compute. What is true of each is measured in the same minute \
         by pgbench: beside hogs, a query that takes 0.9 times its budget is often over it. A verdict counts as wrong where it \
         contradicts a p95 that is more than {:.0} % away from the budget.",
        ms(overhead),
        DOUBT * 100.0
    );
    outcome.goals.extend([
        Goal::new(
            format!("wrong verdicts of {judged}"),
            Some(wrong as f64),
            0.0,
            "",
        ),
        Goal::new(
            "inconclusive",
            Some(100.0 * undecided as f64 / judged as f64),
            20.0,
            "%",
        ),
    ]);
    outcome
}

/// Does something beside so many threads that only compute.
fn beside<T>(hogs: usize, work: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..hogs {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::black_box((0..10_000u64).sum::<u64>());
                }
            });
        }
        let done = work();
        stop.store(true, Ordering::Relaxed);
        done
    })
}

/// The query's true latencies, seen by pgbench.
fn planted(
    place: &Place,
    database: &str,
    folder: &Path,
    work: f64,
    samples: usize,
) -> Result<Vec<f64>, String> {
    let script = folder.join("planted.pgbench");
    std::fs::write(&script, format!("SELECT work({work});\n"))
        .map_err(|error| error.to_string())?;
    latencies(place, database, &script, &[], samples)
}

fn verdict(place: &Place, database: &str, work: f64) -> Result<String, String> {
    let folder = place.folder("verdict_query");
    let text = format!("-- budget: {BUDGET_MS}ms\nSELECT work({work})\n");
    std::fs::write(folder.join("planted.sql"), text).map_err(|error| error.to_string())?;
    let folder = folder.to_string_lossy();
    let mut line = vec!["time-queries", "--format", "json", "--queries", &folder];
    line.extend(["--max-time", "4s"]);
    let ours = place.dbaudit(database, &line);
    let mut run = command(ours.get_program());
    run.args(ours.get_args()).current_dir(place.folder("empty"));
    // Status 1 is a verdict too.
    let done = run.output().map_err(|error| error.to_string())?;
    let json: Value = serde_json::from_slice(&done.stdout).map_err(|error| error.to_string())?;
    Ok(json["queries"][0]["verdict"]
        .as_str()
        .unwrap_or("none")
        .to_owned())
}
