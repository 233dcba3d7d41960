use std::path::PathBuf;

use clap::Args;

use crate::duration::HumanDuration;

/// Options of `apply-indexes` and `status`.
#[derive(Debug, Default, Args)]
pub struct ApplyArgs {
    /// Folder of index migrations, V<n>__<name>.sql [default: ./migrations where it is there, else the embedded ones]
    #[arg(long, value_name = "DIR", env = "DBAUDIT_MIGRATIONS")]
    pub migrations: Option<PathBuf>,
    /// Print the plan and who would hold it up; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Where an index has another definition than its migration says: build the new one beside it,
    /// swap the names, drop the old one. Without this it is refused
    #[arg(long)]
    pub replace: bool,
    /// Build an index although the same one stands under another name
    #[arg(long)]
    pub allow_duplicates: bool,
    /// Before building a unique index, look whether there are duplicates (reads the table)
    #[arg(long)]
    pub check_unique: bool,
    /// How many tables to work on at once; never two builds on one table [default: 1]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// How long a build may wait for its table's lock before it is given up and tried again
    /// [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub lock_timeout: Option<HumanDuration>,
    /// How long a build may wait for older transactions [default: 30m]
    #[arg(long, value_name = "DURATION")]
    pub drain_timeout: Option<HumanDuration>,
    /// How often each index is tried [default: 10]
    #[arg(long, value_name = "N")]
    pub attempts: Option<u32>,
    /// How long all of it may take [default: no limit]
    #[arg(long, value_name = "DURATION")]
    pub deadline: Option<HumanDuration>,
    /// Memory for each build, as Postgres writes it: 512MB [default: the server's]
    #[arg(long, value_name = "SIZE")]
    pub maintenance_work_mem: Option<String>,
    /// Parallel workers for each build [default: the server's]
    #[arg(long, value_name = "N")]
    pub parallel_workers: Option<u32>,
    /// The table that records which migrations were applied [default: dbaudit_index_history]
    #[arg(long, value_name = "[SCHEMA.]NAME")]
    pub history_table: Option<String>,
    /// Build on PostgreSQL 14.0 to 14.3 all the same, whose concurrent builds can corrupt an index
    #[arg(long)]
    pub allow_unsafe_server: bool,
}
