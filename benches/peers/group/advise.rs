//! Which indexes `advise` finds and how fast, beside a search that adds one index at a time.

mod greedy;
mod queries;
pub(super) mod workloads;

use std::{cell::RefCell, collections::BTreeSet, time::Instant};

use serde_json::Value;

use self::greedy::{Greedy, Tried};
use crate::{
    arguments::Arguments,
    compare::{Contender, Sampled, interleave, median, rows},
    figure::ms,
    outcome::{Goal, Outcome},
    place::{Place, STANDARD, thousands},
    plot::Plot,
    process::command,
};

/// Answers that must be the same.
const ANSWERS: usize = 10;
/// Queries of the large set.
const MANY: usize = 50;

const PACKAGE: &str = "hypopg is missing (Debian, Ubuntu: postgresql-15-hypopg)";

fn size(arguments: &Arguments) -> u64 {
    arguments.scaled(200_000, 20_000)
}

/// What the queries may take: so few rows as the bench has are no trouble for 100 ms.
fn budget(arguments: &Arguments) -> &'static str {
    arguments.scaled("25ms p50", "8ms p50")
}

pub(crate) fn prepare(place: &Place, arguments: &Arguments) {
    place.sample(size(arguments));
}

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let count = size(arguments);
    let mut outcome = Outcome {
        title: "Advice beside a greedy search".into(),
        header: [
            "",
            "median",
            "quartiles",
            "dbaudit ÷ it",
            "finds",
            "V5 and V6",
            "cost after",
            "slowest search, built",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..Outcome::default()
    };
    let version = place.texts(
        "postgres",
        "SELECT default_version FROM pg_available_extensions WHERE name = 'hypopg'",
    );
    outcome.method = method(count, arguments, version.first().map(String::as_str));
    if version.is_empty() {
        outcome.rows.push(vec!["dbaudit".into(), PACKAGE.into()]);
        outcome.goals = goals(None, None, None, None);
        return outcome;
    }
    let database = place.copy(&place.sample(count), "advise");
    let migrations = place.migrations(&STANDARD);
    let line = [
        "apply-indexes",
        "--no-progress",
        "--migrations",
        &migrations,
    ];
    crate::process::wall(&mut place.dbaudit(&database, &line)).expect("the indexes are applied");
    place.sql(&database, &["CREATE EXTENSION hypopg", "VACUUM (ANALYZE)"]);
    let four = queries::standard(&place.folder("advise_four"), budget(arguments));
    let fifty = queries::many(
        &place.folder("advise_fifty"),
        MANY,
        arguments.scaled("10ms p50", "2ms p50"),
    );

    let pair = beside_greedy(place, arguments, &database, &four, &mut outcome);
    let same = same_answers(place, &database, &four);
    let large = large_set(place, arguments, &database, &fifty, &mut outcome);
    let (seconds, found) = pair.unzip();
    outcome.goals = goals(seconds, found, same, large);
    outcome
}

fn goals(
    four: Option<f64>,
    without_pair: Option<f64>,
    others: Option<f64>,
    fifty: Option<f64>,
) -> Vec<Goal> {
    vec![
        Goal::new("what-if for the four standard queries", four, 3.0, "s"),
        Goal::new(
            "runs of it that recommended anything but V5 and V6",
            without_pair,
            0.0,
            "",
        ),
        Goal::new(
            format!("of {ANSWERS} runs, those with another answer than the first"),
            others,
            0.0,
            "",
        ),
        Goal::new(format!("what-if for {MANY} queries"), fifty, 60.0, "s"),
    ]
}

