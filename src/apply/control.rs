//! One run: what it works with, what it asks of its control session, and its sessions that build.

mod connection;
mod opening;

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use tokio_postgres::types::Type;

pub(super) use self::connection::is_locked_out;
pub use self::{connection::Control, opening::connect};
use super::{
    ApplyConfig, backoff,
    event::{Event, Listener},
    history::History,
    look::{self, SnapshotQuery},
    watch,
};
use crate::{
    Error, Result,
    catalog::{
        BlockingSession,
        index_state::{Definition, IndexState, Oid},
    },
    db::{ConnectionConfig, Session},
    interrupt::Interrupt,
    migration::{Migration, Statement},
    plan::{self, Definitions, DeployPolicy, RecordedMigration, Snapshot, StatementPosition},
};

/// How long a run that is interrupted, or past its deadline, tidies up in all before it leaves that to the next one.
pub(super) const TIDY_WITHIN: Duration = Duration::from_secs(4);

/// How often in a row a connection may be lost before that is taken for final.
const LOSSES: u32 = 3;
const CONNECT_EVERY: Duration = Duration::from_millis(300);

pub struct Run<'a> {
    pub(super) config: &'a ConnectionConfig,
    pub(super) apply: &'a ApplyConfig,
    pub(super) migrations: &'a [Migration],
    pub(super) policy: DeployPolicy,
    pub(super) interrupt: &'a Interrupt,
    pub(super) listener: Listener<'a>,
    pub(super) until: Option<Instant>,
    /// Since when a signal or the deadline is known of.
    pub(super) hurried_since: Cell<Option<Instant>>,
    /// It could not be reached again.
    pub(super) server_is_gone: Cell<bool>,
    pub control: Control,
    /// The tables that were looked at, which may be renamed meanwhile.
    tables: RefCell<Vec<Oid>>,
    definitions: RefCell<Option<Definitions>>,
    /// A build session that was opened to look for a pooler, for the first who builds.
    spare: RefCell<Option<Session>>,
}

/// Never, where there is no deadline.
pub(super) async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}

