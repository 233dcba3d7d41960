use std::path::PathBuf;

use clap::Args;

use crate::duration::HumanDuration;

/// Options of `time-queries`.
#[derive(Debug, Args)]
pub struct TimeArgs {
    /// Folder of query files, one .sql each [default: the embedded ones]
    #[arg(long, value_name = "DIR", env = "DBAUDIT_QUERIES")]
    pub queries: Option<PathBuf>,
    /// Time only the query of this name (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Time only queries with this tag (may be repeated)
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// List the queries and their budgets; connects to nothing
    #[arg(long)]
    pub list: bool,
    /// Let an inconclusive verdict end with status 1 as well
    #[arg(long)]
    pub strict: bool,
    /// At most this many samples per case [default: what the percentile needs; p95: 1800]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_samples: Option<u32>,
    /// At most this long per case [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub max_time: Option<HumanDuration>,
    /// At most this long for the whole run [default: 15m]
    #[arg(long, value_name = "DURATION")]
    pub total_time: Option<HumanDuration>,
    /// At most about this many combinations of parameters per query [default: 24]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_cases: Option<u32>,
}
