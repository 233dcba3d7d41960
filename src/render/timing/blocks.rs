//! The layout for people.

use super::{
    planned::{is_planned, planned},
    strip::strip,
    verdict::{tone, words},
};
use crate::{
    human::human_ms,
    render::{Block, Cell, Column, Table, Tone},
    report::timing::{CaseResult, QueryResult, TimingResult, Verdict, shown_parameters},
};

pub(super) fn blocks(result: &TimingResult) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(1, result.title().into()), summary(result)];
    blocks.extend(floor(result));
    let is_planned = is_planned(result);
    blocks.push(Block::Table(if is_planned {
        planned(result)
    } else {
        table(result)
    }));
    if result
        .queries
        .iter()
        .flat_map(|q| &q.cases)
        .any(|case| case.same_plan_as.is_some())
    {
        let done = if is_planned { "planned" } else { "timed" };
        blocks.push(Block::Paragraph(vec![Cell::new(
            format!(
                "The worst cases were also {done} with a forced generic and a forced custom plan; where no row shows \
                 one, the plan is the same."
            ),
            Tone::Dim,
        )]));
    }
    let sources: Vec<Cell> = result
        .queries
        .iter()
        .flat_map(|query| query.sources.iter().map(move |source| (query, source)))
        .map(|(query, source)| Cell::new(format!("{}: {source}", query.name), Tone::Dim))
        .collect();
    if !sources.is_empty() {
        blocks.push(Block::Bullets(sources));
    }
    for query in &result.queries {
        blocks.extend(details(query));
    }
    blocks.extend(comparison(result));
    if !result.notes.is_empty() {
        blocks.push(Block::Bullets(
            result.notes.iter().map(Cell::from).collect(),
        ));
    }
    blocks
}

fn summary(result: &TimingResult) -> Block {
    let count = |verdict| {
        result
            .queries
            .iter()
            .filter(|q| q.verdict == verdict)
            .count()
    };
    let mut cells = Vec::new();
    for verdict in [
        Verdict::Over,
        Verdict::PredictedOver,
        Verdict::Error,
        Verdict::Inconclusive,
        Verdict::Within,
        Verdict::Skipped,
        Verdict::Planned,
    ] {
        let number = count(verdict);
        if number > 0 {
            cells.push(Cell::new(
                format!("{number} {}", words(verdict)),
                tone(verdict),
            ));
        }
    }
    if let Some(server) = &result.server {
        let server = format!("PostgreSQL {}", server.version);
        cells.push(Cell::new(server, Tone::Dim));
    }
    Block::Paragraph(cells)
}

fn floor(result: &TimingResult) -> Option<Block> {
    let floor = result.floor.as_ref()?;
    Some(Block::Paragraph(vec![Cell::new(
        format!(
            "`SELECT 1` takes {} here (p95 {}, slowest {}).",
            human_ms(floor.p50_ms),
            human_ms(floor.p95_ms),
            human_ms(floor.max_ms)
        ),
        Tone::Dim,
    )]))
}

fn table(result: &TimingResult) -> Table {
    let mut rows = Vec::new();
    for query in &result.queries {
        let mut name = Cell::new(&query.name, Tone::Strong);
        let mut budget = Cell::from(format!(
            "{} {}",
            human_ms(query.budget_ms),
            query.percentile
        ));
        if query.cases.is_empty() {
            let verdict = Cell::new(words(query.verdict), tone(query.verdict));
            let mut row = vec![name, budget, Cell::from(""), verdict];
            row.resize(9, Cell::from(""));
            rows.push(row);
            continue;
        }
        for case in query
            .cases
            .iter()
            .filter(|case| case.same_plan_as.is_none())
        {
            rows.push(vec![
                std::mem::replace(&mut name, Cell::from("")),
                std::mem::replace(&mut budget, Cell::from("")),
                Cell::from(&case.label),
                Cell::new(words(case.verdict), tone(case.verdict)),
                case.shown(case.p50_ms, figure).into(),
                case.shown(case.judged_ms, figure).into(),
                interval(case).into(),
                case.samples.to_string().into(),
                Cell::new(strip(&case.histogram), Tone::Dim),
            ]);
        }
    }
    Table {
        columns: vec![
            Column::left(result.subject()),
            Column::left("budget"),
            Column::left("case"),
            Column::left("verdict"),
            Column::right("median ms"),
            Column::right(format!("{} ms", percentile(result))),
            Column::right("95 % interval"),
            Column::right("samples"),
            Column::left("spread"),
        ],
        rows,
    }
}

/// The percentile of all queries, where it is the same.
fn percentile(result: &TimingResult) -> String {
    let mut percentiles = result.queries.iter().map(|query| query.percentile);
    match percentiles.next() {
        Some(first) if percentiles.all(|other| other == first) => first.to_string(),
        _ => "percentile".into(),
    }
}

/// Milliseconds to three digits, without the unit.
fn figure(ms: f64) -> String {
    if ms < 1.0 {
        format!("{ms:.3}")
    } else if ms < 10.0 {
        format!("{ms:.2}")
    } else if ms < 100.0 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.0}")
    }
}

