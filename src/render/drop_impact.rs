//! What `advise --without` shows, for people.

use super::{Block, Cell, Column, Document, Format, Table, Tone, html};
use crate::{
    Result,
    human::{counted, human_ms, shortened},
    report::{ChangedQuery, DropImpact},
};

impl Document for DropImpact {
    fn blocks(&self) -> Vec<Block> {
        let names: Vec<String> = self.without.iter().map(ToString::to_string).collect();
        let mut blocks = vec![
            Block::Heading(1, format!("Without {}", names.join(", "))),
            Block::Paragraph(vec![opening(self)]),
        ];
        if !self.changed.is_empty() {
            let columns = ["cost", "without", "times", "mean now"].map(Column::right);
            let columns = [Column::left("query"), Column::left("case")]
                .into_iter()
                .chain(columns)
                .chain([Column::left("uses now")]);
            blocks.push(Block::Table(Table {
                columns: columns.collect(),
                rows: self.changed.iter().map(row).collect(),
            }));
            let texts = self
                .changed
                .iter()
                .map(|one| format!("{}: {}", one.name, shortened(&one.sql, 120)));
            blocks.push(Block::Bullets(
                texts.map(|text| Cell::new(text, Tone::Dim)).collect(),
            ));
        }
        if !self.not_judged.is_empty() {
            blocks.push(Block::Heading(2, "Not judged".into()));
            let told = self
                .not_judged
                .iter()
                .map(|one| Cell::new(format!("{}: {}", one.name, one.error), Tone::Warn));
            blocks.push(Block::Bullets(told.collect()));
        }
        if !self.notes.is_empty() {
            blocks.push(Block::Bullets(
                self.notes.iter().map(|note| note.as_str().into()).collect(),
            ));
        }
        blocks
    }

    fn special(&self, format: Format) -> Option<Result<String>> {
        (format == Format::Html).then(|| {
            Ok(html::page(
                "Without indexes",
                &html::blocks(&self.blocks()),
                &[],
            ))
        })
    }
}

fn opening(impact: &DropImpact) -> Cell {
    let judged = impact.changed.len() + impact.unchanged.len();
    let queries = counted(judged, "query", "queries");
    if impact.changed.is_empty() {
        let text = format!("None of {queries} would be planned otherwise.");
        return Cell::new(text, Tone::Good);
    }
    let text = format!(
        "{} of {queries} would be planned otherwise. Costs are the planner's, of the case whose cost grows most.",
        impact.changed.len()
    );
    Cell::new(text, Tone::Bad)
}

fn row(query: &ChangedQuery) -> Vec<Cell> {
    let uses: Vec<String> = query.uses.iter().map(ToString::to_string).collect();
    vec![
        Cell::new(&query.name, Tone::Strong),
        query.case.as_str().into(),
        format!("{:.2}", query.cost).into(),
        format!("{:.2}", query.cost_without).into(),
        Cell::new(format!("{:.1}", query.factor()), Tone::Bad),
        query.mean_ms.map_or_else(String::new, human_ms).into(),
        uses.join(", ").into(),
    ]
}
