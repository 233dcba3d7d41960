//! Settings of every connection: `[connection]` and `[pool]`.

use serde::Deserialize;

use super::Resolver;
use crate::{
    Error, Result,
    cli::GlobalArgs,
    db::{ConnectionConfig, PoolConfig},
    duration::HumanDuration,
};

/// `[connection]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ConnectionFile {
    pub timeout: Option<HumanDuration>,
}

/// `[pool]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PoolFile {
    pub size: Option<usize>,
    pub wait: Option<HumanDuration>,
    pub lifetime: Option<HumanDuration>,
}

pub(super) fn resolve(
    args: &GlobalArgs,
    url: Option<String>,
    file: ConnectionFile,
    pool: PoolFile,
    resolver: &mut Resolver<'_>,
) -> Result<ConnectionConfig> {
    let default = ConnectionConfig::default();
    let timeout = resolver.pick_flag(
        "connection.timeout",
        "connect_timeout",
        args.connect_timeout,
        file.timeout,
        HumanDuration(default.timeout),
    );
    let size = resolver.pick_flag(
        "pool.size",
        "pool_size",
        args.pool_size,
        pool.size,
        default.pool.size,
    );
    if size == 0 {
        return Err(Error::Config {
            message: "pool.size is 0, so no connection could ever be opened".to_owned(),
            hint: "set it to at least 1 (the default is 5)".to_owned(),
        });
    }
    let wait = HumanDuration(default.pool.wait);
    let lifetime = HumanDuration(default.pool.lifetime);
    Ok(ConnectionConfig {
        url,
        timeout: timeout.0,
        timeout_is_explicit: args.connect_timeout.is_some(),
        use_environment: true,
        pool: PoolConfig {
            size,
            wait: resolver.pick("pool.wait", None, pool.wait, wait).0,
            lifetime: resolver
                .pick("pool.lifetime", None, pool.lifetime, lifetime)
                .0,
        },
    })
}
