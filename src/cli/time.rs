use std::path::PathBuf;

use clap::Args;

/// Options of `time-queries`.
#[derive(Debug, Args)]
pub struct TimeArgs {
    /// Folder of query files, one .sql each [default: the embedded ones]
    #[arg(long, value_name = "DIR", env = "DBAUDIT_QUERIES")]
    pub queries: Option<PathBuf>,
}
