//! Connections: how many, how patient, and how they end.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tower::Service;

use crate::{Error, Result};

/// A client that takes longer for the head of a request is slow on purpose.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests under way at the end are given so long.
const GRACE: Duration = Duration::from_secs(10);
const MOST_CONNECTIONS: usize = 1_024;
const MOST_OF_ONE_ADDRESS: usize = 256;
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
        Ok(Self { inner, address })
    }
}

/// Serves until `end` completes; then lets the requests under way finish, for ten seconds at most.
pub async fn serve(listener: Listener, router: Router, end: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let addresses = Addresses::default();
    let graceful = GracefulShutdown::new();
    tokio::pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener.inner, &slots) => accepted,
            () = &mut end => break,
        };
        let Some((stream, peer, slot)) = accepted else {
            continue;
        };
        let Some(place) = addresses.admit(peer.ip()) else {
            continue;
        };
        let (router, watcher) = (router.clone(), graceful.watcher());
        tokio::spawn(async move {
            let peer = Peer(peer.ip());
            let service = service_fn(move |request: Request<Incoming>| {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer);
                router.clone().call(request)
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(HEAD_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            // What goes wrong on a connection is its client's affair.
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!("a connection: {error}");
            }
            drop((slot, place));
        });
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

/// The next connection, once there is room for one.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small: none waits for more to fill a packet.
            let _ = stream.set_nodelay(true);
            Some((stream, peer, slot))
        }
        Err(error) => {
            tracing::debug!("accepting a connection: {error}");
            // Out of files, most likely: trying again at once would not help.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// Connections held by each address.
#[derive(Debug, Default, Clone)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A connection's place among its address's; given up when dropped.
struct Place(Addresses, IpAddr);

impl Addresses {
    fn admit(&self, address: IpAddr) -> Option<Place> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_default();
        if *count >= MOST_OF_ONE_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Place(self.clone(), address))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.1);
            }
        }
    }
}
