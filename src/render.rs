//! One file per output format, all given the same value.
//!
//! A result is a [`Document`]: it serialises to its JSON contract, and lays itself out as [`Block`]s for
//! the formats that people read. A new textual format renders blocks, and so has every command at once.

mod database;
mod exposition;
mod fit;
mod format;
mod json;
mod markdown;
mod table;
mod view;

pub use self::{
    database::{special_report, write_prometheus},
    exposition::{Buckets, Exposition, Kind, Labels},
    fit::wrap,
    format::Format,
    view::{Align, Block, Cell, Column, Document, Table, Tone},
};
// For those that lay out figures.
pub use crate::human::{human_bytes, human_ms};
use crate::{Error, Result, output::Output};

/// Makes the buttons of class `copy` on a page copy the code beside them.
pub(crate) const COPY: &str = include_str!("render/copy.js");

/// Renders `document`. Formats that need more than blocks (JUnit, HTML, …) are offered by the documents
/// that have them, through [`Document::special`].
///
/// # Errors
/// [`Error::Usage`] where the document has no such format.
pub fn render(document: &impl Document, format: Format, output: &Output) -> Result<String> {
    match format {
        Format::Table => Ok(table::render(&document.blocks(), output)),
        Format::Json => json::render(document),
        Format::Markdown => Ok(markdown::render(&document.blocks())),
        other => document.special(other).unwrap_or_else(|| {
            Err(Error::Usage {
                message: format!("this command has no `{other}` output"),
                hint: "see --help for the formats".into(),
            })
        }),
    }
}
