//! What a deploy may do, and for how long.

use std::{path::PathBuf, time::Duration};

use crate::catalog::quote_identifier;

/// What `apply-indexes` works with.
#[derive(Debug, Clone)]
pub struct ApplyConfig {
    /// Folder of migrations; `None`: the embedded ones.
    pub migrations: Option<PathBuf>,
    /// The history table, `[schema.]name`, unquoted.
    pub history_table: String,
    /// How long a build may wait for its table's lock before it is given up and tried again.
    pub lock_timeout: Duration,
    /// How long a build may wait for older transactions.
    pub drain_timeout: Duration,
    /// How long all of it may take.
    pub deadline: Option<Duration>,
    /// How often each index is tried.
    pub attempts: u32,
    /// How many tables are worked on at once.
    pub jobs: usize,
    /// Build an index although the same stands under another name.
    pub allow_duplicates: bool,
    /// Replace an index of the same name and another definition.
    pub replace: bool,
    /// Look for duplicates before building a unique index.
    pub check_unique: bool,
    /// Go on where concurrent builds can corrupt (14.0 to 14.3).
    pub allow_unsafe_server: bool,
    /// `maintenance_work_mem` of the build sessions.
    pub maintenance_work_mem: Option<String>,
    /// `max_parallel_maintenance_workers` of the build sessions.
    pub parallel_workers: Option<u32>,
    pub dry_run: bool,
}

impl ApplyConfig {
    /// The history table's schema, where one is given.
    pub fn history_schema(&self) -> Option<&str> {
        self.history_table.split_once('.').map(|(schema, _)| schema)
    }

    /// The history table as SQL.
    pub fn history_table_quoted(&self) -> String {
        quoted_table(&self.history_table)
    }
}

/// The history table, where no other is configured.
pub const HISTORY_TABLE: &str = "dbaudit_index_history";

/// `[schema.]name` as SQL.
pub fn quoted_table(table: &str) -> String {
    match table.split_once('.') {
        Some((schema, name)) => format!("{}.{}", quote_identifier(schema), quote_identifier(name)),
        None => quote_identifier(table),
    }
}
