//! A snapshot, and the twin that is made of it.

use crate::{
    arguments::Arguments,
    compare::{Contender, interleave, median, rows},
    outcome::{Goal, Outcome},
    place::{Place, thousands},
    plot::Plot,
    process::{command, output, wall},
};

/// Seconds that a snapshot and a twin may take, and megabytes that the file and the folder may have: of the sample, and of
/// thousands of tables.
const SAMPLE: [f64; 4] = [5.0, 5.0, 20.0, 150.0];
const MANY: [f64; 4] = [5.0, 30.0, 20.0, 150.0];

fn sizes(arguments: &Arguments) -> (u64, u64) {
    arguments.scaled((200_000, 5_000), (20_000, 50))
}

pub(crate) fn prepare(place: &Place, arguments: &Arguments) {
    let (rows, tables) = sizes(arguments);
    place.sample(rows);
    super::report::many_tables(place, tables);
}

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let (content, tables) = sizes(arguments);
    let mut outcome = Outcome {
        title: "A snapshot and its twin".into(),
        method: "`dbaudit snapshot` beside `pg_dump --schema-only`, which it runs; then `dbaudit twin` with a command that measures \
                 its folder, from the start of the process until the server and the folder are gone. Whole processes. The folder holds at \
                 least one or two blocks of each index: with 15,000 indexes and 5,000 TOAST tables they alone are 160 MB."
            .into(),
        header: ["", "median", "quartiles", "dbaudit ÷ it", "file", "folder"]
            .map(str::to_owned)
            .to_vec(),
        ..Outcome::default()
    };
    for (name, about, goals) in [
        (
            place.sample(content),
            format!("the sample, {} rows of content", thousands(content)),
            SAMPLE,
        ),
        (
            super::report::many_tables(place, tables),
            format!("{} tables", thousands(tables)),
            MANY,
        ),
    ] {
        one(place, arguments, (&name, &about, goals), &mut outcome);
    }
    outcome
}

fn one(
    place: &Place,
    arguments: &Arguments,
    (database, about, goals): (&str, &str, [f64; 4]),
    outcome: &mut Outcome,
) {
    let file = place.folder("twin").join(format!("{database}.json"));
    let file = file.to_string_lossy().into_owned();
    let binaries = place.server().binaries().folder.clone();
    let folder = "du -sk \"$(psql -X -A -t -c 'SHOW data_directory')\"";
    let mut folder_kb = Vec::new();
    let all = interleave(
        0,
        arguments.rounds(5),
        vec![
            Contender::new("dbaudit snapshot", || {
                wall(&mut place.dbaudit(database, &["snapshot", "-o", &file]))
            }),
            Contender::new("pg_dump --schema-only", || {
                let mut line = command(binaries.join("pg_dump"));
                line.args(["--schema-only", "-d", &place.url(database)]);
                output(&mut line).map(|(took, _)| took.as_secs_f64() * 1000.0)
            }),
            Contender::new("dbaudit twin", || {
                let mut line = command(env!("CARGO_BIN_EXE_dbaudit"));
                line.args(["twin", &file, "--server-bin"])
                    .arg(&binaries)
                    .args(["--", "sh", "-c", folder]);
                let (took, said) = output(&mut line)?;
                let kb = said
                    .split_whitespace()
                    .next()
                    .and_then(|kb| kb.parse::<f64>().ok());
                folder_kb.extend(kb);
                Ok(took.as_secs_f64() * 1000.0)
            }),
        ],
    );
    let file_mb = std::fs::metadata(&file).map_or(f64::NAN, |it| it.len() as f64 / 1e6);
    let folder_mb = median(&folder_kb) * 1024.0 / 1e6;
    let sizes = [
        [format!("{file_mb:.1} MB"), String::new()],
        [String::new(), String::new()],
        [String::new(), format!("{folder_mb:.0} MB")],
    ];
    for (mut row, sizes) in rows(&all).into_iter().zip(sizes) {
        row[0] = format!("{}, {about}", row[0]);
        row.extend(sizes);
        outcome.rows.push(row);
    }
    let seconds = |at: usize| Some(median(&all[at].samples) / 1000.0);
    let figures = [seconds(0), seconds(2), Some(file_mb), Some(folder_mb)];
    let names = [
        ("snapshot", "s"),
        ("twin", "s"),
        ("file", "MB"),
        ("folder", "MB"),
    ];
    for ((name, unit), (figure, goal)) in names.into_iter().zip(figures.into_iter().zip(goals)) {
        outcome
            .goals
            .push(Goal::new(format!("{about}: {name}"), figure, goal, unit));
    }
    outcome.plots.push(Plot::of(about, "ms", &all));
}
