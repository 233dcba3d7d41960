use std::net::SocketAddr;

use clap::Args;

use crate::duration::HumanDuration;

/// Options of `serve`.
#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    /// Where to listen; elsewhere than on loopback a token is needed [default: 127.0.0.1:9187]
    #[arg(long, value_name = "ADDRESS:PORT", env = "DBAUDIT_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// How often each database is read [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub interval: Option<HumanDuration>,
    /// The bearer token that everything but /health, /ready and the beacon wants
    #[arg(
        long,
        value_name = "TOKEN",
        env = "DBAUDIT_TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
    /// How much memory there is, where neither the control group nor the machine says so: 512MB; a bare number
    /// is in megabytes
    #[arg(long, value_name = "SIZE", env = "RAILWAY_MEMORY_LIMIT", value_parser = crate::memory_limit::parse_memory_limit)]
    pub memory_limit: Option<u64>,
    /// Told, by a POST, when a budget is broken or met again
    #[arg(
        long,
        value_name = "URL",
        env = "DBAUDIT_WEBHOOK",
        hide_env_values = true
    )]
    pub webhook: Option<String>,
}
