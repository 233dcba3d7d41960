//! The deploy that builds everything.

use crate::{
    arguments::Arguments,
    compare::{Contender, Ratio, header, interleave, rows},
    outcome::{Goal, Outcome},
    place::{Place, STANDARD},
    plot::Plot,
    process::wall,
};

/// Back to no index of ours, for the next contender.
pub(crate) const UNDO: [&str; 5] = [
    "DROP INDEX IF EXISTS idx_content_user_date",
    "DROP INDEX IF EXISTS idx_content_search",
    "DROP INDEX IF EXISTS idx_content_topic_hash",
    "DROP INDEX IF EXISTS idx_user_activity",
    "DROP TABLE IF EXISTS dbaudit_index_history",
];

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let count = arguments.rows();
    let database = place.copy(&place.sample(count), "full");
    let folder = place.migrations(&STANDARD);
    let undo = || {
        place.sql(&database, &UNDO);
        place.settle();
    };
    let ours = |jobs: &'static str| {
        let line = ["apply-indexes", "--migrations", &folder, "--jobs", jobs];
        let mut line = place.dbaudit(&database, &line);
        move || {
            undo();
            wall(&mut line)
        }
    };
    let all = interleave(
        // The first reading of the table by anybody.
        1,
        arguments.rounds(5),
        vec![
            Contender::new("dbaudit --jobs 1", ours("1")),
            Contender::new("dbaudit --jobs 2", ours("2")),
            Contender::new("psql, one after the other", || {
                undo();
                let files: Vec<String> = STANDARD
                    .iter()
                    .map(|name| format!("{folder}/{name}.sql"))
                    .collect();
                let args: Vec<&str> = files.iter().flat_map(|file| ["-f", file]).collect();
                wall(&mut place.psql(&database, &args)?)
            }),
        ],
    );
    undo();
    let ratio = |ours: usize| Ratio::of(&all[ours], &all[2]).map(|ratio| ratio.median);
    Outcome {
        title: "Deploy, everything to do".into(),
        method: format!(
            "The four standard indexes (three on `content`, one on `users`) on {count} rows of content, dropped \
             again before each turn. psql sends the same statements from the same files; it neither checks the result nor \
             watches for locks. Two jobs never build twice on one table, so only the small index on `users` runs beside."
        ),
        header: header("dbaudit --jobs 1"),
        rows: rows(&all),
        goals: vec![
            Goal::new("dbaudit --jobs 1 ÷ psql", ratio(0), 1.05, ""),
            Goal::new("dbaudit --jobs 2 ÷ psql", ratio(1), 1.0, ""),
        ],
        plots: vec![Plot::of(
            format!("The four standard indexes on {count} rows"),
            "ms",
            &all,
        )],
        ..Outcome::default()
    }
}
