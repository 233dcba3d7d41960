//! Settings of `advise`.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::Resolver;
use crate::{cli::AdviseArgs, duration::HumanDuration, what_if::WhatIfConfig, workload::Selection};

/// `[advise]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AdviseFile {
    pub queries: Option<PathBuf>,
    pub budget: Option<HumanDuration>,
    pub max_indexes: Option<usize>,
    pub max_time: Option<HumanDuration>,
    pub max_cases: Option<u32>,
    pub create_extension: Option<bool>,
}

/// What `advise` works with.
#[derive(Debug, Clone)]
pub struct AdviseConfig {
    /// Folder of query files; `None`: the embedded ones.
    pub queries: Option<PathBuf>,
    pub selection: Selection,
    /// So many of pg_stat_statements' statements, instead of query files.
    pub from_statements: Option<u32>,
    pub what_if: WhatIfConfig,
    /// Indexes without which the queries are to be planned.
    pub without: Vec<String>,
    /// The database may be built on and locked at will.
    pub disposable: bool,
    /// Where migration files are written.
    pub write: Option<PathBuf>,
}

const BUDGET: Duration = Duration::from_millis(100);
const MAX_TIME: Duration = Duration::from_secs(60);
const MAX_CASES: u32 = 8;

impl AdviseConfig {
    pub(super) fn resolve(args: AdviseArgs, file: AdviseFile, resolver: &mut Resolver<'_>) -> Self {
        Self {
            queries: resolver.pick_folder("advise.queries", args.queries, file.queries, "queries"),
            selection: Selection {
                only: args.only,
                tags: args.tag,
            },
            from_statements: args.from_statements,
            what_if: WhatIfConfig {
                budget: resolver
                    .pick(
                        "advise.budget",
                        args.budget,
                        file.budget,
                        HumanDuration(BUDGET),
                    )
                    .0,
                max_indexes: resolver.pick_optional(
                    "advise.max-indexes",
                    args.max_indexes,
                    file.max_indexes,
                    ToString::to_string,
                ),
                max_size: args.max_size,
                max_time: resolver
                    .pick(
                        "advise.max-time",
                        args.max_time,
                        file.max_time,
                        HumanDuration(MAX_TIME),
                    )
                    .0,
                max_cases: resolver.pick(
                    "advise.max-cases",
                    args.max_cases,
                    file.max_cases,
                    MAX_CASES,
                ),
                create_extension: resolver.switch(
                    "advise.create-extension",
                    args.create_extension,
                    file.create_extension,
                ),
                plans_only: args.plans_only || !args.without.is_empty(),
                prove: args.prove,
            },
            without: args.without,
            disposable: args.disposable,
            write: args.write,
        }
    }
}
