//! The deploy that builds everything.

use crate::{
    arguments::Arguments,
    compare::{Contender, Ratio, Sampled, header, interleave, rows},
    outcome::{Goal, Outcome},
    place::{Place, STANDARD, all_migrations, thousands},
    plot::Plot,
    process::wall,
};

/// A deploy: which migrations, on how many rows.
struct Deploy {
    title: &'static str,
    migrations: Vec<String>,
    rows: u64,
    rounds: usize,
    /// Each build has the server's own parallel workers besides.
    workers: bool,
}

/// One on `content`, one on `content_metadata`: about as much work each.
const TWO_TABLES: [&str; 2] = ["V1__content_user_date", "V6__content_metadata_content_id"];

/// Rounds in multiples of six: everyone has begun in both directions then.
fn deploys(arguments: &Arguments) -> [Deploy; 6] {
    let [million, three_millions] = arguments.scaled([1_000_000, 3_000_000], [20_000, 40_000]);
    let standard = STANDARD.map(str::to_owned).to_vec();
    [
        Deploy {
            title: "the four standard indexes",
            migrations: standard.clone(),
            rows: million,
            rounds: arguments.rounds(6),
            workers: true,
        },
        Deploy {
            title: "all six indexes",
            migrations: all_migrations(),
            rows: million,
            rounds: arguments.rounds(6),
            workers: true,
        },
        Deploy {
            title: "all six indexes without parallel workers",
            migrations: all_migrations(),
            rows: million,
            rounds: arguments.rounds(6),
            workers: false,
        },
        Deploy {
            title: "an index on each of two tables",
            migrations: TWO_TABLES.map(str::to_owned).to_vec(),
            rows: million,
            rounds: arguments.rounds(12),
            workers: true,
        },
        Deploy {
            title: "an index on each of two tables without parallel workers",
            migrations: TWO_TABLES.map(str::to_owned).to_vec(),
            rows: million,
            rounds: arguments.rounds(12),
            workers: false,
        },
        Deploy {
            title: "the four standard indexes",
            migrations: standard,
            rows: three_millions,
            // A minute a round and more.
            rounds: arguments.rounds(6),
            workers: true,
        },
    ]
}

pub(crate) fn prepare(place: &Place, arguments: &Arguments) {
    for deploy in deploys(arguments) {
        place.sample(deploy.rows);
    }
}

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let mut outcome = Outcome {
        title: "Deploy, everything to do".into(),
        method: "The four standard indexes (three on `content`, one on `users`), all six of the repository (one more \
                 on `content`, one on `content_metadata`), and one on each of these two tables, dropped again before each \
                 turn. psql sends the same statements from the same files, one after the other; it neither checks the \
                 result nor watches for locks. Two jobs never build twice on one table. Each build has the server's own \
                 parallel workers besides, two of them, which on two processors leave little for a second job; without \
                 them (`--parallel-workers 0`, for psql in PGOPTIONS) it is seen."
            .into(),
        header: header("dbaudit --jobs 1"),
        ..Outcome::default()
    };
    for deploy in deploys(arguments) {
        let all = take_turns(place, &deploy);
        let on = format!("{}, {} rows", deploy.title, thousands(deploy.rows));
        let ratio = |ours: usize| Ratio::of(&all[ours], &all[2]).map(|ratio| ratio.median);
        outcome.goals.extend([
            Goal::new(format!("{on}: --jobs 1 ÷ psql"), ratio(0), 1.05, ""),
            Goal::new(format!("{on}: --jobs 2 ÷ psql"), ratio(1), 1.0, ""),
        ]);
        let capital = on[..1].to_uppercase() + &on[1..];
        outcome.plots.push(Plot::of(capital, "ms", &all));
        for mut row in rows(&all) {
            row[0] = format!("{}: {on}", row[0]);
            outcome.rows.push(row);
        }
    }
    outcome
}

fn take_turns(place: &Place, deploy: &Deploy) -> Vec<Sampled> {
    let database = place.sample(deploy.rows);
    let names: Vec<&str> = deploy.migrations.iter().map(String::as_str).collect();
    let folder = place.migrations(&names);
    let files: Vec<String> = names
        .iter()
        .map(|name| format!("{folder}/{name}.sql"))
        .collect();
    let undo = || {
        place.undo(&database);
        place.settle();
    };
    let ours = |jobs: &'static str| {
        let mut line = vec!["apply-indexes", "--migrations", &folder, "--jobs", jobs];
        if !deploy.workers {
            line.extend(["--parallel-workers", "0"]);
        }
        let mut line = place.dbaudit(&database, &line);
        move || {
            undo();
            wall(&mut line)
        }
    };
    // The first reading of the table by anybody.
    place.sql(&database, &["SELECT count(body) FROM content"]);
    let all = interleave(
        0,
        deploy.rounds,
        vec![
            Contender::new("dbaudit --jobs 1", ours("1")),
            Contender::new("dbaudit --jobs 2", ours("2")),
            Contender::new("psql", || {
                undo();
                let args: Vec<&str> = files.iter().flat_map(|file| ["-f", file]).collect();
                let mut line = place.psql(&database, &args)?;
                if !deploy.workers {
                    line.env("PGOPTIONS", "-c max_parallel_maintenance_workers=0");
                }
                wall(&mut line)
            }),
        ],
    );
    undo();
    all
}
