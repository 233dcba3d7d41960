//! The clock on an endpoint: from sending a request to the last byte of its answer.

use std::time::{Duration, Instant};

use axum::http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;

use super::{Connection, Endpoint};
use crate::{
    Error, Result,
    measure::{Clock, CpuWaits, Sample},
};

/// One client of an endpoint. Its connection stays open, as a browser's or a pool's does; opening it is not timed.
#[derive(Debug)]
pub struct EndpointClock<'e> {
    endpoint: &'e Endpoint,
    connection: Option<Connection>,
    waits: CpuWaits,
    /// Five times the budget, or less.
    timeout: Duration,
}

impl<'e> EndpointClock<'e> {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(endpoint: &'e Endpoint) -> Self {
        Self {
            endpoint,
            connection: None,
            waits: CpuWaits::of_client(),
            timeout: own_timeout(endpoint),
        }
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let endpoint = self.endpoint;
        let mut request = Request::new(Full::new(Bytes::from(endpoint.body.clone())));
        *request.method_mut() = endpoint.method.clone();
        let path = endpoint
            .url
            .path_and_query()
            .map_or("/", |path| path.as_str());
        // A part of a URL that was parsed is a URL again.
        *request.uri_mut() = path.parse().unwrap_or_default();
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

    async fn connected(&mut self) -> Result<Connection> {
        if let Some(mut open) = self.connection.take()
            && open.is_usable().await
        {
            return Ok(open);
        }
        Connection::open(&self.endpoint.url)
            .await
            .map_err(|error| wrong(error, "is the application running there?"))
    }

    /// One request. `None`: it ran into the timeout.
    async fn once(&mut self, connection: &mut Connection) -> Result<Option<u16>> {
        let answered = async {
            let answer = connection.send(self.request()).await?;
            let status = answer.status();
            let mut body = answer.into_body();
            // Read, and thrown away: a large answer is not kept.
            while let Some(frame) = body.frame().await {
                frame?;
            }
            Ok::<_, hyper::Error>(status)
        };
        match tokio::time::timeout(self.timeout, answered).await {
            Err(_) => Ok(None),
            Ok(Ok(status)) => Ok(Some(status.as_u16())),
            Ok(Err(error)) => Err(wrong(
                format!("the connection broke: {error}"),
                "does the application end connections, or crash?",
            )),
        }
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

    async fn sample(&mut self) -> Result<Sample> {
        let mut connection = self.connected().await?;
        let waited = self.waits.read();
        let start = Instant::now();
        let status = self.once(&mut connection).await?;
        let elapsed = start.elapsed();
        let waited = self.waits.read().saturating_sub(waited).min(elapsed);
        let timed_out = status.is_none();
        if let Some(status) = status {
            let expected = self.endpoint.status.as_u16();
            if status != expected {
                return Err(wrong(
                    format!("it answered with status {status}, not {expected}"),
                    "an answer that is wrong is fast for the wrong reason; `status` names another one",
                ));
            }
            self.connection = Some(connection);
        }
        Ok(Sample {
            elapsed,
            waited,
            rows: 0,
            timed_out,
        })
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
