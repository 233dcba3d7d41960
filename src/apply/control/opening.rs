//! Opening sessions: the first one of a run, and those that build.

use std::time::{Duration, Instant};

use super::{
    CONNECT_EVERY, Run,
    connection::{is_cancelled, is_loss},
    sleep_until,
};
use crate::{
    Error, Result,
    apply::{ApplyConfig, answer::SAID_AFTER, backoff, event::Event, session},
    db::{self, ConnectionConfig, Session},
    interrupt::Interrupt,
};

const A_SECOND_CONNECTION: &str = "a deploy needs two connections at once, plus one for each additional job \
     (--jobs): raise the connection limit of the role or the server, or the pool size of the pooler \
     (PgBouncer: default_pool_size)";

/// What has nothing else to do answers within this.
const PRESENT_WITHIN: Duration = Duration::from_secs(5);

/// Opens the session a run is controlled from; tries again within the attempts, and until the deadline, where no slot is
/// free or the server is starting or stopping.
///
/// # Errors
/// [`Error::Connect`]; [`Error::Interrupted`] when a signal comes meanwhile.
pub async fn connect(
    config: &ConnectionConfig,
    apply: &ApplyConfig,
    until: Option<Instant>,
    interrupt: &Interrupt,
) -> Result<Session> {
    let connecting = async {
        let mut failures = 0;
        loop {
            let error = match db::connect(config, "apply-indexes").await {
                Err(error @ Error::Connect { passes: true, .. }) => error,
                other => return other,
            };
            failures += 1;
            if failures >= apply.attempts {
                return Err(error);
            }
            tracing::warn!("{error}; trying again");
            tokio::time::sleep(backoff::wait(failures, rand::random()).max(CONNECT_EVERY)).await;
        }
    };
    tokio::select! {
        session = connecting => session,
        () = interrupt.requested() => Err(Error::Interrupted),
        () = sleep_until(until) => Err(Error::CannotJudge {
            message: "--deadline expired while connecting".into(),
            hint: "raise --deadline, or find out why the connection takes so long".into(),
        }),
    }
}

impl Run<'_> {
    /// A new session to build with.
    pub(in crate::apply) async fn builder(&self) -> Result<Session> {
        if let Some(spare) = self.spare.take().filter(|spare| !spare.is_closed()) {
            return Ok(spare);
        }
        let mut failures = 0;
        loop {
            let control = self.session().await?;
            let opening = session::builder(self.config, self.apply, &control);
            let opened = self.opened(
                "opening a second session for the build",
                A_SECOND_CONNECTION,
                opening,
            );
            let mut opened = std::pin::pin!(opened);
            let opened = tokio::select! {
                biased;
                opened = &mut opened => opened,
                () = tokio::time::sleep(SAID_AFTER) => {
                    (self.listener)(&Event::WaitingForConnection);
                    opened.await
                }
            };
            let error = match opened {
                // No slot is free, or the server is starting or stopping: that passes.
                Err(error @ Error::Connect { .. }) => error,
                Err(error) if is_loss(&error) || is_cancelled(&error) => error,
                other => return other,
            };
            failures += 1;
            if failures >= self.apply.attempts || self.is_hurried() {
                return Err(Error::CannotJudge {
                    message: format!("no session for the build after {failures} attempts: {error}"),
                    hint: A_SECOND_CONNECTION.into(),
                });
            }
            (self.listener)(&Event::Reconnecting {
                reason: error.to_string(),
            });
            // It may be this one that is lost: it was asked as well. If so it is closed, and opened anew.
            let doing = "checking whether the server is still reachable";
            let asking = async {
                let asked = control.batch_execute("SELECT").await;
                asked.map_err(Error::server(doing))
            };
            let _ = self.answered(&control, doing, PRESENT_WITHIN, asking).await;
            let wait = backoff::wait(failures, rand::random());
            self.pause(wait.max(CONNECT_EVERY)).await?;
        }
    }
}
