//! The statements allowed in a migration file.

use std::fmt;

use crate::sql::{quote_identifier, quote_literal};

/// A name as a file has it, folded and unquoted; the schema only where the file says one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The schema, where it was given.
    pub schema: Option<String>,
    pub name: String,
}

impl Name {
    /// As SQL.
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

impl Statement {
    /// The schema that the file says: the index's, or that of the table it is created on.
    pub fn schema(&self) -> Option<&str> {
        let name = match self {
            Statement::Create(create) => &create.table,
            Statement::Drop(drop) => &drop.index,
            Statement::Reindex(reindex) => &reindex.name,
            Statement::Comment(comment) => &comment.index,
        };
        name.schema.as_deref()
    }

    /// As the file has it, but for comments and white space.
    pub fn sql(&self) -> String {
        match self {
            Statement::Create(create) => format!(
                "CREATE {}INDEX CONCURRENTLY {} ON {} {}",
                if create.unique { "UNIQUE " } else { "" },
                quote_identifier(&create.name),
                create.table.quoted(),
                create.definition
            ),
            Statement::Drop(drop) => format!("DROP INDEX CONCURRENTLY {}", drop.index.quoted()),
            Statement::Reindex(reindex) => {
                let (options, what) = (reindex.options(), reindex.target.word());
                format!(
                    "REINDEX {options}{what} CONCURRENTLY {}",
                    reindex.name.quoted()
                )
            }
            Statement::Comment(Comment { index, text }) => format!(
                "COMMENT ON INDEX {} IS {}",
                index.quoted(),
                text.as_ref()
                    .map_or("NULL".to_owned(), |text| quote_literal(text))
            ),
        }
    }
}

/// `CREATE [UNIQUE] INDEX CONCURRENTLY name ON table …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateIndex {
    /// `UNIQUE`
    pub unique: bool,
    /// The index's name; its schema is the table's.
    pub name: String,
    pub table: Name,
    /// Everything behind the table's name, comments taken out: `USING hash (topic)`.
    pub definition: String,
    /// Where the predicate of a partial index begins in `definition`, behind its `WHERE`.
    pub predicate_at: Option<usize>,
}

impl CreateIndex {
    /// The definition with a tablespace of its own, for an index that is to stay where it is.
    pub fn definition_in(&self, tablespace: &str) -> String {
        let tablespace = format!("TABLESPACE {}", quote_identifier(tablespace));
        let behind_where = self
            .predicate_at
            .map(|at| self.definition.split_at_checked(at));
        match behind_where {
            Some(Some((head, predicate))) => {
                let head = head.trim_end();
                let head = head
                    .get(..head.len().saturating_sub("WHERE".len()))
                    .unwrap_or(head);
                format!("{}{tablespace} WHERE {predicate}", head)
            }
            _ => format!("{} {tablespace}", self.definition),
        }
    }

    /// Whether the definition reads, but for white space and the spelling that `pg_get_indexdef` always adds
    /// (`USING btree`, parentheses around the predicate), as the server prints the index `printed`.
    ///
    /// What `pg_get_indexdef` prints makes the same index again, which is what dumps rely on; so the same text is the
    /// same index. Another text may be so as well: that only the server can tell.
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
    pub index: Name,
}

/// What a `REINDEX` is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReindexTarget {
    Index,
    Table,
}

impl ReindexTarget {
    /// As SQL.
    pub fn word(self) -> &'static str {
        match self {
            ReindexTarget::Index => "INDEX",
            ReindexTarget::Table => "TABLE",
        }
    }
}

/// `REINDEX INDEX CONCURRENTLY name`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reindex {
    /// Index or table.
    pub target: ReindexTarget,
    pub name: Name,
    /// `TABLESPACE`: where it is rebuilt.
    pub tablespace: Option<String>,
}

impl Reindex {
    /// `(TABLESPACE fast) `, or nothing.
    fn options(&self) -> String {
        self.tablespace
            .as_ref()
            .map(|name| format!("(TABLESPACE {}) ", quote_identifier(name)))
            .unwrap_or_default()
    }
}

/// `COMMENT ON INDEX name IS 'text'`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub index: Name,
    /// The text; `None` for `NULL`.
    pub text: Option<String>,
}
