//! The clock on an endpoint: from sending a request to the last byte of its answer.

use std::time::{Duration, Instant};

use axum::http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;

use super::{Connection, Endpoint, Trust};
use crate::{
    Error, Result,
    measure::{Clock, CpuWaits, Sample},
};

/// One client of an endpoint. Its connection stays open, as a browser's or a pool's does; opening it is not timed.
#[derive(Debug)]
pub struct EndpointClock<'e> {
    endpoint: &'e Endpoint,
    trust: &'e Trust,
    connection: Option<Connection>,
    waits: CpuWaits,
    /// Five times the budget, or less.
    timeout: Duration,
    counts: Counts,
}

/// What became of the requests of a clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub requests: u32,
    /// Those without the answer that is wanted.
    pub failed: u32,
    /// What was wrong with the last of them.
    pub last_failure: String,
    /// Those sent again on a fresh connection, since the server had closed the one that was kept.
    pub sent_again: u32,
    /// `HTTP/2`, once known.
    pub protocol: &'static str,
}

impl Counts {
    /// `1 of 37 requests failed, the last one: …`; `None` where none did.
    pub fn failures(&self) -> Option<String> {
        (self.failed > 0).then(|| {
            format!(
                "{} of {} requests failed, the last one: {}",
                self.failed, self.requests, self.last_failure
            )
        })
    }

    /// The share that failed.
    pub fn share(&self) -> f64 {
        f64::from(self.failed) / f64::from(self.requests.max(1))
    }

    pub fn add(&mut self, other: &Counts) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.sent_again += other.sent_again;
        if other.failed > 0 {
            self.last_failure.clone_from(&other.last_failure);
        }
        self.protocol = other.protocol;
    }
}

/// So many failures among hardly more requests: it does not get better.
const HOPELESS: u32 = 10;

enum Answer {
    Status(u16),
    TimedOut,
    /// The server closed the connection before it answered with anything.
    Closed(String),
    /// It broke off within its answer.
    Broken(String),
}

impl<'e> EndpointClock<'e> {
    /// Connects to nothing yet.
    pub fn new(endpoint: &'e Endpoint, trust: &'e Trust) -> Self {
        Self {
            endpoint,
            trust,
            connection: None,
            waits: CpuWaits::of_client(),
            timeout: own_timeout(endpoint),
            counts: Counts::default(),
        }
    }

    /// What became of the requests so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Forgets them, such as those of the warm-up.
    pub fn forget_counts(&mut self) {
        self.counts = Counts::default();
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let endpoint = self.endpoint;
        let mut request = Request::new(Full::new(Bytes::from(endpoint.body.clone())));
        *request.method_mut() = endpoint.method.clone();
        *request.uri_mut() = endpoint.url.clone();
        let headers = request.headers_mut();
        let host = endpoint
            .url
            .authority()
            .map_or("", |authority| authority.as_str());
        if let Ok(host) = HeaderValue::from_str(host) {
            headers.insert(header::HOST, host);
        }
        let agent = concat!("dbaudit/", env!("CARGO_PKG_VERSION"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
        headers.extend(endpoint.headers.clone());
        request
    }

    /// The connection that is kept, if it is still open, or a fresh one; and whether it was kept.
    async fn connected(&mut self) -> Result<(Connection, bool)> {
        if let Some(mut open) = self.connection.take()
            && open.is_usable().await
        {
            return Ok((open, true));
        }
        let opened = Connection::open_trusting(&self.endpoint.url, self.trust).await;
        let opened =
            opened.map_err(|error| wrong(error, "check that the application is running there"))?;
        Ok((opened, false))
    }

    async fn once(&mut self, connection: &mut Connection) -> Answer {
        let request = self.request();
        let answered = async {
            let answer = match connection.send(request).await {
                Ok(answer) => answer,
                Err(error) => return Answer::Closed(error.to_string()),
            };
            let status = answer.status();
            let mut body = answer.into_body();
            // Read, and thrown away: a large answer is not kept.
            while let Some(frame) = body.frame().await {
                if let Err(error) = frame {
                    return Answer::Broken(error.to_string());
                }
            }
            Answer::Status(status.as_u16())
        };
        tokio::time::timeout(self.timeout, answered)
            .await
            .unwrap_or(Answer::TimedOut)
    }

    /// One request, timed; what is wrong with its answer is the inner error.
    async fn try_once(&mut self) -> Result<Result<Sample, Error>> {
        let (mut connection, was_kept) = self.connected().await?;
        self.counts.protocol = connection.protocol();
        self.counts.requests += 1;
        let waited = self.waits.read();
        let mut start = Instant::now();
        let mut answer = self.once(&mut connection).await;
        if let Answer::Closed(_) = answer
            && was_kept
            && self.endpoint.method.is_idempotent()
        {
            // It closed the connection while it was idle: whoever keeps connections sends such a request again.
            self.counts.sent_again += 1;
            (connection, _) = self.connected().await?;
            start = Instant::now();
            answer = self.once(&mut connection).await;
        }
        let elapsed = start.elapsed();
        let waited = self.waits.read().saturating_sub(waited).min(elapsed);
        let expected = self.endpoint.status.as_u16();
        let broke = |error| {
            let message = format!("the connection broke: {error}");
            Ok(Err(wrong(
                message,
                "check whether the application closes connections or crashes",
            )))
        };
        let timed_out = match answer {
            Answer::TimedOut => true,
            Answer::Status(status) => {
                self.connection = Some(connection);
                if status != expected {
                    return Ok(Err(wrong(
                        format!("the endpoint answered with status {status} instead of {expected}"),
                        "a wrong answer would make the times meaningless; `status` sets the expected one",
                    )));
                }
                false
            }
            Answer::Closed(error) | Answer::Broken(error) => return broke(error),
        };
        Ok(Ok(Sample {
            elapsed,
            waited,
            rows: 0,
            timed_out,
        }))
    }
}

/// A request that takes this long is given up.
fn own_timeout(endpoint: &Endpoint) -> Duration {
    (endpoint.budget * 5).max(Duration::from_secs(2))
}

impl Clock for EndpointClock<'_> {
    fn limit(&mut self, at_most: Duration) {
        self.timeout = own_timeout(self.endpoint).min(at_most);
    }

    /// A request that fails is counted and the next one timed, where the endpoint has a budget for errors; else it is
    /// the error.
    async fn sample(&mut self) -> Result<Sample> {
        loop {
            let error = match self.try_once().await? {
                Ok(sample) => return Ok(sample),
                Err(error) => error,
            };
            self.counts.failed += 1;
            self.counts.last_failure = error.to_string();
            let is_hopeless = self.counts.failed >= HOPELESS && self.counts.share() > 0.5;
            if self.endpoint.errors.is_none() || is_hopeless {
                let told = self.counts.failures().unwrap_or_default();
                return Err(wrong(told, &error.hint().unwrap_or_default()));
            }
        }
    }

    async fn end(&mut self) -> Result<()> {
        self.connection = None;
        Ok(())
    }
}

fn wrong(message: String, hint: &str) -> Error {
    Error::CannotJudge {
        message,
        hint: hint.to_owned(),
    }
}
