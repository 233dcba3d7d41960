//! The one place that waits for the server: every wait ends by its own limit, by `--deadline` or by a signal, and is then
//! cancelled on the server.

use std::time::{Duration, Instant};

use super::control::Run;
use crate::{Error, Result, db::Session, duration::HumanDuration};

/// How long a run that is interrupted, or past its deadline, tidies up in all before it leaves that to the next one.
pub(super) const TIDY_WITHIN: Duration = Duration::from_secs(4);
/// How long a server has to answer once it was asked to cancel; longer, and the connection is of no use any more.
pub(super) const CANCELLED_WITHIN: Duration = Duration::from_secs(1);
/// What the server needs at most for a question that waits for no lock.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Struck {
    /// Its own limit.
    Limit(Duration),
    /// `--deadline`
    Deadline,
    /// A signal.
    Interrupted,
}

impl Struck {
    fn error(self, doing: &str) -> Error {
        match self {
            Struck::Limit(limit) => Error::CannotJudge {
                message: format!(
                    "{doing}: the server has not answered for {}",
                    HumanDuration(limit)
                ),
                hint: "is the network between here and there up?".into(),
            },
            Struck::Deadline => Error::CannotJudge {
                message: format!("--deadline is over, while {doing}"),
                hint: "give more time, or find out what holds it up".into(),
            },
            Struck::Interrupted => Error::Interrupted,
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
        };
        let cancelled = async {
            let _ = session.canceller().cancel().await;
            (&mut answer).await
        };
        match tokio::time::timeout(CANCELLED_WITHIN, cancelled).await {
            // Done all the same.
            Ok(Ok(value)) if struck != Struck::Interrupted => return Ok(value),
            Ok(_) => {}
            Err(_) => session.close(),
        }
        Err(struck.error(doing))
    }

    /// The same where there is no session yet to cancel anything on.
    pub(super) async fn opened<T>(
        &self,
        doing: &str,
        limit: Duration,
        opening: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        tokio::select! {
            biased;
            opened = opening => opened,
            struck = self.struck(limit) => Err(struck.error(doing)),
        }
    }

    /// Completes when a wait has to end. What is done after a signal or the deadline, to tidy up, has
    /// [`TIDY_WITHIN`] in all.
    async fn struck(&self, limit: Duration) -> Struck {
        if self.is_hurried() {
            let limit = limit.min(self.left_to_tidy());
            tokio::time::sleep(limit).await;
            return Struck::Limit(limit);
        }
        let deadline = async {
            match self.until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.interrupt.requested() => Struck::Interrupted,
            () = deadline => Struck::Deadline,
            () = tokio::time::sleep(limit) => Struck::Limit(limit),
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
            && matches!(self.struck(limit.max(TIDY_WITHIN)).await, Struck::Limit(_))
        {
            return;
        }
        // Noted as the beginning of the hurry.
        self.is_hurried();
        tokio::time::sleep(self.left_to_tidy()).await;
    }
}
