//! `deadlocks`: transactions that were ended because they waited for each other.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold};
use crate::catalog::Fact;

pub(super) const CHECK: Check = Check {
    code: "deadlocks",
    severity: Severity::Warning,
    summary: "transactions deadlock",
    explanation: "\
Transactions waited for each other in a cycle, and the server ended one transaction of each cycle with an \
error (40P01).

The application must repeat the transaction that was ended, and all of them waited for `deadlock_timeout` \
first.

To confirm: the server log contains the statements of each deadlock.

To fix: lock rows and tables in the same order everywhere: sort the keys before a batch of updates, and run \
`SELECT … ORDER BY id FOR UPDATE` first. A missing index on a foreign key makes the sets of locked rows \
larger.",
    thresholds: &[
        Threshold {
            key: "min-per-day",
            default: 1.0,
            meaning: "deadlocks per day",
        },
        Threshold {
            key: "min-age-days",
            default: 1.0,
            meaning: "with counters that are younger, or of unknown age, it is an info",
        },
    ],
    needs: &[Fact::Database],
    evidence: Evidence::DatabaseCounters,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let deadlocks = case.catalog.database.deadlocks;
    let days = case.catalog.statistics_days().unwrap_or(1.0).max(1.0);
    let per_day = deadlocks as f64 / days;
    if deadlocks == 0 || per_day < case.threshold("min-per-day") {
        return Vec::new();
    }
    vec![
        Finding::new(
            Subject::database(case.catalog),
            format!(
                "{} {}",
                super::counted(deadlocks, "deadlock", "deadlocks"),
                case.counted_time()
            ),
        )
        .severity(case.if_settled(Severity::Warning))
        .evidence("deadlocks", deadlocks)
        .evidence("deadlocks_per_day", (per_day * 10.0).round() / 10.0)
        .confirm("the statements, in the server log"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings, subjects};

    #[test]
    fn deadlocks_every_day_are_found() {
        let mut catalog = catalog();
        catalog.database.deadlocks = 90;
        let found = findings("deadlocks", &catalog);
        assert_eq!(found[0].message, "90 deadlocks in 30 days");
        assert_eq!(found[0].severity, Severity::Warning);
        catalog.database.stats_reset = None;
        assert_eq!(findings("deadlocks", &catalog)[0].severity, Severity::Info);
    }

    #[test]
    fn one_a_month_is_let_be() {
        let mut catalog = catalog();
        catalog.database.deadlocks = 1;
        assert!(subjects("deadlocks", &catalog).is_empty());
    }
}
