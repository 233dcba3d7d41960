//! Files that a command writes for its user.

use serde::Serialize;

use crate::render::{Block, Cell, Column, Table, Tone};

/// A file, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewFile {
    pub file: String,
    pub status: FileStatus,
    /// What it holds, or why it stays as it is.
    pub about: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    Written,
    /// It would be written.
    Planned,
    /// It is there with the same text.
    Unchanged,
    /// Something else is there, and stays.
    Kept,
}

impl FileStatus {
    fn word(self) -> (&'static str, Tone) {
        match self {
            FileStatus::Written => ("written", Tone::Good),
            FileStatus::Planned => ("would be written", Tone::Good),
            FileStatus::Unchanged => ("unchanged", Tone::Dim),
            FileStatus::Kept => ("kept", Tone::Warn),
        }
    }
}

/// A table of them.
#[must_use]
pub fn table(files: &[NewFile]) -> Block {
    let row = |file: &NewFile| {
        let (word, tone) = file.status.word();
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
