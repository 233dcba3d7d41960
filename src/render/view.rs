//! What a result looks like to people, whatever the format: headings, paragraphs, tables, code.

use serde::Serialize;

use super::Format;
use crate::Result;

/// A command's result: the one value that every output format receives.
pub trait Document: Serialize {
    /// The layout for formats that people read.
    fn blocks(&self) -> Vec<Block>;

    /// A format that needs more than blocks; `None` where the document does not have it.
    fn special(&self, _format: Format) -> Option<Result<String>> {
        None
    }
}

/// One piece of a layout. Texts are plain; each format escapes what it must.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A heading; level 1 is the document's.
    Heading(u8, String),
    Paragraph(Vec<Cell>),
    Table(Table),
    /// Text that keeps its lines, in a language (`sql`, `text`).
    Code(&'static str, String),
    Bullets(Vec<Cell>),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    pub columns: Vec<Column>,
    /// Its rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub header: String,
    pub align: Align,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    pub tone: Tone,
}

/// How a text is meant; a format may show it as a colour, never by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    /// As it should be.
    Good,
    /// To be looked at.
    Warn,
    /// Not as it should be.
    Bad,
    Dim,
    Strong,
}

impl Column {
    pub fn left(header: impl Into<String>) -> Self {
        Self {
            header: header.into(),
            align: Align::Left,
        }
    }

    pub fn right(header: impl Into<String>) -> Self {
        Self {
            header: header.into(),
            align: Align::Right,
        }
    }
}

impl Cell {
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            tone: Tone::Plain,
        }
    }
}
