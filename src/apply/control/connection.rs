//! The control session itself: asked, lost, opened anew, and the lock that goes with it.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_postgres::types::Type;

use super::{CONNECT_EVERY, LOSSES, Run};
use crate::{
    Error, Result,
    apply::{
        event::Event,
        session,
        watch::{self, Watched},
    },
    db::{self, Session},
};

/// How long a lost server is tried to be reached again.
const RECONNECT_FOR: Duration = Duration::from_secs(60);
/// No question of the control session takes this long unless the connection is dead.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// A look at a running build is answered much sooner; longer than this, and the connection is dead.
const WATCH_ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// How often a question may be cancelled: by an administrator, or by a `statement_timeout` of the role's that is in force
/// until it is set otherwise.
const CANCELS: u32 = 20;
/// `dbaudit` and a number, as the key of the advisory lock.
const DEPLOY_LOCK: i64 = 0x6462_6175_6469_7401;

impl Run<'_> {
    /// Asks the control session something; where the connection turns out to be lost, opens it anew and asks again.
    pub(in crate::apply) async fn ask<T>(
        &self,
        question: impl AsyncFn(&Session) -> Result<T>,
    ) -> Result<T> {
        self.ask_within(ANSWER_WITHIN, question).await
    }

    /// What these backends are at; those that are gone are not in the answer.
    ///
    /// # Errors
    /// The server's.
    pub async fn watch(&self, pids: &[i32]) -> Result<Vec<Watched>> {
        let look = async |session: &Session| watch::look(session, pids).await;
        self.ask_within(WATCH_ANSWERED_WITHIN, look).await
    }

    async fn ask_within<T>(
        &self,
        limit: Duration,
        question: impl AsyncFn(&Session) -> Result<T>,
    ) -> Result<T> {
        let (mut losses, mut cancels) = (0, 0);
        loop {
            let session = self.session().await?;
            let lost = match tokio::time::timeout(limit, question(&session)).await {
                Ok(Err(error)) if is_lost(&session, &error) => error,
                // The control session has no timeout of its own: an administrator was quick to cancel.
                Ok(Err(error)) if is_cancelled(&error) && cancels < CANCELS => {
                    cancels += 1;
                    continue;
                }
                Ok(answer) => return answer,
                Err(_) => Error::CannotJudge {
                    message: format!(
                        "the server has not answered for {}",
                        crate::duration::HumanDuration(limit)
                    ),
                    hint: "is the network between here and there up?".into(),
                },
            };
            losses += 1;
            if losses > LOSSES {
                return Err(lost);
            }
            self.lose(&session, &lost);
        }
    }

    /// Lets go of a control session that is of no use any more.
    fn lose(&self, session: &Arc<Session>, reason: &Error) {
        let mut held = self.control.session.borrow_mut();
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, session)) {
            *held = None;
        }
        drop(held);
        (self.listener)(&Event::Reconnecting {
            reason: reason.to_string(),
        });
    }

    pub(super) async fn session(&self) -> Result<Arc<Session>> {
        // Two builders may find the session gone at the same time; one of them opens it.
        let _opening = self.control.opening.lock().await;
        let held = self.control.session.borrow().clone();
        match held {
            Some(session) if !session.is_closed() => return Ok(session),
            // Lost between two questions.
            Some(_) => (self.listener)(&Event::Reconnecting {
                reason: "the connection was lost".into(),
            }),
            None => {}
        }
        let mut losses = 0;
        loop {
            let session = Arc::new(self.connect_again().await?);
            if self.control.locked.get()
                && let Err(error) = self.take_lock(&session).await
            {
                losses += 1;
                if losses > LOSSES || !is_lost(&session, &error) {
                    return Err(error);
                }
                self.lose(&session, &error);
                self.pause(CONNECT_EVERY).await?;
                continue;
            }
            self.control.session.replace(Some(Arc::clone(&session)));
            return Ok(session);
        }
    }

    async fn connect_again(&self) -> Result<Session> {
        let give_up = Instant::now() + RECONNECT_FOR;
        loop {
            match session::control(self.config, self.apply).await {
                Ok(session) => {
                    self.control.former.borrow_mut().push(session.backend_pid);
                    return Ok(session);
                }
                Err(error) if Instant::now() >= give_up || self.is_over() => return Err(error),
                Err(error) => (self.listener)(&Event::Reconnecting {
                    reason: error.to_string(),
                }),
            }
            self.pause(CONNECT_EVERY).await?;
        }
    }

    /// Keeps other deploys away until the control session ends. Waits for one that is at work.
    ///
    /// # Errors
    /// The connection is lost for good, the deadline is over, or an interrupt.
    pub async fn lock(&self) -> Result<()> {
        let session = self.session().await?;
        let taken = async {
            let pid = session::prepare_control(&session, self.apply).await?;
            self.control.former.borrow_mut().push(pid);
            self.take_lock(&session).await
        };
        let taken = taken.await;
        self.control.locked.set(true);
        match taken {
            Err(error) if is_lost(&session, &error) => {
                self.lose(&session, &error);
                // Opened anew, it takes the lock as well.
                self.session().await.map(drop)
            }
            other => other,
        }
    }

    /// Polls: a blocking wait for the lock would be a transaction that a concurrent build waits for in turn, and the
    /// two would deadlock.
    async fn take_lock(&self, session: &Session) -> Result<()> {
        let mut told = String::new();
        let mut cancels = 0;
        loop {
            let asked = session
                .query_typed_one(
                    include_str!("../deploy_lock.sql"),
                    &[(&DEPLOY_LOCK, Type::INT8)],
                )
                .await
                .map_err(Error::server(
                    "taking the lock that keeps two deploys apart",
                ));
            let row = match asked {
                // Cancelled after it was taken, it would be taken twice: it goes with the session all the same.
                Err(error) if is_cancelled(&error) && cancels < CANCELS => {
                    cancels += 1;
                    continue;
                }
                other => other?,
            };
            if row.get(0) {
                return Ok(());
            }
            let pid: Option<i32> = row.get(2);
            if let Some(pid) = pid.filter(|pid| self.control.former.borrow().contains(pid)) {
                // It is this run's own, whose connection was lost without the server noticing.
                session
                    .query_typed("SELECT pg_terminate_backend($1)", &[(&pid, Type::INT4)])
                    .await
                    .map_err(Error::server("ending this run's own lost session"))?;
            }
            let holder = row
                .get::<_, Option<String>>(1)
                .unwrap_or_else(|| "another deploy".into());
            if holder != told {
                (self.listener)(&Event::WaitingForDeploy {
                    holder: holder.clone(),
                });
                told = holder;
            }
            if self.is_over() {
                return Err(Error::CannotJudge {
                    message: format!(
                        "--deadline is over, and another deploy is still at work: {told}"
                    ),
                    hint: "wait for it, or give more time".into(),
                });
            }
            self.pause(Duration::from_millis(200)).await?;
        }
    }
}

