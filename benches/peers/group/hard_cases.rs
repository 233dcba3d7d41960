//! Writers beside what deploys meet in bad weather.

use std::{
    cell::Cell,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    arguments::Arguments,
    figure::ms,
    outcome::{Goal, Outcome},
    place::{Place, STANDARD, connect, thousands},
    plot::Plot,
    process::{output, wall},
    writers::{Felt, Load, RATE},
};

/// Nobody may wait longer for the deploy.
const LIMIT_MS: f64 = 100.0;

fn size(arguments: &Arguments) -> u64 {
    arguments.scaled(200_000, 20_000)
}

pub(crate) fn prepare(place: &Place, arguments: &Arguments) {
    place.sample(size(arguments));
}

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let rows = size(arguments);
    let retried = Cell::new(0);
    let storm = |place: &Place, database: &str| storm(place, database, &retried);
    let cases: [(&str, &Case<'_>); 5] = [
        ("--replace of a changed index", &replace),
        ("a partition tree of 8", &partitions),
        ("a storm of table locks", &storm),
        ("the storm alone, no deploy", &storm_alone),
        ("an orphan adopted", &orphan),
    ];
    let mut outcome = Outcome {
        title: "Writers beside the hard cases".into(),
        header: ["", "took", "writes", "p99", "max", "failed"]
            .map(str::to_owned)
            .to_vec(),
        ..Outcome::default()
    };
    let mut plot = Plot {
        title: "p99 of the writes, each round".into(),
        unit: "ms".into(),
        ..Plot::default()
    };
    for (name, case) in cases {
        let mut took = Vec::new();
        let mut all = Felt::default();
        let mut p99s = Vec::new();
        let mut broken = None;
        for _ in 0..arguments.rounds(3) {
            let database = place.copy(&place.sample(rows), "hard");
            match case(place, &database) {
                Ok((ms, felt)) => {
                    took.push(ms);
                    p99s.push(felt.at(0.99));
                    all.failed += felt.failed;
                    all.latencies.extend(felt.latencies);
                }
                Err(why) => broken = Some(why),
            }
        }
        let ours = !name.ends_with("no deploy");
        let named = format!("{}{name}", if ours { "dbaudit, " } else { "" });
        plot.series.push((named, p99s));
        if let Some(why) = broken {
            eprintln!("  {name}: {why}");
            outcome.rows.push(vec![name.into(), why]);
            continue;
        }
        outcome.rows.push(vec![
            name.into(),
            ms(crate::compare::median(&took)),
            all.latencies.len().to_string(),
            ms(all.at(0.99)),
            ms(all.at(1.0)),
            all.failed.to_string(),
        ]);
        if !ours {
            continue;
        }
        outcome.goals.extend([
            Goal::new(
                format!("{name}: longest write"),
                Some(all.at(1.0)),
                LIMIT_MS,
                "ms",
            ),
            Goal::new(
                format!("{name}: failed writes"),
                Some(all.failed as f64),
                0.0,
                "",
            ),
        ]);
    }
    outcome.plots.push(plot);
    outcome.method = format!(
        "The same open loop of {RATE} writes a second, {} rows. A changed index is replaced; a partitioned table gets its \
         index; three indexes are built while another session takes the table's lock in SHARE MODE every second for 30 ms, or \
         gives up after 30 ms, and the deploy gives up waiting for the table after 20 ms and tries again ({} times in these \
         rounds; what the writers wait for the storm itself is in the row of the storm alone); a build whose client was killed \
         is adopted. The worst of all rounds.",
        thousands(rows),
        retried.get()
    );
    outcome
}

/// What it took, and what the writers felt.
type Case<'a> = dyn Fn(&Place, &str) -> Result<(f64, Felt), String> + 'a;

fn write_migration(place: &Place, table: &str) -> String {
    let folder = place.folder(&format!("hard_{table}"));
    let text = format!(
        "CREATE INDEX CONCURRENTLY idx_{table}_user_date ON {table} (user_id, generated_at DESC);\n"
    );
    std::fs::write(folder.join(format!("V1__{table}_user_date.sql")), text).expect("written");
    folder.to_string_lossy().into_owned()
}

fn deploy(place: &Place, database: &str, folder: &str) -> Result<f64, String> {
    let line = ["apply-indexes", "--replace", "--migrations", folder];
    wall(&mut place.dbaudit(database, &line))
}

