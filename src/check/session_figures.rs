//! What findings about sessions have in common.

use super::{CheckContext, Finding, Severity};
use crate::catalog::Activity;

/// A finding for each session that has been at it for `min-seconds`, an error from `error-seconds` on, the
/// longest first.
///
/// `seconds` says for how long; `found` makes the finding, which is given the session's figures.
pub(super) fn for_long(
    case: &CheckContext<'_>,
    sessions: impl Fn(&Activity) -> bool,
    seconds: impl Fn(&Activity) -> Option<f64>,
    found: impl Fn(&Activity, f64) -> Finding,
) -> Vec<Finding> {
    let mut longest: Vec<(f64, Finding)> = case
        .catalog
        .activity
        .iter()
        .filter(|session| !session.own && sessions(session))
        .filter_map(|session| {
            let lasted = seconds(session)?;
            if lasted < case.threshold("min-seconds") {
                return None;
            }
            let severity = if lasted >= case.threshold("error-seconds") {
                Severity::Error
            } else {
                Severity::Warning
            };
            let finding = found(session, lasted).severity(severity);
            Some((lasted, finding.session(case, session)))
        })
        .collect();
    longest.sort_by(|a, b| b.0.total_cmp(&a.0));
    longest.into_iter().map(|(_, finding)| finding).collect()
}

pub(super) trait SessionFigures {
    /// User, application, client, query, and what it holds back.
    fn session(self, case: &CheckContext<'_>, session: &Activity) -> Self;
}

impl SessionFigures for Finding {
    fn session(self, case: &CheckContext<'_>, session: &Activity) -> Self {
        self.evidence("pid", session.pid)
            .evidence("database", session.database.clone())
            .evidence("user", session.user.clone())
            .evidence("application", session.application.clone())
            .evidence("client", session.client.clone())
            .evidence("state", session.state.clone())
            .evidence(
                "transaction_age_s",
                case.seconds_since(session.transaction_began)
                    .map(f64::round),
            )
            .evidence(
                "held_back_transactions",
                session.xmin_age.max(session.xid_age),
            )
            .evidence("query", session.query.clone())
    }
}
