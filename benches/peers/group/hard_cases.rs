//! Writers beside what deploys meet in bad weather.

use std::time::{Duration, Instant};

use super::deploy_full::UNDO;
use crate::{
    arguments::Arguments,
    outcome::{Goal, Outcome, ms},
    place::{Place, connect},
    plot::Plot,
    process::wall,
    writers::{Felt, Load, RATE},
};

/// Nobody may wait longer for the deploy.
const LIMIT_MS: f64 = 100.0;

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let rows = arguments.rows().min(1_000_000) / 2;
    let cases: [(&str, &str, Case); 4] = [
        ("--replace of a changed index", "content", replace),
        ("a partition tree of 8", "pieces", partitions),
        ("a storm of table locks", "content", storm),
        ("an orphan adopted", "content", orphan),
    ];
    let mut outcome = Outcome {
        title: "Writers beside the hard cases".into(),
        method: format!(
            "The same open loop of {RATE} writes a second, {rows} rows, one index on (user_id, generated_at). A changed index is replaced; \
             a partitioned table gets its index; another session takes the table's lock in SHARE MODE every second for 30 ms (what \
             the writers wait for it is the storm's, not the deploy's: beside it the storm alone); a build whose client was killed \
             is adopted. The worst of all rounds."
        ),
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
    for (name, table, case) in cases {
        let mut took = Vec::new();
        let mut all = Felt::default();
        let mut p99s = Vec::new();
        let mut broken = None;
        for _ in 0..arguments.rounds(3) {
            let database = place.copy(&place.sample(rows), "hard");
            match case(place, &database, table) {
                Ok((ms, felt)) => {
                    took.push(ms);
                    p99s.push(felt.at(0.99));
                    all.failed += felt.failed;
                    all.latencies.extend(felt.latencies);
                }
                Err(why) => broken = Some(why),
            }
        }
        plot.series.push((format!("dbaudit, {name}"), p99s.clone()));
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
    outcome
}

type Case = fn(&Place, &str, &str) -> Result<(f64, Felt), String>;

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

fn replace(place: &Place, database: &str, table: &str) -> Result<(f64, Felt), String> {
    let folder = write_migration(place, table);
    let other = "CREATE INDEX idx_content_user_date ON content (user_id)";
    place.sql(database, &[other, "CHECKPOINT"]);
    let load = Load::start(&place.url(database), table);
    let (done, felt) = load.during(|| deploy(place, database, &folder));
    Ok((done?, felt))
}

fn partitions(place: &Place, database: &str, table: &str) -> Result<(f64, Felt), String> {
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

fn storm(place: &Place, database: &str, table: &str) -> Result<(f64, Felt), String> {
    let folder = write_migration(place, table);
    place.sql(database, &UNDO);
    place.settle();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let url = place.url(database);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(async {
                    let client = connect(&url).await;
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        // Read only as the lock is, it conflicts with the build, and with every writer.
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
        let load = Load::start(&url, table);
        let (done, felt) = load.during(|| deploy(place, database, &folder));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok((done?, felt))
    })
}

/// A deploy is killed while it builds; its backend builds on. The next deploy must neither harm nor repeat it.
fn orphan(place: &Place, database: &str, table: &str) -> Result<(f64, Felt), String> {
    let folder = write_migration(place, table);
    place.sql(database, &UNDO);
    place.settle();
    let load = Load::start(&place.url(database), table);
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
