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

/// Why it is not known how an index would read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoDefinition {
    pub reason: String,
    /// The server would not build it either.
    pub is_final: bool,
    /// The table has no column of a name that the definition has.
    pub lacks_column: bool,
}

impl Definition {
    pub fn printed(index: &IndexState) -> Self {
        Self {
            unique: index.unique,
            tail: index.tail.clone(),
            tablespace: None,
            keys: Vec::new(),
            predicate: None,
        }
    }

    /// Whether the index is as desired.
    pub fn matches(&self, index: &IndexState) -> bool {
        self.unique == index.unique
            && self.tail == index.tail
            && (self.tablespace.is_none() || self.tablespace == index.tablespace)
    }
}
