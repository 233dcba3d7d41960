//! The layout for people.

use super::{CaseResult, QueryResult, TimingResult, Verdict, strip::strip};
use crate::render::{Block, Cell, Column, Table, Tone, human_ms};

pub(super) fn blocks(result: &TimingResult) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(1, "Query timing".into()), summary(result)];
    blocks.extend(floor(result));
    blocks.push(Block::Table(table(result)));
    for query in &result.queries {
        blocks.extend(details(query));
    }
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
        Verdict::Error,
        Verdict::Inconclusive,
        Verdict::Within,
        Verdict::Skipped,
    ] {
        let number = count(verdict);
        if number > 0 {
            cells.push(Cell::new(
                format!("{number} {}", words(verdict)),
                tone(verdict),
            ));
        }
    }
    cells.push(Cell::new(
        format!("PostgreSQL {}", result.server.version),
        Tone::Dim,
    ));
    Block::Paragraph(cells)
}

fn floor(result: &TimingResult) -> Option<Block> {
    let floor = result.floor.as_ref()?;
    Some(Block::Paragraph(vec![Cell::new(
        format!(
            "A statement that does nothing takes {} here (p95 {}, slowest {}).",
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
        let budget = format!("{} {}", human_ms(query.budget_ms), query.percentile);
        if query.cases.is_empty() {
            let mut row: Vec<Cell> = vec![
                Cell::new(&query.name, Tone::Strong),
                Cell::from(""),
                Cell::new(words(query.verdict), tone(query.verdict)),
            ];
            row.resize(9, Cell::from(""));
            row[7] = budget.clone().into();
            rows.push(row);
        }
        for (at, case) in query.cases.iter().enumerate() {
            let first = at == 0;
            rows.push(vec![
                if first {
                    Cell::new(&query.name, Tone::Strong)
                } else {
                    Cell::from("")
                },
                Cell::from(&case.label),
                Cell::new(words(case.verdict), tone(case.verdict)),
                human_ms(case.p50_ms).into(),
                human_ms(case.judged_ms).into(),
                interval(case).into(),
                case.samples.to_string().into(),
                if first {
                    budget.clone().into()
                } else {
                    Cell::from("")
                },
                Cell::new(strip(&case.histogram), Tone::Dim),
            ]);
        }
    }
    Table {
        columns: vec![
            Column::left("query"),
            Column::left("case"),
            Column::left("verdict"),
            Column::right("median"),
            Column::right("percentile"),
            Column::right("95 % interval"),
            Column::right("samples"),
            Column::right("budget"),
            Column::left("spread"),
        ],
        rows,
    }
}

fn interval(case: &CaseResult) -> String {
    let end = |end: Option<f64>| end.map_or("?".to_owned(), human_ms);
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
        if let Some(reason) = &case.reason {
            notes.push(Cell::new(
                format!("{}: {reason}", case.label),
                tone(case.verdict),
            ));
        }
    }
    notes.extend(query.notes.iter().map(Cell::from));
    let explained = query
        .cases
        .iter()
        .filter(|case| case.explanation.is_some())
        .max_by_key(|case| query.deciding_case.as_deref() == Some(&case.label));
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
        let parameters: Vec<String> = (1..)
            .zip(&case.params)
            .map(|(n, value)| format!("${n} = {}", value.as_deref().unwrap_or("NULL")))
            .collect();
        blocks.push(Block::Paragraph(vec![Cell::new(
            format!("Why ({}; {}):", case.label, parameters.join(", ")),
            Tone::Strong,
        )]));
        blocks.push(Block::Bullets(
            explanation.reasons.iter().map(Cell::from).collect(),
        ));
        blocks.push(Block::Code("text", explanation.tree.clone()));
    }
    blocks
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Over => "over budget",
        other => other.as_str(),
    }
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Within => Tone::Good,
        Verdict::Over | Verdict::Error => Tone::Bad,
        Verdict::Inconclusive => Tone::Warn,
        Verdict::Skipped => Tone::Dim,
    }
}
