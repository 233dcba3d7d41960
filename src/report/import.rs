//! What `dbaudit import` took from another tool's folder, and what it left there.

use std::path::PathBuf;

use serde::Serialize;

use super::files::{FileStatus, NewFile};
use crate::{
    Outcome,
    migration::import::{Import, LeftOut, Tool},
};

#[derive(Debug, Clone, Serialize)]
pub struct ImportResult {
    schema_version: u32,
    command: &'static str,
    pub tool: Tool,
    pub from: PathBuf,
    pub to: PathBuf,
    pub files: Vec<NewFile>,
    /// What differs from the sources.
    pub notes: Vec<String>,
    pub left_out: Vec<LeftOut>,
    /// Concurrent index statements that have to be written by hand.
    pub lost: Vec<LeftOut>,
}

impl ImportResult {
    pub fn new(import: Import, from: PathBuf, to: PathBuf, files: Vec<NewFile>) -> Self {
        let mut notes: Vec<String> = import
            .migrations
            .iter()
            .flat_map(|migration| {
                let file = migration.file_name();
                migration
                    .notes
                    .iter()
                    .map(move |note| format!("{file}: {note}"))
            })
            .collect();
        if !import.keeps_versions && !import.migrations.is_empty() {
            notes.push(
                "versions are numbered from 1, because those of the tool are not ascending whole numbers"
                    .to_owned(),
            );
        }
        if import.is_renumbered {
            notes.push(format!(
                "other migrations in {} have some of these versions, so the imported files are numbered after them",
                to.display()
            ));
        }
        Self {
            schema_version: 1,
            command: "import",
            tool: import.tool,
            from,
            to,
            files,
            notes,
            left_out: import.left_out,
            lost: import.lost,
        }
    }

    pub fn has_kept(&self) -> bool {
        self.files
            .iter()
            .any(|file| file.status == FileStatus::Kept)
    }

    /// Bad: something has to be done by hand.
    pub fn outcome(&self) -> Outcome {
        if self.lost.is_empty() && !self.has_kept() {
            Outcome::Success
        } else {
            Outcome::Objection
        }
    }
}
