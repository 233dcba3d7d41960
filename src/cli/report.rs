use clap::Args;

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// How many rows each table shows [default: 20]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}
