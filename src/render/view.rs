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

/// A column of a [`Table`].
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub header: String,
    /// Where its cells stand.
    pub align: Align,
}

/// Where cells stand.
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
    #[must_use]
    pub fn left(header: impl Into<String>) -> Self {
        Self {
            header: header.into(),
            align: Align::Left,
        }
    }

    #[must_use]
    pub fn right(header: impl Into<String>) -> Self {
        Self {
            header: header.into(),
            align: Align::Right,
        }
    }
}

impl Cell {
    #[must_use]
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

/// Bytes for people, in powers of 1024 as `pg_size_pretty` has them: `12 kB`, `3.4 MB`.
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 100.0 {
        format!("{value:.0} {}", UNITS[unit])
    } else if value >= 10.0 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.2} {}", UNITS[unit])
    }
}

/// Milliseconds for people: `0.054 ms`, `12.3 ms`, `1.24 s`, `3m 20s`.
#[must_use]
pub fn human_ms(ms: f64) -> String {
    if ms.is_infinite() {
        // Cut off, after however long.
        "timed out".into()
    } else if ms < 1.0 {
        format!("{ms:.3} ms")
    } else if ms < 100.0 {
        format!("{ms:.1} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else if ms < 60_000.0 {
        format!("{:.2} s", ms / 1000.0)
    } else {
        let seconds = (ms / 1000.0).round();
        format!("{}m {}s", (seconds / 60.0).floor(), seconds % 60.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(human_bytes(0), "0 B");
        assert_eq!(human_bytes(8192), "8.00 kB");
        assert_eq!(human_bytes(123_456_789), "118 MB");
        assert_eq!(human_ms(0.054), "0.054 ms");
        assert_eq!(human_ms(99.94), "99.9 ms");
        assert_eq!(human_ms(1240.0), "1.24 s");
        assert_eq!(human_ms(200_000.0), "3m 20s");
    }
}
