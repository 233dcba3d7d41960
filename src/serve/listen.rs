//! Connections: how many, how patient, and how they end.

mod patient;
mod places;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

use self::{
    patient::Patient,
    places::{Place, Places},
};
use crate::{Error, Result};

/// A client that takes longer for the head of a request is slow on purpose.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that reads nothing of an answer for so long is not going to.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// Requests under way at the end are given so long.
const GRACE: Duration = Duration::from_secs(10);
const MOST_CONNECTIONS: usize = 1_024;
const MOST_OF_ONE_NETWORK: usize = 256;
/// Files for anything but connections: databases, the host's figures, connections that are about to end.
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
    /// Binds.
    ///
    /// # Errors
    /// [`Error::CannotJudge`]: the address is taken, or not this machine's.
    pub async fn bind(address: SocketAddr) -> Result<Self> {
        let wrong = |error: io::Error| Error::CannotJudge {
            message: format!("listening on {address}: {error}"),
            hint: "is another process listening there? --listen ADDRESS:PORT names another".into(),
        };
        let inner = TcpListener::bind(address).await.map_err(wrong)?;
        let address = inner.local_addr().map_err(wrong)?;
        Ok(Self {
            inner,
            address,
            behind_proxy: false,
        })
    }

    /// Behind a proxy all connections are the proxy's: no address has a share of its own.
    #[must_use]
    pub fn behind_proxy(self, behind_proxy: bool) -> Self {
        Self {
            behind_proxy,
            ..self
        }
    }
}

/// Serves until `end` completes; then lets the requests under way finish, for ten seconds at most.
pub async fn serve(listener: Listener, router: Router, end: impl Future<Output = ()>) {
    let most = most_connections();
    let share = if listener.behind_proxy {
        most
    } else {
        MOST_OF_ONE_NETWORK
    };
    let places = Places::new(most, share);
    let graceful = GracefulShutdown::new();
    tokio::pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener.inner) => accepted,
            () = &mut end => break,
        };
        let Some((stream, peer)) = accepted else {
            continue;
        };
        if let Some(place) = places.admit(peer.ip()) {
            let router = router.clone();
            tokio::spawn(hold(stream, peer, place, router, graceful.watcher()));
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            "requests were still under way {} seconds later",
            GRACE.as_secs()
        );
    }
}

/// One connection, to its end.
async fn hold(stream: TcpStream, peer: SocketAddr, place: Place, router: Router, watcher: Watcher) {
    let peer = Peer(peer.ip());
    let place = Arc::new(place);
    let of_requests = Arc::clone(&place);
    let service = service_fn(move |request: Request<Incoming>| {
        let busy = of_requests.busy();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        let answer = router.clone().call(request);
        async move {
            let answer = answer.await;
            drop(busy);
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Patient::new(stream, READ_TIMEOUT)), service);
    tokio::select! {
        ended = watcher.watch(connection) => if let Err(error) = ended {
            // What goes wrong on a connection is its client's affair.
            tracing::debug!("a connection: {error}");
        },
        () = place.wanted() => {}
    }
}

/// The next connection; none where there was no file for it.
async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small: none waits for more to fill a packet.
            let _ = stream.set_nodelay(true);
            Some((stream, peer))
        }
        Err(error) => {
            tracing::debug!("accepting a connection: {error}");
            // Out of files, most likely: trying again at once would not help.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// As many as there are files for, after as many were asked for as may be had: connections must never take those that
/// reading a database needs.
fn most_connections() -> usize {
    let files = most_files().unwrap_or(MOST_CONNECTIONS);
    files
        .saturating_sub(OTHER_FILES)
        .clamp(16, MOST_CONNECTIONS)
}

#[cfg(unix)]
fn most_files() -> Option<usize> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let wanted = u64::try_from(MOST_CONNECTIONS + OTHER_FILES).ok()?;
    let raised = wanted.min(hard).max(soft);
    let got = setrlimit(Resource::RLIMIT_NOFILE, raised, hard).map_or(soft, |()| raised);
    Some(usize::try_from(got).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn most_files() -> Option<usize> {
    None
}
