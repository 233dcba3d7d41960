//! The backend's process id, which the driver knows and does not tell.

use std::{
    future::{Ready, ready},
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio_postgres::{
    CancelToken,
    tls::{ChannelBinding, TlsConnect, TlsStream},
};

/// Reads the process id out of a cancel request that goes nowhere: the driver writes it into a pipe in
/// memory. A `SELECT pg_backend_pid()` would cost a round trip on every connection.
pub(super) async fn process_id(token: &CancelToken) -> Option<i32> {
    let (ours, mut theirs) = tokio::io::duplex(64);
    let read = async {
        let mut message = [0; 8];
        theirs.read_exact(&mut message).await.ok()?;
        if message == SSL_REQUEST {
            theirs.write_all(b"S").await.ok()?;
            theirs.read_exact(&mut message).await.ok()?;
        }
        // Length and code have passed; then come the process id and the secret.
        theirs.read_i32().await.ok()
    };
    let (_, process_id) = tokio::join!(token.cancel_query_raw(ours, Plain), read);
    process_id
}

/// Length 8, code 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// "TLS" over a pipe in memory: the bytes as they are.
struct Plain;

struct Pipe(DuplexStream);

impl TlsConnect<DuplexStream> for Plain {
    type Stream = Pipe;
    type Error = io::Error;
    type Future = Ready<io::Result<Pipe>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        ready(Ok(Pipe(stream)))
    }
}

impl TlsStream for Pipe {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
