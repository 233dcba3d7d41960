//! The task that moves a connection's bytes, and logs the notices of the server.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{AsyncMessage, Connection, error::Severity};

use super::describe_error;

/// What the server warned of and nobody has taken yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Warnings(Arc<Mutex<Vec<String>>>);

/// Beyond this many, further warnings are only logged.
const KEPT: usize = 100;

impl Warnings {
    fn add(&self, text: &str) {
        if let Ok(mut kept) = self.0.lock()
            && kept.len() < KEPT
        {
            kept.push(text.to_owned());
        }
    }

    /// Those since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        self.0
            .lock()
            .map(|mut kept| std::mem::take(&mut *kept))
            .unwrap_or_default()
    }
}

/// Runs until the connection ends; the client then knows itself to be closed.
pub(super) fn spawn<S, T>(
    mut connection: Connection<S, T>,
    warnings: Warnings,
) -> tokio::task::JoinHandle<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            match std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                Some(Ok(AsyncMessage::Notice(notice))) => {
                    tracing::debug!(severity = notice.severity(), "server: {}", notice.message());
                    if notice.parsed_severity() == Some(Severity::Warning) {
                        warnings.add(notice.message());
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::debug!("connection ended: {}", describe_error(&error));
                    break;
                }
                None => break,
            }
        }
    })
}
