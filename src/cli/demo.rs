use std::path::PathBuf;

use clap::Args;

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Rows of `content` to create [default: 200000]
    #[arg(long, value_name = "N")]
    pub rows: Option<u64>,
    /// Folder of the PostgreSQL server binaries (initdb, postgres) [default: searched for]
    #[arg(long, value_name = "DIR")]
    pub server_bin: Option<PathBuf>,
    /// Keep the server running and print its URL
    #[arg(long)]
    pub keep: bool,
}
