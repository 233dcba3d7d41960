//! The one place that waits for the server: each wait ends at its own limit, by `--deadline` or by a signal, and is then
//! cancelled on the server.

use std::time::{Duration, Instant};

use super::{
    control::{Run, TIDY_WITHIN, sleep_until},
    event::Event,
    watch,
};
use crate::{
    Error, Result,
    db::{self, Session},
    duration::HumanDuration,
};

/// How long a server has to answer once it was asked to cancel; longer, and the connection is of no use any more.
pub(super) const CANCELLED_WITHIN: Duration = Duration::from_secs(1);
/// What a new session takes at most, its settings included.
const OPENED_WITHIN: Duration = Duration::from_secs(20);
/// What the server needs at most for a question that waits for no lock.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// How long the server may be done with a statement before the answer that does not come is taken for lost.
pub(super) const UNHEARD_FOR: Duration = Duration::from_secs(5);
/// How long an answer, or a connection, may take before it is said whom it waits for, and how often that is looked at
/// then.
pub(super) const SAID_AFTER: Duration = Duration::from_secs(3);
const SAID_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitEnd {
    Limit(Duration),
    Deadline,
    Interrupted,
    /// The server is done, and its answer was lost on the way.
    Unheard,
}

/// What to look at where no answer comes.
pub(super) const NETWORK: &str = "check that the network between this machine and the server is up";

impl WaitEnd {
    /// `hint`: what to look at where it took too long.
    fn error(self, doing: &str, hint: &str) -> Error {
        match self {
            WaitEnd::Limit(limit) => Error::CannotJudge {
                message: format!(
                    "{doing}: the server has not responded for {}",
                    HumanDuration(limit)
                ),
                hint: hint.into(),
            },
            WaitEnd::Deadline => Error::CannotJudge {
                message: format!("--deadline expired while {doing}"),
                hint: format!("raise --deadline, or remove what holds it up: {hint}"),
            },
            WaitEnd::Interrupted => Error::Interrupted,
            WaitEnd::Unheard => Error::CannotJudge {
                message: format!(
                    "{doing}: the server has finished, but its answer was lost on the way"
                ),
                hint: hint.into(),
            },
        }
    }
}

impl Run<'_> {
    /// How long a question may take: it may wait for a table's lock for as long as `--lock-timeout` says.
    pub(super) fn answer_within(&self) -> Duration {
        ANSWER_WITHIN.max(self.apply.lock_timeout + ANSWER_WITHIN / 4)
    }

    /// Waits for the answer to what was asked of `session`, at most for `limit`. What is cut short is cancelled on the
    /// server; a session that does not answer even that is closed.
    pub(super) async fn answered<T>(
        &self,
        session: &Session,
        doing: &str,
        limit: Duration,
        answer: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut answer = std::pin::pin!(answer);
        let struck = tokio::select! {
            biased;
            answer = &mut answer => return answer,
            struck = self.struck(limit) => struck,
            struck = self.say_what_holds_up(session.backend_pid(), doing) => struck,
        };
        let cancelled = async {
            let _ = session.canceller().cancel().await;
            (&mut answer).await
        };
        match tokio::time::timeout(CANCELLED_WITHIN, cancelled).await {
            // Done all the same.
            Ok(Ok(value)) if struck != WaitEnd::Interrupted => return Ok(value),
            Ok(_) => {}
            Err(_) => session.close(),
        }
        Err(struck.error(doing, NETWORK))
    }

    /// Says whom a session waits for, by looking from a connection of its own: the others may be waiting as well. Ends
    /// where the server is long done, so that the answer must have been lost.
    async fn say_what_holds_up(&self, pid: i32, doing: &str) -> WaitEnd {
        // Before its first settings, a session waits for nothing but the network.
        if pid == 0 {
            return std::future::pending().await;
        }
        tokio::time::sleep(SAID_AFTER).await;
        loop {
            let looking = async {
                let session = db::connect(self.config, "apply-indexes watch").await?;
                let mut done_since = None;
                loop {
                    let watched = watch::look(&session, &[pid]).await?.into_iter().next();
                    match watched.filter(|watched| !watched.is_idle) {
                        Some(watched) => {
                            done_since = None;
                            let doing = doing.to_owned();
                            (self.listener)(&Event::WaitingForAnswer { doing, watched });
                        }
                        None if done_since.get_or_insert_with(Instant::now).elapsed()
                            > UNHEARD_FOR =>
                        {
                            return Ok(());
                        }
                        None => {}
                    }
                    tokio::time::sleep(SAID_EVERY).await;
                }
            };
            match looking.await {
                Ok(()) => return WaitEnd::Unheard,
                Err::<(), Error>(error) => tracing::debug!("{doing}: {error}"),
            }
            tokio::time::sleep(SAID_AFTER).await;
        }
    }

    /// The same where there is no session yet to cancel anything on. What takes longer than [`OPENED_WITHIN`] may be had
    /// by asking once more. `hint`: what to look at then.
    pub(super) async fn opened<T>(
        &self,
        doing: &str,
        hint: &str,
        opening: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let struck = tokio::select! {
            biased;
            opened = opening => return opened,
            struck = self.struck(OPENED_WITHIN) => struck,
        };
        Err(match struck.error(doing, hint) {
            Error::CannotJudge { message, hint } if matches!(struck, WaitEnd::Limit(_)) => {
                Error::Connect {
                    message,
                    hint,
                    passes: true,
                }
            }
            error => error,
        })
    }

    /// Completes when a wait has to end. What is done after a signal or the deadline, to tidy up, has
    /// [`TIDY_WITHIN`] in all.
    async fn struck(&self, limit: Duration) -> WaitEnd {
        if self.is_hurried() {
            let limit = limit.min(self.left_to_tidy());
            tokio::time::sleep(limit).await;
            return WaitEnd::Limit(limit);
        }
        tokio::select! {
            () = self.interrupt.requested() => WaitEnd::Interrupted,
            () = sleep_until(self.until) => WaitEnd::Deadline,
            () = tokio::time::sleep(limit) => WaitEnd::Limit(limit),
        }
    }

    /// After a signal or the deadline.
    pub(super) fn is_hurried(&self) -> bool {
        let hurried = self.interrupt.is_requested() || self.is_over();
        if hurried && self.hurried_since.get().is_none() {
            self.hurried_since.set(Some(Instant::now()));
        }
        hurried
    }

    /// What is left of [`TIDY_WITHIN`].
    fn left_to_tidy(&self) -> Duration {
        let since = self
            .hurried_since
            .get()
            .map_or(Duration::ZERO, |since| since.elapsed());
        TIDY_WITHIN.saturating_sub(since)
    }

    /// Completes when tidying up has taken long enough: `limit`, or [`TIDY_WITHIN`] after a signal or the deadline.
    pub(super) async fn tidied_long_enough(&self, limit: Duration) {
        if !self.is_hurried()
            && matches!(self.struck(limit.max(TIDY_WITHIN)).await, WaitEnd::Limit(_))
        {
            return;
        }
        // Noted as the beginning of the hurry.
        self.is_hurried();
        tokio::time::sleep(self.left_to_tidy()).await;
    }
}
