//! `prepared-transaction`: a two-phase commit whose second phase never came.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold};
use crate::{
    catalog::{Fact, quote_literal},
    human::human_seconds,
};

pub(super) const CHECK: Check = Check {
    code: "prepared-transaction",
    severity: Severity::Warning,
    summary: "a prepared transaction that was never finished",
    explanation: "\
A transaction was prepared for two-phase commit and has been neither committed nor rolled back since.

It belongs to no session, so no list of sessions shows it, and it survives restarts. As long as it exists, \
it keeps its locks and holds vacuum back.

To confirm: ask the transaction manager that prepared it whether it still knows it.

To fix: run `COMMIT PREPARED` or `ROLLBACK PREPARED` in its database, as the transaction manager decided. \
The finding's remedy rolls it back.",
    thresholds: &[
        Threshold {
            key: "min-seconds",
            default: 300.0,
            meaning: "how long it has been prepared",
        },
        Threshold {
            key: "error-seconds",
            default: 3_600.0,
            meaning: "the same, for an error",
        },
    ],
    needs: &[Fact::PreparedTransactions],
    evidence: Evidence::State,
    runs_on: RunsOn::Primary,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let prepared = case.catalog.prepared.iter();
    prepared
        .filter_map(|transaction| {
            let age = case.seconds_since(Some(transaction.prepared_at))?;
            if age < case.threshold("min-seconds") {
                return None;
            }
            let severity = if age >= case.threshold("error-seconds") {
                Severity::Error
            } else {
                Severity::Warning
            };
            Some(
                Finding::new(
                    Subject::new("prepared transaction", &transaction.name),
                    format!(
                        "prepared {} ago in {} by {}, and not finished",
                        human_seconds(age),
                        transaction.database,
                        transaction.owner
                    ),
                )
                .severity(severity)
                .evidence("age_s", age.round())
                .evidence("database", transaction.database.clone())
                .evidence("owner", transaction.owner.clone())
                .evidence("held_back_transactions", transaction.xid_age)
                .confirm(format!(
                    "what the transaction manager decided; then COMMIT PREPARED, or: ROLLBACK PREPARED {};",
                    quote_literal(&transaction.name)
                )),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings, prepared, subjects};

    #[test]
    fn one_left_behind_is_found_with_its_name_quoted() {
        let mut catalog = catalog();
        catalog.prepared = vec![prepared("it's", 600), prepared("old", 7_200)];
        let found = findings("prepared-transaction", &catalog);
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(found[1].remedy, None, "it may be meant to be committed");
        let confirm = found[1].confirm.as_deref().unwrap();
        assert!(
            confirm.ends_with("or: ROLLBACK PREPARED 'it''s';"),
            "{confirm}"
        );
        assert_eq!(found[1].severity, Severity::Warning);
    }

    #[test]
    fn one_just_prepared_is_let_be() {
        let mut catalog = catalog();
        catalog.prepared = vec![prepared("fresh", 2)];
        assert!(subjects("prepared-transaction", &catalog).is_empty());
    }
}
