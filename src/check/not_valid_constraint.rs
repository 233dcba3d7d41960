//! `not-valid-constraint`: a constraint that old rows may violate.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject};
use crate::catalog::{ConstraintKind, Fact, quote_identifier};

pub(super) const CHECK: Check = Check {
    code: "not-valid-constraint",
    severity: Severity::Warning,
    summary: "a constraint that was never validated",
    explanation: "\
A constraint added with `NOT VALID` (a foreign key, a check or, from version 18, a NOT NULL) checks only new \
rows. The second step, validating the old ones, was skipped or failed.

The table may contain rows that violate the constraint, and their next update fails. The planner cannot rely \
on the constraint.

To confirm: look for rows that violate it; validation fails on the first one and changes nothing.

To fix: `ALTER TABLE … VALIDATE CONSTRAINT` reads the table and blocks neither reads nor writes. Constraints \
that are NOT ENFORCED (from version 18) are not reported; those of partitions are validated with their \
parent's.",
    thresholds: &[],
    needs: &[Fact::Constraints, Fact::Tables],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let constraints = case.catalog.constraints.iter();
    constraints
        .filter(|constraint| {
            !constraint.validated
                && constraint.enforced
                && constraint.local
                && constraint.parent.is_none()
        })
        .filter_map(|constraint| {
            let table = case.table(constraint.table)?;
            let kind = match constraint.kind {
                ConstraintKind::ForeignKey => "foreign key",
                ConstraintKind::NotNull => "NOT NULL constraint",
                _ => "check",
            };
            let name = quote_identifier(&constraint.name);
            Some(
                Finding::new(
                    Subject::table(table),
                    format!(
                        "the {kind} {} was never validated: old rows may violate it",
                        constraint.name
                    ),
                )
                .evidence("constraint", constraint.name.clone())
                .evidence("kind", kind)
                .evidence("estimated_rows", table.estimated_rows)
                .remedy(format!(
                    "ALTER TABLE {} VALIDATE CONSTRAINT {name};",
                    table.qualified().quoted()
                )),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::{Constraint, ConstraintKind},
        check::fixture::{catalog, constraint, findings, foreign_key, subjects, table},
    };

    #[test]
    fn constraints_left_not_valid_are_found() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.constraints.push(Constraint {
            validated: false,
            ..foreign_key(2, 1, &[1], 1)
        });
        let found = findings("not-valid-constraint", &catalog);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("ALTER TABLE public.orders VALIDATE CONSTRAINT constraint_2;")
        );
    }

    #[test]
    fn a_not_null_left_not_valid_is_found() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.constraints.push(Constraint {
            validated: false,
            ..constraint(2, ConstraintKind::NotNull, 1, &[1])
        });
        let found = findings("not-valid-constraint", &catalog);
        assert!(
            found[0]
                .message
                .starts_with("the NOT NULL constraint constraint_2")
        );
    }

    #[test]
    fn valid_inherited_and_unenforced_ones_are_let_be() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        let check = || constraint(2, ConstraintKind::Check, 1, &[1]);
        catalog.constraints.push(check());
        catalog.constraints.push(Constraint {
            validated: false,
            parent: Some(9),
            ..check()
        });
        catalog.constraints.push(Constraint {
            validated: false,
            enforced: false,
            ..check()
        });
        catalog.constraints.push(Constraint {
            validated: false,
            local: false,
            ..check()
        });
        assert!(subjects("not-valid-constraint", &catalog).is_empty());
    }
}
