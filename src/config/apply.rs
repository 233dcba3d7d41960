//! Settings of `apply-indexes`.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::Resolver;
use crate::{cli::ApplyArgs, duration::HumanDuration};

/// `[apply-indexes]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ApplyFile {
    pub migrations: Option<PathBuf>,
    pub history_table: Option<String>,
    pub lock_timeout: Option<HumanDuration>,
    pub drain_timeout: Option<HumanDuration>,
    pub deadline: Option<HumanDuration>,
    pub attempts: Option<u32>,
    pub jobs: Option<usize>,
    pub allow_duplicates: Option<bool>,
    pub replace: Option<bool>,
    pub check_unique: Option<bool>,
    pub allow_unsafe_server: Option<bool>,
    pub maintenance_work_mem: Option<String>,
    pub parallel_workers: Option<u32>,
}

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
    pub(super) fn resolve(args: ApplyArgs, file: ApplyFile, resolver: &mut Resolver<'_>) -> Self {
        let key = |name: &str| format!("apply-indexes.{name}");
        let human = |seconds: u64| HumanDuration(Duration::from_secs(seconds));
        Self {
            migrations: resolver.pick_folder(
                &key("migrations"),
                args.migrations,
                file.migrations,
                "migrations",
            ),
            history_table: resolver.pick(
                &key("history-table"),
                args.history_table,
                file.history_table,
                "dbaudit_index_history".to_owned(),
            ),
            lock_timeout: resolver
                .pick(
                    &key("lock-timeout"),
                    args.lock_timeout,
                    file.lock_timeout,
                    human(5),
                )
                .0,
            drain_timeout: resolver
                .pick(
                    &key("drain-timeout"),
                    args.drain_timeout,
                    file.drain_timeout,
                    human(30 * 60),
                )
                .0,
            deadline: resolver
                .pick_optional(
                    &key("deadline"),
                    args.deadline,
                    file.deadline,
                    ToString::to_string,
                )
                .map(|limit| limit.0),
            attempts: resolver
                .pick(&key("attempts"), args.attempts, file.attempts, 10)
                .max(1),
            jobs: resolver.pick(&key("jobs"), args.jobs, file.jobs, 1).max(1),
            allow_duplicates: resolver.switch(
                &key("allow-duplicates"),
                args.allow_duplicates,
                file.allow_duplicates,
            ),
            replace: resolver.switch(&key("replace"), args.replace, file.replace),
            check_unique: resolver.switch(
                &key("check-unique"),
                args.check_unique,
                file.check_unique,
            ),
            allow_unsafe_server: resolver.switch(
                &key("allow-unsafe-server"),
                args.allow_unsafe_server,
                file.allow_unsafe_server,
            ),
            maintenance_work_mem: resolver.pick_optional(
                &key("maintenance-work-mem"),
                args.maintenance_work_mem,
                file.maintenance_work_mem,
                Clone::clone,
            ),
            parallel_workers: resolver.pick_optional(
                &key("parallel-workers"),
                args.parallel_workers,
                file.parallel_workers,
                ToString::to_string,
            ),
            dry_run: resolver.switch(&key("dry-run"), args.dry_run, None),
        }
    }

    /// The history table's schema, where one is given.
    #[must_use]
    pub fn history_schema(&self) -> Option<&str> {
        self.history_table.split_once('.').map(|(schema, _)| schema)
    }

    /// The history table as SQL.
    #[must_use]
    pub fn history_table_quoted(&self) -> String {
        use crate::catalog::quote_identifier;
        match self.history_table.split_once('.') {
            Some((schema, name)) => {
                format!("{}.{}", quote_identifier(schema), quote_identifier(name))
            }
            None => quote_identifier(&self.history_table),
        }
    }
}
