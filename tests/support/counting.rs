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
    counts: Arc<Mutex<Vec<Counts>>>,
}

impl CountingProxy {
    /// Starts forwarding to the server of this URL. Must be called within a tokio runtime.
    pub async fn to(url: &str) -> Self {
        let server = format!("127.0.0.1:{}", port_of(url));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let counts: Arc<Mutex<Vec<Counts>>> = Arc::default();
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
                let connection = {
                    let mut counts = counted.lock().expect("no panic meanwhile");
                    counts.push(Counts::default());
                    Connection {
                        number: counts.len() - 1,
                        counts: Arc::clone(&counted),
                    }
                };
                tokio::spawn(count_questions(
                    from_client,
                    to_server,
                    Arc::clone(&awaited),
                    connection.clone(),
                ));
                tokio::spawn(count_answers(from_server, to_client, awaited, connection));
            }
        });
        Self { port, counts }
    }

    /// The same URL, through the proxy. Without TLS, which would hide what is to be counted.
    pub fn url(&self, url: &str) -> String {
        format!("{}?sslmode=disable", with_port(url, self.port))
    }

    /// What has been counted since the last call. No connection may be open.
    pub fn take(&self) -> Counts {
        let mut sum = Counts::default();
        for one in self.take_each() {
            sum.connections += one.connections;
            sum.statements += one.statements;
            sum.round_trips += one.round_trips;
        }
        sum
    }

    /// The same of each connection, in the order in which they came.
    pub fn take_each(&self) -> Vec<Counts> {
        std::mem::take(&mut self.counts.lock().expect("no panic meanwhile"))
    }
}

/// Where a connection's counts go.
#[derive(Clone)]
struct Connection {
    number: usize,
    counts: Arc<Mutex<Vec<Counts>>>,
}

impl Connection {
    fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.lock().expect("no panic meanwhile");
        // Taken before it ended: its last messages are nobody's.
        if let Some(counts) = counts.get_mut(self.number) {
            change(counts);
        }
    }
}

async fn count_questions(
    from: tcp::OwnedReadHalf,
    to: tcp::OwnedWriteHalf,
    awaited: Arc<Mutex<usize>>,
    connection: Connection,
) -> std::io::Result<()> {
    // The start-up message has no type, only a length.
    forward(from, to, Head::Length, |kind| {
        connection.count(|counts| {
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
        });
    })
    .await
}

async fn count_answers(
    from: tcp::OwnedReadHalf,
    to: tcp::OwnedWriteHalf,
    awaited: Arc<Mutex<usize>>,
    connection: Connection,
) -> std::io::Result<()> {
    let mut started = false;
    forward(from, to, Head::TypeAndLength, |kind| {
        if kind == b'Z' {
            if started {
                *awaited.lock().expect("no panic meanwhile") -= 1;
            } else {
                started = true;
                connection.count(|counts| counts.connections += 1);
            }
        }
    })
    .await
}

/// What a message begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Length,
    TypeAndLength,
}

/// Forwards what comes, and tells of each message's type once all of it has come. Whatever came at once is
/// told of before any of it is forwarded: statements sent together are one round trip even where the
/// answer to the first comes before a slow machine has looked at the second.
async fn forward(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    first: Head,
    mut tell: impl FnMut(u8),
) -> std::io::Result<()> {
    let mut head = first;
    let mut pending: Vec<u8> = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        pending.extend(&chunk[..length]);
        loop {
            let typed = usize::from(head == Head::TypeAndLength);
            let Some(bytes) = pending.get(typed..typed + 4) else {
                break;
            };
            let bytes = u32::from_be_bytes(bytes.try_into().expect("four bytes"));
            let whole = typed + bytes as usize;
            if pending.len() < whole {
                break;
            }
            if head == Head::TypeAndLength {
                tell(pending[0]);
            }
            pending.drain(..whole);
            head = Head::TypeAndLength;
        }
        to.write_all(&chunk[..length]).await?;
    }
}
