//! The report on databases of many tables.

use std::{
    cell::RefCell,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    arguments::Arguments,
    compare::{Contender, Ratio, Sampled, interleave, median, rows},
    figure::{mib, ms},
    outcome::{Goal, Outcome},
    place::{Place, thousands},
    plot::Plot,
    process::{command, measured},
};

/// What every tool of this kind has to read; nothing is judged.
const RAW: &str = include_str!("report/raw_catalog.sql");
/// What PgHero's main pages ask, written from its documented columns.
const PGHERO: &str = include_str!("report/pghero.sql");
/// What pgmetrics collects, written from its documented model.
const PGMETRICS: &str = include_str!("report/pgmetrics.sql");
/// Of the peers' statements; some of them grow with the square of the number of tables.
const LIMIT: &str = "60s";
/// For all turns of a peer together.
const PATIENCE: Duration = Duration::from_secs(15);

fn sizes(arguments: &Arguments) -> &'static [u64] {
    arguments.scaled(&[500, 5_000, 50_000], &[50, 200])
}

pub(crate) fn prepare(place: &Place, arguments: &Arguments) {
    for &tables in sizes(arguments) {
        many_tables(place, tables);
    }
}

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let mut outcome = Outcome {
        title: "The report on many tables".into(),
        method: format!(
            "Tables of five columns and a few rows, three indexes each, analysed. Raw catalog: pg_class with its counters, \
             pg_index, pg_attribute, pg_constraint, read in psql, rows thrown away, nothing judged. PgHero: the statements of its \
             overview, space and index pages; pgmetrics: what it collects by default; both written by us from their \
             documented columns (`benches/peers/group/report/*.sql`), in psql, rows thrown away. check_postgres: its bloat check. \
             pg-extras: `pgextras diagnose`. Whole processes, connection included. Server: processor time of the server's \
             sessions. Memory: the process's own, at its peak. A statement is given {LIMIT}; a peer takes no further turn after {} \
             s in all.",
            PATIENCE.as_secs()
        ),
        header: [
            "",
            "median",
            "quartiles",
            "dbaudit ÷ it",
            "server",
            "peak memory",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..Outcome::default()
    };
    let mut found: Vec<(u64, Vec<Sampled>)> = Vec::new();
    for &tables in sizes(arguments) {
        let database = many_tables(place, tables);
        let turns = take_turns(
            place,
            &database,
            arguments.rounds(if tables > 5_000 { 3 } else { 7 }),
        );
        for (mut row, turn) in rows(&turns.sampled).into_iter().zip(&turns.costs) {
            row[0] = format!("{}, {} tables", row[0], thousands(tables));
            let cost = |figures: &[f64], shown: fn(f64) -> String| match figures {
                [] => String::new(),
                figures => shown(median(figures)),
            };
            row.extend([cost(&turn.server_ms, ms), cost(&turn.peak, mib)]);
            outcome.rows.push(row);
        }
        let ours = &turns.sampled[0];
        let raw = Ratio::of(ours, &turns.sampled[1]).map(|ratio| ratio.median);
        let on = format!("{} tables", thousands(tables));
        outcome.goals.push(Goal::new(
            format!("{on}: dbaudit ÷ raw catalog"),
            raw,
            2.5,
            "",
        ));
        if tables == 5_000 {
            let peak = median(&turns.costs[0].peak) / 1_048_576.0;
            let seconds = median(&ours.samples) / 1000.0;
            outcome.goals.extend([
                Goal::new(format!("{on}: dbaudit"), Some(seconds), 1.0, "s"),
                Goal::new(format!("{on}: peak memory"), Some(peak), 150.0, "MiB"),
            ]);
        }
        let mut plot = Plot::of(format!("Report on {on}"), "ms", &turns.sampled);
        plot.logarithmic = true;
        outcome.plots.push(plot);
        found.push((tables, turns.sampled));
    }
    if let [.., (few, fewer), (many, more)] = &found[..] {
        growth(&mut outcome, (*few, fewer), (*many, more));
    }
    outcome
}

