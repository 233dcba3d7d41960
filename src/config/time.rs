//! Settings of `time-queries`.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::Resolver;
use crate::{
    Error, Result,
    cli::TimeArgs,
    duration::HumanDuration,
    measure::{Experiment, Load, MeasureConfig},
    report::timing::Gates,
    stats::Percentile,
    workload::{Selection, parse_budget},
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
#[derive(Debug, Clone, Default)]
pub struct TimeConfig {
    /// Folder of query files; `None`: the embedded ones.
    pub queries: Option<PathBuf>,
    /// Of a query whose header names none.
    pub budget: Option<(Duration, Percentile)>,
    /// The heaviest statements instead of files.
    pub from_statements: Option<u32>,
    pub selection: Selection,
    /// Only list them.
    pub list: bool,
    /// `inconclusive` counts as a failure.
    pub strict: bool,
    /// `inconclusive` counts as a success.
    pub allow_inconclusive: bool,
    /// For the whole run; `None`: what the budgets need.
    pub total_time: Option<Duration>,
    /// Where the run is saved.
    pub save: Option<PathBuf>,
    /// The saved run to compare with.
    pub compare: Option<PathBuf>,
    /// What besides rows and blocks fails the run.
    pub gates: Gates,
    pub measure: MeasureConfig,
}

/// A cost above this many times the saved one is told, where nobody says how many.
const COST_FACTOR: f64 = 2.0;

/// An open loop's sessions, where nobody says how many.
const OPEN_LOOP_CLIENTS: u32 = 10;

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
        let standard = MeasureConfig::default();
        let measure = MeasureConfig {
            allow_writes: args.allow_writes && args.disposable,
            plans_only: args.plans_only,
            max_samples: resolver.pick_optional(
                "time-queries.max-samples",
                args.max_samples,
                // 0 samples are none: as if unset.
                file.max_samples.filter(|n| *n > 0),
                ToString::to_string,
            ),
            max_time: resolver.pick_duration("time-queries.max-time", args.max_time, file.max_time),
            max_cases: resolver.pick(
                "time-queries.max-cases",
                args.max_cases,
                file.max_cases,
                standard.max_cases,
            ),
            worst_only: standard.worst_only,
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
                    HumanDuration(standard.load_time),
                )
                .0,
            experiment: args
                .ab
                .map(Experiment::Setting)
                .or(args.ab_without_index.map(Experiment::WithoutIndex)),
            cold_read: resolver.pick_duration(
                "time-queries.cold-read",
                args.cold_read,
                file.cold_read,
            ),
        };
        Ok(Self {
            budget: budget.map(|(budget, p)| (budget, p.unwrap_or(Percentile::P95))),
            from_statements: args.from_statements,
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
            measure,
            total_time: resolver.pick_duration(
                "time-queries.total-time",
                args.total_time,
                file.total_time,
            ),
            save: args.save,
            compare: resolver.pick_optional(
                "time-queries.compare",
                args.compare,
                file.compare,
                |path| path.display().to_string(),
            ),
            gates: Gates {
                plan: resolver.switch(
                    "time-queries.fail-on-plan-change",
                    args.fail_on_plan_change,
                    file.fail_on_plan_change,
                ) || args.plans_only,
                cost_factor: args
                    .plans_only
                    .then(|| args.max_cost_factor.unwrap_or(COST_FACTOR)),
            },
        })
    }
}
