//! The output formats.

use std::fmt;

use serde::Deserialize;

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Tables for a terminal.
    Table,
    /// One JSON document.
    Json,
    /// Events as they happen, one JSON object a line.
    JsonLines,
    /// Markdown.
    Markdown,
    /// JUnit XML.
    Junit,
    /// A self-contained HTML page.
    Html,
    /// Comma-separated values.
    Csv,
    /// SARIF 2.1.0.
    Sarif,
    /// Prometheus text exposition.
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
