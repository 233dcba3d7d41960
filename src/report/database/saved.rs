//! The facts in a file: `--save`, `--from` and `--since`.

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;

const FORMAT: &str = "dbaudit-facts";
/// Raised when older files can no longer be read.
const VERSION: u32 = 1;

/// The facts of one or more databases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedFacts {
    format: String,
    version: u32,
    pub databases: Vec<Catalog>,
}

impl SavedFacts {
    pub fn new(databases: Vec<Catalog>) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            databases,
        }
    }

    /// As text.
    ///
    /// # Errors
    /// What serde says; it has no reason to.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// From text.
    ///
    /// # Errors
    /// Why it is not such a file, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        let head: Head = serde_json::from_str(text)
            .map_err(|error| format!("it was not written by --save ({error})"))?;
        if head.format != FORMAT {
            return Err(format!(
                "it contains `{}`, not facts written by --save",
                head.format
            ));
        }
        if head.version != VERSION {
            return Err(format!(
                "it has version {}, but this dbaudit reads version {VERSION}",
                head.version
            ));
        }
        let mut facts: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for catalog in &mut facts.databases {
            catalog.arrange();
        }
        Ok(facts)
    }
}
