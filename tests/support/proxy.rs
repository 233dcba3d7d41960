//! A TCP proxy in front of a server, whose connections a test can cut or freeze.

use std::sync::Arc;

use tokio::{
    io::AsyncWriteExt,
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
