//! A TCP proxy in front of a server, whose connections are hit: when a test says so, or at a chosen statement.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// What connections are subjected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// Every open connection is cut, on both sides. New ones are let through.
    Cut,
    /// Every open connection gets no answer and no end, as where a firewall has forgotten it; the server hears of the
    /// end. New ones are let through.
    Freeze,
    /// The same, and the server hears nothing either.
    Stall,
    /// Nothing passes in either direction any more, on any connection and new ones too, and none of them ends: a
    /// network that is gone.
    Silence,
    /// The answer to the statement is cut in the middle, and its connection with it. Only at a statement.
    Truncate,
}

/// How many blows there have been. Connections that come later are not hit by the first three.
#[derive(Debug, Clone, Copy, Default)]
struct Blows {
    cut: u32,
    frozen: u32,
    stalled: u32,
    silent: bool,
    /// The statement was sent.
    reached: bool,
}

/// A blow that waits for a statement.
struct Trap {
    blow: Blow,
    text: Vec<u8>,
    is_sprung: AtomicBool,
}

/// Forwards 127.0.0.1:`port` to a server on 127.0.0.1, until it is dropped, which ends every connection.
pub struct Proxy {
    port: u16,
    blows: Arc<watch::Sender<Blows>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Starts forwarding to the server of this URL. Must be called within a tokio runtime.
    pub async fn to(url: &str) -> Self {
        Self::with(url, None).await
    }

    /// The same; when a statement that contains the text is first sent, the blow falls.
    pub async fn striking_at(url: &str, text: &str, blow: Blow) -> Self {
        let trap = Trap {
            blow,
            text: text.as_bytes().to_vec(),
            is_sprung: AtomicBool::new(false),
        };
        Self::with(url, Some(trap)).await
    }

    async fn with(url: &str, trap: Option<Trap>) -> Self {
        let server = format!("127.0.0.1:{}", port_of(url));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let blows = Arc::new(watch::Sender::new(Blows::default()));
        let (struck, trap) = (Arc::clone(&blows), Arc::new(trap));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // With the acceptor go the connections.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else {
                    continue;
                };
                connections.spawn(forward(
                    client,
                    server,
                    Arc::clone(&struck),
                    Arc::clone(&trap),
                ));
            }
        });
        Self {
            port,
            blows,
            _tasks: tasks,
        }
    }

    /// The same URL, through the proxy.
    pub fn url(&self, url: &str) -> String {
        with_port(url, self.port)
    }

    /// Strikes now.
    pub fn strike(&self, blow: Blow) {
        strike(&self.blows, blow);
    }

    /// Completes when the statement was sent.
    pub async fn reached(&self) {
        let mut blows = self.blows.subscribe();
        let reached = blows.wait_for(|blows| blows.reached).await;
        reached.expect("the proxy runs");
    }
}

fn strike(blows: &watch::Sender<Blows>, blow: Blow) {
    blows.send_modify(|blows| match blow {
        Blow::Cut => blows.cut += 1,
        Blow::Freeze => blows.frozen += 1,
        Blow::Stall => blows.stalled += 1,
        Blow::Silence => blows.silent = true,
        Blow::Truncate => {}
    });
}

async fn forward(
    client: TcpStream,
    server: TcpStream,
    blows: Arc<watch::Sender<Blows>>,
    trap: Arc<Option<Trap>>,
) {
    let mut hit = blows.subscribe();
    let now = *hit.borrow_and_update();
    let is_truncated = AtomicBool::new(false);
    let is_silent = || blows.borrow().silent;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let forth = async {
        let (mut buffer, mut seen) = (vec![0; 16 * 1024], Vec::new());
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            if let Some(trap) = &*trap {
                // A statement may come in two pieces.
                seen.extend_from_slice(&buffer[..read]);
                let is_sent = seen.windows(trap.text.len()).any(|part| part == trap.text);
                if is_sent && !trap.is_sprung.swap(true, Ordering::Relaxed) {
                    blows.send_modify(|blows| blows.reached = true);
                    is_truncated.store(trap.blow == Blow::Truncate, Ordering::Relaxed);
                    strike(&blows, trap.blow);
                }
                let keep = seen.len().saturating_sub(trap.text.len());
                seen.drain(..keep);
            }
            if is_silent() {
                std::future::pending::<()>().await;
            }
            if to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    };
    let back = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            if is_silent() {
                std::future::pending::<()>().await;
            }
            let passes = if is_truncated.load(Ordering::Relaxed) {
                read / 2
            } else {
                read
            };
            if to_client.write_all(&buffer[..passes]).await.is_err() || passes < read {
                break;
            }
        }
    };
    let is_hit = |blows: &Blows| {
        blows.cut > now.cut || blows.frozen > now.frozen || blows.stalled > now.stalled
    };
    let blow = tokio::select! {
        // Before anything that was sent at the same moment passes.
        biased;
        blow = hit.wait_for(is_hit) => blow.map(|blows| *blows).unwrap_or_default(),
        () = forth => return,
        () = back => return,
    };
    if blow.cut > now.cut {
        return;
    }
    if blow.frozen > now.frozen {
        drop((from_server, to_server));
    }
    std::future::pending::<()>().await;
}

pub(super) fn with_port(url: &str, port: u16) -> String {
    url.replace(&format!(":{}/", port_of(url)), &format!(":{port}/"))
}

pub(super) fn port_of(url: &str) -> u16 {
    let (_, rest) = url.rsplit_once(':').expect("a port in the URL");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a port in the URL")
}
