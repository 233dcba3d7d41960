//! The output formats.

use std::fmt;

use clap::ValueEnum;
use serde::Deserialize;

/// Not every command has every format; one it lacks is refused with those it has. The comments are what its help says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Tables for a terminal
    Table,
    /// One JSON document
    Json,
    /// Events as they happen, one JSON object per line
    JsonLines,
    /// Markdown, for example for a job summary
    Markdown,
    /// JUnit XML
    Junit,
    /// A self-contained HTML page
    Html,
    /// Comma-separated values
    Csv,
    /// SARIF 2.1.0
    Sarif,
    /// Prometheus text exposition
    Prometheus,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}
