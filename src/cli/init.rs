use clap::Args;

/// Options of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Start from a database: every plain index becomes a migration that is already applied, and the ten heaviest
    /// SELECTs of pg_stat_statements become query files. The database is only read
    #[arg(long)]
    pub from_database: bool,
}
