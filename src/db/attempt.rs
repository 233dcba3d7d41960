//! One attempt at one address: socket, TLS, authentication, all within one time limit.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio_postgres::{
    Client, Config,
    config::{SslMode, SslNegotiation},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    cancel::Endpoint,
    drive,
    refusal::{Refusal, is_tls_failure},
    target::{Host, Target, TlsMode},
};

/// An open connection, what its server said at the start, and how it was reached.
pub(super) struct OpenedConnection {
    pub(super) client: Client,
    pub(super) connector: MakeRustlsConnect,
    pub(super) endpoint: Endpoint,
    pub(super) parameters: StartupParameters,
    pub(super) warnings: drive::Warnings,
    pub(super) task: tokio::task::JoinHandle<()>,
}

/// What the server reports about itself without being asked (ParameterStatus messages).
#[derive(Debug, Clone, Default)]
pub(super) struct StartupParameters {
    pub(super) server_version: String,
    /// Servers from 14.
    pub(super) in_hot_standby: Option<bool>,
    pub(super) superuser: Option<bool>,
}

/// The addresses of a host; `None` for a socket.
pub(super) async fn addresses(
    host: &Host,
    limit: Option<Duration>,
) -> Result<Vec<Option<IpAddr>>, Refusal> {
    if let Some(address) = host.address {
        return Ok(vec![Some(address)]);
    }
    if host.is_socket() {
        return Ok(vec![None]);
    }
    if let Ok(address) = host.name.parse() {
        return Ok(vec![Some(address)]);
    }
    let lookup = tokio::net::lookup_host((host.name.as_str(), host.port));
    let found = within(limit, lookup).await?.map_err(Refusal::Lookup)?;
    let mut addresses: Vec<Option<IpAddr>> = found.map(|found| Some(found.ip())).collect();
    addresses.dedup();
    Ok(addresses)
}

/// Opens a connection to one address. `prefer` tries TLS first, and goes on without it where TLS, or this
/// user with TLS, is refused (as libpq does).
pub(super) async fn open(
    target: &Target,
    host: &Host,
    address: Option<IpAddr>,
    purpose: &str,
    connector: &MakeRustlsConnect,
) -> Result<OpenedConnection, Refusal> {
    let mut config = driver_config(target, host, address, purpose);
    let socket = address.is_none();
    let mode = match target.tls.mode {
        // As in libpq, TLS is for TCP only, whatever sslmode says.
        _ if socket => SslMode::Disable,
        TlsMode::Disable => SslMode::Disable,
        TlsMode::Prefer => SslMode::Prefer,
        TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
    };
    config.ssl_mode(mode);
    if target.tls.direct && mode == SslMode::Require {
        config.ssl_negotiation(SslNegotiation::Direct);
    }
    let endpoint = match address {
        Some(address) => Endpoint::Tcp(SocketAddr::new(address, host.port), host.name.clone()),
        None => Endpoint::Socket(format!("{}/.s.PGSQL.{}", host.name, host.port).into()),
    };
    let limit = target.connect_timeout;
    match within(limit, start(&config, connector, &endpoint)).await? {
        Err(Refusal::Driver(error)) if mode == SslMode::Prefer && may_do_without_tls(&error) => {
            tracing::debug!(
                "{host}: with TLS: {}; trying without it",
                super::describe_error(&error)
            );
            config.ssl_mode(SslMode::Disable);
            let plain = within(limit, start(&config, connector, &endpoint)).await?;
            // The first answer is the one that says what is wrong, where both are refused alike.
            plain.map_err(|_| Refusal::Driver(error))
        }
        outcome => outcome,
    }
}

fn may_do_without_tls(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        // invalid_authorization_specification: pg_hba.conf has no entry for this user with TLS.
        Some(answer) => answer.code().code() == "28000",
        None => is_tls_failure(error),
    }
}

async fn start(
    config: &Config,
    connector: &MakeRustlsConnect,
    endpoint: &Endpoint,
) -> Result<OpenedConnection, Refusal> {
    let (client, connection) = config
        .connect(connector.clone())
        .await
        .map_err(Refusal::Driver)?;
    let parameters = {
        let said = |name: &str| connection.parameter(name);
        let switch = |name: &str| said(name).map(|value| value == "on");
        StartupParameters {
            server_version: said("server_version").unwrap_or_default().to_owned(),
            in_hot_standby: switch("in_hot_standby"),
            superuser: switch("is_superuser"),
        }
    };
    let warnings = drive::Warnings::default();
    let task = drive::spawn(connection, warnings.clone());
    Ok(OpenedConnection {
        client,
        connector: connector.clone(),
        endpoint: endpoint.clone(),
        parameters,
        task,
        warnings,
    })
}

fn driver_config(target: &Target, host: &Host, address: Option<IpAddr>, purpose: &str) -> Config {
    let mut config = Config::new();
    config
        .host(&host.name)
        .port(host.port)
        .user(&target.user)
        .dbname(&target.dbname)
        .channel_binding(target.channel_binding)
        .application_name(match &target.application_name {
            Some(own) => format!("dbaudit {purpose} ({own})"),
            None => format!("dbaudit {purpose}"),
        });
    if let Some(address) = address {
        config.hostaddr(address);
    }
    if let Some(password) = &host.password {
        config.password(&password.text);
    }
    if let Some(options) = &target.options {
        config.options(options);
    }
    match &target.keepalive {
        Some(keepalive) => {
            config
                .keepalives(true)
                .keepalives_idle(keepalive.idle)
                .keepalives_interval(keepalive.interval)
                .keepalives_retries(keepalive.count);
        }
        None => {
            config.keepalives(false);
        }
    }
    if let Some(limit) = target.connect_timeout {
        // Cancel requests open sockets of their own, outside our limit.
        config.connect_timeout(limit);
    }
    if let Some(limit) = target.tcp_user_timeout {
        config.tcp_user_timeout(limit);
    }
    config
}

/// A stalled socket must not hang: everything that waits for a server in here has a limit.
pub(super) async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = T>,
) -> Result<T, Refusal> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work)
            .await
            .map_err(|_| Refusal::Timeout(limit)),
        None => Ok(work.await),
    }
}
