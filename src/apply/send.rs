//! Sending one thing, and watching it from the control session while it runs.

use std::time::{Duration, Instant};

use super::{
    answer::{CANCELLED_WITHIN, UNHEARD_FOR},
    control::{Run, TIDY_WITHIN},
    event::Event,
    failure::{CancelReason, Failure, judge},
    watch::{BuildProgress, Wait},
};
use crate::{Error, Result, db::Session, plan::SqlStatement};

/// How often a running statement is looked at: soon at first, so that short builds are not held up by it; as long as
/// it waits for somebody, whom the clocks run against, as often; one that works for long is left alone for longer, for
/// a look takes processor time that a build could use.
const FIRST_LOOK: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(1);
/// How long a statement that was cancelled may take to end, where somebody waits for that.
const CANCELLED_FOR: Duration = Duration::from_secs(1);
/// How often a cancel request is repeated until the statement ends.
const CANCEL_EVERY: Duration = Duration::from_millis(500);

impl Run<'_> {
    /// Sends it and waits for its end. Both clocks, the deadline and an interrupt cancel it on the server.
    pub(super) async fn send(
        &self,
        builder: &Session,
        index: &str,
        send: &SqlStatement,
    ) -> Result<(), Failure> {
        if !send.is_brief() {
            for statement in send.sql() {
                self.send_watched(builder, index, &statement).await?;
            }
            return Ok(());
        }
        // A brief change: one transaction under its own lock timeout, in one round trip.
        let ended = self
            .send_watched(builder, index, &send.sql().join(";\n"))
            .await;
        if ended.is_err() && !builder.is_closed() {
            // The failed statement left the transaction open; if this fails too, the connection is gone.
            let doing = "rolling a change back";
            let rollback = async {
                builder
                    .batch_execute("ROLLBACK")
                    .await
                    .map_err(Error::server(doing))
            };
            let _ = self.answered(builder, doing, TIDY_WITHIN, rollback).await;
        }
        ended
    }

    async fn send_watched(
        &self,
        builder: &Session,
        index: &str,
        statement: &str,
    ) -> Result<(), Failure> {
        let mut running = std::pin::pin!(builder.batch_execute(statement));
        let mut clocks = WaitClock::default();
        let begun = Instant::now();
        let mut next_look = FIRST_LOOK;
        let mut cancelled = None;
        let mut cancelled_since: Option<Instant> = None;
        let mut unheard = None;
        loop {
            tokio::select! {
                biased;
                ended = &mut running => {
                    return ended.map_err(|error| judge(&error, cancelled));
                }
                () = self.interrupt.requested(), if cancelled.is_none() => {
                    cancelled = Some(CancelReason::Interrupted);
                    (self.listener)(&Event::Cancelling { index: index.to_owned(), pid: builder.backend_pid() });
                    cancel(builder).await;
                    next_look = CANCEL_EVERY;
                }
                () = tokio::time::sleep(next_look) => {
                    if let Some(why) = &cancelled {
                        let since = cancelled_since.get_or_insert_with(Instant::now);
                        if self.is_hurried() && since.elapsed() > CANCELLED_FOR {
                            let why = why.clone();
                            return Err(self.give_up(builder, why).await);
                        }
                        // A request can arrive between two statements of the server's own, and be lost.
                        cancel(builder).await;
                        continue;
                    }
                    next_look = LOOK_EVERY;
                    // If the control session cannot be had, the build goes on unwatched; the next look tries again.
                    let Ok(watched) = self.watch(&[builder.backend_pid()]).await else {
                        cancelled = self.is_over().then_some(CancelReason::Deadline);
                        continue;
                    };
                    let watched = watched.into_iter().next();
                    if watched.as_ref().is_some_and(|watched| !watched.is_idle) {
                        unheard = None;
                    } else if unheard.get_or_insert_with(Instant::now).elapsed() > UNHEARD_FOR {
                        return Err(Failure::ConnectionLost(
                            "the server has finished the statement, but its answer was lost on the way".into(),
                        ));
                    }
                    cancelled = self.judge_wait(watched.as_ref(), &mut clocks);
                    if watched.as_ref().is_some_and(|watched| watched.waiting.is_none()) {
                        let patient = begun.elapsed().clamp(LOOK_EVERY, LOOK_AT_LEAST_EVERY);
                        next_look = self.before_deadline(patient);
                    }
                    if let Some(watched) = watched {
                        (self.listener)(&Event::Running { index: index.to_owned(), watched });
                    }
                    if cancelled.is_some() {
                        cancel(builder).await;
                        next_look = CANCEL_EVERY;
                    }
                }
            }
        }
    }

    /// The connection does not even say that the statement was cancelled: it is closed, and its backend ended from the
    /// control session.
    async fn give_up(&self, builder: &Session, why: CancelReason) -> Failure {
        builder.close();
        let still = match self.end_lost(builder).await {
            Ok(()) => String::new(),
            Err(error) => format!(
                "; the session with pid {} may still be running it: {error}",
                builder.backend_pid()
            ),
        };
        match why {
            CancelReason::Interrupted => Failure::Interrupted(still),
            CancelReason::Deadline => Failure::Final(format!("--deadline expired{still}")),
            _ => Failure::ConnectionLost(format!("the connection stopped responding{still}")),
        }
    }

    /// Whether a wait has taken too long.
    pub(super) fn judge_wait(
        &self,
        watched: Option<&BuildProgress>,
        clocks: &mut WaitClock,
    ) -> Option<CancelReason> {
        if self.is_over() {
            return Some(CancelReason::Deadline);
        }
        let watched = watched?;
        let waited = clocks.waited(watched.waiting);
        match watched.waiting? {
            Wait::Lock if waited > self.apply.lock_timeout => {
                Some(CancelReason::LockTimeout(watched.describe_blockers()))
            }
            Wait::Transactions if waited > self.apply.drain_timeout => {
                Some(CancelReason::DrainTimeout(watched.describe_blockers()))
            }
            _ => None,
        }
    }
}

/// How long the present wait has lasted.
#[derive(Debug, Default)]
pub(super) struct WaitClock {
    since: Option<(Wait, Instant)>,
}

impl WaitClock {
    fn waited(&mut self, waiting: Option<Wait>) -> Duration {
        self.since = match (waiting, self.since) {
            (None, _) => None,
            (Some(now), Some((before, since))) if now == before => Some((before, since)),
            (Some(now), _) => Some((now, Instant::now())),
        };
        self.since
            .map_or(Duration::ZERO, |(_, since)| since.elapsed())
    }
}

async fn cancel(builder: &Session) {
    let cancelling = builder.canceller();
    match tokio::time::timeout(CANCELLED_WITHIN, cancelling.cancel()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("the cancel request did not get through: {error}"),
        Err(_) => tracing::debug!("the cancel request was not answered"),
    }
}
