//! What the binary costs before it does anything, and the memory of each command.

use crate::{
    arguments::Arguments,
    compare::{Contender, interleave, median},
    outcome::{Goal, Outcome, mib, ms},
    place::Place,
    plot::Plot,
    process::{command, peak, wall},
};

const OWN: &str = env!("CARGO_BIN_EXE_dbaudit");

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let help = |program: Result<&std::path::Path, String>| {
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
            Contender::new("psql --help", || help(place.peers.psql.path())),
        ],
    );
    let bytes =
        |path: &std::path::Path| std::fs::metadata(path).map_or(f64::NAN, |m| m.len() as f64);
    let size = bytes(OWN.as_ref());
    let mut outcome = Outcome {
        title: "Start-up, size, memory".into(),
        method: "`--help` as a whole process; the binary as built by `cargo build --release`; the peak memory of each \
                 command on the demo's data (200,000 rows of content)."
            .into(),
        header: ["", "figure"].map(str::to_owned).to_vec(),
        goals: vec![
            Goal::new("--help", Some(median(&all[0].samples)), 10.0, "ms"),
            Goal::new("binary", Some(size / 1048576.0), 15.0, "MiB"),
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
    outcome
        .rows
        .push(vec!["dbaudit, the binary".into(), mib(size)]);
    if let Ok(path) = place.peers.sqlx.path() {
        outcome
            .rows
            .push(vec!["sqlx, the binary".into(), mib(bytes(path))]);
    }

    let rows = if arguments.quick() { 20_000 } else { 200_000 };
    let database = place.copy(&place.sample(rows), "memory");
    let commands: [(&str, &[&str]); 7] = [
        ("apply-indexes, all six to do", &["apply-indexes"]),
        ("apply-indexes, nothing to do", &["apply-indexes"]),
        ("status", &["status"]),
        ("time-queries", &["time-queries"]),
        ("report", &["report", "--fail-on", "never"]),
        (
            "report --format html",
            &["report", "--fail-on", "never", "--format", "html"],
        ),
        ("--help", &["--help"]),
    ];
    let mut most: f64 = 0.0;
    for (name, line) in commands {
        let figure = match peak(&place.dbaudit(&database, line), &place.folder("empty")) {
            Ok(bytes) => {
                most = most.max(bytes as f64);
                mib(bytes as f64)
            }
            Err(why) => why,
        };
        outcome.rows.push(vec![format!("memory: {name}"), figure]);
    }
    outcome.goals.push(Goal::new(
        "the most memory of any of these commands",
        Some(most / 1048576.0),
        50.0,
        "MiB",
    ));
    outcome
}
