//! One unpooled connection.

use std::str::FromStr;

use tokio_postgres::{AsyncMessage, Client, NoTls};

use super::describe_error;
use crate::{Error, Result, config::Config};

/// The server's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerVersion {
    /// As the server prints it: `15.18 (Debian 15.18-0+deb12u1)`.
    pub text: String,
    /// `server_version_num`: 150018.
    pub number: u32,
}

impl ServerVersion {
    /// The major version: 15.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.number / 10_000
    }
}

/// An open connection. Dereferences to the driver's client.
pub struct Session {
    client: Client,
    /// The server's version.
    pub version: ServerVersion,
    /// The backend's process id, as `pg_stat_activity` shows it.
    pub backend_pid: i32,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("backend_pid", &self.backend_pid)
            .finish_non_exhaustive()
    }
}

impl std::ops::Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Session {
    /// A handle that cancels what the session is doing, from elsewhere.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller {
            token: self.client.cancel_token(),
        }
    }
}

/// Cancels a session's running statement over a connection of its own.
#[derive(Clone)]
pub struct Canceller {
    token: tokio_postgres::CancelToken,
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canceller")
    }
}

impl Canceller {
    /// Asks the server to cancel. The server does not say whether there was anything to cancel.
    ///
    /// # Errors
    /// The cancel connection could not be opened.
    pub async fn cancel(&self) -> Result<()> {
        self.token
            .cancel_query(NoTls)
            .await
            .map_err(Error::server("cancelling the running statement"))
    }
}

/// Opens a connection. `purpose` goes into `application_name`: `dbaudit <purpose>`.
///
/// # Errors
/// [`Error::Connect`], with what was tried and a way out.
pub async fn connect(config: &Config, purpose: &str) -> Result<Session> {
    let url = config.database_url.as_deref().unwrap_or_default();
    let refused = |error: tokio_postgres::Error| Error::Connect {
        message: format!(
            "cannot connect to {}: {}",
            super::mask_password(url),
            describe_error(&error)
        ),
        hint: "is the server running, and are host, port, user and database right?".into(),
    };
    let mut target = tokio_postgres::Config::from_str(url).map_err(refused)?;
    target.application_name(format!("dbaudit {purpose}"));
    let (client, mut connection) = target.connect(NoTls).await.map_err(refused)?;
    tokio::spawn(async move {
        loop {
            match std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                Some(Ok(AsyncMessage::Notice(notice))) => {
                    tracing::debug!(severity = notice.severity(), "server: {}", notice.message());
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::debug!("connection ended: {}", describe_error(&error));
                    break;
                }
                None => break,
            }
        }
    });
    let row = client
        .query_one(
            "SELECT current_setting('server_version'), current_setting('server_version_num')::int4,
                    pg_backend_pid()",
            &[],
        )
        .await
        .map_err(Error::server("asking the server for its version"))?;
    let number: i32 = row.get(1);
    Ok(Session {
        client,
        version: ServerVersion {
            text: row.get(0),
            number: u32::try_from(number).unwrap_or(0),
        },
        backend_pid: row.get(2),
    })
}
