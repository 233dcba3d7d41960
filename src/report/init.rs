//! What `dbaudit init` did.

use serde::Serialize;

use super::files::NewFile;

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
    pub fn new(files: Vec<NewFile>, notes: Vec<String>) -> Self {
        Self {
            schema_version: 1,
            command: "init",
            files,
            notes,
        }
    }
}
