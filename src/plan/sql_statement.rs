//! What is sent to the server, as values; [`SqlStatement::sql`] is the only writer of their SQL.

use std::time::Duration;

use crate::{
    catalog::{QualifiedName, quote_identifier, quote_literal},
    migration::ReindexTarget,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlStatement {
    /// `CREATE INDEX CONCURRENTLY`
    Create {
        /// `UNIQUE`
        unique: bool,
        /// The index's name, in its table's schema.
        name: String,
        table: QualifiedName,
        /// What stands behind the table's name.
        definition: String,
    },
    /// `CREATE INDEX … ON ONLY` of a partitioned table: no rows are read.
    CreateOnly {
        /// `UNIQUE`
        unique: bool,
        /// The index's name, in its table's schema.
        name: String,
        table: QualifiedName,
        /// What stands behind the table's name.
        definition: String,
        /// How long to wait for the lock.
        lock_timeout: Duration,
    },
    /// `ALTER INDEX … ATTACH PARTITION …`
    Attach {
        parent: QualifiedName,
        child: QualifiedName,
        /// How long to wait for the lock.
        lock_timeout: Duration,
    },
    /// `DROP INDEX CONCURRENTLY`
    Drop { index: QualifiedName },
    /// `REINDEX … CONCURRENTLY`
    Reindex {
        /// Index or table.
        target: ReindexTarget,
        name: QualifiedName,
        /// Where to rebuild it, if elsewhere.
        tablespace: Option<String>,
    },
    /// The new index takes the old one's name, the old one another, at once.
    Swap {
        /// The index that has the name.
        index: QualifiedName,
        retired: String,
        /// The name the new index has so far.
        built: String,
        /// What gives the new index what hangs on the old one, as SQL.
        carried: Vec<String>,
        /// How long to wait for the locks.
        lock_timeout: Duration,
    },
    /// `COMMENT ON INDEX`
    Comment {
        index: QualifiedName,
        /// The text; `None` for none.
        text: Option<String>,
        /// How long to wait for the lock.
        lock_timeout: Duration,
    },
}

/// The strongest lock a statement takes, and what it keeps out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Keeps out neither readers nor writers: only vacuum, other builds and changes of the table.
    ShareUpdateExclusive,
    /// Keeps out writers of the partitioned table, for the moment it takes to write the catalog.
    Share,
    /// Keeps out everyone who uses the index, for the moment it takes to write the catalog.
    AccessExclusive,
}

impl Lock {
    /// As Postgres names it, and on what.
    pub fn describe(self) -> &'static str {
        match self {
            Lock::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE: readers and writers continue",
            Lock::Share => "SHARE on the partitioned table, briefly, with a lock timeout",
            Lock::AccessExclusive => {
                "ACCESS EXCLUSIVE on the partition's index, briefly, with a lock timeout"
            }
        }
    }
}

impl SqlStatement {
    /// The statements, in order, each sent alone; those of a brief change as one transaction.
    pub fn sql(&self) -> Vec<String> {
        match self {
            SqlStatement::Create {
                unique,
                name,
                table,
                definition,
            } => {
                vec![create(
                    *unique,
                    "CONCURRENTLY ",
                    name,
                    "",
                    table,
                    definition,
                )]
            }
            SqlStatement::CreateOnly {
                unique,
                name,
                table,
                definition,
                lock_timeout,
            } => brief(
                *lock_timeout,
                [create(*unique, "", name, "ONLY ", table, definition)],
            ),
            SqlStatement::Attach {
                parent,
                child,
                lock_timeout,
            } => brief(
                *lock_timeout,
                [format!(
                    "ALTER INDEX {} ATTACH PARTITION {}",
                    parent.quoted(),
                    child.quoted()
                )],
            ),
            SqlStatement::Drop { index } => {
                vec![format!("DROP INDEX CONCURRENTLY {}", index.quoted())]
            }
            SqlStatement::Reindex {
                target,
                name,
                tablespace,
            } => {
                let options = tablespace
                    .as_ref()
                    .map(|name| format!("(TABLESPACE {}) ", quote_identifier(name)));
                vec![format!(
                    "REINDEX {}{} CONCURRENTLY {}",
                    options.unwrap_or_default(),
                    target.word(),
                    name.quoted()
                )]
            }
            SqlStatement::Swap {
                index,
                retired,
                built,
                carried,
                lock_timeout,
            } => {
                let new = QualifiedName::new(&index.schema, built);
                let rename = |index: &QualifiedName, to: &str| {
                    format!(
                        "ALTER INDEX {} RENAME TO {}",
                        index.quoted(),
                        quote_identifier(to)
                    )
                };
                let swap = [rename(index, retired), rename(&new, &index.name)];
                brief(*lock_timeout, carried.iter().cloned().chain(swap))
            }
            SqlStatement::Comment {
                index,
                text,
                lock_timeout,
            } => {
                let text = text
                    .as_ref()
                    .map_or("NULL".to_owned(), |text| quote_literal(text));
                brief(
                    *lock_timeout,
                    [format!("COMMENT ON INDEX {} IS {text}", index.quoted())],
                )
            }
        }
    }

    /// Whether it runs in a transaction of its own under a short lock timeout; the others run outside one, for as
    /// long as the table is large.
    pub fn is_brief(&self) -> bool {
        !matches!(
            self,
            SqlStatement::Create { .. } | SqlStatement::Drop { .. } | SqlStatement::Reindex { .. }
        )
    }

    pub fn lock(&self) -> Lock {
        match self {
            SqlStatement::CreateOnly { .. } => Lock::Share,
            SqlStatement::Attach { .. } => Lock::AccessExclusive,
            _ => Lock::ShareUpdateExclusive,
        }
    }
}

fn create(
    unique: bool,
    concurrently: &str,
    name: &str,
    only: &str,
    table: &QualifiedName,
    definition: &str,
) -> String {
    let unique = if unique { "UNIQUE " } else { "" };
    let name = quote_identifier(name);
    format!(
        "CREATE {unique}INDEX {concurrently}{name} ON {only}{} {definition}",
        table.quoted()
    )
}

fn brief(lock_timeout: Duration, statements: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut all = vec![
        "BEGIN".to_owned(),
        format!(
            "SET LOCAL lock_timeout = '{}ms'",
            lock_timeout.as_millis().max(1)
        ),
    ];
    all.extend(statements);
    all.push("COMMIT".to_owned());
    all
}
