//! One connection to an HTTP server, and nothing around it: what would retry or pool would be timed as well.

use std::{io, sync::Arc, time::Duration};

use axum::http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a server may take to let us in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An open connection.
#[derive(Debug)]
pub struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    /// Connects to the URL's host, with TLS for `https`, verified by the system's authorities.
    ///
    /// # Errors
    /// In words, naming the host.
    pub async fn open(url: &Uri) -> Result<Self, String> {
        let host = url.host().unwrap_or_default();
        match tokio::time::timeout(CONNECT_TIMEOUT, connect(url, host)).await {
            Ok(Ok(sender)) => Ok(Self(sender)),
            Ok(Err(error)) => Err(format!("connecting to {host}: {error}")),
            Err(_) => Err(format!(
                "connecting to {host}: no answer within {} seconds",
                CONNECT_TIMEOUT.as_secs()
            )),
        }
    }

    /// Whether it takes another request.
    pub async fn is_usable(&mut self) -> bool {
        !self.0.is_closed() && self.0.ready().await.is_ok()
    }

    /// Sends a request; the answer's head. Its body must be read before the next one.
    ///
    /// # Errors
    /// The connection's.
    pub async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        self.0.send_request(request).await
    }
}

async fn connect(url: &Uri, host: &str) -> io::Result<SendRequest<Full<Bytes>>> {
    let secure = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    // Of an IPv6 address the brackets are the URL's, not the address's.
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((name, port)).await?;
    stream.set_nodelay(true)?;
    if secure {
        let server = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(tls()?);
        handshake(TokioIo::new(connector.connect(server, stream).await?)).await
    } else {
        handshake(TokioIo::new(stream)).await
    }
}

async fn handshake<S>(stream: S) -> io::Result<SendRequest<Full<Bytes>>>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        // What goes wrong shows in the request that meets it.
        if let Err(error) = connection.await {
            tracing::debug!("a connection: {error}");
        }
    });
    Ok(sender)
}

fn tls() -> io::Result<Arc<ClientConfig>> {
    let mut store = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!("the system's certificate authorities: {error}");
    }
    store.add_parsable_certificates(found.certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
