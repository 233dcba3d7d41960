//! `slot-retention`: a replication slot that keeps WAL, or old rows, for a reader that does not come.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold};
use crate::{
    catalog::{Fact, ReplicationSlot, quote_literal},
    human::human_bytes,
};

pub(super) const CHECK: Check = Check {
    code: "slot-retention",
    severity: Severity::Warning,
    summary: "a replication slot that retains WAL or old rows",
    explanation: "\
A replication slot retains all WAL from the position its consumer has confirmed, and may keep vacuum from \
removing old rows (xmin, catalog_xmin). Its consumer is gone or too slow.

WAL accumulates until the disk is full and the server stops, unless `max_slot_wal_keep_size` sets a limit. \
Beyond the limit, the slot is lost and its consumer must start from scratch.

To confirm: is its consumer (a standby, a logical subscriber, a change-data pipeline) expected to come back?

To fix: start the consumer, or drop the slot. Set `max_slot_wal_keep_size`.",
    thresholds: &[
        Threshold {
            key: "min-bytes",
            default: 1_073_741_824.0,
            meaning: "WAL retained",
        },
        Threshold {
            key: "error-bytes",
            default: 10_737_418_240.0,
            meaning: "the same, for an error",
        },
        Threshold {
            key: "min-xid-age",
            default: 10_000_000.0,
            meaning: "transactions held back from vacuum",
        },
    ],
    needs: &[Fact::ReplicationSlots],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: Vec<(u64, Finding)> = case
        .catalog
        .slots
        .iter()
        .filter_map(|slot| finding(case, slot))
        .collect();
    found.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn finding(case: &CheckContext<'_>, slot: &ReplicationSlot) -> Option<(u64, Finding)> {
    let bytes = slot.retained_bytes.unwrap_or(0);
    let xids = slot.xmin_age.max(slot.catalog_xmin_age).unwrap_or(0);
    let keeps = format!("retains {} of WAL", human_bytes(bytes));
    let (severity, message) = match slot.wal_status.as_deref() {
        Some("lost") => (
            Severity::Error,
            "is lost: WAL that its consumer needs is gone, and it must start from scratch"
                .to_owned(),
        ),
        Some("unreserved") => (
            Severity::Error,
            format!("{keeps}, more than its limit, and is lost at the next checkpoint"),
        ),
        _ if bytes as f64 >= case.threshold("error-bytes") => (Severity::Error, keeps),
        _ if bytes as f64 >= case.threshold("min-bytes") => (Severity::Warning, keeps),
        _ if f64::from(xids) >= case.threshold("min-xid-age") => (
            Severity::Warning,
            format!(
                "keeps vacuum from removing rows of the last {}",
                super::counted(xids, "transaction", "transactions")
            ),
        ),
        _ => return None,
    };
    let state = if slot.active { "active" } else { "inactive" };
    let drop = format!(
        "SELECT pg_drop_replication_slot({});",
        quote_literal(&slot.name)
    );
    let finding = Finding::new(
        Subject::new("slot", &slot.name),
        format!("{message}; it is {state}"),
    )
    .severity(severity)
    .evidence("retained_bytes", bytes)
    .evidence("active", slot.active)
    .evidence("kind", slot.kind.clone())
    .evidence("database", slot.database.clone())
    .evidence("wal_status", slot.wal_status.clone())
    .evidence("safe_wal_bytes", slot.safe_wal_bytes)
    .evidence("xmin_age", slot.xmin_age)
    .evidence("catalog_xmin_age", slot.catalog_xmin_age);
    Some((
        bytes,
        if slot.active {
            finding.confirm("that its consumer makes progress: the figure falls")
        } else if slot.wal_status.as_deref() == Some("lost") {
            finding.remedy(drop)
        } else {
            // A standby that is being restarted must find it again.
            finding.confirm(format!(
                "that its consumer is not expected to come back; then: {drop}"
            ))
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings, slot, subjects};

    #[test]
    fn slots_that_keep_much_are_found_the_worst_first() {
        let mut catalog = catalog();
        catalog.slots = vec![slot("some", 2 << 30), slot("much", 20 << 30)];
        let found = findings("slot-retention", &catalog);
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(found[0].remedy, None, "its reader may come back");
        let confirm = found[0].confirm.as_deref().unwrap();
        assert!(confirm.ends_with("then: SELECT pg_drop_replication_slot('much');"));
        assert_eq!(found[1].severity, Severity::Warning);
    }

    #[test]
    fn a_lost_slot_and_one_that_holds_vacuum_back_are_found_whatever_they_keep() {
        let mut catalog = catalog();
        catalog.slots = vec![
            ReplicationSlot {
                wal_status: Some("lost".into()),
                retained_bytes: None,
                ..slot("lost", 0)
            },
            ReplicationSlot {
                catalog_xmin_age: Some(50_000_000),
                ..slot("old", 0)
            },
        ];
        assert_eq!(subjects("slot-retention", &catalog), ["lost", "old"]);
    }

    #[test]
    fn one_in_use_is_not_to_be_dropped() {
        let mut catalog = catalog();
        catalog.slots = vec![ReplicationSlot {
            active: true,
            ..slot("slow", 2 << 30)
        }];
        assert_eq!(findings("slot-retention", &catalog)[0].remedy, None);
    }

    #[test]
    fn slots_that_keep_little_are_let_be() {
        let mut catalog = catalog();
        catalog.slots = vec![slot("fresh", 16 << 20)];
        assert!(subjects("slot-retention", &catalog).is_empty());
    }
}
