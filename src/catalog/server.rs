//! The server, and what the role that asks may see.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact,
    reader::{Entity, Fields},
};

/// The server and the session's role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// `15.18 (Debian …)`.
    pub version: String,
    /// `150018`.
    pub version_num: u32,
    /// The snapshot's time, by the server's clock.
    pub taken_at: Timestamp,
    /// When the server was started.
    pub started_at: Timestamp,
    /// A standby, or still recovering.
    pub in_recovery: bool,
    pub role: Role,
}

/// What the role that asks may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    pub superuser: bool,
    /// Is a member of `pg_monitor`.
    pub monitor: bool,
    /// Sees other roles' sessions and statements (`pg_read_all_stats`).
    pub read_all_stats: bool,
    /// Sees every setting (`pg_read_all_settings`).
    pub read_all_settings: bool,
    /// May read `pg_statistic` itself.
    pub read_statistic: bool,
}

impl Server {
    /// The major version: 15.
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }
}

impl Entity for Server {
    const FACT: Fact = Fact::Database;
    const SQL: &'static str = include_str!("server.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            version: row.get()?,
            version_num: u32::try_from(row.get::<i32>()?).unwrap_or(0),
            taken_at: row.get()?,
            started_at: row.get()?,
            in_recovery: row.get()?,
            role: Role {
                name: row.get()?,
                superuser: row.get()?,
                monitor: row.get()?,
                read_all_stats: row.get()?,
                read_all_settings: row.get()?,
                read_statistic: row.get()?,
            },
        })
    }
}
