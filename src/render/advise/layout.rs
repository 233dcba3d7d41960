//! The advice for people.

use crate::{
    human::{counted, human_bytes, human_ms, shortened},
    render::{Block, Cell, Column, Table, Tone},
    report::{
        advise::{AdviseResult, Basis, Query, Recommended},
        timing::Verdict,
    },
};

pub(super) fn blocks(result: &AdviseResult) -> Vec<Block> {
    let mut blocks = vec![
        Block::Heading(1, "Advice".into()),
        Block::Paragraph(vec![opening(result)]),
    ];
    if !result.recommended.is_empty() {
        blocks.push(Block::Table(recommended(result)));
        let statements: Vec<String> = result
            .recommended
            .iter()
            .map(|index| format!("{};", index.statement))
            .collect();
        blocks.push(Block::Code("sql", statements.join("\n")));
        blocks.extend(fewer(&result.recommended));
        blocks.extend(writes(&result.recommended));
        blocks.extend(taxes(&result.recommended));
    }
    if !result.queries.is_empty() {
        blocks.push(Block::Heading(2, "Queries".into()));
        blocks.push(Block::Table(queries(&result.queries, result.basis)));
        let statements = result
            .queries
            .iter()
            .filter(|query| query.name.starts_with("statement_"));
        let texts: Vec<Cell> = statements
            .map(|query| {
                Cell::new(
                    format!("{}: {}", query.name, shortened(&query.sql, 120)),
                    Tone::Dim,
                )
            })
            .collect();
        if !texts.is_empty() {
            blocks.push(Block::Bullets(texts));
        }
    }
    if !result.proven.is_empty() {
        blocks.push(Block::Heading(2, "Built and timed".into()));
        blocks.push(Block::Table(proven(result)));
    }
    if !result.statistics.is_empty() {
        blocks.push(Block::Heading(2, "Statistics that change a plan".into()));
        let told = result.statistics.iter().map(|one| {
            let after = one.estimated_rows_after;
            let after = after.map_or(String::new(), |rows| format!(", then {rows:.0}"));
            let text = format!(
                "{}: {} of {} depend on each other. The planner expected {:.0} rows{after}; {:.0} came. The \
                 plan changes, and takes {} instead of {}",
                one.query,
                one.columns.join(" and "),
                one.table,
                one.estimated_rows,
                one.actual_rows,
                human_ms(one.after_ms),
                human_ms(one.before_ms),
            );
            text.into()
        });
        blocks.push(Block::Bullets(told.collect()));
        let statements = result.statistics.iter();
        let statements =
            statements.map(|one| format!("{};\nANALYZE {};", one.statement, one.table.quoted()));
        blocks.push(Block::Code(
            "sql",
            statements.collect::<Vec<_>>().join("\n"),
        ));
    }
    if !result.unmet.is_empty() {
        blocks.push(Block::Heading(2, "Still over their budget".into()));
        blocks.push(Block::Bullets(
            result
                .unmet
                .iter()
                .map(|unmet| {
                    let text = match &unmet.error {
                        Some(error) => format!("{}: {error}. {}", unmet.query, unmet.instead),
                        None if !unmet.helped_by.is_empty() => format!(
                            "{}: no index brings it within its budget; {} makes it faster. To get within it: \
                             {}",
                            unmet.query,
                            unmet.helped_by.join(" with "),
                            unmet.instead
                        ),
                        None => format!("{}: {}", unmet.query, unmet.instead),
                    };
                    Cell::new(text, Tone::Warn)
                })
                .collect(),
        ));
    }
    if !result.redundant.is_empty() {
        blocks.push(Block::Heading(2, "Indexes that can be dropped".into()));
        blocks.push(Block::Bullets(
            result
                .redundant
                .iter()
                .map(|one| format!("{}: {}", one.index, one.reason).into())
                .collect(),
        ));
        let drops: Vec<String> = result
            .redundant
            .iter()
            .map(|one| format!("{};", one.statement))
            .collect();
        blocks.push(Block::Code("sql", drops.join("\n")));
    }
    blocks.push(Block::Bullets(closing(result)));
    blocks
}

