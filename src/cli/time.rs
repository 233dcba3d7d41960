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
    /// Folder of query files, or one file; `dbaudit explain query-file` shows the form [default:
    /// ./queries where it is there, else the embedded ones]
    #[arg(long, value_name = "DIR", env = "DBAUDIT_QUERIES")]
    pub queries: Option<PathBuf>,
    /// What a query may take whose header names no budget: 100ms, or 100ms p99
    #[arg(long, value_name = "BUDGET", value_parser = parse_default_budget)]
    pub budget: Option<(Duration, Option<Percentile>)>,
    /// Time the N statements that take most of the server's time (pg_stat_statements) instead of query
    /// files
    #[arg(long, value_name = "N", conflicts_with_all = ["tag", "list"],
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub from_statements: Option<u32>,
    /// Time queries that write or lock rows as well, each run in a transaction that is rolled back; only
    /// with --disposable
    #[arg(long, requires = "disposable")]
    pub allow_writes: bool,
    /// Say that this database is a copy that may come to harm
    #[arg(long)]
    pub disposable: bool,
    /// Time only the query of this name (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Time only queries with this tag (may be repeated)
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// List the queries and their budgets; connects to nothing
    #[arg(long)]
    pub list: bool,
    /// Let an inconclusive verdict end with status 0: without it the status is 3, could not judge
    #[arg(long, conflicts_with = "strict")]
    pub allow_inconclusive: bool,
    /// Let an inconclusive verdict end with status 1, as one that is over does. Kept for one release;
    /// without it the status is 3, which fails a job as well
    #[arg(long)]
    pub strict: bool,
    /// At most this many samples per case [default: what the percentile needs; p95: 1800]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_samples: Option<u32>,
    /// At most this long per case, with its warm-up [default: what its budget needs, p95: about 82
    /// times the budget; 30s at least]
    #[arg(long, value_name = "DURATION")]
    pub max_time: Option<HumanDuration>,
    /// At most this long for the whole run [default: twice what the budgets need; 15m at least]
    #[arg(long, value_name = "DURATION")]
    pub total_time: Option<HumanDuration>,
    /// At most about this many combinations of parameters per query [default: 24]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_cases: Option<u32>,
    /// Time the worst and the typical case under load as well: this many sessions, each again as soon
    /// as it is done
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub clients: Option<u32>,
    /// Time the worst and the typical case under load as well: this many executions due per second,
    /// latency counted from when they were due
    #[arg(long, value_name = "PER_SECOND", value_parser = parse_rate)]
    pub rate: Option<f64>,
    /// Raise the clients up to N until the budget breaks, with the worst and with the typical case
    /// [N: 64 where it is not given]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "64",
          conflicts_with_all = ["clients", "rate"],
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub sweep: Option<u32>,
    /// How long each load of a case lasts [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub load_time: Option<HumanDuration>,
    /// Save the run, to compare later ones with
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Compare with a saved run: other rows, or over 10 % more blocks, end with status 1
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// With --compare: another plan ends with status 1 too
    #[arg(long, requires = "compare")]
    pub fail_on_plan_change: bool,
    /// Run the worst cases under two values of a server setting, interleaved: work_mem=4MB,64MB
    #[arg(long, value_name = "SETTING=A,B", conflicts_with = "ab_without_index")]
    pub ab: Option<SettingPair>,
    /// Run the worst cases with and without an index, interleaved; only where nobody else is in
    /// the database
    #[arg(long, value_name = "INDEX")]
    pub ab_without_index: Option<String>,
    /// What reading one block takes, for the forecast of a cold cache [default: what the server
    /// measured, where track_io_timing is on]
    #[arg(long, value_name = "DURATION")]
    pub cold_read: Option<HumanDuration>,
}

fn parse_default_budget(text: &str) -> Result<(Duration, Option<Percentile>), String> {
    parse_budget(text)
}

fn parse_rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| *rate > 0.0 && *rate <= 1e6)
        .ok_or_else(|| format!("`{text}` is not a number of executions per second"))
}
