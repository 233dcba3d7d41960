//! The output formats.

use std::fmt;

use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    Table,
    Json,
    /// Events as they happen, one JSON object a line.
    JsonLines,
    Markdown,
    Junit,
    Html,
    Csv,
    /// SARIF 2.1.0.
    Sarif,
    Prometheus,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::JsonLines => "json-lines",
            Format::Markdown => "markdown",
            Format::Junit => "junit",
            Format::Html => "html",
            Format::Csv => "csv",
            Format::Sarif => "sarif",
            Format::Prometheus => "prometheus",
        })
    }
}
