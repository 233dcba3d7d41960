//! What `dbaudit init` wrote, for people.

use super::{Block, Cell, Column, Document, Table, Tone};
use crate::report::{
    InitResult,
    files::{FileStatus, NewFile},
};

impl Document for InitResult {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = vec![file_table(&self.files)];
        if !self.notes.is_empty() {
            let notes = self.notes.iter().cloned().map(Cell::from).collect();
            blocks.push(Block::Bullets(notes));
        }
        blocks.push(Block::Heading(2, "Next".to_owned()));
        let next = [
            "dbaudit apply-indexes --dry-run   # what a deploy would do",
            "dbaudit time-queries              # the queries against their budgets",
            "dbaudit report                    # what else is wrong",
        ];
        blocks.push(Block::Code("sh", next.join("\n")));
        blocks
    }
}

/// A table of files that a command writes for its user.
pub(super) fn file_table(files: &[NewFile]) -> Block {
    let row = |file: &NewFile| {
        let (word, tone) = match file.status {
            FileStatus::Written => ("written", Tone::Good),
            FileStatus::Planned => ("would be written", Tone::Good),
            FileStatus::Unchanged => ("unchanged", Tone::Dim),
            FileStatus::Kept => ("kept", Tone::Warn),
        };
        vec![
            Cell::from(file.file.clone()),
            Cell::new(word, tone),
            Cell::from(file.about.clone()),
        ]
    };
    Block::Table(Table {
        columns: ["file", "status", "about"].map(Column::left).into(),
        rows: files.iter().map(row).collect(),
    })
}
