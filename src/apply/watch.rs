//! Watching a working backend from another session.

use serde::{Deserialize, Serialize};
use tokio_postgres::{Row, types::Type};

use crate::{Error, Result, db::Session};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// The lock of a table or index: the short clock, `--lock-timeout`.
    Lock,
    /// Older transactions: the long clock, `--drain-timeout`.
    Transactions,
    /// A synchronous standby, to confirm what is committed here: `--deadline` alone.
    Standby,
}

/// A session in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    /// Its process; 0 or `None` for a prepared transaction.
    pub pid: Option<i32>,
    pub user: Option<String>,
    pub application: Option<String>,
    /// As `pg_stat_activity` has it.
    pub state: Option<String>,
    /// As `pg_stat_activity` has it.
    pub backend_type: Option<String>,
    pub transaction_ms: Option<i64>,
    pub query: Option<String>,
}

/// So many characters of a query are asked for: see `watch.sql`.
const QUERY_BEGINNING: usize = 120;

impl std::fmt::Display for Blocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(pid) = self.pid.filter(|pid| *pid != 0) else {
            return f.write_str("a prepared transaction (see pg_prepared_xacts)");
        };
        write!(f, "pid {pid}")?;
        let who: Vec<&str> = [&self.user, &self.application, &self.state]
            .into_iter()
            .filter_map(|text| text.as_deref())
            .filter(|text| !text.is_empty())
            .collect();
        if !who.is_empty() {
            write!(f, " ({})", who.join(", "))?;
        }
        if let Some(age) = self.transaction_ms {
            #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
            let age = age.max(0) as f64;
            write!(f, " in a transaction for {}", crate::render::human_ms(age))?;
        }
        if let Some(query) = self.query.as_deref().filter(|query| !query.is_empty()) {
            let line: Vec<&str> = query.split_whitespace().collect();
            let cut = if query.chars().count() >= QUERY_BEGINNING {
                " …"
            } else {
                ""
            };
            write!(f, ": {}{cut}", line.join(" "))?;
        }
        Ok(())
    }
}

/// What a backend is at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Watched {
    pub pid: i32,
    /// As `pg_stat_progress_create_index` has it.
    pub phase: Option<String>,
    /// The phase's number, from 1, and how many there are.
    pub phase_number: Option<(usize, usize)>,
    /// How much of the phase is done.
    pub percent: Option<f64>,
    pub waiting: Option<Wait>,
    /// Who is in the way.
    pub blockers: Vec<Blocker>,
    /// `synchronous_standby_names`, where a standby is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standbys: Option<String>,
    /// It has nothing to do: its statement has ended, whatever the client has heard of that.
    #[serde(skip)]
    pub is_idle: bool,
}

/// The phases of `CREATE INDEX CONCURRENTLY` in order. Source: `pg_stat_progress_create_index` in the
/// manual, and `system_views.sql`.
const PHASES: [&str; 8] = [
    "initializing",
    "waiting for writers before build",
    "building index",
    "waiting for writers before validation",
    "index validation: scanning index",
    "index validation: sorting tuples",
    "index validation: scanning table",
    "waiting for old snapshots",
];

impl Watched {
    fn read(row: &Row) -> Self {
        let lock: Option<&str> = row.get(1);
        let phase: Option<String> = row.get(3);
        let share = |done: usize, total: usize| -> Option<f64> {
            let (done, total): (Option<i64>, Option<i64>) = (row.get(done), row.get(total));
            #[expect(clippy::cast_precision_loss, reason = "a percentage")]
            Some(100.0 * done? as f64 / total.filter(|total| *total > 0)? as f64)
        };
        let blockers: Option<&str> = row.get(10);
        let standbys: Option<String> = row.get(12);
        Self {
            pid: row.get(0),
            is_idle: row.get::<_, Option<&str>>(11) == Some("idle"),
            phase_number: phase
                .as_deref()
                .and_then(|phase| PHASES.iter().position(|known| phase.starts_with(known)))
                .map(|at| (at + 1, PHASES.len())),
            percent: share(4, 5).or_else(|| share(6, 7)).or_else(|| share(8, 9)),
            phase,
            waiting: match lock {
                Some("relation") => Some(Wait::Lock),
                Some(_) => Some(Wait::Transactions),
                None => standbys.as_ref().map(|_| Wait::Standby),
            },
            blockers: blockers
                .and_then(|json| serde_json::from_str(json).ok())
                .unwrap_or_default(),
            standbys,
        }
    }

    /// The phase in words: `3/8 building index, 45 %`.
    #[must_use]
    pub fn describe_phase(&self) -> String {
        let number = self
            .phase_number
            .map(|(number, count)| format!("{number}/{count} "));
        let percent = self.percent.map(|percent| format!(", {percent:.0} %"));
        let phase = self.phase.as_deref().unwrap_or("working");
        format!(
            "{}{phase}{}",
            number.unwrap_or_default(),
            percent.unwrap_or_default()
        )
    }

    /// The blockers in words.
    pub(super) fn describe_blockers(&self) -> String {
        describe(&self.blockers)
    }

    /// Whom it waits for, one text for each; nothing where it works.
    #[must_use]
    pub fn waits(&self) -> Vec<String> {
        match (self.waiting, &self.standbys) {
            (None, _) => Vec::new(),
            (Some(Wait::Standby), names) => vec![format!(
                "waiting for the synchronous standby to confirm the commit (synchronous_standby_names: {})",
                names.as_deref().unwrap_or_default()
            )],
            _ if self.blockers.is_empty() => {
                vec!["waiting; no blocking session was found".into()]
            }
            _ => self
                .blockers
                .iter()
                .map(|who| format!("waiting for {who}"))
                .collect(),
        }
    }
}

/// Who is in the way, in words.
pub(super) fn describe(blockers: &[Blocker]) -> String {
    if blockers.is_empty() {
        return "no blocking session was found".into();
    }
    let all: Vec<String> = blockers.iter().map(ToString::to_string).collect();
    format!("blocked by {}", all.join("; "))
}

/// Looks at these backends; those that are gone are not in the answer.
pub(super) async fn look(session: &Session, pids: &[i32]) -> Result<Vec<Watched>> {
    let rows = session
        .query_typed(include_str!("watch.sql"), &[(&pids, Type::INT4_ARRAY)])
        .await
        .map_err(Error::server("watching the build"))?;
    Ok(rows.iter().map(Watched::read).collect())
}