fn interval(case: &CaseResult) -> String {
    let end = |end: Option<f64>| end.map_or("?".to_owned(), figure);
    format!(
        "{}–{}",
        end(case.judged_ci_ms.low),
        end(case.judged_ci_ms.high)
    )
}

fn details(query: &QueryResult) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut notes: Vec<Cell> = Vec::new();
    if let Some(error) = &query.error {
        notes.push(Cell::new(error, Tone::Bad));
        notes.extend(
            query
                .hint
                .iter()
                .map(|hint| Cell::from(format!("hint: {hint}"))),
        );
    }
    if let Some(reason) = &query.skipped {
        notes.push(Cell::from(format!("skipped: {reason}")));
    }
    for case in &query.cases {
        let told = case.same_plan_as.is_some() || case.reason == query.error;
        if let Some(reason) = case.reason.as_ref().filter(|_| !told) {
            let text = match case.verdict {
                // It names the case itself.
                Verdict::Error | Verdict::Skipped => reason.clone(),
                _ => format!("{}: {reason}", case.label),
            };
            notes.push(Cell::new(text, tone(case.verdict)));
        }
    }
    notes.extend(query.notes.iter().map(Cell::from));
    notes.extend(query.cases.iter().filter_map(waited).map(Cell::from));
    let explained = query
        .cases
        .iter()
        .filter(|case| case.explanation.is_some() && case.same_plan_as.is_none())
        .max_by_key(|case| query.deciding_case.as_deref() == Some(&case.label));
    notes.extend(
        query
            .loads()
            .map(|load| Cell::new(&load.summary, tone(load.verdict))),
    );
    notes.extend(query.ab.iter().map(|ab| Cell::from(&ab.summary)));
    notes.extend(forecast(query));
    if notes.is_empty() && explained.is_none() {
        return blocks;
    }
    blocks.push(Block::Heading(
        2,
        format!("{}: {}", query.name, words(query.verdict)),
    ));
    if !notes.is_empty() {
        blocks.push(Block::Bullets(notes));
    }
    if let Some(case) = explained
        && let Some(explanation) = &case.explanation
    {
        blocks.push(Block::Paragraph(vec![Cell::new(
            format!("Why ({}; {}):", case.label, shown_parameters(&case.params)),
            Tone::Strong,
        )]));
        blocks.push(Block::Bullets(
            explanation.reasons.iter().map(Cell::from).collect(),
        ));
        blocks.push(Block::Code("text", explanation.tree.clone()));
    }
    blocks
}

/// What a cold cache would make of the case that decides.
fn forecast(query: &QueryResult) -> Option<Cell> {
    let case = query
        .cases
        .iter()
        .find(|case| Some(&case.label) == query.deciding_case.as_ref())?;
    let cold = case.cold_forecast_ms?;
    let tone = if cold > query.budget_ms {
        Tone::Warn
    } else {
        Tone::Dim
    };
    Some(Cell::new(
        format!(
            "forecast for a cold cache (not measured): up to {} instead of {} ({}, {} blocks)",
            human_ms(cold),
            human_ms(case.p50_ms),
            case.label,
            case.shared_hit.unwrap_or(0) + case.shared_read.unwrap_or(0)
        ),
        tone,
    ))
}

pub(super) fn comparison(result: &TimingResult) -> Vec<Block> {
    let Some(comparison) = &result.comparison else {
        return Vec::new();
    };
    let taken = comparison.taken_at.as_deref().unwrap_or("an unknown time");
    let title = format!("Compared with {} of {taken}", comparison.file);
    let mut blocks = vec![Block::Heading(2, title)];
    if comparison.changes.is_empty() {
        blocks.push(Block::Paragraph(vec![Cell::new(
            "Plans, rows and blocks are unchanged.",
            Tone::Good,
        )]));
        return blocks;
    }
    let rows = comparison.changes.iter().map(|change| {
        vec![
            Cell::from(&change.query),
            Cell::from(&change.case),
            Cell::from(change.what.as_str()),
            Cell::from(&change.before),
            Cell::from(&change.now),
            if change.gate {
                Cell::new("fails", Tone::Bad)
            } else {
                Cell::new("shown", Tone::Dim)
            },
        ]
    });
    blocks.push(Block::Table(Table {
        columns: ["query", "case", "what", "before", "now", ""]
            .map(Column::left)
            .to_vec(),
        rows: rows.collect(),
    }));
    for change in &comparison.changes {
        if let Some(plans) = &change.plans {
            for (when, plan) in [("before", &plans.before), ("now", &plans.now)] {
                let title = format!("{}, {}: {when}", change.query, change.case);
                blocks.push(Block::Paragraph(vec![Cell::new(title, Tone::Strong)]));
                blocks.push(Block::Code("text", plan.clone()));
            }
        }
    }
    blocks
}

/// Waits for a CPU, where they were long enough to have mattered.
fn waited(case: &CaseResult) -> Option<String> {
    let wait = &case.cpu_wait;
    (wait.excused > 0 && case.same_plan_as.is_none()).then(|| {
        format!(
            "{}: {} of {} samples exceeded the budget only because they waited for a CPU (up to {}); without \
             these waits, p95 is {}. The verdict uses wall-clock time",
            case.label,
            wait.excused,
            case.samples,
            human_ms(wait.max_ms),
            human_ms(wait.net_p95_ms)
        )
    })
}
