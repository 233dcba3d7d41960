//! The report on databases of many tables.

use std::cell::RefCell;

use crate::{
    arguments::{Arguments, Scale},
    compare::{Contender, Ratio, interleave, median, rows},
    outcome::{Goal, Outcome, mib, ms},
    place::Place,
    plot::Plot,
    process::{output, peak, wall},
};

/// What every tool of this kind has to read; nothing is judged.
const RAW: &str = include_str!("report/raw_catalog.sql");
/// What PgHero's main page asks, written from its documented columns.
const PGHERO: &str = include_str!("report/pghero.sql");

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let sizes: &[usize] = match arguments.scale {
        Scale::Quick => &[50, 200],
        Scale::Usual => &[500, 5_000],
        Scale::Full => &[500, 5_000, 50_000],
    };
    let mut outcome = Outcome {
        title: "The report on many tables".into(),
        method: "Tables of five columns and a few rows, three indexes each, analysed. The raw catalog read: pg_class \
                 with its counters, pg_index, pg_attribute, pg_constraint, in psql, rows thrown away. PgHero: the \
                 statements of its main page and of its space and index pages, written by us from the documented columns, in \
                 psql, rows thrown away (`benches/peers/group/report/*.sql`). Whole processes, connection included; memory \
                 is the process's own, at its peak."
            .into(),
        header: ["", "median", "quartiles", "dbaudit ÷ it", "peak memory"]
            .map(str::to_owned)
            .to_vec(),
        ..Outcome::default()
    };
    let scripts = place.folder("report");
    let script = |name: &str, text: &str| {
        let file = scripts.join(name);
        std::fs::write(&file, text).expect("the script can be written");
        file.to_string_lossy().into_owned()
    };
    let (raw, pghero) = (script("raw.sql", RAW), script("pghero.sql", PGHERO));
    let mut medians: Vec<(usize, f64)> = Vec::new();
    for &tables in sizes {
        let database = many_tables(place, tables);
        let psql = |file: &str| place.psql(&database, &["-At", "-o", "/dev/null", "-f", file]);
        let report = ["report", "--fail-on", "never"];
        let reading = RefCell::new(Vec::new());
        // The peers need seconds there.
        let rounds = arguments.rounds(if tables > 5_000 { 3 } else { 9 });
        let all = interleave(
            1,
            rounds,
            vec![
                Contender::new(format!("dbaudit, {tables} tables"), || {
                    wall(&mut place.dbaudit(&database, &report))
                }),
                Contender::new(format!("raw catalog, {tables} tables"), || {
                    wall(&mut psql(&raw)?)
                }),
                Contender::new(format!("PgHero's SQL, {tables} tables"), || {
                    wall(&mut psql(&pghero)?)
                }),
            ],
        );
        for _ in 0..3 {
            let mut line = place.dbaudit(&database, &["report", "--format", "json"]);
            line.args(["--fail-on", "never"]);
            let json = output(&mut line)
                .ok()
                .and_then(|(_, text)| serde_json::from_str::<serde_json::Value>(&text).ok());
            let spent = json.and_then(|json| json["cost"]["elapsed_ms"].as_f64());
            reading.borrow_mut().extend(spent);
        }
        let folder = place.folder("empty");
        let memory = [
            peak(&place.dbaudit(&database, &report), &folder),
            psql(&raw).and_then(|line| peak(&line, &folder)),
            psql(&pghero).and_then(|line| peak(&line, &folder)),
        ];
        for (mut row, memory) in rows(&all).into_iter().zip(&memory) {
            row.push(
                memory
                    .as_ref()
                    .map_or("?".into(), |&bytes| mib(bytes as f64)),
            );
            outcome.rows.push(row);
        }
        if !reading.borrow().is_empty() {
            let spent = median(&reading.borrow());
            outcome.rows.push(vec![
                format!("of it, reading {tables} tables"),
                ms(spent),
                String::new(),
                String::new(),
                String::new(),
            ]);
        }
        let ours = median(&all[0].samples);
        medians.push((tables, ours));
        if tables == 5_000 {
            let ratio = Ratio::of(&all[0], &all[1]).map(|ratio| ratio.median);
            outcome.goals.extend([
                Goal::new("5,000 tables", Some(ours / 1000.0), 1.0, "s"),
                Goal::new("5,000 tables, dbaudit ÷ raw catalog", ratio, 2.5, ""),
                Goal::new(
                    "5,000 tables, peak memory",
                    memory[0]
                        .as_ref()
                        .ok()
                        .map(|&bytes| bytes as f64 / 1048576.0),
                    150.0,
                    "MiB",
                ),
            ]);
        }
        outcome
            .plots
            .push(Plot::of(format!("Report on {tables} tables"), "ms", &all));
    }
    for pair in medians.windows(2) {
        let [(few, fast), (many, slow)] = pair else {
            continue;
        };
        let times = *many as f64 / *few as f64;
        outcome.goals.push(Goal::new(
            format!("growth from {few} to {many} tables ÷ linear"),
            Some(slow / fast / times),
            1.2,
            "",
        ));
    }
    outcome
}

/// A database with so many tables, three indexes each.
fn many_tables(place: &Place, tables: usize) -> String {
    let name = format!("tables_{tables}");
    eprintln!("  making {tables} tables …");
    let create = format!("CREATE DATABASE {name}");
    let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    place.sql("postgres", &[&drop, &create]);
    // Not all in one transaction: each table's lock is held to its end.
    let blocks: Vec<String> = (0..tables)
        .step_by(100)
        .map(|first| {
            let last = (first + 100).min(tables) - 1;
            format!(
                "DO $$ BEGIN FOR n IN {first}..{last} LOOP
                    EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, owner int NOT NULL, title text,
                        state text NOT NULL, made timestamptz DEFAULT now())', n);
                    EXECUTE format('INSERT INTO t%s SELECT g, g %% 7, ''title '' || g, ''new'' FROM generate_series(1, 20) g', n);
                    EXECUTE format('CREATE INDEX t%s_owner ON t%s (owner, made DESC)', n, n);
                    EXECUTE format('CREATE INDEX t%s_title ON t%s (lower(title)) WHERE state = ''new''', n, n);
                 END LOOP; END $$"
            )
        })
        .collect();
    let mut statements: Vec<&str> = blocks.iter().map(String::as_str).collect();
    statements.extend(["VACUUM (ANALYZE)", "CHECKPOINT"]);
    place.sql(&name, &statements);
    name
}
