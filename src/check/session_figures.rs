//! What a finding about a session carries.

use super::{Case, Finding};
use crate::catalog::Activity;

/// The session's figures as evidence.
pub(super) trait SessionFigures {
    /// User, application, client, query, and what it holds back.
    fn session(self, case: &Case<'_>, session: &Activity) -> Self;
}

impl SessionFigures for Finding {
    fn session(self, case: &Case<'_>, session: &Activity) -> Self {
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
