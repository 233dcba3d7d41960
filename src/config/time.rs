//! Settings of `time-queries`.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::Resolver;
use crate::{cli::TimeArgs, duration::HumanDuration, workload::Selection};

/// `[time-queries]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TimeFile {
    /// `queries`
    pub queries: Option<PathBuf>,
    /// `strict`
    pub strict: Option<bool>,
    /// `max-samples`
    pub max_samples: Option<u32>,
    /// `max-time`
    pub max_time: Option<HumanDuration>,
    /// `total-time`
    pub total_time: Option<HumanDuration>,
    /// `max-cases`
    pub max_cases: Option<u32>,
}

/// What `time-queries` works with.
#[derive(Debug, Clone)]
pub struct TimeConfig {
    /// Folder of query files; `None`: the embedded ones.
    pub queries: Option<PathBuf>,
    /// Which of them.
    pub selection: Selection,
    /// Only list them.
    pub list: bool,
    /// `inconclusive` counts as a failure.
    pub strict: bool,
    /// Per case; `None`: what the percentile needs.
    pub max_samples: Option<u32>,
    /// Per case.
    pub max_time: Duration,
    /// For the whole run.
    pub total_time: Duration,
    /// Combinations of parameters per query.
    pub max_cases: u32,
    /// Only the worst values, and the plan that the server chooses: a first look.
    pub worst_only: bool,
}

const MAX_TIME: Duration = Duration::from_secs(30);
const TOTAL_TIME: Duration = Duration::from_secs(15 * 60);
const MAX_CASES: u32 = 24;

impl Default for TimeConfig {
    fn default() -> Self {
        Self {
            queries: None,
            selection: Selection::default(),
            list: false,
            strict: false,
            max_samples: None,
            max_time: MAX_TIME,
            total_time: TOTAL_TIME,
            max_cases: MAX_CASES,
            worst_only: false,
        }
    }
}

impl TimeConfig {
    pub(super) fn resolve(args: TimeArgs, file: TimeFile, resolver: &mut Resolver<'_>) -> Self {
        Self {
            queries: resolver.pick_optional(
                "time-queries.queries",
                args.queries,
                file.queries,
                |path| path.display().to_string(),
            ),
            selection: Selection {
                only: args.only,
                tags: args.tag,
            },
            list: args.list,
            strict: resolver.switch("time-queries.strict", args.strict, file.strict),
            max_samples: resolver.pick_optional(
                "time-queries.max-samples",
                args.max_samples,
                // 0 samples are none: as if unset.
                file.max_samples.filter(|n| *n > 0),
                ToString::to_string,
            ),
            max_time: resolver
                .pick(
                    "time-queries.max-time",
                    args.max_time,
                    file.max_time,
                    HumanDuration(MAX_TIME),
                )
                .0,
            total_time: resolver
                .pick(
                    "time-queries.total-time",
                    args.total_time,
                    file.total_time,
                    HumanDuration(TOTAL_TIME),
                )
                .0,
            max_cases: resolver.pick(
                "time-queries.max-cases",
                args.max_cases,
                file.max_cases,
                MAX_CASES,
            ),
            worst_only: false,
        }
    }
}
