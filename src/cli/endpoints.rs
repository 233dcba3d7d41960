use std::path::PathBuf;

use clap::Args;

use crate::duration::HumanDuration;

/// Options of `time-endpoints`.
#[derive(Debug, Default, Args)]
pub struct EndpointsArgs {
    /// Time only the endpoint or page of this name (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Let an inconclusive verdict end with status 0: without it the status is 3, could not judge
    #[arg(long, conflicts_with = "strict")]
    pub allow_inconclusive: bool,
    /// Let an inconclusive verdict end with status 1, as one that is over does. Kept for one release;
    /// without it the status is 3, which fails a job as well
    #[arg(long)]
    pub strict: bool,
    /// At most this many samples per endpoint [default: what the percentile needs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_samples: Option<u32>,
    /// At most this long per endpoint, with its warm-up [default: what its budget needs, p95: about 82
    /// times the budget; 30s at least]
    #[arg(long, value_name = "DURATION")]
    pub max_time: Option<HumanDuration>,
    /// At most this long for the whole run [default: twice what the budgets need; 15m at least]
    #[arg(long, value_name = "DURATION")]
    pub total_time: Option<HumanDuration>,
    /// How long many at once are kept up [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub load_time: Option<HumanDuration>,
    /// Believe the certificate authorities of this PEM file as well as the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Do not verify certificates: for a test server of your own
    #[arg(long)]
    pub insecure: bool,
    /// Save the run, to compare later ones with
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Compare with a saved run
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
}
