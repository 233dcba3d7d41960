use std::{fmt, path::PathBuf};

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::duration::HumanDuration;

/// Options of `report`.
#[derive(Debug, Default, Args)]
pub struct ReportArgs {
    /// How many rows each table shows [default: 20]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// The severity from which on a finding makes the exit status 1 [default: error]
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// What --format csv holds [default: tables]
    #[arg(long, value_enum, value_name = "SECTION")]
    pub section: Option<CsvSection>,
    /// A report written earlier with --format json: only findings that are not in it make the exit
    /// status 1
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Report on every database of the cluster, each over a connection of its own
    #[arg(long, conflicts_with_all = ["from", "replica"])]
    pub all_databases: bool,
    /// A standby that serves queries too: an index is unused only if it is unused there as well. May be
    /// repeated
    #[arg(long, value_name = "URL")]
    pub replica: Vec<String>,
    /// Keep the facts in a file, for --from and --since
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Report on the facts in a file that --save wrote; no server is asked
    #[arg(long, value_name = "FILE", conflicts_with = "replica")]
    pub from: Option<PathBuf>,
    /// Show what changed since the facts in a file that --save wrote: growth, and rates of everything
    /// that is counted
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    /// Measure the bloat of this many tables and indexes, the worst by estimate, with pgstattuple, which reads
    /// them whole [default when given without a number: 10]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10", require_equals = true)]
    pub exact_bloat: Option<usize>,
    /// Print the statements that make a role which sees everything the report needs, and stop
    #[arg(long)]
    pub print_grants: bool,
    /// How long a query of the report may wait for a lock [default: 200ms]
    #[arg(long, value_name = "DURATION")]
    pub lock_timeout: Option<HumanDuration>,
    /// How long a query of the report may take [default: 20s]
    #[arg(long, value_name = "DURATION")]
    pub statement_timeout: Option<HumanDuration>,
    /// How much memory the server's container has, where neither its control group nor the machine says so:
    /// 512MB; a bare number is in megabytes
    #[arg(long, value_name = "SIZE", env = "RAILWAY_MEMORY_LIMIT", value_parser = crate::memory_limit::parse_memory_limit)]
    pub memory_limit: Option<u64>,
}

/// `--section`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CsvSection {
    /// Tables
    Tables,
    /// Indexes
    Indexes,
    /// Findings
    Findings,
    /// What could not be judged
    Skipped,
    /// pg_stat_statements
    Statements,
    /// Sessions
    Sessions,
    /// Settings
    Settings,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    /// Any finding
    Info,
    /// Warnings and errors
    Warning,
    /// Errors
    Error,
    /// No finding
    Never,
}

impl fmt::Display for FailOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FailOn::Info => "info",
            FailOn::Warning => "warning",
            FailOn::Error => "error",
            FailOn::Never => "never",
        })
    }
}
