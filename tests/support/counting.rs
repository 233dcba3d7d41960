//! A TCP proxy that counts what a client asks of the server: statements and round trips.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
};

use super::proxy::{port_of, with_port};

/// What went over the connections of a proxy. The start-up of a connection counts as nothing but the
/// connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that the server let in.
    pub connections: usize,
    /// Simple queries, and executions in the extended protocol.
    pub statements: usize,
    /// How often the client waited: it sent something when nothing was on its way, on any connection of
    /// its own. What is sent before the answer has come is the same round trip.
    pub round_trips: usize,
}

/// Forwards 127.0.0.1:`port` to a server on 127.0.0.1, and counts.
pub struct CountingProxy {
    port: u16,
    counts: Arc<Mutex<Counts>>,
}

impl CountingProxy {
    /// Starts forwarding to the server of this URL. Must be called within a tokio runtime.
    pub async fn to(url: &str) -> Self {
        let server = format!("127.0.0.1:{}", port_of(url));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let counts = Arc::new(Mutex::new(Counts::default()));
        let counted = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else {
                    continue;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                // Ends of statements that the client still waits for.
                let awaited = Arc::new(Mutex::new(0_usize));
                tokio::spawn(count_questions(
                    from_client,
                    to_server,
                    Arc::clone(&awaited),
                    Arc::clone(&counted),
                ));
                tokio::spawn(count_answers(
                    from_server,
                    to_client,
                    awaited,
                    Arc::clone(&counted),
                ));
            }
        });
        Self { port, counts }
    }

    /// The same URL, through the proxy. Without TLS, which would hide what is to be counted.
    pub fn url(&self, url: &str) -> String {
        format!("{}?sslmode=disable", with_port(url, self.port))
    }

    /// What has been counted since the last call.
    pub fn take(&self) -> Counts {
        std::mem::take(&mut self.counts.lock().expect("no panic meanwhile"))
    }
}

async fn count_questions(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    awaited: Arc<Mutex<usize>>,
    counts: Arc<Mutex<Counts>>,
) -> std::io::Result<()> {
    // The start-up message has no type, only a length.
    let message = read_message(&mut from, None).await?;
    to.write_all(&message).await?;
    loop {
        let kind = from.read_u8().await?;
        let message = read_message(&mut from, Some(kind)).await?;
        {
            let mut counts = counts.lock().expect("no panic meanwhile");
            let mut awaited = awaited.lock().expect("no panic meanwhile");
            if matches!(kind, b'Q' | b'E') {
                counts.statements += 1;
            }
            // Query and Sync are answered by ReadyForQuery; a message of the extended protocol belongs to the Sync
            // that follows it.
            if matches!(kind, b'Q' | b'S') {
                if *awaited == 0 {
                    counts.round_trips += 1;
                }
                *awaited += 1;
            }
        }
        to.write_all(&message).await?;
    }
}

async fn count_answers(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    awaited: Arc<Mutex<usize>>,
    counts: Arc<Mutex<Counts>>,
) -> std::io::Result<()> {
    let mut started = false;
    loop {
        let kind = from.read_u8().await?;
        let message = read_message(&mut from, Some(kind)).await?;
        if kind == b'Z' {
            if started {
                *awaited.lock().expect("no panic meanwhile") -= 1;
            } else {
                started = true;
                counts.lock().expect("no panic meanwhile").connections += 1;
            }
        }
        to.write_all(&message).await?;
    }
}

/// A message as it was sent: its type, if it has one, its length, its body.
async fn read_message(from: &mut tcp::OwnedReadHalf, kind: Option<u8>) -> std::io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    let mut message: Vec<u8> = kind.into_iter().collect();
    message.extend(length.to_be_bytes());
    let head = message.len();
    message.resize(head + (length as usize).saturating_sub(4), 0);
    from.read_exact(&mut message[head..]).await?;
    Ok(message)
}
