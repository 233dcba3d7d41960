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
}
