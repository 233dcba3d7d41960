//! The task that moves a connection's bytes, and says what the server says unasked.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{AsyncMessage, Connection};

use super::describe_error;

/// Runs until the connection ends; the client then knows itself to be closed.
pub(super) fn spawn<S, T>(mut connection: Connection<S, T>) -> tokio::task::JoinHandle<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
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
    })
}
