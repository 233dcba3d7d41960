//! The demo for people, act by act.

use serde::Serialize;

use super::{Block, Cell, Column, Document, Table, Tone};
use crate::{
    human::human_ms,
    report::{
        ApplyResult, DatabaseReport, DemoResult, TimingResult, demo::Comparison, timing::Verdict,
    },
};

impl Document for DemoResult {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Stage::opening(&self.before.report, self.rows).0;
        blocks.extend(Stage::report(&self.before.report).0);
        blocks.extend(Stage::before(&self.before.timing).0);
        blocks.extend(Stage::apply(&self.apply).0);
        blocks.extend(Stage::after(&self.after.timing).0);
        blocks.extend(Stage::closing(&self.summary).0);
        blocks
    }
}

/// One act of the demo, to be shown as soon as it is over.
#[derive(Debug)]
pub struct Stage(Vec<Block>);

impl Serialize for Stage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Stages are for people; JSON is the whole result's.
        serializer.serialize_unit()
    }
}

impl Document for Stage {
    fn blocks(&self) -> Vec<Block> {
        self.0.clone()
    }
}

impl Stage {
    pub fn opening(report: &DatabaseReport, rows: u64) -> Self {
        Self(vec![
            Block::Heading(1, "dbaudit demo".into()),
            Block::Paragraph(vec![
                format!(
                    "A throwaway PostgreSQL {} with {rows} rows of content from an application that generates \
                     educational content, without any of its indexes. It is configured like the smallest \
                     hosted plans: 128 MB of cache, and one CPU per query.",
                    report.server.version
                )
                .into(),
            ]),
        ])
    }

    pub fn report(report: &DatabaseReport) -> Self {
        act(
            "1. What is there, and what is wrong? dbaudit report",
            report,
        )
    }

    pub fn before(timing: &TimingResult) -> Self {
        act(
            "2. Are the queries fast enough? dbaudit time-queries",
            timing,
        )
    }

    pub fn apply(apply: &ApplyResult) -> Self {
        act("3. Build the indexes: dbaudit apply-indexes", apply)
    }

    pub fn after(timing: &TimingResult) -> Self {
        act("4. And now? dbaudit time-queries", timing)
    }

    pub fn closing(summary: &[Comparison]) -> Self {
        let mut blocks = vec![
            Block::Heading(1, "Before and after".into()),
            Block::Table(table(summary)),
        ];
        blocks.push(Block::Bullets(conclusions(summary)));
        Self(blocks)
    }
}

/// A command's own layout under a heading of the demo's.
fn act(title: &str, document: &impl Document) -> Stage {
    let mut blocks = vec![Block::Heading(1, title.into())];
    blocks.extend(document.blocks().into_iter().map(|block| match block {
        Block::Heading(level, text) => Block::Heading(level + 1, text),
        other => other,
    }));
    Stage(blocks)
}

fn table(summary: &[Comparison]) -> Table {
    let timed = |ms: f64, verdict: Verdict| {
        let tone = match verdict {
            Verdict::Within => Tone::Good,
            Verdict::Over | Verdict::PredictedOver | Verdict::Error => Tone::Bad,
            Verdict::Inconclusive | Verdict::Planned | Verdict::Skipped => Tone::Warn,
        };
        Cell::new(human_ms(ms), tone)
    };
    Table {
        columns: vec![
            Column::left("query"),
            Column::right("budget"),
            Column::right("before"),
            Column::right("after"),
            Column::right("factor"),
            Column::left("index used"),
        ],
        rows: summary
            .iter()
            .map(|query| {
                vec![
                    Cell::new(&query.query, Tone::Strong),
                    human_ms(query.budget_ms).into(),
                    timed(query.before_ms, query.before),
                    timed(query.after_ms, query.after),
                    factor(query.factor).into(),
                    query.index.as_deref().unwrap_or("none").into(),
                ]
            })
            .collect(),
    }
}

fn factor(factor: f64) -> String {
    if !factor.is_finite() {
        String::new()
    } else if factor < 10.0 {
        format!("{factor:.1}×")
    } else {
        format!("{factor:.0}×")
    }
}

fn conclusions(summary: &[Comparison]) -> Vec<Cell> {
    let mut cells = Vec::new();
    let missed: Vec<&str> = names(summary, |query| query.after != Verdict::Within);
    if missed.is_empty() {
        cells.push(Cell::new(
            "Every query is within its budget now.",
            Tone::Good,
        ));
    } else {
        cells.push(Cell::new(
            format!("Not shown to be within budget: {}.", missed.join(", ")),
            Tone::Bad,
        ));
    }
    let fast: Vec<&str> = names(summary, |query| query.before == Verdict::Within);
    if !fast.is_empty() {
        cells.push(
            format!(
                "Within budget even without an index, on this machine and with this much data: {}.",
                fast.join(", ")
            )
            .into(),
        );
    }
    cells.push(
        "The comparison is of each query's slowest case before the indexes. `dbaudit time-queries` also times \
         typical, rare and absent values, and both kinds of plan."
            .into(),
    );
    cells
}

fn names(summary: &[Comparison], wanted: impl Fn(&Comparison) -> bool) -> Vec<&str> {
    summary
        .iter()
        .filter(|query| wanted(query))
        .map(|query| query.query.as_str())
        .collect()
}
