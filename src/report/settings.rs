//! What `dbaudit config` shows.

use std::{fmt, path::PathBuf};

use serde::Serialize;

/// Where a setting's value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag on the command line, by its name.
    Flag(String),
    /// An environment variable, by its name.
    Environment(String),
    /// The configuration file, with the line.
    File(PathBuf, Option<usize>),
    /// Part of the connection string, a service, or another place libpq knows.
    Connection(String),
    /// A folder of the usual name, beside nothing that says otherwise.
    PresentFolder,
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) => write!(f, "flag {name}"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::File(path, Some(line)) => write!(f, "{}:{line}", path.display()),
            Origin::File(path, None) => write!(f, "{}", path.display()),
            Origin::Connection(place) => f.write_str(place),
            Origin::PresentFolder => f.write_str("found in the current directory"),
            Origin::Default => f.write_str("default"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One resolved setting, as `dbaudit config` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    /// `section.key`, as in `dbaudit.toml`.
    pub key: String,
    /// The value as text; `None` where it is unset.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
}

/// Every setting and where it came from.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    schema_version: u32,
    command: &'static str,
    pub(crate) settings: Vec<Setting>,
}

impl Settings {
    pub fn new(settings: Vec<Setting>) -> Self {
        Self {
            schema_version: 1,
            command: "config",
            settings,
        }
    }
}
