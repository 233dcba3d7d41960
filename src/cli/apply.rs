use std::path::PathBuf;

use clap::Args;

/// Options of `apply-indexes`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Folder of index migrations, V<n>__<name>.sql [default: the embedded ones]
    #[arg(long, value_name = "DIR", env = "DBAUDIT_MIGRATIONS")]
    pub migrations: Option<PathBuf>,
}
