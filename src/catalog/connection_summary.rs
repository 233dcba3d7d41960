//! Connections, counted.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalog::{Catalog, Fact};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionSummary {
    /// Sessions of clients, of all databases; `None`: they could not be read.
    pub total: Option<usize>,
    /// `max_connections`.
    pub max: Option<usize>,
    /// Slots that only superusers (and, from 16 on, pg_use_reserved_connections) can take.
    pub reserved: usize,
    /// By state; `unknown` is what the role may not see.
    pub by_state: BTreeMap<String, usize>,
    pub by_database: BTreeMap<String, usize>,
    pub by_user: BTreeMap<String, usize>,
    pub by_application: BTreeMap<String, usize>,
    /// By address; `local` is a unix socket, or not visible.
    pub by_client: BTreeMap<String, usize>,
}

impl ConnectionSummary {
    pub fn of(catalog: &Catalog) -> Self {
        let number = |name: &str| {
            catalog
                .settings
                .text(name)
                .and_then(|text| text.parse().ok())
        };
        let mut summary = Self {
            max: number("max_connections"),
            reserved: number("superuser_reserved_connections").unwrap_or(0)
                + number("reserved_connections").unwrap_or(0),
            ..Self::default()
        };
        summary.total = catalog.knows(Fact::Activity).then_some(0);
        let count = |counts: &mut BTreeMap<String, usize>, key: Option<&str>, otherwise: &str| {
            let key = key.filter(|key| !key.is_empty()).unwrap_or(otherwise);
            *counts.entry(key.to_owned()).or_default() += 1;
        };
        // Of sessions that the role may not see even the backend's type is hidden; they are in a database.
        let clients = catalog.activity.iter().filter(|session| {
            session.is_client() || (session.backend_type.is_none() && session.database.is_some())
        });
        for session in clients {
            summary.total = summary.total.map(|total| total + 1);
            count(&mut summary.by_state, session.state.as_deref(), "unknown");
            count(
                &mut summary.by_database,
                session.database.as_deref(),
                "unknown",
            );
            count(&mut summary.by_user, session.user.as_deref(), "unknown");
            count(
                &mut summary.by_application,
                session.application.as_deref(),
                "(none)",
            );
            count(&mut summary.by_client, session.client.as_deref(), "local");
        }
        summary
    }
}
