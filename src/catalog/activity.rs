//! Sessions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact,
    reader::{Entity, Fields},
};

/// One row of `pg_stat_activity`. Fields that the role may not see are `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    pub pid: i32,
    pub leader_pid: Option<i32>,
    /// `client backend`, `autovacuum worker`, `walsender`, …
    pub backend_type: Option<String>,
    /// The database it is in.
    pub database: Option<String>,
    pub user: Option<String>,
    /// Its `application_name`.
    pub application: Option<String>,
    /// Its address; `None`: a unix socket, or not visible.
    pub client: Option<String>,
    /// `active`, `idle`, `idle in transaction`, …; `None`: not visible, or no client.
    pub state: Option<String>,
    /// What kind of thing it waits for: `Lock`, `IO`, …
    pub wait_event_type: Option<String>,
    pub wait_event: Option<String>,
    /// When it connected.
    pub connected_at: Option<Timestamp>,
    /// When its transaction began.
    pub transaction_began: Option<Timestamp>,
    /// When its query began.
    pub query_began: Option<Timestamp>,
    /// When its state last changed.
    pub state_changed: Option<Timestamp>,
    /// Transactions since its own id was given out.
    pub xid_age: Option<u32>,
    /// Transactions that its snapshot holds back from vacuum.
    pub xmin_age: Option<u32>,
    /// The query, its first 1,000 characters.
    pub query: Option<String>,
    /// The sessions whose locks it waits for.
    pub blocked_by: Vec<i32>,
    pub own: bool,
    /// What it does is visible to the role that asks.
    pub visible: bool,
}

impl Activity {
    /// A client's session (not a background process).
    pub fn is_client(&self) -> bool {
        self.backend_type.as_deref() == Some("client backend")
    }
}

impl Entity for Activity {
    const FACT: Fact = Fact::Activity;
    const SQL: &'static str = include_str!("activity.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            pid: row.get()?,
            leader_pid: row.get()?,
            backend_type: row.get()?,
            database: row.get()?,
            user: row.get()?,
            application: row.get()?,
            client: row.get()?,
            state: row.get()?,
            wait_event_type: row.get()?,
            wait_event: row.get()?,
            connected_at: row.get()?,
            transaction_began: row.get()?,
            query_began: row.get()?,
            state_changed: row.get()?,
            xid_age: row.optional_small_count()?,
            xmin_age: row.optional_small_count()?,
            query: row.get()?,
            blocked_by: row.get::<Option<Vec<i32>>>()?.unwrap_or_default(),
            own: row.get()?,
            visible: row.get()?,
        })
    }
}
