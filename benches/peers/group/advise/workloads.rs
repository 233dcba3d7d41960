//! Whole workloads that are generated: the indexes of `advise` beside those that other advisors' methods find.

#[path = "../../../../tests/server/advise/workloads/contest.rs"]
#[allow(dead_code, reason = "the tests judge more of it")]
mod contest;
#[path = "../../../../tests/server/advise/workloads/peers.rs"]
mod peers;
#[path = "../../../../tests/server/advise/workloads/star.rs"]
mod star;
#[path = "../../../../tests/server/advise/workloads/tpch.rs"]
mod tpch;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use self::contest::contest;
use super::found;
use crate::{
    arguments::Arguments,
    outcome::{Goal, Outcome},
    place::{Place, thousands},
    process::measured,
};

const SEED: u64 = 4711;
/// Seconds for each workload.
const TIME: u64 = 60;

struct Workload {
    schema: Vec<String>,
    queries: Vec<String>,
}

struct Contest {
    name: &'static str,
    about: String,
    workload: Workload,
}

fn contests(arguments: &Arguments) -> [Contest; 2] {
    let (queries, rows) = arguments.scaled((100, 1_000_000), (8, 40_000));
    let orders = arguments.scaled(120_000, 6_000);
    [
        Contest {
            name: "star",
            about: format!(
                "star and snowflake, {queries} queries, 20 tables, {} rows",
                thousands(rows)
            ),
            workload: star::workload(&mut ChaCha8Rng::seed_from_u64(SEED), queries, rows),
        },
        Contest {
            name: "tpch",
            about: format!("TPC-H, 22 queries, {} orders", thousands(orders)),
            workload: tpch::workload(orders),
        },
    ]
}

pub(crate) fn prepare(place: &Place, arguments: &Arguments) {
    for contest in contests(arguments) {
        database(place, &contest);
    }
}

fn database(place: &Place, contest: &Contest) -> String {
    let schema = &contest.workload.schema;
    place.kept(
        &format!("advise_{}", contest.name),
        Some(&contest.about),
        |name| {
            place.sql(name, &["CREATE EXTENSION hypopg"]);
            place.sql(name, &schema.iter().map(String::as_str).collect::<Vec<_>>());
        },
    )
}

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let mut outcome = Outcome {
        title: "Advice for whole workloads".into(),
        header: [
            "",
            "indexes",
            "size",
            "search",
            "memory",
            "cost after, predicted",
            "cost after, built",
            "all queries, built",
        ]
        .map(str::to_owned)
        .to_vec(),
        method: format!(
            "Generated schemas with skewed values (seed {SEED}), and queries with constants in them. dbaudit: the whole \
             process of `dbaudit advise --max-time {TIME}s`, every query with a budget that none keeps, so that each is to be \
             as fast as it can be. The others: their methods, as short as these are, on HypoPG over one connection \
             (tests/server/advise/workloads/peers.rs says whose, and where they are published). Costs are the planner's, of all \
             queries together, as a share of those without any index: as HypoPG lets it believe, and with the indexes \
             really built and the tables analysed. Then all queries are run, each twice, of which the better counts, \
             and 10 s where it takes longer; one session, no parallel workers, no JIT."
        ),
        ..Outcome::default()
    };
    for contest in contests(arguments) {
        if let Err(why) = beside_peers(place, &contest, &mut outcome) {
            outcome.rows.push(vec![contest.about, why]);
        }
    }
    outcome
}

fn beside_peers(place: &Place, contest: &Contest, outcome: &mut Outcome) -> Result<(), String> {
    let database = database(place, contest);
    let folder = place.folder(&format!("advise_{}", contest.name));
    let queries = &contest.workload.queries;
    for (at, sql) in queries.iter().enumerate() {
        let file = folder.join(format!("q{at:03}.sql"));
        std::fs::write(file, format!("-- budget: 20us\n{sql}\n"))
            .map_err(|error| error.to_string())?;
    }
    let answer = place.folder("empty").join(format!("{}.json", contest.name));
    let line = place.dbaudit(
        &database,
        &[
            "advise",
            "--format",
            "json",
            "--no-progress",
            "--queries",
            &folder.to_string_lossy(),
            "--max-time",
            &format!("{TIME}s"),
            "--output",
            &answer.to_string_lossy(),
        ],
    );
    let done = measured(&line, &place.folder("empty"), &[0, 1])?;
    let text = std::fs::read_to_string(&answer).map_err(|error| error.to_string())?;
    let json: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let ours = found(&json).into_iter().collect();
    let judged = place.over(&database, async |client| {
        self::contest(client, queries, (ours, done.ms / 1000.0), true).await
    });
    let before = &judged[0];
    for one in &judged {
        let share = |cost: f64, of: f64| format!("{:.1} %", 100.0 * cost / of);
        let is_ours = one.who == "dbaudit";
        outcome.rows.push(vec![
            format!("{}: {}", contest.about, one.who),
            one.indexes.len().to_string(),
            format!("{:.0} MB", one.bytes as f64 / 1e6),
            format!("{:.1} s", one.seconds),
            if is_ours {
                format!("{:.0} MB", done.peak_bytes / 1e6)
            } else {
                String::new()
            },
            share(one.hypothetical, before.hypothetical),
            share(one.built, before.built),
            format!("{:.2} s", one.time.as_secs_f64()),
        ]);
    }
    let best = judged[2..]
        .iter()
        .map(|one| one.built)
        .fold(f64::INFINITY, f64::min);
    let name = contest.name;
    outcome.goals.extend([
        Goal::new(
            format!("{name}: cost, as a multiple of the best other's"),
            Some(judged[1].built / best),
            0.8,
            "",
        ),
        Goal::new(
            format!("{name}: seconds, of {TIME}"),
            Some(done.ms / 1000.0),
            TIME as f64 + 2.0,
            "s",
        ),
        Goal::new(
            format!("{name}: peak memory"),
            Some(done.peak_bytes / 1e6),
            100.0,
            "MB",
        ),
    ]);
    Ok(())
}
