//! The control session itself: queries over it, its loss and reopening, and the lock that it holds.

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
        answer::NETWORK,
        event::Event,
        guard::pooled,
        session,
        watch::{self, BuildProgress},
    },
    db::{self, Session},
};

/// How long a lost server is tried to be reached again.
const RECONNECT_FOR: Duration = Duration::from_secs(60);
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
        doing: &str,
        question: impl AsyncFn(&Session) -> Result<T>,
    ) -> Result<T> {
        self.ask_within(doing, self.answer_within(), question).await
    }

    /// What these backends are at; those that are gone are not in the answer.
    pub async fn watch(&self, pids: &[i32]) -> Result<Vec<BuildProgress>> {
        let look = async |session: &Session| watch::look(session, pids).await;
        self.ask_within("watching the build", WATCH_ANSWERED_WITHIN, look)
            .await
    }

    async fn ask_within<T>(
        &self,
        doing: &str,
        limit: Duration,
        question: impl AsyncFn(&Session) -> Result<T>,
    ) -> Result<T> {
        let (mut losses, mut cancels) = (0, 0);
        loop {
            let session = self.session().await?;
            let lost = match self
                .answered(&session, doing, limit, question(&session))
                .await
            {
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) if db::is_statement_pool(&error) => return Err(pooled("statement")),
                Err(error) if is_lost(&session, &error) => error,
                // The control session has no timeout of its own: an administrator was quick to cancel.
                Err(error) if is_cancelled(&error) && cancels < CANCELS => {
                    cancels += 1;
                    continue;
                }
                answer => return answer,
            };
            losses += 1;
            if losses > LOSSES || self.is_over() {
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
        self.control.lost(session);
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
            Some(session) => {
                self.control.lost(&session);
                (self.listener)(&Event::Reconnecting {
                    reason: "the connection was lost".into(),
                });
            }
            None => {}
        }
        let mut losses = 0;
        loop {
            let session = Arc::new(self.connect_again().await?);
            // Their snapshots would be waited for by the next build.
            if let Err(error) = self.end_former(&session).await {
                tracing::debug!("{error}");
            }
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
            let opening = session::control(self.config, self.apply);
            let doing = "reconnecting to the server";
            match self.opened(doing, NETWORK, opening).await {
                Ok(session) => return Ok(session),
                Err(Error::Interrupted) => return Err(Error::Interrupted),
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
            let preparing = session::prepare_control(&session, self.apply);
            let doing = "setting the session's timeouts";
            self.answered(&session, doing, self.answer_within(), preparing)
                .await?;
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
            let doing = "taking the lock that keeps two deploys apart";
            let asking = async {
                session
                    .query_typed_one(
                        include_str!("../deploy_lock.sql"),
                        &[(&DEPLOY_LOCK, Type::INT8)],
                    )
                    .await
                    .map_err(Error::server(doing))
            };
            let asked = self
                .answered(session, doing, self.answer_within(), asking)
                .await;
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
            // It may be this run's own, whose connection was lost without the server noticing.
            self.end_former(session).await?;
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
                        "--deadline expired, and another deploy is still running: {told}"
                    ),
                    hint: "wait for it to finish, or raise --deadline".into(),
                });
            }
            self.pause(Duration::from_millis(200)).await?;
        }
    }
}

impl Run<'_> {
    /// Ends the sessions that this run has lost, where the server has not noticed: their snapshots and locks would be
    /// waited for. They are known by process *and* start, since pids come again, and nobody else's is ever ended.
    async fn end_former(&self, session: &Session) -> Result<()> {
        let former = self.control.former.borrow().clone();
        let pids: Vec<i32> = former.iter().map(|backend| backend.pid).collect();
        let starts: Vec<&str> = former.iter().map(|backend| &*backend.started).collect();
        if pids.is_empty() {
            return Ok(());
        }
        let doing = "ending this run's own lost sessions";
        let ending = async {
            session
                .query_typed(
                    include_str!("../end_former.sql"),
                    &[(&pids, Type::INT4_ARRAY), (&starts, Type::TEXT_ARRAY)],
                )
                .await
                .map_err(Error::server(doing))
        };
        self.answered(session, doing, self.answer_within(), ending)
            .await
            .map(drop)
    }

    /// Ends a session that builds, whose connection is of no use any more.
    pub(in crate::apply) async fn end_lost(&self, builder: &Session) -> Result<()> {
        self.control.lost(builder);
        let session = self.session().await?;
        self.end_former(&session).await
    }

    /// Gives the lock back that keeps two deploys apart.
    pub(super) async fn give_lock_back(&self) {
        let held = self.control.session.borrow().clone();
        if let Some(session) = held.filter(|_| self.control.locked.replace(false)) {
            let _ = session
                .query_typed(
                    "SELECT pg_advisory_unlock($1)",
                    &[(&DEPLOY_LOCK, Type::INT8)],
                )
                .await;
        }
    }
}

/// A session of this run's on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Backend {
    pid: i32,
    /// `pg_stat_activity.backend_start`, as the server prints it in UTC.
    started: String,
}

#[derive(Debug)]
pub struct Control {
    session: RefCell<Option<Arc<Session>>>,
    locked: Cell<bool>,
    /// The sessions that this run has lost. One of them may live on, and hold the lock or a snapshot.
    former: RefCell<Vec<Backend>>,
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

    fn lost(&self, session: &Session) {
        if let Some(started) = session.started.get() {
            self.former.borrow_mut().push(Backend {
                pid: session.backend_pid(),
                started: started.clone(),
            });
        }
    }

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
