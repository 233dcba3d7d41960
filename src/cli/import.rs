use std::path::PathBuf;

use clap::Args;

/// Options of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Folder of the other tool's migrations, or one .sql file. It is only read
    #[arg(value_name = "DIR")]
    pub from: PathBuf,
    /// Folder to write V<n>__<name>.sql files to; existing files are left unchanged [default: ./migrations]
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}
