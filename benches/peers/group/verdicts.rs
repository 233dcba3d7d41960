//! How often a verdict is right, and how often there is none.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::{
    arguments::Arguments,
    outcome::{Goal, Outcome},
    place::Place,
    process::command,
};

/// Milliseconds; the query sleeps on the server, so that its time is known.
const BUDGET_MS: f64 = 20.0;
const FACTORS: [f64; 5] = [0.5, 0.9, 1.0, 1.1, 2.0];

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let times = arguments.rounds(20);
    let mut outcome = Outcome {
        title: "Verdicts around the budget".into(),
        method: format!(
            "Queries that sleep on the server for a part or a multiple of their budget of {BUDGET_MS} ms (p95), {times} verdicts each \
             (`--max-time 6s`), on an idle machine and beside as many busy processes as there are processors. A sleep ends about 0.1 ms late, so the one \
             at exactly 1.0 times the budget is over it."
        ),
        header: [
            "sleeps for",
            "busy processes",
            "within",
            "inconclusive",
            "over",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..Outcome::default()
    };
    let database = place.sample(5_000);
    let (mut wrong, mut judged) = (0, 0);
    for hogs in [
        0,
        std::thread::available_parallelism().map_or(2, usize::from),
    ] {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..hogs {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        std::hint::black_box((0..10_000u64).sum::<u64>());
                    }
                });
            }
            for factor in FACTORS {
                let mut found = [0; 3];
                for _ in 0..times {
                    match verdict(place, &database, factor).as_deref() {
                        Ok("within") => found[0] += 1,
                        Ok("inconclusive") => found[1] += 1,
                        Ok("over") => found[2] += 1,
                        other => eprintln!("  no verdict: {other:?}"),
                    }
                }
                judged += found.iter().sum::<usize>();
                wrong += if factor < 1.0 { found[2] } else { found[0] };
                outcome.rows.push(vec![
                    format!("{factor} × budget"),
                    hogs.to_string(),
                    found[0].to_string(),
                    found[1].to_string(),
                    found[2].to_string(),
                ]);
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
    outcome.goals.push(Goal::new(
        format!("wrong verdicts of {judged}"),
        Some(wrong as f64),
        0.0,
        "",
    ));
    outcome
}

fn verdict(place: &Place, database: &str, factor: f64) -> Result<String, String> {
    let folder = place.folder("verdict");
    let text = format!(
        "-- budget: {BUDGET_MS}ms\nSELECT pg_sleep({})\n",
        BUDGET_MS * factor / 1000.0
    );
    std::fs::write(folder.join("planted.sql"), text).map_err(|error| error.to_string())?;
    let folder = folder.to_string_lossy();
    let mut line = vec!["time-queries", "--format", "json", "--queries", &folder];
    line.extend(["--max-time", "6s"]);
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
