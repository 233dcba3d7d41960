//! Connections: their number, their timeouts and their end.

mod connections;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, http::Request, response::Response};
use futures_util::future::Abortable;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutWriter;
use tower::ServiceBuilder;

use self::connections::{ConnectionSlot, ConnectionSlots};
use crate::{Error, Result, config::ServeConfig};

/// A client that takes longer for the head of a request is slow on purpose.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that reads nothing of an answer for so long is not going to.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// Requests under way at the end are given so long.
const GRACE: Duration = Duration::from_secs(10);
const MOST_CONNECTIONS: usize = 1_024;
const MOST_OF_ONE_NETWORK: usize = 256;
/// Files for anything but connections: databases, the host's figures.
const OTHER_FILES: usize = 192;
/// The largest head of a request.
const HEAD_BYTES: usize = 16 * 1024;

/// Who asks. In the request's extensions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// A bound address, before anything is served on it.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
    /// Where it listens; the port is the one the system chose where 0 was asked for.
    pub address: SocketAddr,
    behind_proxy: bool,
}

impl Listener {
    /// Binds where the settings say.
    ///
    /// # Errors
    /// [`Error::CannotJudge`]: the address is taken, or not this machine's.
    pub async fn bind(settings: &ServeConfig) -> Result<Self> {
        let wrong = |error: io::Error| Error::CannotJudge {
            message: format!("listening on {}: {error}", settings.listen),
            hint:
                "another process may be listening there; --listen ADDRESS:PORT selects another port"
                    .into(),
        };
        let inner = TcpListener::bind(settings.listen).await.map_err(wrong)?;
        Ok(Self {
            address: inner.local_addr().map_err(wrong)?,
            inner,
            behind_proxy: settings.behind_proxy,
        })
    }
}

/// Serves until `end` completes; then lets the requests under way finish, for ten seconds at most.
pub async fn serve(listener: Listener, router: Router, end: impl Future<Output = ()>) {
    let most = most_connections();
    // All connections of a proxy are the proxy's: no address has a share of its own.
    let of_one_network = if listener.behind_proxy {
        most
    } else {
        MOST_OF_ONE_NETWORK
    };
    let connections = ConnectionSlots::new(most, of_one_network);
    let graceful = GracefulShutdown::new();
    let next = async || match listener.inner.accept().await {
        Ok((stream, peer)) => {
            // Answers are small: none waits for more to fill a packet.
            let _ = stream.set_nodelay(true);
            let (place, left) = connections.place(peer.ip()).await;
            Some((stream, Peer(peer.ip()), place, left))
        }
        Err(error) => {
            tracing::debug!("accepting a connection: {error}");
            // Out of files, most likely: trying again at once would not help.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    };
    tokio::pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = next() => accepted,
            () = &mut end => break,
        };
        if let Some((stream, peer, place, left)) = accepted {
            let connection = hold(stream, peer, place, router.clone(), graceful.watcher());
            tokio::spawn(Abortable::new(connection, left));
        }
    }
    drop(listener);
    let ended = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    if ended.is_err() {
        let seconds = GRACE.as_secs();
        tracing::warn!("requests were still running {seconds} seconds later");
    }
}

async fn hold(
    stream: TcpStream,
    peer: Peer,
    place: ConnectionSlot,
    router: Router,
    watcher: Watcher,
) {
    let place = Arc::new(place);
    let asked = Arc::clone(&place);
    let service = ServiceBuilder::new()
        .map_request(move |mut request: Request<Incoming>| {
            asked.is_busy(true);
            request.extensions_mut().insert(peer);
            request.map(Body::new)
        })
        .map_response(move |answer: Response| {
            place.is_busy(false);
            answer
        })
        .service(router);
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(READ_TIMEOUT));
    let stream = TokioIo::new(Box::pin(stream));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(stream, TowerToHyperService::new(service));
    if let Err(error) = watcher.watch(connection).await {
        // What goes wrong on a connection is its client's affair.
        tracing::debug!("a connection: {error}");
    }
}

/// As many as there are files for, after as many were asked for as may be had: connections must never take those that
/// reading a database needs.
fn most_connections() -> usize {
    let wanted = MOST_CONNECTIONS + OTHER_FILES;
    let files = rlimit::increase_nofile_limit(wanted as u64).unwrap_or(wanted as u64);
    let files = usize::try_from(files).unwrap_or(wanted);
    files
        .saturating_sub(OTHER_FILES)
        .clamp(16, MOST_CONNECTIONS)
}
