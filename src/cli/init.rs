use clap::Args;

/// Options of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Take over what the database has: every plain index as a migration that is already applied, and the ten
    /// heaviest SELECTs of pg_stat_statements as query files. The database is only read
    #[arg(long)]
    pub from_database: bool,
}
