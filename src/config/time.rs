//! Settings of `time-queries`.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::Resolver;
use crate::{
    Error, Result,
    cli::TimeArgs,
    duration::HumanDuration,
    stats::Percentile,
    workload::{Selection, SettingPair, parse_budget},
};

/// `[time-queries]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TimeFile {
    pub queries: Option<PathBuf>,
    pub budget: Option<String>,
    pub strict: Option<bool>,
    pub allow_inconclusive: Option<bool>,
    pub max_samples: Option<u32>,
    pub max_time: Option<HumanDuration>,
    pub total_time: Option<HumanDuration>,
    pub max_cases: Option<u32>,
    pub load_time: Option<HumanDuration>,
    pub compare: Option<PathBuf>,
    pub fail_on_plan_change: Option<bool>,
    pub cold_read: Option<HumanDuration>,
}

/// What `time-queries` works with.
#[derive(Debug, Clone)]
pub struct TimeConfig {
    /// Folder of query files; `None`: the embedded ones.
    pub queries: Option<PathBuf>,
    /// Of a query whose header names none.
    pub budget: Option<(Duration, Percentile)>,
    /// The heaviest statements instead of files.
    pub from_statements: Option<u32>,
    /// What writes is timed as well, and rolled back.
    pub allow_writes: bool,
    pub selection: Selection,
    /// Only list them.
    pub list: bool,
    /// `inconclusive` counts as a failure.
    pub strict: bool,
    /// `inconclusive` counts as a success.
    pub allow_inconclusive: bool,
    /// Per case; `None`: what the percentile needs.
    pub max_samples: Option<u32>,
    /// Per case; `None`: what its budget needs.
    pub max_time: Option<Duration>,
    /// For the whole run; `None`: what the budgets need.
    pub total_time: Option<Duration>,
    /// Combinations of parameters per query.
    pub max_cases: u32,
    /// Only the worst values, and the plan that the server chooses: a first look.
    pub worst_only: bool,
    /// Under load as well.
    pub load: Option<Load>,
    pub load_time: Duration,
    /// Where the run is saved.
    pub save: Option<PathBuf>,
    /// The saved run to compare with.
    pub compare: Option<PathBuf>,
    /// Another plan than the saved run's is a failure.
    pub fail_on_plan_change: bool,
    /// Two ways of running each query.
    pub experiment: Option<Experiment>,
    /// What reading one block takes; `None`: as the server measured it.
    pub cold_read: Option<Duration>,
}

/// The load a query is put under.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// Each client runs again as soon as it is done.
    Closed {
        clients: u32,
    },
    /// Executions are due at a rate.
    Open {
        /// Per second.
        rate: f64,
        /// Sessions that share them.
        clients: u32,
    },
    Sweep {
        most: u32,
    },
}

/// Two ways of running a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Experiment {
    /// Under two values of a setting.
    Setting(SettingPair),
    /// With and without an index.
    WithoutIndex(String),
}

/// An open loop's sessions, where nobody says how many.
const OPEN_LOOP_CLIENTS: u32 = 10;
const LOAD_TIME: Duration = Duration::from_secs(5);

const MAX_CASES: u32 = 24;

impl Default for TimeConfig {
    fn default() -> Self {
        Self {
            queries: None,
            budget: None,
            from_statements: None,
            allow_writes: false,
            selection: Selection::default(),
            list: false,
            strict: false,
            allow_inconclusive: false,
            max_samples: None,
            max_time: None,
            total_time: None,
            max_cases: MAX_CASES,
            worst_only: false,
            load: None,
            load_time: LOAD_TIME,
            save: None,
            compare: None,
            fail_on_plan_change: false,
            experiment: None,
            cold_read: None,
        }
    }
}

impl TimeConfig {
    pub(super) fn resolve(
        args: TimeArgs,
        file: TimeFile,
        resolver: &mut Resolver<'_>,
    ) -> Result<Self> {
        let of_file = file.budget.as_deref().map(parse_budget).transpose();
        let of_file = of_file.map_err(|wrong| Error::Config {
            message: format!("time-queries.budget: {wrong}"),
            hint: "write budget = \"100ms\", or \"100ms p99\"".into(),
        })?;
        let budget = resolver.pick_optional(
            "time-queries.budget",
            args.budget,
            of_file,
            |(budget, p)| {
                let p = p.map_or(String::new(), |p| format!(" {p}"));
                format!("{}{p}", HumanDuration(*budget))
            },
        );
        Ok(Self {
            budget: budget.map(|(budget, p)| (budget, p.unwrap_or(Percentile::P95))),
            from_statements: args.from_statements,
            allow_writes: args.allow_writes && args.disposable,
            queries: resolver.pick_folder(
                "time-queries.queries",
                args.queries,
                file.queries,
                "queries",
            ),
            selection: Selection {
                only: args.only,
                tags: args.tag,
            },
            list: args.list,
            strict: resolver.switch("time-queries.strict", args.strict, file.strict)
                && !args.allow_inconclusive,
            allow_inconclusive: resolver.switch(
                "time-queries.allow-inconclusive",
                args.allow_inconclusive,
                file.allow_inconclusive,
            ) && !args.strict,
            max_samples: resolver.pick_optional(
                "time-queries.max-samples",
                args.max_samples,
                // 0 samples are none: as if unset.
                file.max_samples.filter(|n| *n > 0),
                ToString::to_string,
            ),
            max_time: resolver.pick_duration("time-queries.max-time", args.max_time, file.max_time),
            total_time: resolver.pick_duration(
                "time-queries.total-time",
                args.total_time,
                file.total_time,
            ),
            max_cases: resolver.pick(
                "time-queries.max-cases",
                args.max_cases,
                file.max_cases,
                MAX_CASES,
            ),
            worst_only: false,
            load: match (args.sweep, args.rate, args.clients) {
                (Some(most), _, _) => Some(Load::Sweep { most }),
                (None, Some(rate), clients) => Some(Load::Open {
                    rate,
                    clients: clients.unwrap_or(OPEN_LOOP_CLIENTS),
                }),
                (None, None, Some(clients)) => Some(Load::Closed { clients }),
                (None, None, None) => None,
            },
            load_time: resolver
                .pick(
                    "time-queries.load-time",
                    args.load_time,
                    file.load_time,
                    HumanDuration(LOAD_TIME),
                )
                .0,
            save: args.save,
            compare: resolver.pick_optional(
                "time-queries.compare",
                args.compare,
                file.compare,
                |path| path.display().to_string(),
            ),
            fail_on_plan_change: resolver.switch(
                "time-queries.fail-on-plan-change",
                args.fail_on_plan_change,
                file.fail_on_plan_change,
            ),
            experiment: args
                .ab
                .map(Experiment::Setting)
                .or(args.ab_without_index.map(Experiment::WithoutIndex)),
            cold_read: resolver.pick_duration(
                "time-queries.cold-read",
                args.cold_read,
                file.cold_read,
            ),
        })
    }
}
