//! What a migration file may say.

use std::fmt;

use crate::catalog::quote_identifier;

/// A name as a file has it, folded and unquoted; the schema only where the file says one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The schema, where it was given.
    pub schema: Option<String>,
    /// The relation's own name.
    pub name: String,
}

impl Name {
    /// As SQL.
    #[must_use]
    pub fn quoted(&self) -> String {
        match &self.schema {
            Some(schema) => format!(
                "{}.{}",
                quote_identifier(schema),
                quote_identifier(&self.name)
            ),
            None => quote_identifier(&self.name),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// One statement of a migration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// `CREATE [UNIQUE] INDEX CONCURRENTLY …`
    Create(CreateIndex),
    /// `DROP INDEX CONCURRENTLY …`
    Drop(DropIndex),
    /// `REINDEX [INDEX | TABLE] CONCURRENTLY …`
    Reindex(Reindex),
    /// `COMMENT ON INDEX … IS …`
    Comment(Comment),
}

/// `CREATE [UNIQUE] INDEX CONCURRENTLY name ON table …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateIndex {
    /// `UNIQUE`
    pub unique: bool,
    /// The index's name; its schema is the table's.
    pub name: String,
    /// The table.
    pub table: Name,
    /// Everything behind the table's name, comments taken out: `USING hash (topic)`.
    pub definition: String,
    /// Where the predicate of a partial index begins in `definition`, behind its `WHERE`.
    pub predicate_at: Option<usize>,
}

impl CreateIndex {
    /// Whether the definition reads, but for white space and the spelling that `pg_get_indexdef` always adds
    /// (`USING btree`, parentheses around the predicate), as the server prints the index `printed`.
    ///
    /// What `pg_get_indexdef` prints makes the same index again, which is what dumps rely on; so the same text is the
    /// same index. Another text may be so as well: that only the server can tell.
    #[must_use]
    pub fn reads_as(&self, printed: &str) -> bool {
        let method = if self.definition.starts_with('(') {
            "USING btree "
        } else {
            ""
        };
        let whole = format!("{method}{}", self.definition);
        let wrapped = self.predicate_at.and_then(|at| {
            let (head, predicate) = (self.definition.get(..at)?, self.definition.get(at..)?);
            Some(format!("{method}{head}({predicate})"))
        });
        whole == printed || wrapped.is_some_and(|wrapped| wrapped == printed)
    }
}

/// `DROP INDEX CONCURRENTLY name`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIndex {
    /// The index.
    pub index: Name,
}

/// What a `REINDEX` is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReindexTarget {
    /// One index.
    Index,
    /// All indexes of a table.
    Table,
}

/// `REINDEX INDEX CONCURRENTLY name`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reindex {
    /// Index or table.
    pub target: ReindexTarget,
    /// Its name.
    pub name: Name,
}

/// `COMMENT ON INDEX name IS 'text'`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The index.
    pub index: Name,
    /// The text; `None` for `NULL`.
    pub text: Option<String>,
}
