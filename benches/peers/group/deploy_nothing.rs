//! The deploy that happens every day: everything is there already.

use crate::{
    arguments::Arguments,
    compare::{Contender, Ratio, header, interleave, median, rows},
    outcome::{Goal, Outcome},
    place::{Place, SMALL, all_migrations, migration},
    plot::Plot,
    process::{command, wall},
};

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let sample = place.sample(SMALL);
    let databases = ["dbaudit", "sqlx", "refinery", "psql"]
        .map(|name| place.copy(&sample, &format!("nothing_{name}")));
    let [ours, sqlx, refinery, plain] = &databases;
    place.apply(ours);
    let names = all_migrations();
    let script = write_script(place, &names);
    let source = write_sqlx_migrations(place, &names);
    let refinery_folder = write_refinery_migrations(place, &names);

    let all = interleave(
        1,
        arguments.rounds(200),
        vec![
            Contender::new("dbaudit apply-indexes", || {
                place.wait_until_alone();
                wall(&mut place.dbaudit(ours, &["apply-indexes"]))
            }),
            Contender::new("sqlx migrate run", || {
                let mut line = command(place.peers.sqlx.path()?);
                line.current_dir(place.folder("empty"))
                    .args(["migrate", "run", "--source", &source])
                    .args(["--database-url", &place.url(sqlx)]);
                place.wait_until_alone();
                wall(&mut line)
            }),
            Contender::new("refinery migrate", || {
                let mut line = command(place.peers.refinery.path()?);
                line.current_dir(place.folder("empty"))
                    .args(["migrate", "-e", "BENCH_URL", "-p", &refinery_folder])
                    .env("BENCH_URL", place.url(refinery));
                place.wait_until_alone();
                wall(&mut line)
            }),
            Contender::new("psql, IF NOT EXISTS", || {
                let mut line = place.psql(plain, &["-f", &script])?;
                place.wait_until_alone();
                wall(&mut line)
            }),
        ],
    );
    let ratio = Ratio::of(&all[0], &all[1]).map(|ratio| ratio.median);
    Outcome {
        title: "Deploy, nothing to do".into(),
        method: format!(
            "The repository's {} index migrations, all applied before. dbaudit compares each index with its \
             definition as the server sees it; sqlx (no-transaction files) and refinery compare checksums in their own tables, \
             refinery of files without CONCURRENTLY, since it wraps each in a transaction; psql asks for each name. Whole \
             processes, connection included; each starts when the server has ended the session of the one before.",
            names.len()
        ),
        header: header("dbaudit"),
        rows: rows(&all),
        goals: vec![
            Goal::new("dbaudit ÷ sqlx", ratio, 1.5, ""),
            Goal::new("dbaudit", Some(median(&all[0].samples)), 25.0, "ms"),
        ],
        plots: vec![Plot::of("Deploy, nothing to do", "ms", &all)],
        ..Outcome::default()
    }
}

fn write_script(place: &Place, names: &[String]) -> String {
    let text: String = names
        .iter()
        .map(|name| {
            migration(name).replace(
                "CREATE INDEX CONCURRENTLY",
                "CREATE INDEX CONCURRENTLY IF NOT EXISTS",
            )
        })
        .collect();
    let file = place.folder("psql").join("if_not_exists.sql");
    // A notice for each index that is there is no news.
    let text = format!("SET client_min_messages = warning;\n{text}");
    std::fs::write(&file, text).expect("the script can be written");
    file.to_string_lossy().into_owned()
}

fn write_refinery_migrations(place: &Place, names: &[String]) -> String {
    let folder = place.folder("refinery");
    for name in names {
        let text = migration(name).replace(" CONCURRENTLY", "");
        std::fs::write(folder.join(format!("{name}.sql")), text)
            .expect("the migration can be written");
    }
    folder.to_string_lossy().into_owned()
}

fn write_sqlx_migrations(place: &Place, names: &[String]) -> String {
    let folder = place.folder("sqlx");
    for name in names {
        let (version, title) = name
            .strip_prefix('V')
            .and_then(|rest| rest.split_once("__"))
            .expect("V<n>__<name>");
        let text = format!("-- no-transaction\n{}", migration(name));
        std::fs::write(folder.join(format!("{version}_{title}.sql")), text)
            .expect("the migration can be written");
    }
    folder.to_string_lossy().into_owned()
}
