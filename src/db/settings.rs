//! How connections are opened and pooled.

use std::time::Duration;

use super::{Environment, Target};
use crate::Result;

#[derive(Debug, Clone)]
pub struct ConnectionConfig {
    /// Where the database is: a URL or key=value string; `None`: libpq's environment variables.
    /// May hold a password: never print it.
    pub url: Option<String>,
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
            url: None,
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
    /// The same settings for another connection string.
    pub fn at(&self, url: &str) -> Self {
        Self {
            url: Some(url.to_owned()),
            ..self.clone()
        }
    }

    /// The same settings for a server that dbaudit started itself: nothing that the environment says of another one
    /// holds there.
    pub fn on_own_server(&self, url: &str) -> Self {
        Self {
            use_environment: false,
            ..self.at(url)
        }
    }

    /// The same target, for a program of libpq's: environment variables and their values.
    ///
    /// # Errors
    /// As [`ConnectionConfig::target`].
    pub fn libpq_variables(&self) -> Result<Vec<(&'static str, String)>> {
        Target::variables(self.url.as_deref(), &self.environment())
    }

    /// Where to connect, resolved now from the connection string, the service file, the environment and the
    /// password file.
    ///
    /// # Errors
    /// [`crate::Error::Config`] naming what is wrong; nothing was sent.
    pub fn target(&self) -> Result<Target> {
        Target::resolve(self.url.as_deref(), self, &self.environment())
    }

    /// The environment connections are resolved in.
    pub fn environment(&self) -> Environment {
        let environment = Environment::of_process();
        if self.use_environment {
            environment
        } else {
            environment.without_postgres()
        }
    }
}
