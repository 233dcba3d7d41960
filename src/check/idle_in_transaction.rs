//! `idle-in-transaction`: an open transaction in which nothing happens.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold,
    session_figures::for_long,
};
use crate::{catalog::Fact, human::human_seconds};

pub(super) const CHECK: Check = Check {
    code: "idle-in-transaction",
    severity: Severity::Warning,
    summary: "a transaction left open while idle",
    explanation: "\
A client began a transaction and runs nothing in it: it waits for something else, was forgotten, or did not \
recover from an error.

The transaction keeps its locks and, if it has a snapshot or has written, keeps vacuum from removing dead \
rows in the whole database. It also occupies a connection slot and a pooler's server connection.

To confirm: look at the state and the last query of the session in pg_stat_activity, some seconds apart.

To fix: terminate the session, then find the code that waits (for a remote call, for a user) between BEGIN \
and COMMIT. `idle_in_transaction_session_timeout` ends such sessions automatically.",
    thresholds: &[
        Threshold {
            key: "min-seconds",
            default: 300.0,
            meaning: "how long it has been idle",
        },
        Threshold {
            key: "error-seconds",
            default: 3_600.0,
            meaning: "the same, for an error",
        },
    ],
    needs: &[Fact::Activity],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    for_long(
        case,
        |session| is_idle_in_transaction(session.state.as_deref()),
        |session| case.seconds_since(session.state_changed),
        |session, idle| {
            Finding::new(
                Subject::new("session", session.pid.to_string()),
                format!("idle in its transaction for {}", human_seconds(idle)),
            )
            .evidence("idle_s", idle.round())
            .remedy(format!("SELECT pg_terminate_backend({});", session.pid))
        },
    )
}

/// `idle in transaction`, also `… (aborted)`.
pub(super) fn is_idle_in_transaction(state: Option<&str>) -> bool {
    state.is_some_and(|state| state.starts_with("idle in transaction"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings, session, subjects};

    #[test]
    fn an_idle_transaction_is_a_warning_and_later_an_error() {
        let mut catalog = catalog();
        catalog.activity = vec![
            session(1, "idle in transaction", 600),
            session(2, "idle in transaction (aborted)", 7_200),
        ];
        let found = findings("idle-in-transaction", &catalog);
        let severities: Vec<Severity> = found.iter().map(|f| f.severity).collect();
        assert_eq!(severities, [Severity::Error, Severity::Warning]);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("SELECT pg_terminate_backend(2);")
        );
    }

    #[test]
    fn idle_sessions_and_fresh_transactions_are_let_be() {
        let mut catalog = catalog();
        catalog.activity = vec![
            session(1, "idle", 90_000),
            session(2, "idle in transaction", 5),
            session(3, "active", 90_000),
        ];
        assert!(subjects("idle-in-transaction", &catalog).is_empty());
    }
}