/// By which power of the number of tables the time grows: 1 is in proportion.
fn growth(outcome: &mut Outcome, (few, fewer): (u64, &[Sampled]), (many, more): (u64, &[Sampled])) {
    let sizes = format!("{} to {} tables", thousands(few), thousands(many));
    for (number, (one, other)) in fewer.iter().zip(more).enumerate() {
        let times = median(&other.samples) / median(&one.samples);
        let exponent = times.ln() / (many as f64 / few as f64).ln();
        let exponent = exponent.is_finite().then_some(exponent);
        if number == 0 {
            let what = format!("growth exponent, {sizes}");
            outcome.goals.push(Goal::new(what, exponent, 1.1, ""));
        }
        outcome.rows.push(vec![
            format!("growth exponent of {}, {sizes}", one.name),
            exponent.map_or("?".into(), |exponent| format!("{exponent:.2}")),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
}

/// What a turn costs besides time.
#[derive(Debug, Default)]
struct Costs {
    server_ms: Vec<f64>,
    /// Bytes.
    peak: Vec<f64>,
}

struct Turns {
    sampled: Vec<Sampled>,
    costs: Vec<Costs>,
}

fn take_turns(place: &Place, database: &str, rounds: usize) -> Turns {
    let scripts = place.folder("report");
    let script = |name: &str, text: &str| {
        let file = scripts.join(name);
        std::fs::write(&file, text).expect("the script can be written");
        file.to_string_lossy().into_owned()
    };
    let files = [
        script("raw.sql", RAW),
        script("pghero.sql", PGHERO),
        script("pgmetrics.sql", PGMETRICS),
    ];
    let psql = |file: &str| place.psql(database, &["-At", "-o", "/dev/null", "-f", file]);
    let line = |at: usize| match at {
        0 => Ok(place.dbaudit(database, &["report", "--fail-on", "never"])),
        1..=3 => psql(&files[at - 1]),
        4 => check_postgres(place, database),
        _ => pg_extras(place, database),
    };
    let costs: Vec<RefCell<Costs>> = (0..6).map(|_| RefCell::default()).collect();
    let turn = |at: usize| {
        let line = line(at)?;
        // Nagios' statuses: fine, warning, critical.
        let fine: &[i32] = if at == 4 { &[0, 1, 2] } else { &[0] };
        let (done, server) = place.server_cpu(|| measured(&line, &place.folder("empty"), fine));
        let done = done.map_err(|why| {
            match why.contains("statement timeout") || why.contains("timed out") {
                true => format!("more than {LIMIT}"),
                false => why,
            }
        })?;
        if done.said.contains("statement timeout") {
            return Err(format!("more than {LIMIT}"));
        }
        let mut costs = costs[at].borrow_mut();
        costs.server_ms.extend(server);
        costs.peak.push(done.peak_bytes);
        Ok(done.ms)
    };
    let peer = |name: &str, at: usize| Contender::new(name, move || turn(at)).for_at_most(PATIENCE);
    let sampled = interleave(
        1,
        rounds,
        vec![
            Contender::new("dbaudit", || turn(0)),
            Contender::new("raw catalog", || turn(1)),
            peer("PgHero's SQL", 2),
            peer("pgmetrics' SQL", 3),
            peer("check_postgres, bloat", 4),
            peer("pg-extras, diagnose", 5),
        ],
    );
    Turns {
        sampled,
        costs: costs.into_iter().map(RefCell::into_inner).collect(),
    }
}

fn check_postgres(place: &Place, database: &str) -> Result<Command, String> {
    let mut line = command(place.peers.check_postgres.path()?);
    // It sets the server's limit to its own.
    line.args(["--action=bloat", "--timeout=60"])
        .args(["--host=127.0.0.1", "--dbuser=postgres"])
        .arg(format!("--port={}", place.server().port()))
        .arg(format!("--dbname={database}"));
    // Debian's takes the psql that the path leads to: the real one, not the wrapper in Perl.
    let beside = place.peers.psql.path()?.parent().map(Path::as_os_str);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = beside
        .into_iter()
        .map(PathBuf::from)
        .chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).map_err(|error| error.to_string())?;
    line.env("PATH", path);
    Ok(line)
}

fn pg_extras(place: &Place, database: &str) -> Result<Command, String> {
    let mut line = command(place.peers.pg_extras.path()?);
    line.arg("diagnose")
        .env("PG_EXTRAS_DATABASE_URL", place.url(database));
    Ok(line)
}

/// A database with so many tables, three indexes each. Kept from run to run.
pub(super) fn many_tables(place: &Place, tables: u64) -> String {
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
    let mut hasher = DefaultHasher::new();
    blocks.hash(&mut hasher);
    let stamp = format!("{:x}", hasher.finish());
    let name = place.kept(&format!("tables_{tables}"), Some(&stamp), |name| {
        let statements: Vec<&str> = blocks.iter().map(String::as_str).collect();
        place.sql(name, &statements);
    });
    // dbaudit sets its own.
    let limit = format!("ALTER DATABASE {name} SET statement_timeout = '{LIMIT}'");
    place.sql("postgres", &[&limit]);
    name
}
