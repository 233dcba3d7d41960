//! What `dbaudit init` did.

use serde::Serialize;

use super::files::{NewFile, table};
use crate::render::{Block, Cell, Document};

/// The files, and what to do next.
#[derive(Debug, Clone, Serialize)]
pub struct InitResult {
    schema_version: u32,
    command: &'static str,
    pub files: Vec<NewFile>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

impl InitResult {
    #[must_use]
    pub fn new(files: Vec<NewFile>, notes: Vec<String>) -> Self {
        Self {
            schema_version: 1,
            command: "init",
            files,
            notes,
        }
    }
}

impl Document for InitResult {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = vec![table(&self.files)];
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
