//! Whether `time-queries` sees the times that pgbench sees.

use std::{cell::RefCell, path::Path};

use serde_json::Value;

use crate::{
    arguments::Arguments,
    compare::{Contender, Ratio, interleave, median, rows},
    figure::ms,
    outcome::{Goal, Outcome},
    place::{Place, thousands},
    plot::Plot,
    process::{output, wall},
};

/// A query for both: `$1` here, `:n` there.
struct Query {
    name: &'static str,
    sql: &'static str,
    parameter: u64,
    /// With this percentile nothing is certified before about so many samples.
    percentile: &'static str,
    samples: usize,
    limit: f64,
}

const QUERIES: [Query; 2] = [
    Query {
        name: "by primary key",
        sql: "SELECT id, topic FROM content WHERE id = $1",
        parameter: 4_711,
        percentile: "p99.9",
        samples: 3_000,
        limit: 0.15,
    },
    Query {
        name: "an aggregate",
        sql: "SELECT count(*), sum(length(topic)) FROM content WHERE id <= $1",
        parameter: 60_000,
        percentile: "p95",
        samples: 72,
        limit: 0.02,
    },
];

fn size(arguments: &Arguments) -> u64 {
    arguments.scaled(200_000, 20_000)
}

pub(crate) fn prepare(place: &Place, arguments: &Arguments) {
    place.sample(size(arguments));
}

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let count = size(arguments);
    let database = place.sample(count);
    let mut outcome = Outcome {
        title: "Timing beside pgbench".into(),
        method: format!(
            "The median of a prepared query ({} rows of content) as `time-queries` and as `pgbench -M prepared` \
             (one client, one script, its log of single latencies) see it, in turns. pgbench's transactions commit one \
             by one; dbaudit's samples lie in one read-only transaction that is rolled back.",
            thousands(count)
        ),
        header: [
            "",
            "median",
            "quartiles of the runs' medians",
            "dbaudit ÷ it",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..Outcome::default()
    };
    for (number, query) in QUERIES.iter().enumerate() {
        let folder = place.folder(&format!("query_{number}"));
        write_files(&folder, query);
        let counted = RefCell::new(0);
        let mut all = interleave(
            1,
            arguments.rounds(15),
            vec![
                Contender::new(format!("dbaudit, {}", query.name), || {
                    let (median, samples) = ours(place, &database, &folder)?;
                    *counted.borrow_mut() = samples;
                    Ok(median)
                }),
                Contender::new(format!("pgbench, {}", query.name), || {
                    theirs(place, &database, &folder, query)
                }),
            ],
        );
        outcome.method.push_str(&format!(
            " {}: `{}`, {} samples a run.",
            query.name,
            query.sql,
            counted.borrow()
        ));
        let ratio = Ratio::of(&all[0], &all[1]).map(|ratio| ratio.median);
        outcome.goals.push(Goal::new(
            format!("{}: |dbaudit ÷ pgbench − 1|", query.name),
            ratio.map(|ratio| (ratio - 1.0).abs()),
            query.limit,
            "",
        ));
        outcome.rows.extend(rows(&all));
        let plot = Plot::of(format!("Medians of runs, {}", query.name), "ms", &all);
        outcome.plots.push(plot);
        all.clear();
    }
    whole_run(place, arguments, &mut outcome);
    outcome
}

/// The four standard queries with all their cases, when they are within.
fn whole_run(place: &Place, arguments: &Arguments, outcome: &mut Outcome) {
    let database = place.copy(&place.sample(size(arguments)), "timing_whole");
    place.apply(&database);
    place.sql(&database, &["VACUUM (ANALYZE)"]);
    let mut took: Vec<f64> = Vec::new();
    for _ in 0..arguments.rounds(3) {
        let mut line = place.dbaudit(&database, &["time-queries", "--strict"]);
        match wall(&mut line) {
            Ok(ms) => took.push(ms),
            Err(why) => eprintln!("  the standard queries: {why}"),
        }
    }
    let seconds = median(&took) / 1000.0;
    outcome.rows.push(vec![
        "dbaudit, the four standard queries, all cases, all within".into(),
        ms(median(&took)),
        String::new(),
        String::new(),
    ]);
    outcome.goals.push(Goal::new(
        "a verdict on the four standard queries",
        (!took.is_empty()).then_some(seconds),
        20.0,
        "s",
    ));
}

fn write_files(folder: &Path, query: &Query) {
    let header = format!(
        "-- budget: 500ms {}\n-- param $1: values {}\n",
        query.percentile, query.parameter
    );
    std::fs::write(folder.join("query.sql"), header + query.sql + "\n").expect("written");
    let script = query.sql.replace("$1", ":n") + ";\n";
    std::fs::write(folder.join("query.pgbench"), script).expect("written");
}

fn ours(place: &Place, database: &str, folder: &Path) -> Result<(f64, u64), String> {
    let folder = folder.to_string_lossy();
    let line = ["time-queries", "--format", "json", "--queries", &folder];
    let (_, text) = output(&mut place.dbaudit(database, &line))?;
    let json: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let case = &json["queries"][0]["cases"][0];
    case["p50_ms"]
        .as_f64()
        .zip(case["samples"].as_u64())
        .ok_or_else(|| format!("no median in {json:#}"))
}

fn theirs(place: &Place, database: &str, folder: &Path, query: &Query) -> Result<f64, String> {
    let variable = format!("n={}", query.parameter);
    let script = folder.join("query.pgbench");
    let variables = ["-D", &variable];
    latencies(place, database, &script, &variables, query.samples).map(|found| median(&found))
}

/// What pgbench saw, in milliseconds: one client, prepared, over the same kind of connection as dbaudit's.
pub(super) fn latencies(
    place: &Place,
    database: &str,
    script: &Path,
    variables: &[&str],
    samples: usize,
) -> Result<Vec<f64>, String> {
    let folder = place.folder("pgbench");
    let prefix = folder.join("log").to_string_lossy().into_owned();
    let mut line = crate::process::command(place.peers.pgbench.path()?);
    line.args(["-n", "-M", "prepared", "-c", "1", "-f"])
        .arg(script)
        .args(variables)
        .args(["-t", &samples.to_string(), "-l"])
        .arg(format!("--log-prefix={prefix}"))
        .args(["-h", "127.0.0.1", "-U", "postgres", "-p"])
        .args([&place.server().port().to_string(), database]);
    wall(&mut line)?;
    let mut latencies = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let _ = std::fs::remove_file(entry.path());
        // client, transaction, microseconds, …; 0 where the answer was there at pgbench's first look, for then it reads
        // the clock once for both ends.
        let third = |line: &str| line.split(' ').nth(2)?.parse::<f64>().ok();
        let real = text.lines().filter_map(third).filter(|us| *us > 0.0);
        latencies.extend(real.map(|us| us / 1000.0));
    }
    if latencies.is_empty() {
        return Err("pgbench wrote no log".into());
    }
    Ok(latencies)
}
