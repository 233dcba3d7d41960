//! One step, until its index is as desired.

mod tidy;
mod wait;

use std::time::Duration;

use super::StepOutcome;
use crate::{
    Error, Result,
    apply::{backoff, control::Run, event::Event, failure::Failure, look::Looked, unique},
    catalog::index_state::Holder,
    db::Session,
    migration::{Intent, ReindexTarget},
    plan::{self, Action, Seen, Send, Step},
};

/// How long a run that is interrupted, or past its deadline, tidies up before it leaves that to the next one.
const TIDY_WITHIN: Duration = Duration::from_secs(10);

/// Carries one step out. `builder`: the session to build with, kept from step to step. `fresh`: what was looked at just
/// now; when the step is done, what was seen last.
///
/// # Errors
/// What kept the index from its desired state, after nothing invalid of ours is left behind, or saying that it is.
pub(super) async fn carry_out(
    run: &Run<'_>,
    planned: &Step,
    builder: &mut Option<Session>,
    fresh: &mut Option<Looked>,
    outcome: &mut StepOutcome,
) -> Result<()> {
    let mut worker = Worker {
        run,
        planned,
        builder,
        fresh,
        outcome,
        failures: 0,
        last: None,
        begun: Vec::new(),
    };
    let ended = worker.work().await;
    match &ended {
        // Without a server there is nothing to tidy up with.
        Ok(()) | Err(Error::Connect { .. }) => {}
        Err(error) => {
            tracing::debug!("{}: {error}", planned.index);
            return match worker.tidy_up().await {
                None => ended,
                Some(left) => ended.map_err(|error| match error {
                    Error::CannotJudge { message, hint } => Error::CannotJudge {
                        message: format!("{message}; {left}"),
                        hint,
                    },
                    other => Error::CannotJudge {
                        hint: other.hint().unwrap_or_default(),
                        message: format!("{other}; {left}"),
                    },
                }),
            };
        }
    }
    ended
}

struct Worker<'a, 'b> {
    run: &'a Run<'a>,
    planned: &'a Step,
    builder: &'b mut Option<Session>,
    fresh: &'b mut Option<Looked>,
    outcome: &'b mut StepOutcome,
    failures: u32,
    /// What the server took last.
    last: Option<Send>,
    /// What was sent that can leave an invalid index behind.
    begun: Vec<Send>,
}

