use std::net::SocketAddr;

use clap::Args;

use crate::duration::HumanDuration;

/// Options of `serve`.
#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    /// Address to listen on; any other than loopback needs a token [default: 127.0.0.1:9187]
    #[arg(long, value_name = "ADDRESS:PORT", env = "DBAUDIT_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Interval at which each database is read [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub interval: Option<HumanDuration>,
    /// Bearer token, required for everything except /health, /ready and the beacon
    #[arg(
        long,
        value_name = "TOKEN",
        env = "DBAUDIT_TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
    /// Memory available, if neither the control group nor the machine shows it, for example 512MB; a bare number
    /// is in megabytes
    #[arg(long, value_name = "SIZE", env = "RAILWAY_MEMORY_LIMIT", value_parser = crate::memory_limit::parse_memory_limit)]
    pub memory_limit: Option<u64>,
    /// URL that receives a POST when a budget is exceeded or met again
    #[arg(
        long,
        value_name = "URL",
        env = "DBAUDIT_WEBHOOK",
        hide_env_values = true
    )]
    pub webhook: Option<String>,
}
