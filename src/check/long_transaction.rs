//! `long-transaction`: a transaction that has been at work for long.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold,
    idle_in_transaction::is_idle_in_transaction, session_figures::for_long,
};
use crate::{catalog::Fact, human::human_seconds};

pub(super) const CHECK: Check = Check {
    code: "long-transaction",
    severity: Severity::Warning,
    summary: "a transaction that has been open for a long time",
    explanation: "\
A transaction has been open for a long time and is active. Inactive ones are reported by \
idle-in-transaction.

As long as its snapshot exists, vacuum removes no row that died since, in any table of the database, and \
concurrent index builds wait for it. Its locks remain until it ends.

To confirm: is it a backup (pg_dump) or a report that is meant to take this long? The evidence shows how \
many transactions it holds back.

To fix: cancel it if you do not need it. Run long reports on a standby, and split long changes into batches.",
    thresholds: &[
        Threshold {
            key: "min-seconds",
            default: 1_800.0,
            meaning: "how long it has been open",
        },
        Threshold {
            key: "error-seconds",
            default: 43_200.0,
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
        |session| {
            session.is_client()
                && session.leader_pid.is_none()
                && !is_idle_in_transaction(session.state.as_deref())
        },
        |session| case.seconds_since(session.transaction_began),
        |session, open| {
            Finding::new(
                Subject::new("session", session.pid.to_string()),
                format!("its transaction has been open for {}", human_seconds(open)),
            )
            .remedy(format!("SELECT pg_cancel_backend({});", session.pid))
            .confirm("that it is not a backup or a report that is meant to take this long")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Activity,
        check::fixture::{catalog, findings, session, subjects},
    };

    #[test]
    fn a_transaction_at_work_for_hours_is_found() {
        let mut catalog = catalog();
        catalog.activity = vec![session(1, "active", 7_200), session(2, "active", 90_000)];
        let found = findings("long-transaction", &catalog);
        let severities: Vec<Severity> = found.iter().map(|f| f.severity).collect();
        assert_eq!(severities, [Severity::Error, Severity::Warning]);
    }

    #[test]
    fn short_idle_and_background_ones_are_let_be() {
        let mut catalog = catalog();
        catalog.activity = vec![
            session(1, "active", 60),
            session(2, "idle in transaction", 90_000),
            Activity {
                own: true,
                ..session(3, "active", 90_000)
            },
            Activity {
                backend_type: Some("autovacuum worker".into()),
                ..session(4, "active", 90_000)
            },
        ];
        assert!(subjects("long-transaction", &catalog).is_empty());
    }
}
