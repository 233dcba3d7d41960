//! The session that looks, watches and holds the lock between deploys; opened anew when it is lost.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_postgres::types::Type;

use super::{
    backoff,
    event::{Event, Listener},
    history::History,
    look::{self, Definitions, Looked},
    session,
    watch::{self, Blocker, Watched},
};
use crate::{
    Error, Result,
    catalog::index_state::Wanted,
    config::{ApplyConfig, Config},
    db::{self, Session},
    interrupt::Interrupt,
    migration::{Desired, Intent, Migration, fold},
    plan::Policy,
};

/// How long a lost server is tried to be reached again.
const RECONNECT_FOR: Duration = Duration::from_secs(60);
/// No question of the control session takes this long unless the connection is dead.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// A look at a running build is answered much sooner; longer than this, and the connection is dead.
const WATCH_ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// How often in a row a connection may be lost before that is taken for final.
const LOSSES: u32 = 3;
/// Between two attempts to connect.
const CONNECT_EVERY: Duration = Duration::from_millis(300);
/// `dbaudit` and a number, as the key of the advisory lock.
const DEPLOY_LOCK: i64 = 0x6462_6175_6469_7401;

/// Everything one run works with.
pub struct Run<'a> {
    pub(super) config: &'a Config,
    pub(super) apply: &'a ApplyConfig,
    pub(super) migrations: &'a [Migration],
    /// The fold of the migrations.
    pub desired: Vec<Desired>,
    pub(super) policy: Policy,
    pub(super) interrupt: &'a Interrupt,
    pub(super) listener: Listener<'a>,
    pub(super) until: Option<Instant>,
    /// The control session.
    pub control: Control,
    wanted: Wanted,
    definitions: RefCell<Option<Definitions>>,
    /// A build session that was opened to look for a pooler, for the first who builds.
    spare: RefCell<Option<Session>>,
}

