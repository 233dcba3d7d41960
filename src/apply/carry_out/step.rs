//! One step, until its index is as desired.

mod tidy;
mod wait;

use std::{cell::RefCell, collections::VecDeque, time::Duration};

use crate::{
    Error, Result,
    apply::{
        backoff,
        control::{Run, TIDY_WITHIN},
        event::Event,
        failure::Failure,
        unique,
    },
    catalog::{
        QualifiedName,
        index_state::{IndexHealth, IndexState, LockHolder},
    },
    db::Session,
    migration::{ReindexTarget, Statement},
    plan::{self, Action, Snapshot, SqlStatement, Step, StepOutcome},
};

/// Carries one step out. `builder`: the session to build with, kept from step to step. `fresh`: what was looked at just
/// now; when the step is done, what was seen last.
///
/// # Errors
/// What kept the index from its desired state, after nothing invalid of ours is left behind, or saying that it is.
pub(super) async fn carry_out(
    run: &Run<'_>,
    planned: &Step,
    builder: &mut Option<Session>,
    fresh: &mut Option<Snapshot>,
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
        rest: VecDeque::new(),
        judged: None,
        held_up: RefCell::default(),
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
    fresh: &'b mut Option<Snapshot>,
    outcome: &'b mut StepOutcome,
    failures: u32,
    last: Option<SqlStatement>,
    /// What was sent, and not done, that can leave an invalid index behind.
    begun: Vec<SqlStatement>,
    /// Of a partition tree: what is still to be sent by the last look. Each piece is done when the server says so; the
    /// tree as a whole is read again at the end, or when a piece fails, and not after each of thousands.
    rest: VecDeque<SqlStatement>,
    /// The index that was built although it was not known how it would read.
    judged: Option<QualifiedName>,
    /// Whom the drop of what is unfinished waits for, in words.
    held_up: RefCell<Vec<String>>,
}

impl Worker<'_, '_> {
    async fn work(&mut self) -> Result<()> {
        loop {
            if self.run.interrupted() {
                return Err(Error::Interrupted);
            }
            if self.run.is_over() {
                return Err(failed(
                    "--deadline expired".into(),
                    "raise --deadline, or find out what holds the step up",
                ));
            }
            let (seen, step) = match self.next().await {
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
                *self.fresh = Some(seen);
                return Ok(());
            };
            if let Some(holder) = busy(&seen, &step, send) {
                self.wait_for(&holder).await?;
                continue;
            }
            if self.run.apply.check_unique {
                self.check_unique(send, &seen).await?;
            }
            // Of anything but a tree, what comes next is decided by what there is then.
            let pieces = if step.is_of_pieces() {
                step.sends.len()
            } else {
                1
            };
            self.rest = step.sends.iter().take(pieces).cloned().collect();
            while let Some(send) = self.rest.pop_front() {
                if self.send(&step, &send, &seen).await? {
                    return Ok(());
                }
                if self.run.interrupted() || self.run.is_over() {
                    break;
                }
            }
        }
    }

    /// Sends one thing. Whether the step is done with it, and need not be looked at again.
    async fn send(&mut self, step: &Step, send: &SqlStatement, seen: &Snapshot) -> Result<bool> {
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
        let (pid, warnings) = (session.backend_pid(), session.take_warnings());
        *self.builder = Some(session);
        match ended {
            Ok(()) if self.is_asked_for_once(send) => {
                self.check_rebuilt(send, warnings).await?;
                return Ok(true);
            }
            Ok(()) => {
                // What the server says is done leaves nothing invalid.
                self.begun.retain(|begun| begun != send);
                self.took(send, seen)?;
            }
            Err(Failure::Passing(reason)) => self.passing(reason).await?,
            Err(Failure::ConnectionLost(reason)) => {
                *self.builder = None;
                self.outlive(pid).await?;
                self.passing(reason).await?;
            }
            Err(Failure::Duplicate(said)) => {
                if let SqlStatement::Reindex { name, .. } = send {
                    // There are duplicates, so it was never valid, and cannot become so.
                    self.begun.push(SqlStatement::Drop {
                        index: name.clone(),
                    });
                }
                let query = self.duplicates_query(send, seen);
                return Err(failed(
                    format!("the index cannot be unique: {said}"),
                    &query
                        .map(|query| format!("list all duplicates with: {query}"))
                        .unwrap_or_default(),
                ));
            }
            Err(Failure::Final(reason)) => return Err(failed(reason, "")),
            Err(Failure::Interrupted(still)) if still.is_empty() => return Err(Error::Interrupted),
            Err(Failure::Interrupted(still)) => {
                return Err(failed(
                    format!("interrupted{still}"),
                    "the next run waits for it",
                ));
            }
        }
        Ok(false)
    }

    /// What there is now, and what is to be done about it.
    async fn next(&mut self) -> Result<(Snapshot, Step)> {
        if let Some(seen) = self.fresh.take() {
            let step = self.decide(&seen)?;
            if step.begins_with_a_new_index() {
                return Ok((seen, step));
            }
        }
        let mut seen = self.run.look().await?;
        if let Some(built) = self
            .judged
            .as_ref()
            .and_then(|name| seen.catalog.index(name))
            && built.health() == IndexHealth::Valid
        {
            let built = built.clone();
            self.run.learn(self.planned.place, &mut seen, &built);
        }
        let step = self.decide(&seen)?;
        Ok((seen, step))
    }

