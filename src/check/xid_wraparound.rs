//! `xid-wraparound`: a database that comes close to the end of its transaction ids.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Threshold, wraparound};
use crate::catalog::Fact;

pub(super) const CHECK: Check = Check {
    code: "xid-wraparound",
    severity: Severity::Warning,
    summary: "old transaction IDs are not frozen in time",
    explanation: "\
Transaction IDs are 32-bit numbers. Vacuum must freeze old ones before two billion newer ones are used.

Three million before that, the server refuses every write in the cluster until a vacuum has finished, which \
may take hours. Autovacuum starts at `autovacuum_freeze_max_age`; an age far beyond means that it cannot \
keep up, is cancelled again and again, or is held back by an old transaction, slot or prepared transaction.

To confirm: run `SELECT datname, age(datfrozenxid) FROM pg_database ORDER BY 2 DESC` twice, an hour apart: \
the age of a healthy database falls again.

To fix: end whatever holds the horizon back (see long-transaction, prepared-transaction, slot-retention), \
then `VACUUM (FREEZE)` the oldest tables, which the finding names for this database.",
    thresholds: &[
        Threshold {
            key: "warning-age",
            default: 800_000_000.0,
            meaning: "transactions since the oldest unfrozen one; at least 1.1 times autovacuum_freeze_max_age",
        },
        Threshold {
            key: "error-age",
            default: 1_500_000_000.0,
            meaning: "the same, for an error",
        },
    ],
    needs: &[Fact::Databases, Fact::Tables],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    wraparound::judge(
        case,
        &wraparound::Counter {
            what: "transactions",
            begins: "autovacuum_freeze_max_age",
            of_database: |database| database.xid_age,
            of_table: |table| table.xid_age,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings, neighbour, set, subjects, table};

    #[test]
    fn ages_are_judged_database_by_database() {
        let mut catalog = catalog();
        catalog.neighbours = vec![
            neighbour("fine", 150_000_000),
            neighbour("late", 900_000_000),
            neighbour("app", 1_900_000_000),
        ];
        let mut old = table(1, "oldest");
        old.xid_age = Some(1_900_000_000);
        catalog.tables = vec![table(2, "young"), old];
        let found = findings("xid-wraparound", &catalog);
        let seen: Vec<_> = found
            .iter()
            .map(|f| (f.subject.name.as_str(), f.severity))
            .collect();
        assert_eq!(
            seen,
            [("app", Severity::Error), ("late", Severity::Warning)]
        );
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("VACUUM (FREEZE) public.oldest;")
        );
        assert_eq!(found[0].evidence["remaining"], 247_483_647_i64);
        assert_eq!(found[1].remedy, None);
    }

    #[test]
    fn what_autovacuum_is_told_to_allow_is_let_be() {
        let mut catalog = catalog();
        set(&mut catalog, "autovacuum_freeze_max_age", "1000000000");
        catalog.neighbours = vec![neighbour("app", 1_050_000_000)];
        assert!(subjects("xid-wraparound", &catalog).is_empty());
    }
}
