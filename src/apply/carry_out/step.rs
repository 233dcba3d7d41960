//! One step, until its index is as desired.

use std::time::{Duration, Instant};

use super::StepOutcome;
use crate::{
    Error, Result,
    apply::{
        backoff,
        control::{Run, is_locked_out},
        event::Event,
        failure::Failure,
        send::Clocks,
        unique,
    },
    catalog::index_state::{Holder, IndexHealth, Relation},
    db::Session,
    migration::{Intent, ReindexTarget},
    plan::{self, Action, Seen, Send, Step},
};

/// How often a session that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long a run that is interrupted, or past its deadline, tidies up before it leaves that to the next one.
const TIDY_WITHIN: Duration = Duration::from_secs(10);

/// Carries one step out. `builder`: the session to build with, kept from step to step.
///
/// # Errors
/// What kept the index from its desired state, after nothing invalid of ours is left behind, or saying that it is.
pub(super) async fn carry_out(
    run: &Run<'_>,
    planned: &Step,
    builder: &mut Option<Session>,
    outcome: &mut StepOutcome,
) -> Result<()> {
    let mut worker = Worker {
        run,
        planned,
        builder,
        outcome,
        failures: 0,
        last: None,
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
    outcome: &'b mut StepOutcome,
    failures: u32,
    /// What the server took last.
    last: Option<Send>,
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
            let looked = match self.run.look().await {
                Ok(looked) => looked,
                // The table is locked by somebody, for longer than --lock-timeout.
                Err(error @ Error::Server { .. }) => {
                    let reason = self.run.explain_lockout(&error).await;
                    self.passing(reason).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            // Decided as pending whatever the history says: the run is under way.
            let recorded: Vec<bool> = self
                .run
                .migrations
                .iter()
                .map(|m| looked.recorded.has(m.version))
                .collect();
            let step = plan::decide(
                &self.run.desired,
                self.planned.desired,
                &looked.seen,
                &recorded,
                self.run.policy(),
            );
            if let Some(holder) = &step.wait_for {
                self.wait_for(holder).await?;
                continue;
            }
            if step.action == Action::Refuse {
                return Err(failed(step.reason, ""));
            }
            let Some(send) = step.sends.first() else {
                self.outcome.index_bytes = step.index_bytes;
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

    /// Waits until a session no longer holds the lock. One that is not known to build is given `--drain-timeout`.
    async fn wait_for(&mut self, holder: &Holder) -> Result<()> {
        let began = Instant::now();
        let mut told = false;
        loop {
            if !told {
                told = true;
                let (index, holder) = (self.planned.index.clone(), holder.to_string());
                (self.run.listener)(&Event::WaitingForSession { index, holder });
            }
            self.run.pause(LOOK_EVERY).await?;
            let looked = match self.run.look().await {
                // Locked against readers for a while: whoever is waited for is still to be waited for.
                Err(error) if is_locked_out(&error) && !self.run.is_over() => continue,
                other => other?,
            };
            let still = looked
                .seen
                .catalog
                .relations
                .iter()
                .flat_map(|r| &r.holders)
                .find(|now| now.pid == holder.pid);
            let Some(still) = still else { return Ok(()) };
            if self.run.is_over() {
                return Err(failed(
                    format!("--deadline is over while waiting for {still}"),
                    "",
                ));
            }
            if still.building.is_none() && began.elapsed() > self.run.apply.drain_timeout {
                return Err(failed(
                    format!(
                        "{still} has held the lock that a build needs for longer than --drain-timeout"
                    ),
                    "end that session, or wait for it, and run again",
                ));
            }
            if let Some(pid) = still.pid {
                for watched in self.run.watch(&[pid]).await? {
                    let index = self.planned.index.clone();
                    (self.run.listener)(&Event::Running { index, watched });
                }
            }
        }
    }

    /// After a lost connection: waits until the backend is gone, since it may build on to the end.
    async fn outlive(&mut self, pid: i32) -> Result<()> {
        let mut clocks = Clocks::default();
        let mut interrupted = None;
        loop {
            let watched = self.run.watch(&[pid]).await?.into_iter().next();
            let Some(watched) = watched.filter(|watched| !watched.is_idle) else {
                return interrupted.map_or(Ok(()), |_| Err(Error::Interrupted));
            };
            if interrupted.is_some_and(|since: Instant| since.elapsed() > TIDY_WITHIN) {
                return Err(Error::Interrupted);
            }
            let too_long = self.run.judge_wait(Some(&watched), &mut clocks).is_some();
            if too_long || interrupted.is_some() {
                let cancel = async |session: &Session| {
                    session
                        .query_typed(
                            "SELECT pg_cancel_backend($1)",
                            &[(&pid, tokio_postgres::types::Type::INT4)],
                        )
                        .await
                        .map_err(Error::server(
                            "cancelling a build whose connection was lost",
                        ))
                };
                self.run.ask(cancel).await?;
            }
            let index = self.planned.index.clone();
            (self.run.listener)(&Event::Running { index, watched });
            if interrupted.is_some() {
                tokio::time::sleep(LOOK_EVERY).await;
            } else if self.run.pause(LOOK_EVERY).await.is_err() {
                interrupted = Some(Instant::now());
            }
        }
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

    /// After a failure: drops what this run left invalid. Says what is left, where something is.
    async fn tidy_up(&mut self) -> Option<String> {
        if self.outcome.sent.is_empty() {
            return None;
        }
        let hurried = self.run.interrupt.is_requested() || self.run.is_over();
        let limit = if hurried {
            TIDY_WITHIN
        } else {
            self.run.apply.drain_timeout.max(TIDY_WITHIN)
        };
        match tokio::time::timeout(limit, self.drop_invalid()).await {
            Ok(Ok(())) => None,
            Ok(Err(reason)) => {
                Some(format!("an invalid index may be left behind ({reason}); the next run repairs it"))
            }
            Err(_) => Some("an invalid index is left behind, since older transactions hold up its drop; the next \
                            run repairs it".to_owned()),
        }
    }

    async fn drop_invalid(&mut self) -> Result<(), String> {
        let Intent::Index(wanted) = &self.run.desired[self.planned.desired].intent else {
            return Ok(());
        };
        for _ in 0..5 {
            let looked = self.run.look().await.map_err(|error| error.to_string())?;
            let left = looked
                .seen
                .catalog
                .tables
                .iter()
                .filter(|t| t.asked == wanted.create.table.quoted())
                .find_map(|table| {
                    let relation = looked
                        .seen
                        .catalog
                        .relations
                        .iter()
                        .find(|r| Some(r.oid) == table.oid)?;
                    Some((relation, ours_and_invalid(relation, &wanted.create.name)?))
                });
            let Some((relation, index)) = left else {
                return Ok(());
            };
            if let Some(holder) = relation.builder(Some(index.oid)) {
                return Err(format!("{holder} may be building it"));
            }
            let session = match self.builder.take().filter(|session| !session.is_closed()) {
                Some(session) => session,
                None => self
                    .run
                    .builder()
                    .await
                    .map_err(|error| error.to_string())?,
            };
            let [sql] = &Send::Drop {
                index: index.qualified(),
            }
            .sql()[..] else {
                return Ok(());
            };
            self.outcome.sent.push(sql.clone());
            let ended = session.batch_execute(sql).await;
            *self.builder = Some(session);
            if let Err(error) = ended {
                let said = crate::db::describe_error(&error);
                tracing::debug!("{sql}: {said}");
                if crate::db::sqlstate(&error) == Some("42501") {
                    return Err(said);
                }
                tokio::time::sleep(backoff::wait(3, rand::random())).await;
            }
        }
        Err("its drop did not succeed".into())
    }
}

/// The index that this run has begun to build and not finished.
fn ours_and_invalid<'r>(
    relation: &'r Relation,
    name: &str,
) -> Option<&'r crate::catalog::index_state::IndexState> {
    let built = plan::built_name(name);
    relation.indexes.iter().find(|index| {
        (index.name == name || index.name == built)
            && !index.partitioned
            && index.constraint.is_none()
            && index.health() == IndexHealth::Invalid
    })
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
