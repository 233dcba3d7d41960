//! Cancelling a session's statement, as libpq does: the request's connection is held until the other side closes
//! it. The driver's own closes it at once, and PgBouncer then forgets the request: it is told of the client's end
//! before it has passed the request on.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_postgres::{CancelToken, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Error, Result};

/// A request is a few bytes each way; longer than this, and nobody is there.
const LIMIT: Duration = Duration::from_secs(10);

/// Where a session's server was reached.
#[derive(Debug, Clone)]
pub(super) enum Endpoint {
    /// Over TCP; the name is what its certificate is for.
    Tcp(SocketAddr, String),
    /// By a unix socket.
    Socket(PathBuf),
}

/// Cancels a session's running statement over a connection of its own, with TLS where the session has it.
#[derive(Clone)]
pub struct Canceller {
    pub(super) token: CancelToken,
    pub(super) connector: MakeRustlsConnect,
    pub(super) endpoint: Endpoint,
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
        let failed = |reason: String| Error::Connect {
            message: format!("cancelling the running statement: {reason}"),
            hint: "check that the server is still running".into(),
            passes: false,
        };
        match tokio::time::timeout(LIMIT, self.send()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed("the server does not answer".into())),
        }
    }

    async fn send(&self) -> io::Result<()> {
        match &self.endpoint {
            Endpoint::Tcp(address, name) => {
                let stream = TcpStream::connect(address).await?;
                self.over(stream, name).await
            }
            #[cfg(unix)]
            Endpoint::Socket(path) => {
                let stream = tokio::net::UnixStream::connect(path).await?;
                self.over(stream, "").await
            }
            #[cfg(not(unix))]
            Endpoint::Socket(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    async fn over<S>(&self, stream: S, name: &str) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut connector = self.connector.clone();
        let name = if name.is_empty() { "localhost" } else { name };
        let tls = MakeTlsConnect::<UntilClosed<S>>::make_tls_connect(&mut connector, name)
            .map_err(io::Error::other)?;
        self.token
            .cancel_query_raw(UntilClosed(stream), tls)
            .await
            .map_err(|error| io::Error::other(super::describe_error(&error)))
    }
}

/// A stream whose shutdown waits until the other side has closed it.
struct UntilClosed<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for UntilClosed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for UntilClosed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.0).poll_flush(context))?;
        loop {
            let mut bytes = [0; 64];
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                // Closed, in order or not: the request has been taken.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}
