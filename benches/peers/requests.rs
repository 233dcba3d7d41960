//! A steady load of HTTP requests: an open loop over kept-alive connections. Each request has its time; its latency
//! counts from then, so that a stall shows in every request that fell into it.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::compare::quantile;

/// One kind of request.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) per_second: u64,
    /// More than ever wait at the same time.
    pub(crate) connections: u64,
    /// The whole request with this number.
    pub(crate) request: fn(u64) -> String,
    /// The status of a good answer.
    pub(crate) status: u16,
}

/// What became of the requests of a kind.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// When each was due, in seconds since the start, and the milliseconds from then to its answer.
    pub(crate) latencies: Vec<(f32, f32)>,
    pub(crate) failed: usize,
}

impl Answers {
    /// A quantile of the latencies, in milliseconds.
    pub(crate) fn at(&self, share: f64) -> f64 {
        let all: Vec<f64> = self
            .latencies
            .iter()
            .map(|(_, ms)| f64::from(*ms))
            .collect();
        quantile(&all, share)
    }
}

/// Sends all kinds from `start` for so long, and waits for the answers. One thread does it all.
pub(crate) fn send(address: &str, kinds: &[Kind], start: Instant, span: Duration) -> Vec<Answers> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let mut running = Vec::new();
        for kind in kinds {
            let answers = Rc::new(RefCell::new(Answers::default()));
            for first in 0..kind.connections {
                let connection = Connection::to(address.to_owned());
                let sending = connection.send(*kind, first, start, span, Rc::clone(&answers));
                running.push((tokio::task::spawn_local(sending), None));
            }
            if let Some((_, last)) = running.last_mut() {
                *last = Some(answers);
            }
        }
        let mut all = Vec::new();
        for (sending, answers) in running {
            sending.await.expect("a connection does not panic");
            all.extend(answers.map(|answers| answers.take()));
        }
        all
    })
}

struct Connection {
    address: String,
    stream: Option<TcpStream>,
    read: Vec<u8>,
}

impl Connection {
    fn to(address: String) -> Self {
        Self {
            address,
            stream: None,
            read: Vec::with_capacity(64 * 1024),
        }
    }

    /// Every so many-th request of its kind is this connection's.
    async fn send(
        mut self,
        kind: Kind,
        first: u64,
        start: Instant,
        span: Duration,
        answers: Rc<RefCell<Answers>>,
    ) {
        let count = span.as_secs() * kind.per_second;
        for number in (first..count).step_by(kind.connections as usize) {
            let due = Duration::from_secs_f64(number as f64 / kind.per_second as f64);
            let request = (kind.request)(number);
            tokio::time::sleep_until((start + due).into()).await;
            let answer = self.ask(request.as_bytes()).await;
            let ms = (start + due).elapsed().as_secs_f32() * 1000.0;
            let mut answers = answers.borrow_mut();
            answers.latencies.push((due.as_secs_f32(), ms));
            match answer {
                Ok(status) if status == kind.status => {}
                Ok(status) => {
                    answers.failed += 1;
                    complain(&answers, &format!("status {status}"), &request);
                }
                Err(error) => {
                    self.stream = None;
                    answers.failed += 1;
                    complain(&answers, &error.to_string(), &request);
                }
            }
        }
    }

    /// The answer's status, once all of it has come.
    async fn ask(&mut self, request: &[u8]) -> std::io::Result<u16> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(&self.address).await?;
                stream.set_nodelay(true)?;
                none.insert(stream)
            }
        };
        stream.write_all(request).await?;
        self.read.clear();
        loop {
            if stream.read_buf(&mut self.read).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((status, whole)) = whole(&self.read)
                && self.read.len() >= whole
            {
                return Ok(status);
            }
        }
    }
}

/// The first failures tell enough.
fn complain(answers: &Answers, why: &str, request: &str) {
    if answers.failed <= 3 {
        let line = request.lines().next().unwrap_or_default();
        eprintln!("  {line}: {why}");
    }
}

/// The status, and how long the answer is, once its head has come.
fn whole(read: &[u8]) -> Option<(u16, usize)> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&read[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    Some((status, end + length.unwrap_or(0)))
}
