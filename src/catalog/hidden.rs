//! What the server answers only in part, without an error.

use std::collections::BTreeSet;

use super::{Catalog, Fact, UnreadFact, quote_identifier, reader::Reader};

/// Notes what the role cannot see of what was read.
pub(super) fn note(reader: &Reader<'_>, catalog: &Catalog) {
    let role = &catalog.server.role;
    if !role.read_all_stats {
        let hidden = |fact: Fact, what: &str| {
            reader.skip(UnreadFact {
                fact,
                reason: format!("the role {} sees only its own {what}", role.name),
                grant: Some(grant_role("pg_read_all_stats", catalog)),
                partial: true,
            });
        };
        if catalog.activity.iter().any(|session| !session.visible) {
            hidden(Fact::Activity, "session states");
        }
        if catalog
            .statements
            .as_ref()
            .is_some_and(|s| s.list.iter().any(|s| s.query_id.is_none()))
        {
            hidden(Fact::Statements, "statements");
        }
        if catalog.senders.iter().any(|sender| sender.state.is_none()) {
            hidden(Fact::ReplicationSenders, "standby positions");
        }
        if catalog
            .standby
            .as_ref()
            .is_some_and(|s| s.receiver_status.is_none())
        {
            hidden(Fact::Standby, "WAL receiver status");
        }
    }
    if !role.read_all_settings {
        reader.skip(UnreadFact {
            fact: Fact::Settings,
            reason: format!(
                "the role {} cannot see settings that are for superusers only",
                role.name
            ),
            grant: Some(grant_role("pg_read_all_settings", catalog)),
            partial: true,
        });
    }
}

/// The statement that would make the asking role a member.
pub(super) fn grant_role(granted: &str, catalog: &Catalog) -> String {
    format!(
        "GRANT {granted} TO {}",
        quote_identifier(&catalog.server.role.name)
    )
}

/// The statement that lets the asking role read all `TABLES` or `SEQUENCES` of these schemas: through the role
/// that reads everything, where the server has it.
pub(super) fn grant_reading<'a>(
    kind: &str,
    schemas: impl Iterator<Item = &'a str>,
    catalog: &Catalog,
) -> String {
    if catalog.server.major() >= 14 {
        return grant_role("pg_read_all_data", catalog);
    }
    let schemas: BTreeSet<String> = schemas.map(quote_identifier).collect();
    let schemas: Vec<String> = schemas.into_iter().collect();
    format!(
        "GRANT SELECT ON ALL {kind} IN SCHEMA {} TO {}",
        schemas.join(", "),
        quote_identifier(&catalog.server.role.name)
    )
}