impl<'a> Run<'a> {
    /// A run whose control session is `session`: see [`connect`].
    pub fn new(
        session: Session,
        config: &'a ConnectionConfig,
        apply: &'a ApplyConfig,
        migrations: &'a [Migration],
        until: Option<Instant>,
        interrupt: &'a Interrupt,
        listener: Listener<'a>,
    ) -> Run<'a> {
        Run {
            config,
            apply,
            migrations,
            policy: DeployPolicy {
                allow_duplicates: apply.allow_duplicates,
                replace: apply.replace,
                brief_lock_timeout: DeployPolicy::default()
                    .brief_lock_timeout
                    .min(apply.lock_timeout),
            },
            interrupt,
            listener,
            until,
            hurried_since: Cell::new(None),
            server_is_gone: Cell::new(false),
            control: Control::of(session),
            tables: RefCell::default(),
            definitions: RefCell::new(None),
            spare: RefCell::new(None),
        }
    }

    pub fn policy(&self) -> &DeployPolicy {
        &self.policy
    }

    /// Looks at the server.
    ///
    /// # Errors
    /// The server's, after a lost connection was opened anew and that failed as well.
    pub async fn look(&self) -> Result<Snapshot> {
        let known = self.definitions.borrow().clone();
        let mut question = self.question();
        question.wanted.oids.clone_from(&self.tables.borrow());
        let seen = self
            .ask("reading the tables", async |session| {
                look::look(session, &question, known.clone()).await
            })
            .await?;
        let mut tables: Vec<Oid> = seen.catalog.tables.iter().filter_map(|t| t.oid).collect();
        tables.extend(self.tables.borrow().iter());
        tables.sort_unstable();
        tables.dedup();
        self.tables.replace(tables);
        // A table that was not there has no definitions yet; all others hold.
        let is_there = |statement: &Statement| match statement {
            Statement::Create(create) => seen.catalog.table_oid(&create.table.quoted()).is_some(),
            _ => true,
        };
        let mut statements = self.migrations.iter().flat_map(|m| &m.statements);
        if statements.all(is_there) {
            self.definitions.replace(Some(seen.definitions.clone()));
        }
        Ok(seen)
    }

    fn question(&self) -> SnapshotQuery<'_> {
        SnapshotQuery::new(self.migrations, self.apply, &self.policy)
    }

    /// From now on this statement's index reads as the one that was just built by it, which nothing else could tell.
    pub(super) fn learn(&self, place: StatementPosition, seen: &mut Snapshot, index: &IndexState) {
        let definition = Definition::printed(index);
        seen.definitions.insert(place, Ok(definition.clone()));
        if let Some(known) = self.definitions.borrow_mut().as_mut() {
            known.insert(place, Ok(definition));
        }
    }

    /// Looks at the server, and again where a table is locked against readers, within the attempts.
    ///
    /// # Errors
    /// As [`Run::look`]; after the last attempt, who is in the way.
    pub async fn look_patiently(&self) -> Result<Snapshot> {
        self.patiently("reading the tables", async || self.look().await)
            .await
    }

    /// Does it again where a table is locked, within the attempts.
    async fn patiently<T>(&self, doing: &str, work: impl AsyncFn() -> Result<T>) -> Result<T> {
        let mut failures = 0;
        loop {
            let error = match work().await {
                Err(error) if is_locked_out(&error) => error,
                other => return other,
            };
            failures += 1;
            let reason = self.explain_lockout(&error).await;
            if failures >= self.apply.attempts || self.is_over() {
                return Err(Error::CannotJudge {
                    message: format!("gave up after {failures} attempts: {reason}"),
                    hint: "run again when the table is no longer locked, or raise --attempts or --lock-timeout"
                        .into(),
                });
            }
            let wait = backoff::wait(failures, rand::random());
            (self.listener)(&Event::Retrying {
                index: doing.to_owned(),
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
        let tables = self.question().wanted.tables;
        let history = self.apply.history_table_quoted();
        let asked = self
            .ask(
                "looking for the sessions that lock the tables",
                async |session| {
                    let row = session
                        .query_typed_one(
                            include_str!("locked_out.sql"),
                            &[(&tables, Type::TEXT_ARRAY), (&history, Type::TEXT)],
                        )
                        .await
                        .map_err(Error::server(
                            "looking for the sessions that lock the tables",
                        ))?;
                    Ok(
                        serde_json::from_str::<Vec<BlockingSession>>(row.get(0))
                            .unwrap_or_default(),
                    )
                },
            )
            .await;
        match asked {
            Ok(blockers) => format!("{error}; {}", watch::describe(&blockers)),
            Err(_) => error.to_string(),
        }
    }

    /// The open transactions that a build on these tables would have to wait for.
    pub async fn held_up_by(&self, tables: &[i64]) -> Result<Vec<BlockingSession>> {
        if tables.is_empty() {
            return Ok(Vec::new());
        }
        self.ask("looking for open transactions", async |session| {
            let asked = async {
                let row = session
                    .query_typed_one(include_str!("hold_up.sql"), &[(&tables, Type::INT8_ARRAY)])
                    .await
                    .map_err(Error::server("looking for open transactions"))?;
                Ok(serde_json::from_str(row.get(0)).unwrap_or_default())
            };
            look::under_limits(session, self.apply, asked).await
        })
        .await
    }

    /// Makes the history table ready, before anything is built that is to be recorded there.
    pub async fn prepare_history(&self) -> Result<()> {
        let table = self.apply.history_table_quoted();
        let preparing = async || {
            self.ask("preparing the history table", async |session| {
                History::new(session, &table).prepare().await
            })
            .await
        };
        self.patiently("preparing the history table", preparing)
            .await
    }

    /// Records a migration in the history, by what is seen now that it is carried out. Returns its row.
    pub(super) async fn record(&self, at: usize, seen: &Snapshot) -> Result<RecordedMigration> {
        let table = self.apply.history_table_quoted();
        let record = self.migrations[at].record()?;
        let statements = plan::to_record(self.migrations, at, seen, &self.policy);
        let recording = async || {
            self.ask("writing to the history table", async |session| {
                History::new(session, &table)
                    .record(&record, &statements)
                    .await
            })
            .await
        };
        self.patiently("writing to the history table", recording)
            .await?;
        Ok(RecordedMigration {
            checksum: record.checksum(),
            statements: Some(statements),
        })
    }

    /// Whether the deadline is over.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// So long, but not past the deadline.
    pub(super) fn before_deadline(&self, time: Duration) -> Duration {
        let left = self
            .until
            .map(|until| until.saturating_duration_since(Instant::now()));
        left.map_or(time, |left| time.min(left.max(Duration::from_millis(1))))
    }

    /// Waits, but not past an interrupt.
    pub(super) async fn pause(&self, time: Duration) -> Result<()> {
        tokio::select! {
            () = tokio::time::sleep(self.before_deadline(time)) => Ok(()),
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

    /// Lets other deploys go on: a pooler may keep the session, and with it the lock.
    pub async fn unlock(&self) {
        let _ = tokio::time::timeout(TIDY_WITHIN, self.give_lock_back()).await;
    }

    /// Whether a signal came that asks for the end.
    pub fn interrupted(&self) -> bool {
        self.interrupt.is_requested()
    }

    /// Whether the server was lost in the middle, and could not be reached again.
    pub fn server_is_gone(&self) -> bool {
        self.server_is_gone.get()
    }
}
