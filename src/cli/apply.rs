use std::path::PathBuf;

use clap::Args;

use crate::duration::HumanDuration;

/// Options of `apply-indexes` and `status`.
#[derive(Debug, Default, Args)]
pub struct ApplyArgs {
    /// Folder of index migrations, V<n>__<name>.sql [default: ./migrations if it exists, otherwise the embedded ones]
    #[arg(long, value_name = "DIR", env = "DBAUDIT_MIGRATIONS")]
    pub migrations: Option<PathBuf>,
    /// Print the plan and the sessions that would block it; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// If an index differs from its migration, build the new one beside it, swap the names and drop the
    /// old one. Without this option, such an index is refused
    #[arg(long)]
    pub replace: bool,
    /// Build an index even if the same one exists under another name
    #[arg(long)]
    pub allow_duplicates: bool,
    /// Before building a unique index, look for duplicates (reads the table)
    #[arg(long)]
    pub check_unique: bool,
    /// Number of tables to work on at once; one table never has two builds at a time [default: 1]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// How long a build may wait for its table lock before it gives up and tries again [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub lock_timeout: Option<HumanDuration>,
    /// How long a build may wait for older transactions [default: 30m]
    #[arg(long, value_name = "DURATION")]
    pub drain_timeout: Option<HumanDuration>,
    /// Number of attempts per index [default: 10]
    #[arg(long, value_name = "N")]
    pub attempts: Option<u32>,
    /// Time limit for the whole run [default: none]
    #[arg(long, value_name = "DURATION")]
    pub deadline: Option<HumanDuration>,
    /// maintenance_work_mem for each build, for example 512MB [default: the server's setting]
    #[arg(long, value_name = "SIZE")]
    pub maintenance_work_mem: Option<String>,
    /// Parallel workers for each build [default: the server's setting]
    #[arg(long, value_name = "N")]
    pub parallel_workers: Option<u32>,
    /// Table that records the applied migrations [default: dbaudit_index_history]
    #[arg(long, value_name = "[SCHEMA.]NAME")]
    pub history_table: Option<String>,
    /// Build even on PostgreSQL 14.0 to 14.3, whose concurrent builds can corrupt an index
    #[arg(long)]
    pub allow_unsafe_server: bool,
}
