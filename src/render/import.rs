//! What `dbaudit import` took and left, for people.

use std::collections::BTreeMap;

use super::{Block, Cell, Column, Document, Table, Tone, init::file_table};
use crate::{Outcome, migration::import::LeftOut, report::ImportResult};

fn summary(result: &ImportResult) -> String {
    let count = result.files.len();
    let from = format!("{} ({})", result.from.display(), result.tool);
    let mut text = match count {
        0 => format!("{from} contains no concurrent index statement to import"),
        1 => format!("1 migration from {from}"),
        _ => format!("{count} migrations from {from}"),
    };
    if result.has_kept() {
        text.push_str("; an existing file has different text: compare the two, or name another folder with --to");
    }
    if !result.lost.is_empty() {
        text.push_str(&format!("; {} to be written by hand", result.lost.len()));
    }
    text
}

/// Statements of one file that are left out for one reason, in one row.
fn grouped(left_out: &[LeftOut]) -> Vec<Vec<Cell>> {
    let mut groups: Vec<(&LeftOut, Vec<usize>, BTreeMap<&str, usize>)> = Vec::new();
    for one in left_out {
        let known = groups
            .iter()
            .position(|(first, ..)| first.file == one.file && first.reason == one.reason);
        let at = known.unwrap_or(groups.len());
        if at == groups.len() {
            groups.push((one, Vec::new(), BTreeMap::new()));
        }
        let (_, lines, statements) = &mut groups[at];
        lines.extend(one.line);
        *statements.entry(one.statement.as_str()).or_default() += 1;
    }
    let row = |(first, lines, statements): (&LeftOut, Vec<usize>, BTreeMap<&str, usize>)| {
        let place = match lines.as_slice() {
            [line] => format!("{}:{line}", first.file.display()),
            _ => first.file.display().to_string(),
        };
        let count = |(statement, count): (&str, usize)| match count {
            1 => statement.to_owned(),
            _ => format!("{statement} ({count})"),
        };
        let statements: Vec<String> = statements.into_iter().map(count).collect();
        vec![
            Cell::from(place),
            Cell::from(statements.join(", ")),
            Cell::from(first.reason.clone()),
        ]
    };
    groups.into_iter().map(row).collect()
}

impl Document for ImportResult {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        if !self.files.is_empty() {
            blocks.push(file_table(&self.files));
        }
        if !self.notes.is_empty() {
            let notes = self.notes.iter().cloned().map(Cell::from).collect();
            blocks.push(Block::Bullets(notes));
        }
        for (heading, statements) in [
            ("To be written by hand", &self.lost),
            ("Left out", &self.left_out),
        ] {
            if !statements.is_empty() {
                blocks.push(Block::Heading(2, heading.to_owned()));
                blocks.push(Block::Table(Table {
                    columns: ["place", "statements", "reason"].map(Column::left).into(),
                    rows: grouped(statements),
                }));
            }
        }
        let tone = match self.outcome() {
            Outcome::Success => Tone::Strong,
            _ => Tone::Bad,
        };
        blocks.push(Block::Paragraph(vec![Cell::new(summary(self), tone)]));
        blocks
    }
}
