//! Watching a working backend from another session.

use serde::Serialize;
use tokio_postgres::{Row, types::Type};

use crate::{Error, Result, catalog::BlockingSession, db::Session};

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

/// What a backend is at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BuildProgress {
    pub pid: i32,
    /// As `pg_stat_progress_create_index` has it.
    pub phase: Option<String>,
    /// The phase's number, from 1, and how many there are.
    pub phase_number: Option<(usize, usize)>,
    /// How much of the phase is done.
    pub percent: Option<f64>,
    pub waiting: Option<Wait>,
    /// Who is in the way.
    pub blockers: Vec<BlockingSession>,
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

impl BuildProgress {
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
pub(super) fn describe(blockers: &[BlockingSession]) -> String {
    if blockers.is_empty() {
        return "no blocking session was found".into();
    }
    let all: Vec<String> = blockers.iter().map(ToString::to_string).collect();
    format!("blocked by {}", all.join("; "))
}

/// Looks at these backends; those that are gone are not in the answer.
pub(super) async fn look(session: &Session, pids: &[i32]) -> Result<Vec<BuildProgress>> {
    let rows = session
        .query_typed(include_str!("watch.sql"), &[(&pids, Type::INT4_ARRAY)])
        .await
        .map_err(Error::server("watching the build"))?;
    Ok(rows.iter().map(BuildProgress::read).collect())
}
