use std::{fmt, path::PathBuf};

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::duration::HumanDuration;

/// Options of `report`.
#[derive(Debug, Default, Args)]
pub struct ReportArgs {
    /// Maximum number of rows per table [default: 20]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Lowest severity for which a finding makes the exit status 1 [default: error]
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Section to write with --format csv [default: tables]
    #[arg(long, value_enum, value_name = "SECTION")]
    pub section: Option<CsvSection>,
    /// Earlier report, written with --format json: only findings that are not in it make the exit status 1
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Report on every database of the cluster, each over its own connection
    #[arg(long, conflicts_with_all = ["from", "replica"])]
    pub all_databases: bool,
    /// Standby that also serves queries: an index counts as unused only if it is unused there as well
    /// (may be repeated)
    #[arg(long, value_name = "URL")]
    pub replica: Vec<String>,
    /// Save the facts to a file, for --from and --since
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Report on facts that --save wrote; connects to no server
    #[arg(long, value_name = "FILE", conflicts_with = "replica")]
    pub from: Option<PathBuf>,
    /// Show what changed since the facts that --save wrote: growth, and rates of all counters
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    /// Measure the bloat of the N tables and N indexes with the highest estimates, with pgstattuple, which reads
    /// them in full [default for N: 10]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10", require_equals = true)]
    pub exact_bloat: Option<usize>,
    /// Print the statements that create a role with the privileges the report needs, and exit
    #[arg(long)]
    pub print_grants: bool,
    /// lock_timeout for the queries of the report [default: 200ms]
    #[arg(long, value_name = "DURATION")]
    pub lock_timeout: Option<HumanDuration>,
    /// statement_timeout for the queries of the report [default: 20s]
    #[arg(long, value_name = "DURATION")]
    pub statement_timeout: Option<HumanDuration>,
    /// Memory of the server's container, if neither its control group nor the machine shows it, for example
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
