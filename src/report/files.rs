//! Files that a command writes for its user.

use serde::Serialize;

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