    fn decide(&self, seen: &Snapshot) -> Result<Step> {
        let (migrations, place) = (self.run.migrations, self.planned.place);
        plan::decide(migrations, place, seen, self.run.policy())
            .ok_or_else(|| failed("the plan lacks this statement".into(), "please report this"))
    }

    /// The statement that this step is about.
    fn statement(&self) -> Option<&Statement> {
        let (migration, number) = self.planned.place;
        self.run.migrations.get(migration)?.statements.get(number)
    }

    /// A `REINDEX` that a migration asks for is done when it has been sent; looking again would ask for it again.
    fn is_asked_for_once(&self, send: &SqlStatement) -> bool {
        match (self.statement(), send) {
            (Some(Statement::Reindex(asked)), SqlStatement::Reindex { target, .. }) => {
                *target == asked.target
            }
            _ => false,
        }
    }

    /// `REINDEX TABLE CONCURRENTLY` passes over what it cannot rebuild with a warning, and succeeds.
    async fn check_rebuilt(&self, send: &SqlStatement, warnings: Vec<String>) -> Result<()> {
        for warning in &warnings {
            tracing::warn!("{}: {warning}", self.planned.index);
        }
        let SqlStatement::Reindex {
            target: ReindexTarget::Table,
            name,
            ..
        } = send
        else {
            return Ok(());
        };
        let seen = self.run.look().await?;
        let invalid = plan::passed_over(self.run.migrations, name, &seen, self.run.policy());
        if invalid.is_empty() {
            return Ok(());
        }
        let list = |of: fn(&IndexState) -> String| {
            invalid.iter().map(|index| of(index)).collect::<Vec<_>>()
        };
        let said = if warnings.is_empty() {
            String::new()
        } else {
            format!(" ({})", warnings.join("; "))
        };
        Err(failed(
            format!(
                "the server rebuilt {name} but skipped its invalid indexes{said}: {}",
                list(|index| index.qualified().to_string()).join(", ")
            ),
            &format!(
                "rebuild each one separately, or drop it: {}",
                list(|index| format!("REINDEX INDEX CONCURRENTLY {}", index.qualified().quoted()))
                    .join("; ")
            ),
        ))
    }

    /// The server ran it. Running the same one over and over without effect is not progress.
    fn took(&mut self, send: &SqlStatement, seen: &Snapshot) -> Result<()> {
        if self.last.as_ref() == Some(send) {
            let sql = send.sql().join("; ");
            return Err(failed(
                format!(
                    "the server ran `{sql}` twice without effect: another session undoes it, or the server \
                     ignores it"
                ),
                "look at the index, and at which sessions are working on it",
            ));
        }
        self.last = Some(send.clone());
        let is_unknown = matches!(seen.definitions.get(&self.planned.place), Some(Err(_)));
        if let (SqlStatement::Create { name, table, .. }, true) = (send, is_unknown) {
            self.judged = Some(QualifiedName::new(&table.schema, name));
        }
        if matches!(
            send,
            SqlStatement::CreateOnly { .. } | SqlStatement::Attach { .. }
        ) {
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
        self.rest.clear();
        if self.failures >= self.run.apply.attempts {
            return Err(failed(
                format!("gave up after {} attempts: {reason}", self.failures),
                "run again when the table is less busy, or raise --attempts or --lock-timeout",
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

    async fn check_unique(&mut self, send: &SqlStatement, seen: &Snapshot) -> Result<()> {
        let Some(query) = self.duplicates_query(send, seen) else {
            return Ok(());
        };
        let session = self.run.builder().await?;
        let looking = unique::find(&session, &query);
        let doing = "looking for duplicates";
        match self
            .run
            .answered(&session, doing, Duration::MAX, looking)
            .await?
        {
            None => Ok(()),
            Some(found) => Err(failed(
                format!("the index cannot be unique: key {found}; nothing was built"),
                &format!("list all duplicates with: {query}"),
            )),
        }
    }

    fn duplicates_query(&self, send: &SqlStatement, seen: &Snapshot) -> Option<String> {
        let SqlStatement::Create {
            unique: true,
            table,
            ..
        } = send
        else {
            return None;
        };
        let definition = seen.definitions.get(&self.planned.place)?.as_ref().ok()?;
        (!definition.keys.is_empty()).then(|| unique::duplicates_query(table, definition))
    }
}

/// A session that holds the lock a long statement needs: waiting for it outside the lock's queue costs no attempt.
fn busy(seen: &Snapshot, step: &Step, send: &SqlStatement) -> Option<LockHolder> {
    if send.is_brief() {
        return None;
    }
    let relation = match send {
        SqlStatement::Create { table, .. } => seen
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

fn failed(message: String, hint: &str) -> Error {
    Error::CannotJudge {
        message,
        hint: hint.to_owned(),
    }
}
