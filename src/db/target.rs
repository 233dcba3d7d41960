//! Where to connect, and how: resolved from a connection string, a service, libpq's environment variables
//! and defaults, in that order, as libpq does.

mod dialect;
mod environment;
mod hosts;
mod keyvalue;
mod keyword;
mod parameters;
mod passfile;
mod resolve;
mod service;
mod shown;
mod tls;
mod url;
mod variables;

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

pub use self::environment::Environment;
pub(super) use self::{
    keyvalue::quote,
    keyword::is_public,
    parameters::read_connection_string,
    tls::{ProtocolVersion, Roots, TlsMode, TlsSettings},
    url::is_url,
};

/// Everything needed to open a connection.
#[derive(Debug, Clone)]
pub struct Target {
    /// The servers to try, in order.
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) dbname: String,
    pub(super) options: Option<String>,
    /// The user's own, which stands in brackets after ours.
    pub(super) application_name: Option<String>,
    pub(super) tls: TlsSettings,
    pub(super) session_attrs: SessionAttrs,
    /// For each address: reaching it, TLS and authentication together. `None`: for ever.
    pub(super) connect_timeout: Option<Duration>,
    pub(super) keepalive: Option<Keepalive>,
    pub(super) tcp_user_timeout: Option<Duration>,
    pub(super) channel_binding: tokio_postgres::config::ChannelBinding,
    /// Try hosts and addresses in random order.
    pub(super) shuffle: bool,
}

impl Target {
    /// The same server, another of its databases.
    pub fn with_database(mut self, name: &str) -> Self {
        name.clone_into(&mut self.dbname);
        self
    }

    pub fn database(&self) -> &str {
        &self.dbname
    }
}

#[derive(Debug, Clone)]
pub(super) struct Host {
    /// A name, an address, or the folder of a unix socket.
    pub(super) name: String,
    /// Where the name need not be looked up.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
    pub(super) password: Option<Password>,
}

impl Host {
    /// Whether this is the folder of a unix socket.
    pub(super) fn is_socket(&self) -> bool {
        self.address.is_none() && self.name.starts_with('/')
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            _ if self.is_socket() => write!(f, "the socket {}/.s.PGSQL.{}", self.name, self.port),
            Some(address) if address.to_string() != self.name => {
                write!(f, "{} ({address}):{}", self.name, self.port)
            }
            _ if self.name.contains(':') => write!(f, "[{}]:{}", self.name, self.port),
            _ => write!(f, "{}:{}", self.name, self.port),
        }
    }
}

/// A password, and where it came from. Never shown.
#[derive(Clone)]
pub(super) struct Password {
    pub(super) text: String,
    pub(super) source: PasswordSource,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a password came from.
#[derive(Debug, Clone)]
pub(super) enum PasswordSource {
    Parameter(ParameterSource),
    File(PathBuf),
}

impl fmt::Display for PasswordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PasswordSource::Parameter(source) => source.fmt(f),
            PasswordSource::File(path) => write!(f, "the password file {}", path.display()),
        }
    }
}

/// Where a parameter came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParameterSource {
    ConnectionString,
    Service(String),
    Variable(&'static str),
}

impl fmt::Display for ParameterSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParameterSource::ConnectionString => f.write_str("the connection string"),
            ParameterSource::Service(name) => write!(f, "the service `{name}`"),
            ParameterSource::Variable(name) => f.write_str(name),
        }
    }
}

/// `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionAttrs {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// TCP keepalive: how soon a server that is gone is noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keepalive {
    pub(super) idle: Duration,
    pub(super) interval: Duration,
    pub(super) count: u32,
}
