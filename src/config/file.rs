//! `dbaudit.toml`. Unknown keys are errors with the line.

use std::path::Path;

use serde::Deserialize;

use super::{apply::ApplyFile, demo::DemoFile, report::ReportFile, time::TimeFile};
use crate::{Error, Result};

/// The whole file. Keys are spelled as the flags are.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ConfigFile {
    /// `database-url`
    pub database_url: Option<String>,
    /// `[apply-indexes]`
    pub apply_indexes: ApplyFile,
    /// `[time-queries]`
    pub time_queries: TimeFile,
    /// `[report]`
    pub report: ReportFile,
    /// `[demo]`
    pub demo: DemoFile,
}

impl ConfigFile {
    /// Reads `path`; without one, `./dbaudit.toml` if it is there.
    ///
    /// # Errors
    /// The file named is not there, is not TOML, has an unknown key or a value of the wrong type.
    pub fn load(path: Option<&Path>) -> Result<Self> {
        let default = Path::new("dbaudit.toml");
        let path = match path {
            Some(path) => path,
            None if default.is_file() => default,
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(path).map_err(|source| Error::File {
            doing: "reading the configuration file",
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|error| Error::Config {
            message: format!("{}: {error}", path.display()),
            hint: "dbaudit.toml in the repository is an annotated example of every key".into(),
        })
    }
}
