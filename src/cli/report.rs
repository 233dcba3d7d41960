use std::fmt;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::duration::HumanDuration;

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// How many rows each table shows [default: 20]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// The severity from which on a finding makes the exit status 1 [default: error]
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// How long a query of the report may wait for a lock [default: 200ms]
    #[arg(long, value_name = "DURATION")]
    pub lock_timeout: Option<HumanDuration>,
    /// How long a query of the report may take [default: 20s]
    #[arg(long, value_name = "DURATION")]
    pub statement_timeout: Option<HumanDuration>,
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