fn method(count: u64, arguments: &Arguments, version: Option<&str>) -> String {
    format!(
        "The sample's data ({} rows of content) with the migrations V1 to V4; the search for content then needs V5 and V6 \
         to be fast for every value, and neither helps alone. dbaudit: the whole process of `dbaudit advise` on the four standard queries with a budget \
         of {}, what-if alone (HypoPG {}). Greedy: written for this bench, over one connection that is there already; \
         HypoPG is asked for the cost of the four queries with their commonest values, the index that lowers the sum most is \
         kept, until none lowers it by a tenth; its candidates are each column, and each two columns of a table in both \
         orders, that stand in a condition, a join or an order, or these and what V5 and V6 build. It is told the values, \
         measures no query, and knows no other values and no budget. All costs after are those of the greedy search's function with the \
         indexes found, as a share of the cost before; the last column is the p95 of the search's slowest case as `time-queries` \
         sees it (commonest, rare, absent values, generic and custom plans) with the indexes really built. Then {MANY} queries on the same tables. \
         As published, and read for this, not run: supabase's index_advisor 0.2.0 \
         (github.com/supabase/index_advisor, index_advisor--0.2.0.sql) plans a query generically with a B-tree on each \
         single column at once and proposes those that the plan names; an index on three columns such as V5 is not among \
         them. crystaldba's postgres-mcp (github.com/crystaldba/postgres-mcp, README, \"Index Tuning\") \
         takes columns in filters, joins, grouping or sorting, \"only one permutation of each possible multicolumn index, \
         which is selected at random\", and \"a greedy search strategy\" that ends when a round fails \"to produce any gains \
         above the minimum improvement threshold of 10%\".",
        thousands(count),
        budget(arguments),
        version.unwrap_or("missing"),
    )
}

/// A run of `advise`: milliseconds, and what it said.
fn advise(place: &Place, database: &str, queries: &str) -> Result<(f64, Value), String> {
    let line = [
        "advise",
        "--format",
        "json",
        "--no-progress",
        "--queries",
        queries,
    ];
    said(place, database, &line)
}

/// Milliseconds, and the document. That a query is over its budget is an answer too.
fn said(place: &Place, database: &str, line: &[&str]) -> Result<(f64, Value), String> {
    let ours = place.dbaudit(database, line);
    let mut run = command(ours.get_program());
    run.args(ours.get_args()).current_dir(place.folder("empty"));
    let begun = Instant::now();
    let done = run.output().map_err(|error| error.to_string())?;
    let ms = begun.elapsed().as_secs_f64() * 1000.0;
    if !matches!(done.status.code(), Some(0 | 1)) {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(format!("failed ({}): {said}", done.status));
    }
    let json = serde_json::from_slice(&done.stdout).map_err(|error| error.to_string())?;
    Ok((ms, json))
}

/// The indexes recommended, as they stand behind `ON`.
fn found(json: &Value) -> BTreeSet<String> {
    let recommended = json["recommended"].as_array();
    let statements = recommended.into_iter().flatten();
    statements
        .filter_map(|one| Some(one["statement"].as_str()?.split_once(" ON ")?.1.to_owned()))
        .collect()
}

/// In either order of the two equalities.
fn is_the_pair(found: &BTreeSet<String>) -> bool {
    let has = |part: &str| found.iter().any(|index| index == part);
    let search = [
        "content_type, audience_level",
        "audience_level, content_type",
    ]
    .map(|equalities| format!("public.content ({equalities}, generated_at DESC)"));
    found.len() == 2
        && search.iter().any(|index| has(index))
        && has("public.content_metadata (content_id)")
}

/// In turns. Seconds of ours, and how many of its runs did not find the pair.
fn beside_greedy(
    place: &Place,
    arguments: &Arguments,
    database: &str,
    queries: &str,
    outcome: &mut Outcome,
) -> Option<(f64, f64)> {
    let answers: RefCell<Vec<BTreeSet<String>>> = RefCell::default();
    let greedy = Greedy::connect(place, database);
    let searches = [greedy.candidates(&[]), greedy.candidates(&greedy::PAIR)];
    let tried: RefCell<[Option<Tried>; 2]> = RefCell::default();
    let search = |at: usize| {
        let begun = Instant::now();
        let done = greedy.search(&searches[at]);
        tried.borrow_mut()[at] = Some(done);
        Ok(begun.elapsed().as_secs_f64() * 1000.0)
    };
    let sampled = interleave(
        1,
        arguments.rounds(10),
        vec![
            Contender::new("dbaudit advise", || {
                let (ms, json) = advise(place, database, queries)?;
                answers.borrow_mut().push(found(&json));
                Ok(ms)
            }),
            Contender::new(
                format!("greedy, {} columns and pairs", searches[0].len()),
                || search(0),
            ),
            Contender::new("greedy, these and V5 and V6", || search(1)),
        ],
    );
    let mut table = rows(&sampled);
    let answers = answers.into_inner();
    let ours = answers.last().map(|found| {
        let found: Vec<String> = found.iter().cloned().collect();
        greedy.judge(found)
    });
    let [first, second] = tried.into_inner();
    for (row, tried) in table.iter_mut().zip([ours, first, second]) {
        row.resize(4, String::new());
        let Some(tried) = tried else { continue };
        let set: BTreeSet<String> = tried.indexes.iter().cloned().collect();
        let shown: Vec<&str> = tried.indexes.iter().map(|index| shown(index)).collect();
        row.push(if shown.is_empty() {
            "none".into()
        } else {
            shown.join("; ")
        });
        row.push(if is_the_pair(&set) { "yes" } else { "no" }.into());
        row.push(format!("{:.1} %", 100.0 * tried.after / tried.before));
        row.push(built(place, database, queries, &tried.indexes).map_or_else(|why| why, ms));
    }
    outcome.rows.extend(table);
    let plot = Plot::of("Advice on the four standard queries", "ms", &sampled);
    outcome.plots.push(plot);
    let ours: &Sampled = &sampled[0];
    let missed = answers.iter().filter(|found| !is_the_pair(found)).count();
    (ours.missing.is_none()).then(|| (median(&ours.samples) / 1000.0, missed as f64))
}

