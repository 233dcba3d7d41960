//! Settings of `apply-indexes`.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::Resolver;
use crate::{
    apply::{ApplyConfig, HISTORY_TABLE},
    cli::ApplyArgs,
    duration::HumanDuration,
};

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

pub(super) fn resolve(
    args: ApplyArgs,
    file: ApplyFile,
    resolver: &mut Resolver<'_>,
) -> ApplyConfig {
    let key = |name: &str| format!("apply-indexes.{name}");
    let human = |seconds: u64| HumanDuration(Duration::from_secs(seconds));
    ApplyConfig {
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
            HISTORY_TABLE.to_owned(),
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
        check_unique: resolver.switch(&key("check-unique"), args.check_unique, file.check_unique),
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