fn opening(result: &AdviseResult) -> Cell {
    let over = result
        .queries
        .iter()
        .filter(|query| query.worst_before_ms > query.budget_ms)
        .count();
    let word = match (result.basis, result.recommended.len()) {
        (Basis::Prediction, 1) => "is predicted to bring",
        (Basis::Prediction, _) => "are predicted to bring",
        (Basis::Proof, 1) => "brings",
        (Basis::Proof, _) => "bring",
    };
    let count = |n: usize| counted(n, "index", "indexes");
    match (over, result.recommended.len(), result.verdict) {
        (0, 0, Verdict::Within) => Cell::new(
            "Every query is within its budget: no index is needed.",
            Tone::Good,
        ),
        (_, 0, Verdict::Within) => Cell::new("No index is needed.", Tone::Good),
        (_, 0, _) if !result.search.complete => Cell::new(
            "No helpful index was found within the time limit.",
            Tone::Bad,
        ),
        (_, 0, _) if result.search.candidates > 0 => Cell::new(
            "No possible index makes any of the slow queries at least twice as fast.",
            Tone::Bad,
        ),
        (_, 0, _) => Cell::new(
            "No index would help: the slow queries have no condition, join or order that an index could serve.",
            Tone::Bad,
        ),
        (_, n, Verdict::Inconclusive) => Cell::new(
            format!(
                "{} would help; whether every query is then within its budget is unknown.",
                count(n)
            ),
            Tone::Warn,
        ),
        (_, n, Verdict::Within) => Cell::new(
            format!("{} {word} every query within its budget.", count(n)),
            Tone::Good,
        ),
        (_, n, _) => Cell::new(
            format!(
                "{} would help, but some queries remain over their budget.",
                count(n)
            ),
            Tone::Warn,
        ),
    }
}

fn recommended(result: &AdviseResult) -> Table {
    Table {
        columns: vec![
            Column::left("index"),
            Column::left("table"),
            Column::left("by"),
            Column::right("size"),
            Column::left("reason"),
        ],
        rows: result
            .recommended
            .iter()
            .map(|index| {
                let size = human_bytes(index.size_bytes);
                vec![
                    Cell::new(&index.name, Tone::Strong),
                    index.table.to_string().into(),
                    index.method.into(),
                    match result.basis {
                        Basis::Prediction => format!("about {size}").into(),
                        Basis::Proof => size.into(),
                    },
                    index.reason.as_str().into(),
                ]
            })
            .collect(),
    }
}

/// How many of many indexes are enough for how much.
fn fewer(recommended: &[Recommended]) -> Option<Block> {
    let enough = |most: f64| {
        let is_enough = |index: &Recommended| index.up_to_it.is_some_and(|factor| factor <= most);
        recommended.iter().position(is_enough).map(|at| at + 1)
    };
    let mut items: Vec<Cell> = Vec::new();
    let mut known = recommended.len();
    for most in [1.1, 1.5, 2.0] {
        if let Some(number) = enough(most).filter(|number| *number < known) {
            known = number;
            items.push(
                format!(
                    "with the first {number} alone (--max-indexes {number}) all queries together take at most \
                     {most} times as long as with all"
                )
                .into(),
            );
        }
    }
    (!items.is_empty()).then_some(Block::Bullets(items))
}

/// What the indexes are estimated to add to what is written: by statement, and by table.
fn writes(recommended: &[Recommended]) -> Option<Block> {
    let mut items: Vec<Cell> = Vec::new();
    for index in recommended {
        for one in &index.writes.statements {
            let lost = if one.loses_hot {
                ": its updates are no longer HOT, and write into all indexes of the table"
            } else {
                ""
            };
            let text = format!(
                "writes: {} adds about {:.1} index entries ({}) to each call of {}{lost}",
                index.name,
                one.entries,
                human_ms(one.ms),
                one.query
            );
            items.push(Cell::new(
                text,
                if one.loses_hot {
                    Tone::Warn
                } else {
                    Tone::Plain
                },
            ));
        }
    }
    let mut seen = Vec::new();
    for index in recommended {
        let counted = &index.writes;
        if counted.inserted + counted.updated + counted.deleted == 0.0
            || seen.contains(&&index.table)
        {
            continue;
        }
        seen.push(&index.table);
        items.push(
            format!(
                "writes to {} since its counters were last reset: {:.0} rows inserted, {:.0} updated ({:.0} of \
                 them HOT), {:.0} deleted. A new index would have added {:.0} entries, about {}",
                index.table,
                counted.inserted,
                counted.updated,
                counted.hot_updated,
                counted.deleted,
                counted.entries,
                human_ms(counted.ms)
            )
            .into(),
        );
    }
    (!items.is_empty()).then_some(Block::Bullets(items))
}

