//! When to stop: at the end of `--max-time`, or on a signal.

use std::{
    cell::Cell,
    pin::pin,
    time::{Duration, Instant},
};

use crate::{Error, Result, db::Session, interrupt::Interrupt};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Late,
    Interrupted,
}

/// What was begun before the end may take this long, and with next to no time at all a first answer is found in it.
const GRACE: Duration = Duration::from_secs(1);

/// The time that a command has.
#[derive(Debug)]
pub(super) struct Clock {
    pub(super) begun: Instant,
    max_time: Duration,
    stopped: Cell<Option<Stop>>,
    can_answer: Cell<bool>,
    proves: Cell<bool>,
}

impl Clock {
    pub(super) fn start(max_time: Duration) -> Self {
        Self {
            begun: Instant::now(),
            max_time,
            stopped: Cell::new(None),
            can_answer: Cell::new(false),
            proves: Cell::new(false),
        }
    }

    /// Does the work; at the end of the time, and on a signal, what the server is at is cancelled, and the work answers with what
    /// it has.
    ///
    /// # Errors
    /// The work's; [`Error::Interrupted`] before there is an answer.
    pub(super) async fn bound<T>(
        &self,
        session: &Session,
        interrupt: &Interrupt,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let canceller = session.canceller();
        let mut work = pin!(work);
        loop {
            tokio::select! {
                outcome = &mut work => return outcome,
                () = tokio::time::sleep_until(self.hard_end().into()), if self.runs() => {
                    self.stop(Stop::Late);
                }
                () = interrupt.requested(), if self.stopped() != Some(Stop::Interrupted) => {
                    if !self.can_answer() {
                        // Best effort: the server rolls an open transaction back when the connection closes.
                        let _ = canceller.cancel().await;
                        return Err(Error::Interrupted);
                    }
                    self.stop(Stop::Interrupted);
                }
            }
            // What the server is at is of no use any more.
            let _ = canceller.cancel().await;
        }
    }

    /// The end of this share of the time.
    pub(super) fn share(&self, share: f64) -> Instant {
        self.begun + self.max_time.mul_f64(share)
    }

    /// When the search ends by itself.
    fn end(&self) -> Instant {
        self.begun + self.max_time
    }

    /// When whatever is still at work is stopped.
    pub(super) fn hard_end(&self) -> Instant {
        self.end() + GRACE
    }

    pub(super) fn stop(&self, why: Stop) {
        self.stopped.set(Some(why));
    }

    pub(super) fn stopped(&self) -> Option<Stop> {
        self.stopped.get()
    }

    /// The share of the time that is left for looking for something better.
    pub(super) fn left(&self) -> f64 {
        if self.stopped.get().is_some() {
            return 0.0;
        }
        let left = self.end().saturating_duration_since(Instant::now());
        left.as_secs_f64() / self.max_time.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// A whole set stands: from here on an interruption has an answer.
    pub(super) fn has_answer(&self) {
        self.can_answer.set(true);
    }

    /// Building and timing have limits of their own, and no answer before they end.
    pub(super) fn begin_proof(&self) {
        self.proves.set(true);
        self.can_answer.set(false);
    }

    pub(super) fn can_answer(&self) -> bool {
        self.can_answer.get()
    }

    /// The end of the time is still to be heard.
    pub(super) fn runs(&self) -> bool {
        self.stopped.get().is_none() && !self.proves.get()
    }
}
