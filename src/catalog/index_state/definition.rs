//! How an index is defined, in the server's own words.

use super::IndexState;

/// An index's definition as this server prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// `UNIQUE`
    pub unique: bool,
    /// From behind the table's name: `USING btree (a)`.
    pub tail: String,
    /// The tablespace, where one is asked for.
    pub tablespace: Option<String>,
    /// The key columns or expressions, as SQL: what a unique index is unique on. Empty where the index stands as
    /// written, and nobody needs to know.
    pub keys: Vec<String>,
    /// The predicate of a partial index, as SQL.
    pub predicate: Option<String>,
}

impl Definition {
    /// Whether the index is as desired.
    #[must_use]
    pub fn matches(&self, index: &IndexState) -> bool {
        self.unique == index.unique
            && self.tail == index.tail
            && (self.tablespace.is_none() || self.tablespace == index.tablespace)
    }
}
