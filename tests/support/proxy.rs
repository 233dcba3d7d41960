//! A TCP proxy in front of a server, whose connections a test can cut or freeze.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What a proxy's connections are subjected to. Each is counted, so that only those open at that moment are hit.
#[derive(Clone, Copy, Default)]
struct Blows {
    cut: u32,
    frozen: u32,
}

/// Forwards 127.0.0.1:`port` to a server on 127.0.0.1.
pub struct Proxy {
    port: u16,
    blows: Arc<watch::Sender<Blows>>,
}

impl Proxy {
    /// Starts forwarding to the server of this URL. Must be called within a tokio runtime.
    pub async fn to(url: &str) -> Self {
        let server = format!("127.0.0.1:{}", port_of(url));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let blows = Arc::new(watch::Sender::new(Blows::default()));
        let blown = Arc::clone(&blows);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let Ok(mut server) = TcpStream::connect(&server).await else {
                    continue;
                };
                let mut blows = blown.subscribe();
                tokio::spawn(async move {
                    let now = *blows.borrow_and_update();
                    let forwarded = tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => None,
                        blow = async { blows.wait_for(|b| b.cut > now.cut || b.frozen > now.frozen).await.map(|b| *b) } => Some(blow),
                    };
                    if let Some(Ok(blow)) = forwarded
                        && blow.frozen > now.frozen
                    {
                        // The server hears of the end; the client hears nothing more, and no end either, as where a
                        // firewall has forgotten the connection.
                        let _ = server.shutdown().await;
                        drop(server);
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Self { port, blows }
    }

    /// The same URL, through the proxy.
    pub fn url(&self, url: &str) -> String {
        with_port(url, self.port)
    }

    /// Cuts every open connection, on both sides. New ones are let through.
    pub fn cut(&self) {
        self.blows.send_modify(|blows| blows.cut += 1);
    }

    /// Freezes every open connection: the client gets no answer and no end. New ones are let through.
    pub fn freeze(&self) {
        self.blows.send_modify(|blows| blows.frozen += 1);
    }
}

pub(super) fn with_port(url: &str, port: u16) -> String {
    url.replace(&format!(":{}/", port_of(url)), &format!(":{port}/"))
}

pub(super) fn port_of(url: &str) -> u16 {
    let (_, rest) = url.rsplit_once(':').expect("a port in the URL");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a port in the URL")
}

/// Forwards 127.0.0.1:`port` to a server until a statement with a given text is sent. From then on nothing passes in
/// either direction, on any connection and new ones too, and none of them ends: a network that is gone.
pub struct FreezeAt {
    port: u16,
    frozen: watch::Receiver<bool>,
    /// Ends everything with the value.
    _tasks: tokio::task::JoinSet<()>,
}

impl FreezeAt {
    pub async fn to(url: &str, text: &str) -> Self {
        let server = format!("127.0.0.1:{}", port_of(url));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (freeze, frozen) = watch::channel(false);
        let (freeze, text) = (Arc::new(freeze), Arc::new(text.as_bytes().to_vec()));
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            // With the acceptor go the connections.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else {
                    continue;
                };
                let (freeze, text) = (Arc::clone(&freeze), Arc::clone(&text));
                connections.spawn(async move {
                    let (mut from_client, mut to_client) = client.into_split();
                    let (mut from_server, mut to_server) = server.into_split();
                    let forth = async {
                        let (mut buffer, mut seen) = (vec![0; 16 * 1024], Vec::new());
                        loop {
                            let read = from_client.read(&mut buffer).await.unwrap_or(0);
                            if read == 0 {
                                return;
                            }
                            // A statement may come in two pieces.
                            seen.extend_from_slice(&buffer[..read]);
                            if seen.windows(text.len()).any(|part| part == &text[..]) {
                                let _ = freeze.send(true);
                            }
                            let keep = seen.len().saturating_sub(text.len());
                            seen.drain(..keep);
                            if *freeze.borrow() {
                                std::future::pending::<()>().await;
                            }
                            if to_server.write_all(&buffer[..read]).await.is_err() {
                                return;
                            }
                        }
                    };
                    let back = async {
                        let mut buffer = vec![0; 16 * 1024];
                        loop {
                            let read = from_server.read(&mut buffer).await.unwrap_or(0);
                            if *freeze.borrow() {
                                std::future::pending::<()>().await;
                            }
                            if read == 0 || to_client.write_all(&buffer[..read]).await.is_err() {
                                return;
                            }
                        }
                    };
                    tokio::select! {
                        () = forth => {}
                        () = back => {}
                    }
                });
            }
        });
        Self {
            port,
            frozen,
            _tasks: tasks,
        }
    }

    /// The same URL, through the proxy.
    pub fn url(&self, url: &str) -> String {
        with_port(url, self.port)
    }

    /// Completes when the statement was sent.
    pub async fn frozen(&mut self) {
        self.frozen
            .wait_for(|frozen| *frozen)
            .await
            .expect("the proxy runs");
    }
}
