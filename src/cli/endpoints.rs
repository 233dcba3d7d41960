use std::path::PathBuf;

use clap::Args;

use crate::duration::HumanDuration;

/// Options of `time-endpoints`.
#[derive(Debug, Default, Args)]
pub struct EndpointsArgs {
    /// Time only the endpoint or page with this name (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Exit with status 0 if a verdict is inconclusive, instead of 3
    #[arg(long, conflicts_with = "strict")]
    pub allow_inconclusive: bool,
    /// Exit with status 1 if a verdict is inconclusive, as if it were over. Deprecated: the default
    /// status, 3, also fails a job
    #[arg(long)]
    pub strict: bool,
    /// Maximum number of samples per endpoint [default: as many as the percentile needs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_samples: Option<u32>,
    /// Time limit per endpoint, warm-up included [default: as long as its budget needs (p95: about 82
    /// times the budget), at least 30s]
    #[arg(long, value_name = "DURATION")]
    pub max_time: Option<HumanDuration>,
    /// Time limit for the whole run [default: twice as long as the budgets need, at least 15m]
    #[arg(long, value_name = "DURATION")]
    pub total_time: Option<HumanDuration>,
    /// Duration of each measurement with concurrent requests [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub load_time: Option<HumanDuration>,
    /// Trust the certificate authorities in this PEM file in addition to the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Do not verify certificates; for your own test servers
    #[arg(long)]
    pub insecure: bool,
    /// Save the run, to compare later runs with it
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Compare with a saved run
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
}
