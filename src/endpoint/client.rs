//! One connection to an HTTP server, and nothing around it: what would pool or retry would be timed as well.

use std::{io, path::Path, sync::Arc, time::Duration};

use axum::http::{Request, Response, Uri, header};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{
    Result,
    db::{Unverified, certificates},
};

/// How long a server may take to let us in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Whom to believe that they are who they say.
#[derive(Debug, Clone)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// The system's authorities, and those of a file of PEM certificates; or, `insecure`, anybody. Offers HTTP/2.
    ///
    /// # Errors
    /// [`crate::Error::Config`]: the file cannot be read, or has no certificate in it.
    pub fn new(authorities: Option<&Path>, insecure: bool) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let wrong = |error: rustls::Error| crate::Error::CannotJudge {
            message: format!("TLS: {error}"),
            hint: String::new(),
        };
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(wrong)?;
        let mut config = if insecure {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Unverified::new(provider)))
                .with_no_client_auth()
        } else {
            let mut store = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::debug!("the certificate authorities of the system: {error}");
            }
            store.add_parsable_certificates(found.certs);
            for certificate in authorities
                .map(certificates)
                .transpose()?
                .into_iter()
                .flatten()
            {
                store.add(certificate).map_err(wrong)?;
            }
            builder.with_root_certificates(store).with_no_client_auth()
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

#[derive(Debug)]
pub struct Connection(Sender);

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Connects to the URL's host by HTTP/1.1, with TLS for `https`, verified by the system's authorities.
    ///
    /// # Errors
    /// In words, naming the host.
    pub async fn open(url: &Uri) -> Result<Self, String> {
        let trust = Trust::new(None, false).map_err(|error| error.to_string())?;
        let mut config = ClientConfig::clone(&trust.0);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self::open_trusting(url, &Trust(Arc::new(config))).await
    }

    /// The same, trusting whom `trust` says, and by HTTP/2 where the server would have it so.
    ///
    /// # Errors
    /// In words, naming the host.
    pub async fn open_trusting(url: &Uri, trust: &Trust) -> Result<Self, String> {
        let host = url.host().unwrap_or_default();
        match tokio::time::timeout(CONNECT_TIMEOUT, connect(url, host, trust)).await {
            Ok(Ok(sender)) => Ok(Self(sender)),
            Ok(Err(error)) => Err(format!("connecting to {host}: {error}")),
            Err(_) => Err(format!(
                "connecting to {host}: no answer within {} seconds",
                CONNECT_TIMEOUT.as_secs()
            )),
        }
    }

    pub async fn is_usable(&mut self) -> bool {
        match &mut self.0 {
            Sender::Http1(sender) => !sender.is_closed() && sender.ready().await.is_ok(),
            Sender::Http2(sender) => !sender.is_closed() && sender.ready().await.is_ok(),
        }
    }

    /// `HTTP/1.1` or `HTTP/2`.
    pub fn protocol(&self) -> &'static str {
        match &self.0 {
            Sender::Http1(_) => "HTTP/1.1",
            Sender::Http2(_) => "HTTP/2",
        }
    }

    /// Sends a request for an absolute URL; the answer's head. Its body must be read before the next one.
    pub async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        match &mut self.0 {
            Sender::Http1(sender) => {
                // The path alone; the host is in a header of its own.
                let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
                // A part of a URL that was parsed is a URL again.
                *request.uri_mut() = path.parse().unwrap_or_default();
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                request.headers_mut().remove(header::HOST);
                sender.send_request(request).await
            }
        }
    }
}

async fn connect(url: &Uri, host: &str, trust: &Trust) -> io::Result<Sender> {
    let secure = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    // Of an IPv6 address the brackets are the URL's, not the address's.
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((name, port)).await?;
    stream.set_nodelay(true)?;
    if !secure {
        return http1(TokioIo::new(stream)).await;
    }
    let server = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::clone(&trust.0));
    let stream = connector.connect(server, stream).await?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(keep(connection));
        return Ok(Sender::Http2(sender));
    }
    http1(TokioIo::new(stream)).await
}

async fn http1<S>(stream: S) -> io::Result<Sender>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
    tokio::spawn(keep(connection));
    Ok(Sender::Http1(sender))
}

/// What goes wrong shows in the request that meets it.
async fn keep(connection: impl Future<Output = hyper::Result<()>>) {
    if let Err(error) = connection.await {
        tracing::debug!("a connection: {error}");
    }
}