/// The control session.
#[derive(Debug)]
pub struct Control {
    session: RefCell<Option<Arc<Session>>>,
    locked: Cell<bool>,
    /// The backends of lost control sessions. One of them may live on for a while, and hold the lock.
    former: RefCell<Vec<i32>>,
    opening: tokio::sync::Mutex<()>,
}

impl Control {
    /// Over a session that is open already.
    pub(super) fn of(session: Session) -> Self {
        Self {
            session: RefCell::new(Some(Arc::new(session))),
            locked: Cell::new(false),
            former: RefCell::default(),
            opening: tokio::sync::Mutex::new(()),
        }
    }

    /// The server's version, while connected.
    #[must_use]
    pub fn version(&self) -> Option<db::ServerVersion> {
        self.session
            .borrow()
            .as_ref()
            .map(|session| session.version.clone())
    }
}

fn is_lost(session: &Session, error: &Error) -> bool {
    is_loss(error) || session.is_closed()
}

pub(super) fn is_cancelled(error: &Error) -> bool {
    matches!(error, Error::Server { source, .. } if db::sqlstate(source) == Some("57014"))
}

/// The wait for a table's lock took longer than `--lock-timeout`.
pub(in crate::apply) fn is_locked_out(error: &Error) -> bool {
    matches!(error, Error::Server { source, .. } if db::sqlstate(source) == Some("55P03"))
}

pub(super) fn is_loss(error: &Error) -> bool {
    matches!(error, Error::Server { source, .. } if db::is_connection_loss(source))
}
