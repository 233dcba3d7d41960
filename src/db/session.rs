//! One unpooled connection.

use std::sync::OnceLock;

use tokio_postgres::{Client, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    ServerVersion,
    attempt::{OpenedConnection, StartupParameters},
    cancel::{Canceller, Endpoint},
    connect as connecting,
    drive::Warnings,
    settings::ConnectionConfig,
    target::Target,
};
use crate::{Error, Result, sql::OWN_MARK};

/// The oldest server dbaudit works with.
const OLDEST_MAJOR: u32 = 13;

/// An open connection. Dereferences to the driver's client.
pub struct Session {
    /// Moves the connection's bytes.
    task: tokio::task::AbortHandle,
    client: Client,
    connector: MakeRustlsConnect,
    endpoint: Endpoint,
    startup: StartupParameters,
    warnings: Warnings,
    pub version: ServerVersion,
    backend_pid: OnceLock<i32>,
    /// When the backend began, as text, for whoever has to know it from a later one of the same pid.
    pub started: OnceLock<String>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("backend_pid", &self.backend_pid.get())
            .finish_non_exhaustive()
    }
}

impl std::ops::Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl std::ops::DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Session {
    /// A handle that cancels what the session is doing, from elsewhere.
    pub fn canceller(&self) -> Canceller {
        Canceller {
            token: self.client.cancel_token(),
            connector: self.connector.clone(),
            endpoint: self.endpoint.clone(),
        }
    }

    /// Gives the connection up at once, whatever is under way on it: no byte is waited for. The server learns of it by
    /// the connection's end.
    pub fn close(&self) {
        self.task.abort();
    }

    /// Whether the server is a standby. Servers from 14 said so at the start; 13 is asked, in one round trip.
    ///
    /// # Errors
    /// The server could not be asked.
    pub async fn is_standby(&self) -> Result<bool> {
        match self.startup.in_hot_standby {
            Some(standby) => Ok(standby),
            None => Ok(self.ask("SELECT pg_catalog.pg_is_in_recovery()").await? == "t"),
        }
    }

    /// The backend's process id, as `pg_stat_activity` shows it: asked for once. Behind a pooler, the first one that
    /// answered.
    pub async fn ask_backend_pid(&self) -> Result<i32> {
        if let Some(pid) = self.backend_pid.get() {
            return Ok(*pid);
        }
        let pid = backend_pid(&self.client)
            .await
            .map_err(Error::server("asking for the session's process"))?;
        Ok(*self.backend_pid.get_or_init(|| pid))
    }

    /// The same, where it is known by now; else 0, which is nobody's.
    pub fn backend_pid(&self) -> i32 {
        self.backend_pid.get().copied().unwrap_or_default()
    }

    /// Another question has brought it along.
    pub fn knows_backend_pid(&self, pid: i32) {
        let _ = self.backend_pid.set(pid);
    }

    /// What the server warned of since the last call.
    pub fn take_warnings(&self) -> Vec<String> {
        self.warnings.take()
    }

    /// Whether the role is a superuser, as the server said at the start; `None`: it did not.
    pub fn is_superuser(&self) -> Option<bool> {
        self.startup.superuser
    }

    /// One value, by the simple protocol: one round trip.
    async fn ask(&self, question: &str) -> Result<String> {
        let answer = self
            .client
            .simple_query(question)
            .await
            .map_err(Error::server("reading the server's version and state"))?;
        let value = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        Ok(value.unwrap_or_default())
    }
}

/// The process that a session runs in at the moment.
pub async fn backend_pid(client: &Client) -> Result<i32, tokio_postgres::Error> {
    let asked = format!("SELECT {OWN_MARK} pg_catalog.pg_backend_pid()");
    let answer = client.simple_query(&asked).await?;
    let pid = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    });
    Ok(pid.unwrap_or_default())
}

/// Opens a connection. `purpose` goes into `application_name`:
/// `dbaudit <purpose>`.
///
/// # Errors
/// [`Error::Connect`], with what was tried and a way out; [`Error::Config`] where the settings are wrong;
/// [`Error::Interrupted`] when a signal came meanwhile.
pub async fn connect(config: &ConnectionConfig, purpose: &str) -> Result<Session> {
    connect_to(&config.target()?, purpose).await
}

/// The same to a target already resolved.
///
/// # Errors
/// As [`connect`].
pub async fn connect_to(target: &Target, purpose: &str) -> Result<Session> {
    let opened = connecting::open(target, purpose).await?;
    let version = supported(&opened)?;
    let OpenedConnection {
        client,
        connector,
        endpoint,
        parameters: startup,
        warnings,
        task,
    } = opened;
    tracing::debug!(
        "connected to PostgreSQL {} as {}, database {}",
        version.text,
        target.user,
        target.dbname
    );
    Ok(Session {
        task: task.abort_handle(),
        client,
        connector,
        endpoint,
        startup,
        warnings,
        version,
        backend_pid: OnceLock::new(),
        started: OnceLock::new(),
    })
}

/// The server's version, where dbaudit works with it.
pub(super) fn supported(opened: &OpenedConnection) -> Result<ServerVersion> {
    let text = &opened.parameters.server_version;
    let Some(version) = ServerVersion::parse(text) else {
        return Err(Error::Connect {
            message: format!(
                "the server reports the version `{text}`, which is not a PostgreSQL version"
            ),
            hint: "dbaudit works with PostgreSQL 13 and later".to_owned(),
            passes: false,
        });
    };
    if version.major() < OLDEST_MAJOR {
        return Err(Error::Connect {
            message: format!(
                "the server is PostgreSQL {}, which is too old",
                version.text
            ),
            hint: "dbaudit works with PostgreSQL 13 and later".to_owned(),
            passes: false,
        });
    }
    Ok(version)
}
