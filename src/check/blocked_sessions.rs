//! `blocked-sessions`: sessions that wait for a lock, by whom they wait for.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold, counted,
};
use crate::{
    catalog::{Activity, Fact},
    human::human_seconds,
};

pub(super) const CHECK: Check = Check {
    code: "blocked-sessions",
    severity: Severity::Warning,
    summary: "a session that others wait for",
    explanation: "\
Sessions wait for locks that one session holds. The finding names the session at the root of the chain and \
all sessions that wait for it, directly or through others.

Their clients wait as well, and so does everything that queues behind them: a waiting `ALTER TABLE` also \
blocks every reader that comes after it.

To confirm: `SELECT pid, pg_blocking_pids(pid), wait_event, query FROM pg_stat_activity WHERE \
wait_event_type = 'Lock'` shows the current state. The reported waits are upper bounds: they count from the \
start of the waiting query.

To fix: finish the transaction of the root session in its application; otherwise cancel its query, or \
terminate the session. If it is idle in its transaction, set `idle_in_transaction_session_timeout`. Run DDL \
with a `lock_timeout`.",
    thresholds: &[
        Threshold {
            key: "min-wait-seconds",
            default: 10.0,
            meaning: "shorter waits are not reported",
        },
        Threshold {
            key: "error-wait-seconds",
            default: 300.0,
            meaning: "a wait that makes it an error",
        },
    ],
    needs: &[Fact::Activity],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let sessions: BTreeMap<i32, &Activity> = case
        .catalog
        .activity
        .iter()
        .map(|session| (session.pid, session))
        .collect();
    let mut behind: BTreeMap<i32, BTreeSet<i32>> = BTreeMap::new();
    for session in sessions.values().filter(|s| !s.blocked_by.is_empty()) {
        for root in roots(&sessions, session.pid) {
            behind.entry(root).or_default().insert(session.pid);
        }
    }
    let mut found: Vec<(f64, Finding)> = behind
        .iter()
        .filter_map(|(root, waiting)| finding(case, &sessions, *root, waiting))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, finding)| finding).collect()
}

/// Those at the other end of the chains that begin at `pid`. A deadlock has none: the server breaks it.
fn roots(sessions: &BTreeMap<i32, &Activity>, pid: i32) -> BTreeSet<i32> {
    let mut seen = BTreeSet::new();
    let mut open = vec![pid];
    let mut roots = BTreeSet::new();
    while let Some(next) = open.pop() {
        if !seen.insert(next) {
            continue;
        }
        match sessions.get(&next) {
            Some(session) if !session.blocked_by.is_empty() => open.extend(&session.blocked_by),
            _ => {
                roots.insert(next);
            }
        }
    }
    roots
}

fn finding(
    case: &CheckContext<'_>,
    sessions: &BTreeMap<i32, &Activity>,
    root: i32,
    waiting: &BTreeSet<i32>,
) -> Option<(f64, Finding)> {
    let wait = |pid: &i32| case.seconds_since(sessions.get(pid)?.query_began);
    let longest = waiting.iter().filter_map(wait).fold(0.0, f64::max);
    if longest < case.threshold("min-wait-seconds") {
        return None;
    }
    let severity = if longest >= case.threshold("error-wait-seconds") {
        Severity::Error
    } else {
        Severity::Warning
    };
    let holder = sessions.get(&root);
    let state = holder.and_then(|s| s.state.as_deref()).unwrap_or("unknown");
    let who = if root == 0 {
        // pg_blocking_pids names a prepared transaction so.
        "a prepared transaction".to_owned()
    } else {
        format!("session {root} ({state})")
    };
    let waits = if waiting.len() == 1 { "waits" } else { "wait" };
    let finding = Finding::new(
        if root == 0 {
            Subject::new("prepared transaction", "unknown")
        } else {
            Subject::new("session", root.to_string())
        },
        format!(
            "{} {waits} for {who}, the longest for at most {}",
            counted(waiting.len(), "session", "sessions"),
            human_seconds(longest)
        ),
    )
    .severity(severity)
    .evidence(
        "waiting_pids",
        waiting.iter().copied().collect::<Vec<i32>>(),
    )
    .evidence("longest_wait_s", longest.round())
    .evidence("state", state)
    .evidence("user", holder.and_then(|s| s.user.clone()))
    .evidence("application", holder.and_then(|s| s.application.clone()))
    .evidence(
        "transaction_age_s",
        holder
            .and_then(|s| case.seconds_since(s.transaction_began))
            .map(f64::round),
    )
    .evidence("query", holder.and_then(|s| s.query.clone()));
    Some((
        longest,
        match (root, state) {
            (0, _) => finding.confirm("SELECT * FROM pg_prepared_xacts ORDER BY prepared"),
            (_, "active") => finding.remedy(format!("SELECT pg_cancel_backend({root});")),
            _ => finding.remedy(format!("SELECT pg_terminate_backend({root});")),
        },
    ))
}

impl CheckContext<'_> {
    /// From then to the snapshot.
    pub(super) fn seconds_since(&self, then: Option<jiff::Timestamp>) -> Option<f64> {
        let seconds = self
            .catalog
            .server
            .taken_at
            .duration_since(then?)
            .as_secs_f64();
        Some(seconds.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings, session, subjects};

    fn waiting(pid: i32, seconds: i64, for_whom: &[i32]) -> Activity {
        Activity {
            wait_event_type: Some("Lock".into()),
            blocked_by: for_whom.to_vec(),
            ..session(pid, "active", seconds)
        }
    }

    #[test]
    fn the_root_of_a_chain_is_named_with_all_behind_it() {
        let mut catalog = catalog();
        catalog.activity = vec![
            session(1, "idle in transaction", 400),
            waiting(2, 60, &[1]),
            waiting(3, 30, &[2]),
            waiting(4, 20, &[2, 3]),
        ];
        let found = findings("blocked-sessions", &catalog);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].subject.name, "1");
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(
            found[0].evidence["waiting_pids"],
            serde_json::json!([2, 3, 4])
        );
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("SELECT pg_terminate_backend(1);")
        );
    }

    #[test]
    fn a_long_wait_is_an_error_and_an_active_root_is_cancelled() {
        let mut catalog = catalog();
        catalog.activity = vec![session(1, "active", 900), waiting(2, 600, &[1])];
        let found = findings("blocked-sessions", &catalog);
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("SELECT pg_cancel_backend(1);")
        );
    }

    #[test]
    fn short_waits_and_deadlocks_are_let_be() {
        let mut catalog = catalog();
        catalog.activity = vec![session(1, "active", 900), waiting(2, 1, &[1])];
        assert!(subjects("blocked-sessions", &catalog).is_empty());
        catalog.activity = vec![waiting(1, 60, &[2]), waiting(2, 60, &[1])];
        assert!(subjects("blocked-sessions", &catalog).is_empty());
    }

    #[test]
    fn a_prepared_transaction_at_the_root_is_named_as_such() {
        let mut catalog = catalog();
        catalog.activity = vec![waiting(2, 60, &[0])];
        let found = findings("blocked-sessions", &catalog);
        assert_eq!(found[0].subject.kind, "prepared transaction");
    }
}
