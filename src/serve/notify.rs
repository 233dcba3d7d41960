//! Notifying a webhook when a budget is exceeded, and when it is met again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::http::{HeaderValue, Request, Uri, header};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::{
    App,
    budget::{BudgetReading, State},
    overview,
};
use crate::{config::WebhookForm, endpoint::Connection, human::human_ms};

/// So many readings in a row before a budget counts as broken, or as met again: one is chance.
const IN_A_ROW: u32 = 2;
/// A budget is met again only where there is this much room: a value at its edge would come and go.
const ROOM: f64 = 0.9;
const TIMEOUT: Duration = Duration::from_secs(10);

/// What every cause came to so far. PURE: readings and seconds in, what is to be told out.
#[derive(Debug)]
pub(super) struct Hysteresis {
    interval_s: u64,
    causes: HashMap<String, CauseState>,
}

#[derive(Debug, Clone, Copy, Default)]
struct CauseState {
    broken: bool,
    in_a_row: u32,
    told: bool,
    tried_at: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Notice {
    cause: String,
    broken: bool,
    reading: BudgetReading,
}

impl Hysteresis {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval_s: interval.as_secs(),
            causes: HashMap::new(),
        }
    }

    /// Takes the readings in. What it returns is taken as tried; [`Hysteresis::told`] says that it arrived.
    pub(super) fn observe(&mut self, now_s: u64, readings: &[BudgetReading]) -> Vec<Notice> {
        let mut notices = Vec::new();
        for reading in readings {
            let name = cause_of(reading);
            let cause = self.causes.entry(name.clone()).or_default();
            cause.turn(reading);
            let may = cause
                .tried_at
                .is_none_or(|tried| now_s.saturating_sub(tried) >= self.interval_s);
            if cause.broken != cause.told && may {
                cause.tried_at = Some(now_s);
                notices.push(Notice {
                    cause: name,
                    broken: cause.broken,
                    reading: reading.clone(),
                });
            }
        }
        notices
    }

    pub(super) fn told(&mut self, notice: &Notice) {
        if let Some(cause) = self.causes.get_mut(&notice.cause) {
            cause.told = notice.broken;
        }
    }
}

impl CauseState {
    fn turn(&mut self, reading: &BudgetReading) {
        let room = reading
            .value
            .is_some_and(|value| value <= reading.budget * ROOM);
        let turns = match reading.state {
            State::Over | State::Down => !self.broken,
            State::Within => self.broken && room,
            // A database that is back, and idle, has nothing to be slow at.
            State::Unknown => self.broken && reading.scope == "database",
        };
        self.in_a_row = if turns { self.in_a_row + 1 } else { 0 };
        if self.in_a_row >= IN_A_ROW {
            self.broken = !self.broken;
            self.in_a_row = 0;
        }
    }
}

/// The slowest page is another one from time to time; that pages are slow is one cause.
fn cause_of(reading: &BudgetReading) -> String {
    if reading.scope == "database" {
        format!("database {}: {}", reading.subject, reading.what)
    } else if let Some(app) = &reading.app {
        format!("{} {app}: {}", reading.scope, reading.what)
    } else {
        format!("{}: {}", reading.scope, reading.what)
    }
}

impl Notice {
    fn sentence(&self) -> String {
        let BudgetReading {
            scope,
            subject,
            what,
            state,
            ..
        } = &self.reading;
        if self.broken && *state == State::Down {
            return format!("{scope} {subject} does not respond");
        }
        let shown = |value: f64| match self.reading.unit {
            "ratio" => format!("{:.0} %", value * 100.0),
            "score" => format!("{value:.3}"),
            _ => human_ms(value),
        };
        let value = self.reading.value.map_or("not measured".into(), shown);
        let budget = shown(self.reading.budget);
        if self.broken {
            format!("{scope} {subject}: {what} is {value}, over its budget of {budget}")
        } else {
            format!("{scope} {subject}: {what} is {value}, within its budget of {budget} again")
        }
    }

    fn body(&self, form: WebhookForm) -> Value {
        match form {
            WebhookForm::Slack => {
                let sign = if self.broken {
                    ":red_circle:"
                } else {
                    ":large_green_circle:"
                };
                // Text from a browser must not become Slack markup.
                let text = self.sentence().replace('&', "&amp;");
                let text = text.replace('<', "&lt;").replace('>', "&gt;");
                json!({"text": format!("{sign} dbaudit: {text}")})
            }
            WebhookForm::Json => json!({
                "schema_version": 1,
                "event": if self.broken { "budget_broken" } else { "budget_met_again" },
                "at": jiff::Timestamp::now(),
                "cause": self.cause,
                "message": self.sentence(),
                "scope": self.reading.scope,
                "subject": self.reading.subject,
                "what": self.reading.what,
                "unit": self.reading.unit,
                "value": self.reading.value,
                "budget": self.reading.budget,
                "state": self.reading.state,
            }),
        }
    }
}

