//! Reading facts over one connection, in one snapshot, pipelined.
//!
//! Each query runs under a savepoint of its own that is rolled back at once: one that fails (no
//! permission, a timeout, a lock) does not abort the others, and the locks a query took are gone when it
//! ends. All three messages go out together, so a savepoint costs no round trip.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{TryStreamExt, future::join3, pin_mut};
use jiff::Timestamp;
use tokio_postgres::types::{FromSql, Json, ToSql, Type};
use tokio_postgres::{Error as PgError, Row};

use super::{Fact, UnreadFact, dialect::for_version};
use crate::db::{Session, describe_error, sqlstate};

/// One name for all: the queries follow each other, and pg_stat_statements keeps one entry.
const BEGIN: &str = "SAVEPOINT /* dbaudit */ fact";
const END: &str = "ROLLBACK /* dbaudit */ TO SAVEPOINT fact; RELEASE /* dbaudit */ SAVEPOINT fact";

/// `in_failed_sql_transaction`: what a statement meets after the one that failed.
const ABORTED: &str = "25P02";

/// A query parameter with its type, so that no round trip is spent on asking the server for it.
pub(super) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// Something read as one row each by one query.
pub(super) trait Entity: Sized {
    const FACT: Fact;
    /// The query, with marks for versions.
    const SQL: &'static str;
    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError>;
}

/// Reads facts, and remembers those that could not be read.
#[derive(Debug)]
pub(super) struct Reader<'s> {
    session: &'s Session,
    unread: Mutex<Vec<UnreadFact>>,
    statements: AtomicUsize,
    busy: Mutex<QueryTime>,
    /// Why the transaction was aborted for all that follows: a savepoint could not be set or left.
    aborted_by: OnceLock<String>,
}

/// When queries were under way.
#[derive(Debug, Default)]
struct QueryTime {
    now: usize,
    since: Option<Instant>,
    before: Duration,
}

impl<'s> Reader<'s> {
    pub(super) fn new(session: &'s Session) -> Self {
        Self {
            session,
            unread: Mutex::default(),
            statements: AtomicUsize::new(0),
            busy: Mutex::default(),
            aborted_by: OnceLock::new(),
        }
    }

    pub(super) fn major(&self) -> u32 {
        self.session.version.major()
    }

    /// How many queries have been sent, savepoints not counted.
    pub(super) fn statements(&self) -> usize {
        self.statements.load(Ordering::Relaxed)
    }

    /// How long at least one query was under way.
    pub(super) fn under_way(&self) -> Duration {
        self.busy.lock().map_or(Duration::ZERO, |busy| busy.before)
    }

    fn begins(&self) {
        if let Ok(mut busy) = self.busy.lock() {
            busy.now += 1;
            busy.since.get_or_insert_with(Instant::now);
        }
    }

    fn ends(&self) {
        if let Ok(mut busy) = self.busy.lock() {
            busy.now = busy.now.saturating_sub(1);
            if busy.now == 0
                && let Some(since) = busy.since.take()
            {
                busy.before += since.elapsed();
            }
        }
    }

