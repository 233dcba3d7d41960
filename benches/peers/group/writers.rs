//! What a build costs those who write meanwhile.

use std::{cell::RefCell, time::Duration};

use crate::{
    arguments::Arguments,
    compare::{Contender, Ratio, interleave, median},
    figure::ms,
    outcome::{Goal, Outcome},
    place::{Place, STANDARD, migration, thousands},
    plot::Plot,
    process::wall,
    writers::{Felt, Load, RATE},
};

/// The three on `content`, where the writers are.
const ON_CONTENT: [&str; 3] = [STANDARD[0], STANDARD[1], STANDARD[2]];

/// Builds of some seconds: hundreds of writes beside each.
fn size(arguments: &Arguments) -> u64 {
    arguments.scaled(400_000, 20_000)
}

pub(crate) fn prepare(place: &Place, arguments: &Arguments) {
    place.sample(size(arguments));
}

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let count = size(arguments);
    let database = place.copy(&place.sample(count), "writers");
    let folder = place.migrations(&ON_CONTENT);
    let plain: String = ON_CONTENT
        .iter()
        .map(|name| migration(name).replace(" CONCURRENTLY", ""))
        .collect();
    let plain_file = place.folder("psql").join("plain.sql");
    std::fs::write(&plain_file, plain).expect("the script can be written");
    let plain_file = plain_file.to_string_lossy().into_owned();
    let files: Vec<String> = ON_CONTENT
        .iter()
        .map(|name| format!("{folder}/{name}.sql"))
        .collect();
    let concurrent: Vec<&str> = files.iter().flat_map(|file| ["-f", file]).collect();

    let felt: RefCell<Vec<Vec<Felt>>> = RefCell::new(vec![Vec::new(); 4]);
    // A round: from no index, under load; the sample is the p99 of the writes.
    let round = |at: usize, work: &dyn Fn() -> Result<f64, String>| {
        place.undo(&database);
        place.settle();
        let (done, writes) = Load::start(&place.url(&database), "content").during(work);
        done?;
        let p99 = writes.at(0.99);
        felt.borrow_mut()[at].push(writes);
        Ok(p99)
    };
    let idle = Duration::from_secs(arguments.scaled(10, 2));
    let all = interleave(
        0,
        arguments.rounds(5),
        vec![
            Contender::new("dbaudit apply-indexes", || {
                let line = ["apply-indexes", "--migrations", &folder];
                round(0, &|| wall(&mut place.dbaudit(&database, &line)))
            }),
            Contender::new("psql, concurrently", || {
                round(1, &|| wall(&mut place.psql(&database, &concurrent)?))
            }),
            Contender::new("psql, plain build", || {
                round(2, &|| {
                    wall(&mut place.psql(&database, &["-f", &plain_file])?)
                })
            }),
            Contender::new("nothing running", || {
                round(3, &|| {
                    std::thread::sleep(idle);
                    Ok(0.0)
                })
            }),
        ],
    );
    place.undo(&database);
    let felt = felt.into_inner();
    let mid = |at: usize, share: f64| {
        median(&felt[at].iter().map(|one| one.at(share)).collect::<Vec<_>>())
    };
    let rows = all
        .iter()
        .enumerate()
        .map(|(at, one)| {
            if let Some(why) = &one.missing {
                return vec![one.name.clone(), why.clone()];
            }
            let writes: usize = felt[at].iter().map(|one| one.latencies.len()).sum();
            let worst = felt[at].iter().map(|one| one.at(1.0)).fold(0.0, f64::max);
            let failed: usize = felt[at].iter().map(|one| one.failed).sum();
            vec![
                one.name.clone(),
                writes.to_string(),
                ms(mid(at, 0.5)),
                ms(mid(at, 0.99)),
                ms(worst),
                failed.to_string(),
            ]
        })
        .collect();
    let failed: usize = felt[0].iter().map(|one| one.failed).sum();
    let ratio = Ratio::of(&all[0], &all[1]);
    let mut plot = Plot::of("p99 of the writes beside a build, each round", "ms", &all);
    plot.logarithmic = true;
    Outcome {
        title: "Writers beside a build".into(),
        method: format!(
            "{RATE} writes a second on `content` ({} rows), half inserts, half updates of an indexed column, in an \
             open loop: a write's latency counts from the moment it was due. Meanwhile the three standard indexes on \
             `content` are built. p50 and p99: the median of the rounds' own; max: of all rounds. p99 of dbaudit ÷ \
             that beside psql's concurrent builds, round by round: {}.",
            thousands(count),
            ratio.map_or("?".into(), |ratio| ratio.to_string())
        ),
        header: ["", "writes", "p50", "p99", "max", "failed"]
            .map(str::to_owned)
            .to_vec(),
        rows,
        goals: vec![
            Goal::new(
                "p99 beside dbaudit ÷ beside psql, concurrently",
                ratio.map(|ratio| ratio.median),
                1.1,
                "",
            ),
            Goal::new("failed writes", Some(failed as f64), 0.0, ""),
        ],
        plots: vec![plot],
        ..Outcome::default()
    }
}
