use std::path::PathBuf;

use clap::Args;

use crate::duration::HumanDuration;

/// Options of `advise`.
#[derive(Debug, Args)]
pub struct AdviseArgs {
    /// Folder of query files (.sql) [default: ./queries if it exists, otherwise the embedded ones]
    #[arg(long, value_name = "DIR", env = "DBAUDIT_QUERIES")]
    pub queries: Option<PathBuf>,
    /// Advise only on the query with this name (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Advise only on queries with this tag (may be repeated)
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Advise on the N statements of pg_stat_statements with the largest total time instead of query
    /// files; their parameters are drawn from statistics [default for N: 20]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "20",
          conflicts_with_all = ["queries", "only", "tag"],
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub from_statements: Option<u32>,
    /// Budget for each statement of --from-statements [default: 100ms]
    #[arg(long, value_name = "DURATION")]
    pub budget: Option<HumanDuration>,
    /// Maximum number of new indexes
    #[arg(long, value_name = "N")]
    pub max_indexes: Option<usize>,
    /// Maximum total size of new indexes, for example 500MB or 2GB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub max_size: Option<u64>,
    /// Time limit, measuring included; the result is the best set found by then. Building and timing for
    /// --prove take extra time [default: 60s]
    #[arg(long, value_name = "DURATION")]
    pub max_time: Option<HumanDuration>,
    /// Approximate maximum of parameter combinations per query [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_cases: Option<u32>,
    /// Install the extension hypopg if it is missing: with it, the planner can judge indexes that do not
    /// exist
    #[arg(long)]
    pub create_extension: bool,
    /// Build the best sets, time every case, measure size and write cost, and drop them again; only with
    /// --disposable or on the demo server
    #[arg(long)]
    pub prove: bool,
    /// No clock: run no query, and judge by the planner's costs. For a twin (`dbaudit twin`), where there are no rows; times
    /// come from pg_stat_statements, or are guesses
    #[arg(long, conflicts_with = "prove")]
    pub plans_only: bool,
    /// Show which queries would be planned otherwise if this index were gone (may be repeated: all together). It is
    /// dropped and the drop is rolled back, which locks its table: only on a twin, or with --disposable
    #[arg(long, value_name = "INDEX",
          conflicts_with_all = ["prove", "write", "max_indexes", "max_size"])]
    pub without: Vec<String>,
    /// Confirm that this database is a copy that may be changed and locked at will
    #[arg(long)]
    pub disposable: bool,
    /// Write the recommended indexes to this folder, as the next migration files
    #[arg(long, value_name = "DIR")]
    pub write: Option<PathBuf>,
}

fn parse_size(text: &str) -> Result<u64, String> {
    text.parse::<bytesize::ByteSize>()
        .map(|size| size.as_u64())
        .map_err(|_| format!("`{text}` is not a size (try 500MB or 2GB)"))
}
