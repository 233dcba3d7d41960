//! `connection-saturation`: few connection slots left.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold};
use crate::catalog::{ConnectionSummary, Fact};

pub(super) const CHECK: Check = Check {
    code: "connection-saturation",
    severity: Severity::Warning,
    summary: "few connection slots are left",
    explanation: "\
When `max_connections` minus the reserved slots are in use, the server refuses new clients with \"too many \
clients already\", and with them the next deploy.

Idle connections are the usual cause: every process of the application keeps its own pool. Each connection \
costs memory and makes taking a snapshot slower.

To confirm: the connections section of the report shows them by user, application and state.

To fix: put a pooler in front (PgBouncer in transaction mode) or make the pools smaller, before you raise \
`max_connections`, which needs a restart.",
    thresholds: &[
        Threshold {
            key: "warning-ratio",
            default: 0.8,
            meaning: "slots in use, as a share of those available to ordinary roles",
        },
        Threshold {
            key: "error-ratio",
            default: 0.95,
            meaning: "the same, for an error",
        },
    ],
    needs: &[Fact::Activity, Fact::Settings],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let connections = ConnectionSummary::of(case.catalog);
    let Some(total) = connections.total else {
        return Vec::new();
    };
    let Some(usable) = connections
        .max
        .map(|max| max.saturating_sub(connections.reserved))
    else {
        return Vec::new();
    };
    let share = total as f64 / usable.max(1) as f64;
    if share < case.threshold("warning-ratio") {
        return Vec::new();
    }
    let severity = if share >= case.threshold("error-ratio") {
        Severity::Error
    } else {
        Severity::Warning
    };
    let idle = connections.by_state.get("idle").copied().unwrap_or(0);
    vec![
        Finding::new(
            Subject::new("setting", "max_connections"),
            format!(
                "{} of {usable} connection slots are in use, {idle} of them idle",
                total
            ),
        )
        .severity(severity)
        .evidence("total", total)
        .evidence("max", connections.max)
        .evidence("reserved", connections.reserved)
        .evidence("idle", idle),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings, session, subjects};

    #[test]
    fn few_slots_left_are_a_warning_and_hardly_any_an_error() {
        let mut catalog = catalog();
        catalog.activity = (0..80).map(|pid| session(pid, "idle", 5)).collect();
        let found = findings("connection-saturation", &catalog);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].evidence["idle"], 80);
        catalog.activity = (0..97).map(|pid| session(pid, "active", 5)).collect();
        let found = findings("connection-saturation", &catalog);
        assert_eq!(found[0].severity, Severity::Error);
    }

    #[test]
    fn free_slots_and_background_processes_are_let_be() {
        let mut catalog = catalog();
        catalog.activity = (0..50).map(|pid| session(pid, "idle", 5)).collect();
        catalog.activity.extend((100..200).map(|pid| {
            let mut worker = session(pid, "active", 5);
            worker.backend_type = Some("parallel worker".into());
            worker
        }));
        assert!(subjects("connection-saturation", &catalog).is_empty());
    }
}
