use std::{ffi::OsString, path::PathBuf};

use clap::Args;

/// Options of `snapshot`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dbaudit snapshot --output prod.json
  PGSERVICE=prod dbaudit snapshot --statements -o prod.json")]
pub struct SnapshotArgs {
    /// Write values of the database into the file: common values, histogram bounds, and the first and the last row of
    /// each index. Without it, others of the same type and order stand in their places
    #[arg(long)]
    pub keep_values: bool,
    /// Include the statements of pg_stat_statements, for `advise --from-statements` on the twin
    #[arg(long)]
    pub statements: bool,
    /// Include the mean times of these statements beside their costs, so that `time-queries` on the twin can predict times
    #[arg(long)]
    pub calibrate: bool,
}

/// Options of `twin`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dbaudit twin prod.json -- advise --from-statements
  dbaudit twin prod.json --migrate 'dbaudit apply-indexes' -- time-queries --compare plans.json
  dbaudit twin prod.json -- psql -c 'EXPLAIN SELECT ...'
  dbaudit twin prod.json --keep")]
pub struct TwinArgs {
    /// The file that `dbaudit snapshot` wrote
    #[arg(value_name = "SNAPSHOT")]
    pub snapshot: PathBuf,
    /// Folder with the PostgreSQL server binaries (initdb, postgres), of the snapshot's major version [default: looked for]
    #[arg(long, value_name = "DIR")]
    pub server_bin: Option<PathBuf>,
    /// Shell command that changes the schema, such as the migrations of a pull request. It runs on empty tables; the
    /// indexes that it makes then get the sizes that they would have on production (may be repeated)
    #[arg(long, value_name = "COMMAND")]
    pub migrate: Vec<OsString>,
    /// Keep the server running and print its URL
    #[arg(long)]
    pub keep: bool,
    /// What to run on it: a command of dbaudit's, or any program; DATABASE_URL and libpq's PG* variables say where the twin is
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "keep")]
    pub command: Vec<OsString>,
}