/// The slowest case of the search's, in milliseconds, as `time-queries` sees it with these indexes really built: p95 of each
/// parameter, in both plan modes.
fn built(place: &Place, database: &str, queries: &str, indexes: &[String]) -> Result<f64, String> {
    let create: Vec<String> = indexes
        .iter()
        .enumerate()
        .map(|(at, index)| format!("CREATE INDEX bench_{at} ON {index}"))
        .collect();
    let drop = (0..indexes.len()).map(|at| format!("DROP INDEX bench_{at}"));
    let drop: Vec<String> = drop.collect();
    let run = |statements: &[String]| {
        place.sql(
            database,
            &statements.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    };
    run(&create);
    place.sql(database, &["VACUUM (ANALYZE)"]);
    let line = [
        "time-queries",
        "--format",
        "json",
        "--no-progress",
        "--queries",
        queries,
        "--only",
        "content_search",
        "--max-time",
        "5s",
    ];
    let said = said(place, database, &line);
    run(&drop);
    let json = said?.1;
    let cases = json["queries"][0]["cases"].as_array();
    let worst = cases
        .into_iter()
        .flatten()
        .filter_map(|case| case["p95_ms"].as_f64())
        .fold(f64::NAN, f64::max);
    Ok(worst)
}

fn shown(index: &str) -> &str {
    index.strip_prefix("public.").unwrap_or(index)
}

/// How many of the runs gave another answer than the first.
fn same_answers(place: &Place, database: &str, queries: &str) -> Option<f64> {
    // What is recommended alone: figures beside it are measured, and differ from run to run.
    let answers: Result<Vec<BTreeSet<String>>, String> = (0..ANSWERS)
        .map(|_| Ok(found(&advise(place, database, queries)?.1)))
        .collect();
    match answers {
        Ok(answers) => {
            let others = answers.iter().filter(|answer| **answer != answers[0]);
            Some(others.count() as f64)
        }
        Err(why) => {
            eprintln!("  {why}");
            None
        }
    }
}

/// Seconds.
fn large_set(
    place: &Place,
    arguments: &Arguments,
    database: &str,
    queries: &str,
    outcome: &mut Outcome,
) -> Option<f64> {
    let mut last = Value::Null;
    let sampled = interleave(
        0,
        arguments.rounds(3).min(3),
        vec![Contender::new(
            format!("dbaudit advise, {MANY} queries"),
            || {
                let (ms, json) = advise(place, database, queries)?;
                last = json;
                Ok(ms)
            },
        )],
    );
    for mut row in rows(&sampled) {
        if !last.is_null() {
            let over = last["queries"].as_array().map_or(0, |queries| {
                queries
                    .iter()
                    .filter(|query| query["worst_before_ms"].as_f64() > query["budget_ms"].as_f64())
                    .count()
            });
            row.resize(4, String::new());
            row.push(format!(
                "{} indexes for {over} over their budget, of {} candidates; {} sets asked for, {}",
                found(&last).len(),
                last["search"]["candidates"],
                last["search"]["asked"],
                match last["search"]["complete"].as_bool() {
                    Some(true) => "none left out",
                    _ => "then ended early",
                }
            ));
        }
        outcome.rows.push(row);
    }
    let one = &sampled[0];
    (one.missing.is_none()).then(|| median(&one.samples) / 1000.0)
}
