//! What the binary costs before it does anything, and the memory of each command.

use std::{path::Path, time::Duration};

use crate::{
    arguments::Arguments,
    compare::{Contender, interleave, median},
    figure::{mib, ms},
    outcome::{Goal, Outcome},
    place::{Place, thousands},
    plot::Plot,
    process::{Measured, command, measured, own_peak, wall},
    serving::Serving,
};

const OWN: &str = env!("CARGO_BIN_EXE_dbaudit");

/// Every command on the demo's data, in an order in which each finds what it needs.
const COMMANDS: [(&str, &[&str]); 14] = [
    ("--help", &["--help"]),
    (
        "apply-indexes --dry-run, all to do",
        &["apply-indexes", "--dry-run"],
    ),
    ("apply-indexes, all to do", &["apply-indexes"]),
    ("apply-indexes, nothing to do", &["apply-indexes"]),
    ("status", &["status"]),
    ("time-queries", &["time-queries"]),
    ("advise", &["advise"]),
    ("report", &["report", "--fail-on", "never"]),
    (
        "report --format json",
        &["report", "--fail-on", "never", "--format", "json"],
    ),
    (
        "report --format html",
        &["report", "--fail-on", "never", "--format", "html"],
    ),
    ("explain", &["explain", "unused-index"]),
    ("config", &["config"]),
    ("completions", &["completions", "bash"]),
    ("man", &["man"]),
];

fn size(arguments: &Arguments) -> u64 {
    arguments.scaled(200_000, 20_000)
}

pub(crate) fn prepare(place: &Place, arguments: &Arguments) {
    place.sample(size(arguments));
}

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let help = |program: Result<&Path, String>| {
        let mut line = command(program?);
        line.arg("--help").current_dir(place.folder("empty"));
        wall(&mut line)
    };
    let all = interleave(
        1,
        arguments.rounds(60),
        vec![
            Contender::new("dbaudit --help", || help(Ok(OWN.as_ref()))),
            Contender::new("sqlx --help", || help(place.peers.sqlx.path())),
            Contender::new("refinery --help", || help(place.peers.refinery.path())),
            Contender::new("pgextras --help", || help(place.peers.pg_extras.path())),
            Contender::new("psql --help", || help(place.peers.psql.path())),
        ],
    );
    let bytes = |path: &Path| std::fs::metadata(path).map_or(f64::NAN, |m| m.len() as f64);
    let size_of_own = bytes(OWN.as_ref());
    let mut outcome = Outcome {
        title: "Start-up, size, memory".into(),
        method: format!(
            "`--help` as a whole process; the binaries as `cargo build --release` and `cargo install` make them; the peak memory of \
             each command on the demo's data ({} rows of content); that of `serve` is told with its load.",
            thousands(size(arguments))
        ),
        header: ["", "figure"].map(str::to_owned).to_vec(),
        goals: vec![
            Goal::new("--help", Some(median(&all[0].samples)), 10.0, "ms"),
            Goal::new("binary", Some(size_of_own / 1_048_576.0), 15.0, "MiB"),
        ],
        plots: vec![Plot::of("--help", "ms", &all)],
        ..Outcome::default()
    };
    for one in &all {
        let figure = one
            .missing
            .clone()
            .unwrap_or_else(|| ms(median(&one.samples)));
        outcome.rows.push(vec![one.name.clone(), figure]);
    }
    let binaries = [
        ("dbaudit", Ok(OWN.as_ref())),
        ("sqlx", place.peers.sqlx.path()),
        ("refinery", place.peers.refinery.path()),
        ("pgextras", place.peers.pg_extras.path()),
    ];
    for (name, path) in binaries {
        let figure = path.map_or_else(|why| why, |path| mib(bytes(path)));
        outcome
            .rows
            .push(vec![format!("{name}, the binary"), figure]);
    }
    memory(place, arguments, &mut outcome);
    outcome
}

fn memory(place: &Place, arguments: &Arguments, outcome: &mut Outcome) {
    let database = place.copy(&place.sample(size(arguments)), "memory");
    let mut most: f64 = 0.0;
    let mut missed = 0;
    let ours = COMMANDS.map(|(name, line)| {
        let line = place.dbaudit(&database, line);
        let peak = measured(&line, &place.folder("empty"), &[0]).map(|done| done.peak_bytes);
        (name, peak)
    });
    let endpoints = time_endpoints(place, &database).map(|done| done.peak_bytes);
    // Its server is a child of its own.
    let rows = size(arguments).to_string();
    let mut demo = command(OWN);
    demo.args(["demo", "--rows", &rows, "--server-bin"])
        .arg(&place.server().binaries().folder)
        .current_dir(place.folder("empty"));
    let ours = ours
        .into_iter()
        .chain([("time-endpoints", endpoints), ("demo", own_peak(&mut demo))]);
    for (name, peak) in ours {
        let figure = match peak {
            Ok(bytes) => {
                most = most.max(bytes);
                mib(bytes)
            }
            Err(why) => {
                eprintln!("  {name}: {why}");
                missed += 1;
                why
            }
        };
        outcome.rows.push(vec![format!("memory: {name}"), figure]);
    }
    let whole = (missed == 0).then_some(most / 1_048_576.0);
    let what = "the most memory of any of these commands";
    outcome.goals.push(Goal::new(what, whole, 50.0, "MiB"));
}

/// On the health of a server that is there anyway: `serve`.
fn time_endpoints(place: &Place, database: &str) -> Result<Measured, String> {
    let serving = Serving::start(place, database, Duration::from_secs(30));
    let folder = place.folder("endpoints");
    let config = format!(
        "[[endpoint]]\nname = \"health\"\nurl = \"http://{}/health\"\n",
        serving.address
    );
    std::fs::write(folder.join("dbaudit.toml"), config).expect("the file can be written");
    let mut line = command(OWN);
    line.arg("time-endpoints").current_dir(folder);
    measured(&line, &place.folder("empty"), &[0])
}
