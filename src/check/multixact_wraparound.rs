//! `multixact-wraparound`: a database that comes close to the end of its multixact ids.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Threshold, wraparound};
use crate::catalog::Fact;

pub(super) const CHECK: Check = Check {
    code: "multixact-wraparound",
    severity: Severity::Warning,
    summary: "old multixact IDs are not frozen in time",
    explanation: "\
A row that several transactions lock at once (foreign keys, SELECT FOR SHARE) is marked with a multixact ID, \
a 32-bit number. Vacuum must freeze old multixact IDs, as it must old transaction IDs.

When they run out, the server refuses statements that would need one: updates and inserts that check foreign \
keys.

To confirm: run `SELECT datname, mxid_age(datminmxid) FROM pg_database ORDER BY 2 DESC` twice, an hour \
apart.

To fix: end whatever holds the horizon back, then `VACUUM (FREEZE)` the oldest tables, which the finding \
names for this database.",
    thresholds: &[
        Threshold {
            key: "warning-age",
            default: 800_000_000.0,
            meaning: "multixacts since the oldest unfrozen one; at least 1.1 times \
                 autovacuum_multixact_freeze_max_age",
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
            what: "multixacts",
            begins: "autovacuum_multixact_freeze_max_age",
            of_database: |database| database.multixact_age,
            of_table: |table| table.multixact_age,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings, subjects};

    #[test]
    fn a_database_far_behind_is_found() {
        let mut catalog = catalog();
        catalog.neighbours[0].multixact_age = 1_600_000_000;
        catalog.neighbours[1].multixact_age = 850_000_000;
        let found = findings("multixact-wraparound", &catalog);
        let severities: Vec<Severity> = found.iter().map(|f| f.severity).collect();
        assert_eq!(severities, [Severity::Error, Severity::Warning]);
    }

    #[test]
    fn an_age_that_autovacuum_deals_with_is_let_be() {
        let mut catalog = catalog();
        catalog.neighbours[0].multixact_age = 400_000_000;
        assert!(subjects("multixact-wraparound", &catalog).is_empty());
    }
}
