//! One file per output format, all given the same value.
//!
//! A result is a [`Document`]: it serialises to its JSON contract, and lays itself out as [`Block`]s for
//! the formats that people read. A new textual format renders blocks, and so has every command at once.

mod advise;
mod apply;
mod database;
mod demo;
mod drop_impact;
mod exposition;
mod fit;
mod format;
mod html;
mod import;
mod init;
mod markdown;
mod query_list;
mod settings;
mod table;
mod timing;
mod view;

pub use self::{
    database::write_prometheus,
    demo::Stage,
    exposition::{Buckets, Exposition, Kind, Labels},
    fit::wrap,
    format::Format,
    view::{Align, Block, Cell, Column, Document, Table, Tone},
};
// For those that lay out figures.
use crate::{Error, Result, output::Output};

/// Renders `document`. Formats that need more than blocks (JUnit, HTML, …) are offered by the documents
/// that have them, through [`Document::special`].
///
/// # Errors
/// [`Error::Usage`] where the document has no such format.
pub fn render(document: &impl Document, format: Format, output: &Output) -> Result<String> {
    match format {
        Format::Table => Ok(table::render(&document.blocks(), output)),
        Format::Json => {
            serde_json::to_string_pretty(document).map_err(|error| unwritable(format, error))
        }
        Format::Markdown => Ok(markdown::render(&document.blocks())),
        other => document.special(other).unwrap_or_else(|| {
            Err(Error::Usage {
                message: format!("this command has no `{other}` output"),
                hint: "see --help for the formats".into(),
            })
        }),
    }
}

/// Every document is made of plain values, which any format can hold.
fn unwritable(format: Format, error: impl std::fmt::Display) -> Error {
    Error::CannotJudge {
        message: format!("the result cannot be written as {format}: {error}"),
        hint: "this is a bug in dbaudit; please report it with the command you ran".into(),
    }
}
