//! Where in the project a finding belongs: services that show findings beside files refuse one without a file.

use std::path::{Path, PathBuf};

use crate::check::Finding;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The file, as the user named its folder.
    pub file: &'a Path,
    /// From 1.
    pub line: usize,
}

/// The files that indexes were made by, and the one that the rest is configured in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins {
    config: PathBuf,
    indexes: Vec<IndexOrigin>,
}

/// The statement that makes an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexOrigin {
    /// The schema, where the file says it.
    pub schema: Option<String>,
    pub name: String,
    /// The file, as the user named its folder.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
}

impl Default for Origins {
    fn default() -> Self {
        Self::new(PathBuf::from("dbaudit.toml"), Vec::new())
    }
}

impl Origins {
    /// `indexes` in the order of the files: the last one that makes an index counts.
    pub fn new(config: PathBuf, indexes: Vec<IndexOrigin>) -> Self {
        Self { config, indexes }
    }

    /// Where an index was made; of anything else, the beginning of the configuration file, where it can be accepted.
    pub fn of(&self, finding: &Finding) -> Origin<'_> {
        let subject = &finding.subject;
        let makes = |index: &&IndexOrigin| {
            subject.kind == "index"
                && index.name == subject.name
                && (index.schema.is_none() || index.schema == subject.schema)
        };
        match self.indexes.iter().rfind(makes) {
            Some(index) => Origin {
                file: &index.file,
                line: index.line,
            },
            None => Origin {
                file: &self.config,
                line: 1,
            },
        }
    }
}