/// Looks each interval, for ever; does nothing where no webhook is set.
pub(super) async fn notify_for_ever(app: Arc<App>) {
    let Some(webhook) = app.settings.webhook.clone() else {
        return;
    };
    let mut hysteresis = Hysteresis::new(app.settings.notify_interval);
    loop {
        tokio::time::sleep(app.settings.interval).await;
        let vitals = app.vitals.figures(app.now_s());
        let readings = overview::readings(&app, &vitals);
        for notice in hysteresis.observe(app.now_s(), &readings) {
            let body = notice.body(app.settings.webhook_form).to_string();
            match tokio::time::timeout(TIMEOUT, post(&webhook, body)).await {
                Ok(Ok(())) => hysteresis.told(&notice),
                // Its address may be a secret: Slack's is.
                Ok(Err(error)) => tracing::warn!("the webhook: {error}"),
                Err(_) => tracing::warn!(
                    "the webhook: no answer within {} seconds",
                    TIMEOUT.as_secs()
                ),
            }
        }
    }
}

async fn post(url: &Uri, body: String) -> Result<(), String> {
    let mut connection = Connection::open(url).await?;
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = axum::http::Method::POST;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    let host = url.authority().map_or("", |authority| authority.as_str());
    if let Ok(host) = HeaderValue::from_str(host) {
        headers.insert(header::HOST, host);
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    let answer = connection
        .send(request)
        .await
        .map_err(|error| error.to_string())?;
    let status = answer.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("it answered with status {}", status.as_u16()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(value: Option<f64>) -> BudgetReading {
        BudgetReading::new("page", "/a", "slowest page load", "ms", value, 100.0)
    }

    /// The notifications for these values, one per second; all of them arrive.
    fn told(interval_s: u64, values: &[f64]) -> Vec<(u64, bool)> {
        let mut hysteresis = Hysteresis::new(Duration::from_secs(interval_s));
        let mut all = Vec::new();
        for (now, value) in (0..).zip(values) {
            let value = Some(*value).filter(|value| *value >= 0.0);
            for notice in hysteresis.observe(now, &[reading(value)]) {
                hysteresis.told(&notice);
                all.push((now, notice.broken));
            }
        }
        all
    }

    #[test]
    fn it_takes_two_in_a_row_to_break_and_room_to_recover() {
        assert_eq!(told(0, &[50.0, 200.0, 50.0, 200.0, 50.0]), []);
        assert_eq!(told(0, &[200.0, 200.0, 200.0, 200.0]), [(1, true)]);
        // At the edge: not met again. Nothing measured: neither.
        assert_eq!(
            told(0, &[200.0, 200.0, 99.0, 95.0, -1.0, -1.0]),
            [(1, true)]
        );
        assert_eq!(
            told(0, &[200.0, 200.0, 50.0, 50.0]),
            [(1, true), (3, false)]
        );
    }

    #[test]
    fn one_cause_is_told_of_once_per_interval_and_its_last_state_is_not_lost() {
        let flapping: Vec<f64> = [200.0, 200.0, 10.0, 10.0].repeat(5);
        assert_eq!(told(1_000, &flapping), [(1, true)]);
        let mut ends_well = [200.0, 200.0].to_vec();
        ends_well.extend([10.0; 30]);
        assert_eq!(told(10, &ends_well), [(1, true), (11, false)]);
    }

    #[test]
    fn what_did_not_arrive_is_tried_again_an_interval_later() {
        let mut hysteresis = Hysteresis::new(Duration::from_secs(5));
        let tries: Vec<u64> = (0..20)
            .filter(|now| !hysteresis.observe(*now, &[reading(Some(200.0))]).is_empty())
            .collect();
        assert_eq!(tries, [1, 6, 11, 16]);
    }

    #[test]
    fn slack_is_given_no_markup_that_a_browser_made_up() {
        let mut of = reading(Some(200.0));
        of.subject = "/<!channel>".into();
        let notice = Notice {
            cause: cause_of(&of),
            broken: true,
            reading: of,
        };
        let text = notice.body(WebhookForm::Slack)["text"].to_string();
        assert!(
            text.contains("/&lt;!channel&gt;") && text.contains("200 ms"),
            "{text}"
        );
    }
}