fn replace(place: &Place, database: &str) -> Result<(f64, Felt), String> {
    let folder = write_migration(place, "content");
    let other = "CREATE INDEX idx_content_user_date ON content (user_id)";
    place.sql(database, &[other, "CHECKPOINT"]);
    let load = Load::start(&place.url(database), "content");
    let (done, felt) = load.during(|| deploy(place, database, &folder));
    Ok((done?, felt))
}

fn partitions(place: &Place, database: &str) -> Result<(f64, Felt), String> {
    let table = "pieces";
    let folder = write_migration(place, table);
    let mut statements: Vec<String> = vec![
        "CREATE TABLE pieces (LIKE content INCLUDING DEFAULTS INCLUDING IDENTITY, PRIMARY KEY (id))
         PARTITION BY HASH (id)"
            .into(),
    ];
    statements.extend((0..8).map(|n| {
        format!(
            "CREATE TABLE pieces_{n} PARTITION OF pieces FOR VALUES WITH (MODULUS 8, REMAINDER {n})"
        )
    }));
    statements.extend([
        "INSERT INTO pieces SELECT * FROM content".into(),
        "SELECT setval(pg_get_serial_sequence('pieces', 'id'), (SELECT max(id) FROM pieces))"
            .into(),
        "VACUUM (ANALYZE) pieces".into(),
        "CHECKPOINT".into(),
    ]);
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    place.sql(database, &statements);
    let load = Load::start(&place.url(database), table);
    let (done, felt) = load.during(|| deploy(place, database, &folder));
    Ok((done?, felt))
}

fn storm(place: &Place, database: &str, retried: &Cell<u64>) -> Result<(f64, Felt), String> {
    let folder = place.migrations(&[STANDARD[0], STANDARD[1], STANDARD[2]]);
    in_the_storm(place, database, || {
        let line = ["apply-indexes", "--migrations", &folder, "--format", "json"];
        let mut line = place.dbaudit(database, &line);
        line.args(["--lock-timeout", "20ms", "--attempts", "1000"]);
        let (took, text) = output(&mut line)?;
        let json: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let attempts: u64 = json["migrations"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|migration| migration["steps"].as_array().into_iter().flatten())
            .filter_map(|step| step["attempts"].as_u64())
            .map(|attempts| attempts.saturating_sub(1))
            .sum();
        retried.set(retried.get() + attempts);
        Ok(took.as_secs_f64() * 1000.0)
    })
}

fn storm_alone(place: &Place, database: &str) -> Result<(f64, Felt), String> {
    in_the_storm(place, database, || {
        std::thread::sleep(Duration::from_secs(4));
        Ok(4_000.0)
    })
}

/// Does something under the load while another session keeps taking the table's lock.
fn in_the_storm(
    place: &Place,
    database: &str,
    work: impl FnOnce() -> Result<f64, String>,
) -> Result<(f64, Felt), String> {
    place.undo(database);
    place.settle();
    let stop = AtomicBool::new(false);
    let url = place.url(database);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(async {
                    let client = connect(&url).await;
                    while !stop.load(Ordering::Relaxed) {
                        // As strong as a plain index build's: it conflicts with concurrent builds, and with every writer.
                        let _ = client
                            .batch_execute(
                                "SET lock_timeout = '30ms'; BEGIN;
                                 LOCK TABLE content IN SHARE MODE; SELECT pg_sleep(0.03); COMMIT",
                            )
                            .await;
                        let _ = client.batch_execute("ROLLBACK").await;
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                });
        });
        let load = Load::start(&url, "content");
        let (done, felt) = load.during(work);
        stop.store(true, Ordering::Relaxed);
        Ok((done?, felt))
    })
}

/// A deploy is killed while it builds; its backend builds on. The next deploy must neither harm nor repeat it.
fn orphan(place: &Place, database: &str) -> Result<(f64, Felt), String> {
    let folder = write_migration(place, "content");
    place.undo(database);
    place.settle();
    let load = Load::start(&place.url(database), "content");
    let (done, felt) = load.during(|| {
        let line = ["apply-indexes", "--migrations", &folder];
        let mut first = place
            .dbaudit(database, &line)
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let building = "SELECT count(*)::float8 FROM pg_stat_progress_create_index";
        let begun = Instant::now();
        while place.number(database, building) == 0.0 {
            if begun.elapsed() > Duration::from_secs(20) {
                return Err("the first deploy never built".to_owned());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        first.kill().map_err(|error| error.to_string())?;
        let _ = first.wait();
        deploy(place, database, &folder)
    });
    Ok((done?, felt))
}