impl<'a> Run<'a> {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub async fn open(
        config: &'a Config,
        apply: &'a ApplyConfig,
        migrations: &'a [Migration],
        interrupt: &'a Interrupt,
        listener: Listener<'a>,
    ) -> Result<Run<'a>> {
        let desired = fold(migrations);
        let mut wanted = Wanted {
            history: apply.history_table_quoted(),
            ..Wanted::default()
        };
        for one in &desired {
            match &one.intent {
                Intent::Index(index) => wanted
                    .tables
                    .push((index.create.table.quoted(), index.create.name.clone())),
                Intent::Gone(name) => wanted.named.push(name.quoted()),
                Intent::Rebuilt(reindex) => wanted.named.push(reindex.name.quoted()),
            }
        }
        let session = db::connect(config, "apply-indexes").await?;
        Ok(Run {
            config,
            apply,
            migrations,
            desired,
            policy: Policy {
                allow_duplicates: apply.allow_duplicates,
                replace: apply.replace,
                brief_lock_timeout: Policy::default().brief_lock_timeout.min(apply.lock_timeout),
            },
            interrupt,
            listener,
            until: apply.deadline.map(|limit| Instant::now() + limit),
            control: Control {
                session: RefCell::new(Some(Arc::new(session))),
                locked: Cell::new(false),
                former: RefCell::default(),
                opening: tokio::sync::Mutex::new(()),
            },
            wanted,
            definitions: RefCell::new(None),
            spare: RefCell::new(None),
        })
    }

    /// What the user allows.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Looks at the server.
    ///
    /// # Errors
    /// The server's, after a lost connection was opened anew and that failed as well.
    pub async fn look(&self) -> Result<Looked> {
        let known = self.definitions.borrow().clone();
        let looked = self
            .ask(async |session| {
                look::look(
                    session,
                    &self.wanted,
                    &self.desired,
                    self.apply,
                    known.clone(),
                )
                .await
            })
            .await?;
        // A table that was not there has no definitions yet; all others hold.
        let complete =
            looked
                .seen
                .definitions
                .iter()
                .zip(&self.desired)
                .all(|(definition, one)| {
                    definition.is_some() || !matches!(one.intent, Intent::Index(_))
                });
        if complete {
            self.definitions
                .replace(Some(looked.seen.definitions.clone()));
        }
        Ok(looked)
    }

    /// Looks at the server, and again where a table is locked against readers, within the attempts.
    ///
    /// # Errors
    /// As [`Run::look`]; after the last attempt, who is in the way.
    pub async fn look_patiently(&self) -> Result<Looked> {
        let mut failures = 0;
        loop {
            let error = match self.look().await {
                Err(error) if is_locked_out(&error) => error,
                other => return other,
            };
            failures += 1;
            let reason = self.explain_lockout(&error).await;
            if failures >= self.apply.attempts || self.is_over() {
                return Err(Error::CannotJudge {
                    message: format!("given up after {failures} attempts: {reason}"),
                    hint: "run again when the table is no longer locked, or raise --attempts or --lock-timeout"
                        .into(),
                });
            }
            let wait = backoff::wait(failures, rand::random());
            (self.listener)(&Event::Retrying {
                index: "looking at the tables".into(),
                failures,
                reason,
                wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            });
            self.pause(wait).await?;
        }
    }

    /// An error of a look; where a table was locked against readers, with who has locked it.
    pub(super) async fn explain_lockout(&self, error: &Error) -> String {
        if !is_locked_out(error) {
            return error.to_string();
        }
        let tables: Vec<&str> = self.wanted.tables.iter().map(|(t, _)| t.as_str()).collect();
        let asked = self
            .ask(async |session| {
                let row = session
                    .query_typed_one(
                        include_str!("locked_out.sql"),
                        &[(&tables, Type::TEXT_ARRAY)],
                    )
                    .await
                    .map_err(Error::server("looking for who has locked the tables"))?;
                Ok(serde_json::from_str::<Vec<Blocker>>(row.get(0)).unwrap_or_default())
            })
            .await;
        match asked {
            Ok(blockers) => format!("{error}; {}", watch::describe(&blockers)),
            Err(_) => error.to_string(),
        }
    }

    /// The open transactions that a build on these tables would have to wait for.
    ///
    /// # Errors
    /// The server's.
    pub async fn held_up_by(&self, tables: &[i64]) -> Result<Vec<Blocker>> {
        self.ask(async |session| {
            let row = session
                .query_typed_one(include_str!("hold_up.sql"), &[(&tables, Type::INT8_ARRAY)])
                .await
                .map_err(Error::server("looking for open transactions"))?;
            Ok(serde_json::from_str(row.get(0)).unwrap_or_default())
        })
        .await
    }

    /// Records a migration in the history.
    pub(super) async fn record(&self, migration: &Migration) -> Result<()> {
        let table = self.apply.history_table_quoted();
        self.ask(async |session| {
            History::new(session, &table)
                .record(&migration.record)
                .await
        })
        .await
    }

    /// Asks the control session something; where the connection turns out to be lost, opens it anew and asks again.
    pub(super) async fn ask<T>(&self, question: impl AsyncFn(&Session) -> Result<T>) -> Result<T> {
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
                Ok(Err(error)) if is_cancelled(&error) && cancels < LOSSES => {
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

    async fn session(&self) -> Result<Arc<Session>> {
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
                    include_str!("deploy_lock.sql"),
                    &[(&DEPLOY_LOCK, Type::INT8)],
                )
                .await
                .map_err(Error::server(
                    "taking the lock that keeps two deploys apart",
                ));
            let row = match asked {
                // Cancelled after it was taken, it would be taken twice: it goes with the session all the same.
                Err(error) if is_cancelled(&error) && cancels < LOSSES => {
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

    /// Whether the deadline is over.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Waits, but not past an interrupt.
    pub(super) async fn pause(&self, time: Duration) -> Result<()> {
        let left = self
            .until
            .map(|until| until.saturating_duration_since(Instant::now()));
        let time = left.map_or(time, |left| time.min(left.max(Duration::from_millis(1))));
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            () = self.interrupt.requested() => Err(Error::Interrupted),
        }
    }

    /// Refuses a connection pooler in transaction mode.
    ///
    /// # Errors
    /// [`Error::CannotJudge`], or no second connection to be had.
    pub async fn check_pooler(&self) -> Result<()> {
        let first = self.builder().await?;
        self.spare.replace(Some(first));
        Ok(())
    }

    /// Whether SIGINT or SIGTERM came.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.interrupt.is_requested()
    }

    /// A new session to build with.
    pub(super) async fn builder(&self) -> Result<Session> {
        if let Some(spare) = self.spare.take().filter(|spare| !spare.is_closed()) {
            return Ok(spare);
        }
        let mut losses = 0;
        loop {
            let control = self.session().await?;
            let error = match session::builder(self.config, self.apply, &control).await {
                Err(error @ Error::Connect { .. }) => error,
                Err(error) if is_loss(&error) => error,
                other => return other,
            };
            losses += 1;
            if losses > LOSSES {
                return Err(error);
            }
            (self.listener)(&Event::Reconnecting {
                reason: error.to_string(),
            });
            self.pause(CONNECT_EVERY).await?;
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

fn is_cancelled(error: &Error) -> bool {
    matches!(error, Error::Server { source, .. } if db::sqlstate(source) == Some("57014"))
}

/// The wait for a table's lock took longer than `--lock-timeout`.
pub(super) fn is_locked_out(error: &Error) -> bool {
    matches!(error, Error::Server { source, .. } if db::sqlstate(source) == Some("55P03"))
}

fn is_loss(error: &Error) -> bool {
    matches!(error, Error::Server { source, .. } if db::is_connection_loss(source))
}