impl Worker<'_, '_> {
    async fn work(&mut self) -> Result<()> {
        loop {
            if self.run.interrupted() {
                return Err(Error::Interrupted);
            }
            if self.run.is_over() {
                return Err(failed(
                    "--deadline is over".into(),
                    "give more time, or find out what holds it up",
                ));
            }
            let (looked, step) = match self.next().await {
                Ok(next) => next,
                // The table is locked by somebody, for longer than --lock-timeout.
                Err(error @ Error::Server { .. }) => {
                    let reason = self.run.explain_lockout(&error).await;
                    self.passing(reason).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(holder) = &step.wait_for {
                self.wait_for(holder).await?;
                continue;
            }
            if step.action == Action::Refuse {
                return Err(failed(step.reason, ""));
            }
            let Some(send) = step.sends.first() else {
                self.outcome.index_bytes = step.index_bytes;
                *self.fresh = Some(looked);
                return Ok(());
            };
            if let Some(holder) = busy(&looked.seen, &step, send) {
                self.wait_for(&holder).await?;
                continue;
            }
            if self.run.apply.check_unique {
                self.check_unique(send, &looked.seen).await?;
            }
            let session = match self.builder.take().filter(|session| !session.is_closed()) {
                Some(session) => session,
                None => self.run.builder().await?,
            };
            let sql = send.sql();
            (self.run.listener)(&Event::Sending {
                index: step.index.clone(),
                table_bytes: step.table_bytes,
                statement: sql.join("; "),
            });
            self.outcome.sent.extend(sql);
            self.outcome.attempts = self.failures + 1;
            if !send.is_brief() {
                self.begun.retain(|before| before != send);
                self.begun.push(send.clone());
            }
            let ended = self.run.send(&session, &step.index, send).await;
            let pid = session.backend_pid;
            *self.builder = Some(session);
            match ended {
                Ok(())
                    if is_asked_for_once(&self.run.desired[self.planned.desired].intent, send) =>
                {
                    return Ok(());
                }
                Ok(()) => self.took(send)?,
                Err(Failure::Passing(reason)) => self.passing(reason).await?,
                Err(Failure::ConnectionLost(reason)) => {
                    *self.builder = None;
                    self.outlive(pid).await?;
                    self.passing(reason).await?;
                }
                Err(Failure::Duplicate(said)) => {
                    let query = self.duplicates_query(send, &looked.seen);
                    return Err(failed(
                        format!("the index cannot be unique: {said}"),
                        &query
                            .map(|query| format!("all duplicates: {query}"))
                            .unwrap_or_default(),
                    ));
                }
                Err(Failure::Final(reason)) => return Err(failed(reason, "")),
                Err(Failure::Interrupted) => return Err(Error::Interrupted),
            }
        }
    }

    /// What there is now, and what is to be done about it.
    async fn next(&mut self) -> Result<(Looked, Step)> {
        if let Some(looked) = self.fresh.take() {
            let step = self.decide(&looked);
            if step.begins_with_a_new_index() {
                return Ok((looked, step));
            }
        }
        let looked = self.run.look().await?;
        let step = self.decide(&looked);
        Ok((looked, step))
    }

    fn decide(&self, looked: &Looked) -> Step {
        // Decided as pending whatever the history says: the run is under way.
        let recorded: Vec<bool> = self
            .run
            .migrations
            .iter()
            .map(|m| looked.recorded.has(m.version))
            .collect();
        plan::decide(
            &self.run.desired,
            self.planned.desired,
            &looked.seen,
            &recorded,
            self.run.policy(),
        )
    }

    /// The server took it. Taking the same one over and over without any effect is no progress.
    fn took(&mut self, send: &Send) -> Result<()> {
        if self.last.as_ref() == Some(send) {
            let sql = send.sql().join("; ");
            return Err(failed(
                format!(
                    "the server took `{sql}` twice, and it is still to be done: somebody undoes it, or the server does not do it"
                ),
                "look at the index, and at who else is at work on it",
            ));
        }
        self.last = Some(send.clone());
        if matches!(send, Send::CreateOnly { .. } | Send::Attach { .. }) {
            // One more piece of a partition tree is there for good: the next one has all its attempts.
            self.failures = 0;
        }
        Ok(())
    }

    /// Counts a failure, and waits before the next try.
    async fn passing(&mut self, reason: String) -> Result<()> {
        self.failures += 1;
        // What failed may have undone the statement before it: to send that again is progress.
        self.last = None;
        if self.failures >= self.run.apply.attempts {
            return Err(failed(
                format!("given up after {} attempts: {reason}", self.failures),
                "run again when the table is quieter, or raise --attempts or --lock-timeout",
            ));
        }
        let wait = backoff::wait(self.failures, rand::random());
        (self.run.listener)(&Event::Retrying {
            index: self.planned.index.clone(),
            failures: self.failures,
            reason,
            wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        });
        self.run.pause(wait).await
    }

    async fn check_unique(&mut self, send: &Send, seen: &Seen) -> Result<()> {
        let Some(query) = self.duplicates_query(send, seen) else {
            return Ok(());
        };
        let session = self.run.builder().await?;
        match unique::find(&session, &query).await? {
            None => Ok(()),
            Some(found) => Err(failed(
                format!("the index cannot be unique: key {found}; nothing was built"),
                &format!("all duplicates: {query}"),
            )),
        }
    }

    fn duplicates_query(&self, send: &Send, seen: &Seen) -> Option<String> {
        let Send::Create {
            unique: true,
            table,
            ..
        } = send
        else {
            return None;
        };
        let definition = seen
            .definitions
            .get(self.planned.desired)?
            .as_ref()?
            .as_ref()
            .ok()?;
        (!definition.keys.is_empty()).then(|| unique::duplicates_query(table, definition))
    }
}

/// A session that holds the lock a long statement needs: waiting for it outside the lock's queue costs no attempt.
fn busy(seen: &Seen, step: &Step, send: &Send) -> Option<Holder> {
    if send.is_brief() {
        return None;
    }
    let relation = match send {
        Send::Create { table, .. } => seen
            .catalog
            .relations
            .iter()
            .find(|r| r.qualified() == *table),
        _ => seen
            .catalog
            .relations
            .iter()
            .find(|r| Some(r.oid) == step.table_oid),
    };
    relation?
        .builder(None)
        .filter(|holder| holder.pid.is_some())
        .cloned()
}

/// A `REINDEX` that a migration asks for is done when it has been sent; looking again would ask for it again.
fn is_asked_for_once(intent: &Intent, send: &Send) -> bool {
    let Intent::Rebuilt(reindex) = intent else {
        return false;
    };
    matches!(send, Send::Reindex { target, .. } if *target == reindex.target)
        && matches!(reindex.target, ReindexTarget::Index | ReindexTarget::Table)
}

fn failed(message: String, hint: &str) -> Error {
    Error::CannotJudge {
        message,
        hint: hint.to_owned(),
    }
}
