use std::path::PathBuf;

use clap::Args;

use crate::duration::HumanDuration;

/// Options of `advise`.
#[derive(Debug, Args)]
pub struct AdviseArgs {
    /// Folder of query files, one .sql each [default: ./queries where it is there, else the embedded ones]
    #[arg(long, value_name = "DIR", env = "DBAUDIT_QUERIES")]
    pub queries: Option<PathBuf>,
    /// Advise only on the query of this name (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Advise only on queries with this tag (may be repeated)
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Advise on the N statements of pg_stat_statements with the largest total time, instead of query
    /// files; their parameters are drawn from statistics [N: 20 where it is not given]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "20",
          conflicts_with_all = ["queries", "only", "tag"],
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub from_statements: Option<u32>,
    /// What each statement of --from-statements may take [default: 100ms]
    #[arg(long, value_name = "DURATION")]
    pub budget: Option<HumanDuration>,
    /// At most this many new indexes
    #[arg(long, value_name = "N")]
    pub max_indexes: Option<usize>,
    /// At most this many bytes of new indexes: 500MB, 2GB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub max_size: Option<u64>,
    /// How long all of it may take, measuring included; the best found by then is the answer. Building and
    /// timing for --prove come on top [default: 60s]
    #[arg(long, value_name = "DURATION")]
    pub max_time: Option<HumanDuration>,
    /// At most about this many combinations of parameters per query [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_cases: Option<u32>,
    /// Install the extension hypopg, if it is not there: it makes the planner believe in indexes
    /// that are not built
    #[arg(long)]
    pub create_extension: bool,
    /// Build the best sets for real, time every case, measure size and write tax, and drop them
    /// again; only with --disposable, or on the demo's server
    #[arg(long)]
    pub prove: bool,
    /// This database is a copy that may be built on and locked at will
    #[arg(long)]
    pub disposable: bool,
    /// Write the recommended indexes as the next migration files into this folder
    #[arg(long, value_name = "DIR")]
    pub write: Option<PathBuf>,
}

fn parse_size(text: &str) -> Result<u64, String> {
    text.parse::<bytesize::ByteSize>()
        .map(|size| size.as_u64())
        .map_err(|_| format!("`{text}` is not a size (try 500MB or 2GB)"))
}
