//! The types of columns, and which values are replaced together.

use std::collections::HashMap;

use serde::Deserialize;

use super::number::Line;

/// A column, of a table or of an index on expressions.
#[derive(Debug, Deserialize)]
pub(in crate::twin) struct ColumnType {
    pub(super) schema: String,
    pub(super) relation: String,
    pub(super) column: String,
    pub(super) shape: Shape,
    /// Of what the shape is made: a name of the server's, `text` for all that is one, `kept` for enums and booleans.
    pub(super) r#type: String,
    pub(super) collation: Option<String>,
    pub(super) modifier: Option<i32>,
    pub(super) indexed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Shape {
    One,
    Array,
    Range,
}

/// Values that are replaced together, so that what was equal is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Pool {
    Line(Line),
    /// By collation; short ones, which must not become longer, by their limit as well.
    Text(Option<String>, Option<i32>),
    /// The type's few values stand in the schema, or in every database.
    Kept,
}

/// A longer limit leaves room enough.
const SHORT: i32 = 8;
/// Of every type that has them.
pub(super) const WORDS: [&str; 6] = ["", "NaN", "Infinity", "-Infinity", "infinity", "-infinity"];

impl Pool {
    pub(super) fn of(column: &ColumnType) -> Option<Self> {
        match column.r#type.as_str() {
            "kept" => Some(Self::Kept),
            "text" => {
                let limit = column.modifier.map(|m| m - 4).filter(|n| *n <= SHORT);
                Some(Self::Text(column.collation.clone(), limit))
            }
            name => Line::of(name, column.modifier).map(Self::Line),
        }
    }

    pub(super) fn has(&self, value: &str) -> bool {
        match self {
            Self::Line(line) => line.position(value).is_some() || WORDS.contains(&value),
            Self::Text(..) | Self::Kept => true,
        }
    }
}

pub(super) type Types = HashMap<(String, String, String), ColumnType>;
