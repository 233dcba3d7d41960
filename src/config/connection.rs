//! Settings of every connection: `[connection]` and `[pool]`.

use std::time::Duration;

use serde::Deserialize;

use super::{Config, Resolver};
use crate::{
    Error, Result,
    cli::GlobalArgs,
    db::{Environment, Target},
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

#[derive(Debug, Clone)]
pub struct ConnectionConfig {
    /// How long one address is given, from reaching it to the end of authentication; zero: for ever.
    pub timeout: Duration,
    /// The command line or `DBAUDIT_CONNECT_TIMEOUT` says so: it then wins over `connect_timeout` of the
    /// connection string and over `PGCONNECT_TIMEOUT`.
    pub timeout_is_explicit: bool,
    /// Whether libpq's environment variables fill in what the connection string leaves open.
    pub use_environment: bool,
    pub pool: PoolConfig,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolConfig {
    /// Connections at most.
    pub size: usize,
    /// How long to wait for a free one.
    pub wait: Duration,
    /// The age at which a connection is replaced.
    pub lifetime: Duration,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            timeout_is_explicit: false,
            use_environment: true,
            pool: PoolConfig {
                size: 5,
                wait: Duration::from_secs(30),
                lifetime: Duration::from_secs(3600),
            },
        }
    }
}

impl ConnectionConfig {
    pub(super) fn resolve(
        args: &GlobalArgs,
        file: ConnectionFile,
        pool: PoolFile,
        resolver: &mut Resolver<'_>,
    ) -> Result<Self> {
        let default = Self::default();
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
        Ok(Self {
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
}

impl Config {
    /// Where to connect, resolved now from the connection string, the service file, the environment and the
    /// password file.
    ///
    /// # Errors
    /// [`Error::Config`] naming what is wrong; nothing was sent.
    pub fn target(&self) -> Result<Target> {
        let text = self.database_url.as_deref();
        Target::resolve(text, &self.connection, &self.environment())
    }

    /// The environment connections are resolved in.
    pub(super) fn environment(&self) -> Environment {
        let environment = Environment::of_process();
        if self.connection.use_environment {
            environment
        } else {
            environment.without_postgres()
        }
    }
}