fn taxes(recommended: &[Recommended]) -> Option<Block> {
    let mut seen = Vec::new();
    let mut items: Vec<Cell> = Vec::new();
    for index in recommended {
        let Some(tax) = index.write_tax.filter(|_| !seen.contains(&&index.table)) else {
            continue;
        };
        seen.push(&index.table);
        items.push(
            format!(
                "writes to {}: {:.1} WAL records per inserted row (without them {:.1}), {:.1} per row updated \
                 in these columns (without them {:.1}); {:.0} % of such updates are HOT (without them {:.0} \
                 %)",
                index.table,
                tax.insert_records_after,
                tax.insert_records_before,
                tax.update_records_after,
                tax.update_records_before,
                tax.hot_share_after * 100.0,
                tax.hot_share_before * 100.0,
            )
            .into(),
        );
    }
    (!items.is_empty()).then_some(Block::Bullets(items))
}

fn queries(queries: &[Query], basis: Basis) -> Table {
    let after = match basis {
        Basis::Prediction => "worst after (predicted)",
        Basis::Proof => "worst after",
    };
    let mut columns = vec![
        Column::left("query"),
        Column::right("budget"),
        Column::right("median now"),
        Column::right("worst now"),
        Column::right(after),
    ];
    if basis == Basis::Proof {
        columns.push(Column::right("predicted"));
    }
    columns.push(Column::left("verdict"));
    Table {
        columns,
        rows: queries.iter().map(|query| row(query, basis)).collect(),
    }
}

fn row(query: &Query, basis: Basis) -> Vec<Cell> {
    let judged = |ms: f64| {
        Cell::new(
            human_ms(ms),
            if ms > query.budget_ms {
                Tone::Bad
            } else {
                Tone::Good
            },
        )
    };
    let tone = match query.verdict {
        Verdict::Within => Tone::Good,
        Verdict::Over | Verdict::PredictedOver | Verdict::Error => Tone::Bad,
        Verdict::Inconclusive | Verdict::Planned | Verdict::Skipped => Tone::Warn,
    };
    let mut cells = vec![
        Cell::new(&query.name, Tone::Strong),
        human_ms(query.budget_ms).into(),
        human_ms(query.before_ms).into(),
        match query.worst_before_is_least {
            true => Cell::new(format!("> {}", human_ms(query.worst_before_ms)), Tone::Bad),
            false => judged(query.worst_before_ms),
        },
        match query.after_is_guess {
            true => Cell::new(
                format!("{} (a guess)", human_ms(query.worst_after_ms)),
                Tone::Warn,
            ),
            false => judged(query.worst_after_ms),
        },
    ];
    if basis == Basis::Proof {
        cells.push(
            query
                .predicted_worst_after_ms
                .map_or(String::new(), human_ms)
                .into(),
        );
    }
    cells.push(Cell::new(query.verdict.as_str(), tone));
    cells
}

fn proven(result: &AdviseResult) -> Table {
    let share = |share: f64| format!("{:.0} %", share * 100.0);
    Table {
        columns: vec![
            Column::left("indexes"),
            Column::left("verdict"),
            Column::right("worst, of its budget"),
            Column::right("predicted"),
            Column::left("in"),
            Column::right("size"),
        ],
        rows: result
            .proven
            .iter()
            .map(|set| {
                vec![
                    if set.indexes.is_empty() {
                        "none".into()
                    } else {
                        set.indexes.join("\n").into()
                    },
                    set.verdict.as_str().into(),
                    share(set.worst_share).into(),
                    share(set.predicted_worst_share).into(),
                    set.worst_case.as_str().into(),
                    human_bytes(set.size_bytes).into(),
                ]
            })
            .collect(),
    }
}

fn closing(result: &AdviseResult) -> Vec<Cell> {
    let search = &result.search;
    let mut items = vec![Cell::from(format!(
        "{} candidates, {} sets tried in {}{}",
        search.candidates,
        search.asked,
        human_ms(search.duration_ms),
        match (search.interrupted, search.complete) {
            (true, _) => "; the search was interrupted, and this is the best set it had found",
            (false, true) => "",
            (false, false) =>
                "; the search hit --max-time or the limit on sets, and this is the best set it had found",
        }
    ))];
    if result.basis == Basis::Prediction && !result.recommended.is_empty() {
        items.push(
            "The times after are predictions: the time now, scaled by the planner's cost. `--prove` builds \
             the indexes on a copy of the database and measures."
                .into(),
        );
    }
    for query in &result.queries {
        items.extend(
            query
                .notes
                .iter()
                .map(|note| Cell::new(format!("{}: {note}", query.name), Tone::Dim)),
        );
    }
    items.extend(result.notes.iter().map(|note| note.as_str().into()));
    items.extend(
        result
            .written
            .iter()
            .map(|file| format!("written: {file}").into()),
    );
    items
}