    /// All rows; none, and a note, where the query failed.
    pub(super) async fn read<E: Entity>(&self, params: &[Param<'_>]) -> Vec<E> {
        self.rows_or_note(E::FACT, E::SQL, params, E::from_row)
            .await
    }

    /// The rows of any query, mapped; none, and a note on the fact, where it failed.
    pub(super) async fn rows_or_note<T>(
        &self,
        fact: Fact,
        sql: &str,
        params: &[Param<'_>],
        map: impl Fn(&mut Fields<'_>) -> Result<T, PgError>,
    ) -> Vec<T> {
        match self.rows(sql, params, map).await {
            Ok(rows) => rows,
            Err(error) => {
                self.failed(fact, &error);
                Vec::new()
            }
        }
    }

    /// The one row, where there is one.
    pub(super) async fn read_one<E: Entity>(&self, params: &[Param<'_>]) -> Option<E> {
        self.read(params).await.into_iter().next()
    }

    /// The rows of any query, mapped.
    pub(super) async fn rows<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        map: impl Fn(&mut Fields<'_>) -> Result<T, PgError>,
    ) -> Result<Vec<T>, PgError> {
        let sql = &crate::sql::marked(&for_version(sql, self.major()));
        self.statements.fetch_add(1, Ordering::Relaxed);
        let rows = async {
            let stream = self
                .session
                .query_typed_raw(
                    sql,
                    params.iter().map(|(value, kind)| (*value, kind.clone())),
                )
                .await?;
            pin_mut!(stream);
            let mut mapped = Vec::new();
            while let Some(row) = stream.try_next().await? {
                mapped.push(map(&mut Fields { row: &row, next: 0 })?);
            }
            Ok(mapped)
        };
        self.begins();
        // Polled in this order, and so sent in this order.
        let (begun, rows, ended) = join3(
            self.session.batch_execute(BEGIN),
            rows,
            self.session.batch_execute(END),
        )
        .await;
        self.ends();
        for error in [begun, ended].into_iter().filter_map(Result::err) {
            if sqlstate(&error) != Some(ABORTED) {
                // The first is the cause.
                let _ = self.aborted_by.set(describe_error(&error));
            }
        }
        rows
    }

    /// Notes that a fact could not be read.
    pub(super) fn skip(&self, unread: UnreadFact) {
        tracing::debug!(fact = unread.fact.name(), "not read: {}", unread.reason);
        if let Ok(mut list) = self.unread.lock() {
            list.push(unread);
        }
    }

    pub(super) fn failed(&self, fact: Fact, error: &PgError) {
        self.note_failure(fact, error, false);
    }

    /// Notes that one of several queries for a fact failed.
    pub(super) fn failed_in_part(&self, fact: Fact, error: &PgError) {
        self.note_failure(fact, error, true);
    }

    fn note_failure(&self, fact: Fact, error: &PgError, partial: bool) {
        let grant = (sqlstate(error) == Some("42501"))
            .then(|| "GRANT pg_monitor TO CURRENT_USER".to_owned());
        self.skip(UnreadFact {
            fact,
            reason: describe_error(error),
            grant,
            partial,
        });
    }

    /// What could not be read.
    pub(super) fn into_unread(self) -> Vec<UnreadFact> {
        let mut unread = self.unread.into_inner().unwrap_or_default();
        if let Some(why) = self.aborted_by.get() {
            for fact in &mut unread {
                if fact.reason.contains(ABORTED) {
                    fact.reason.clone_from(why);
                }
            }
        }
        unread
    }
}

/// What a column can be read as. Texts are read lossily: a database in SQL_ASCII holds any bytes, in names and
/// queries as well, and one byte that is not UTF-8 must not cost the whole fact.
pub(super) trait Field<'r>: Sized {
    /// Column `at`.
    fn read(row: &'r Row, at: usize) -> Result<Self, PgError>;
}

macro_rules! as_they_come {
    ($($kind:ty),*) => {$(
        impl<'r> Field<'r> for $kind {
            fn read(row: &'r Row, at: usize) -> Result<Self, PgError> {
                row.try_get(at)
            }
        }

        impl<'r> Field<'r> for Option<$kind> {
            fn read(row: &'r Row, at: usize) -> Result<Self, PgError> {
                row.try_get(at)
            }
        }
    )*};
}

as_they_come!(
    bool,
    i8,
    i16,
    i32,
    i64,
    u32,
    f32,
    f64,
    Timestamp,
    Vec<i16>,
    Vec<i32>,
    Vec<u32>,
    Json<BTreeMap<String, u64>>
);

macro_rules! with_texts {
    ($($kind:ty, $read:ty, $plain:expr;)*) => {$(
        impl<'r> Field<'r> for $kind {
            fn read(row: &'r Row, at: usize) -> Result<Self, PgError> {
                let read: $read = row.try_get(at)?;
                Ok($plain(read))
            }
        }
    )*};
}

with_texts! {
    String, LossyText, |text: LossyText| text.0;
    Option<String>, Option<LossyText>, |text: Option<LossyText>| text.map(|text| text.0);
    Vec<String>, Vec<LossyText>, plain;
    Option<Vec<String>>, Option<Vec<LossyText>>, |texts: Option<Vec<LossyText>>| texts.map(plain);
}

fn plain(texts: Vec<LossyText>) -> Vec<String> {
    texts.into_iter().map(|text| text.0).collect()
}

/// A text in which every byte that is not UTF-8 is replaced.
#[derive(Debug)]
pub(super) struct LossyText(pub(super) String);

impl<'a> FromSql<'a> for LossyText {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(String::from_utf8_lossy(raw).into_owned()))
    }

    fn accepts(kind: &Type) -> bool {
        <String as FromSql>::accepts(kind)
    }
}

/// A row's columns, in order.
#[derive(Debug)]
pub(super) struct Fields<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Fields<'r> {
    pub(super) fn get<T: Field<'r>>(&mut self) -> Result<T, PgError> {
        let at = self.next;
        self.next += 1;
        T::read(self.row, at)
    }

    /// The next column, a `bigint` that counts something; NULL is 0.
    pub(super) fn count(&mut self) -> Result<u64, PgError> {
        Ok(self.optional_count()?.unwrap_or(0))
    }

    /// The next column, a `bigint` that counts something, where it is known.
    pub(super) fn optional_count(&mut self) -> Result<Option<u64>, PgError> {
        let count: Option<i64> = self.get()?;
        Ok(count.map(|count| u64::try_from(count).unwrap_or(0)))
    }

    /// The next column, an `integer` that counts something, where it is known and not negative.
    pub(super) fn optional_small_count(&mut self) -> Result<Option<u32>, PgError> {
        let count: Option<i32> = self.get()?;
        Ok(count.and_then(|count| u32::try_from(count).ok()))
    }

    /// The next column, a `"char"`.
    pub(super) fn letter(&mut self) -> Result<char, PgError> {
        let byte: i8 = self.get()?;
        Ok(char::from(byte.to_ne_bytes()[0]))
    }
}
