use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{
    duration::HumanDuration,
    stats::Percentile,
    workload::{SettingPair, parse_budget},
};

/// Options of `time-queries`.
#[derive(Debug, Args)]
pub struct TimeArgs {
    /// Folder of query files, or one file; `dbaudit explain query-file` shows the format [default:
    /// ./queries if it exists, otherwise the embedded ones]
    #[arg(long, value_name = "DIR", env = "DBAUDIT_QUERIES")]
    pub queries: Option<PathBuf>,
    /// Budget for queries that have none in their header, for example 100ms, or 100ms p99
    #[arg(long, value_name = "BUDGET", value_parser = parse_default_budget)]
    pub budget: Option<(Duration, Option<Percentile>)>,
    /// Time the N statements of pg_stat_statements with the largest total time instead of query files
    #[arg(long, value_name = "N", conflicts_with_all = ["tag", "list"],
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub from_statements: Option<u32>,
    /// Also time queries that write or lock rows, each run in a transaction that is rolled back; only with
    /// --disposable
    #[arg(long, requires = "disposable")]
    pub allow_writes: bool,
    /// Confirm that this database is a copy that may be changed and locked at will
    #[arg(long)]
    pub disposable: bool,
    /// Time only the query with this name (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Time only queries with this tag (may be repeated)
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// List the queries and their budgets without connecting
    #[arg(long)]
    pub list: bool,
    /// Exit with status 0 if a verdict is inconclusive, instead of 3
    #[arg(long, conflicts_with = "strict")]
    pub allow_inconclusive: bool,
    /// Exit with status 1 if a verdict is inconclusive, as if it were over. Deprecated: the default
    /// status, 3, also fails a job
    #[arg(long)]
    pub strict: bool,
    /// Maximum number of samples per case [default: as many as the percentile needs; p95: 1800]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_samples: Option<u32>,
    /// Time limit per case, warm-up included [default: as long as its budget needs (p95: about 82
    /// times the budget), at least 30s]
    #[arg(long, value_name = "DURATION")]
    pub max_time: Option<HumanDuration>,
    /// Time limit for the whole run [default: twice as long as the budgets need, at least 15m]
    #[arg(long, value_name = "DURATION")]
    pub total_time: Option<HumanDuration>,
    /// Approximate maximum of parameter combinations per query [default: 24]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_cases: Option<u32>,
    /// Also time the worst and the typical case under load: this many sessions, each of which starts
    /// again as soon as it has finished
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub clients: Option<u32>,
    /// Also time the worst and the typical case under load: this many executions per second, with latency
    /// measured from the moment each was due
    #[arg(long, value_name = "PER_SECOND", value_parser = parse_rate)]
    pub rate: Option<f64>,
    /// Increase the number of clients up to N until the budget is exceeded, for the worst and the typical
    /// case [default for N: 64]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "64",
          conflicts_with_all = ["clients", "rate"],
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub sweep: Option<u32>,
    /// Duration of each load on a case [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub load_time: Option<HumanDuration>,
    /// Save the run, to compare later runs with it
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Compare with a saved run: different rows, or over 10 % more blocks, make the exit status 1
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// With --compare: a different plan also makes the exit status 1
    #[arg(long, requires = "compare")]
    pub fail_on_plan_change: bool,
    /// No clock: only plan each case, and show plans and costs. With --compare, another plan ends with status 1. For a
    /// twin (`dbaudit twin`), where there are no rows to time
    #[arg(long, conflicts_with_all = ["clients", "rate", "sweep", "ab", "ab_without_index", "max_samples",
                                      "max_time", "cold_read"])]
    pub plans_only: bool,
    /// With --plans-only and --compare: a cost above this many times the saved one ends with status 1 too [default: 2]
    #[arg(long, value_name = "X", requires = "plans_only", value_parser = parse_factor)]
    pub max_cost_factor: Option<f64>,
    /// Run the worst cases under two values of a server setting, alternating, for example work_mem=4MB,64MB
    #[arg(long, value_name = "SETTING=A,B", conflicts_with = "ab_without_index")]
    pub ab: Option<SettingPair>,
    /// Run the worst cases with and without an index, alternating; only if nobody else is connected to the
    /// database
    #[arg(long, value_name = "INDEX")]
    pub ab_without_index: Option<String>,
    /// Time to read one block, for the cold-cache forecast [default: as measured by the server, if
    /// track_io_timing is on]
    #[arg(long, value_name = "DURATION")]
    pub cold_read: Option<HumanDuration>,
}

fn parse_default_budget(text: &str) -> Result<(Duration, Option<Percentile>), String> {
    parse_budget(text)
}

fn parse_factor(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|factor: &f64| *factor >= 1.0 && factor.is_finite())
        .ok_or_else(|| format!("`{text}` is not a factor of 1 or more"))
}

fn parse_rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| *rate > 0.0 && *rate <= 1e6)
        .ok_or_else(|| format!("`{text}` is not a number of executions per second"))
}
