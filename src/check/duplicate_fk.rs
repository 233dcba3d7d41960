//! `duplicate-fk`: a foreign key that another one repeats.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject};
use crate::catalog::{Constraint, ConstraintKind, Fact, quote_identifier};

pub(super) const CHECK: Check = Check {
    code: "duplicate-fk",
    severity: Severity::Warning,
    summary: "a foreign key that duplicates another one",
    explanation: "\
Two foreign keys of one table have the same columns and reference the same columns of the same table.

Every insert and update of the referencing table checks both, and every delete from the referenced table \
looks for rows twice. This happens when a migration adds a key that a framework had already added under \
another name.

To confirm: `\\d table` in psql. What they do ON DELETE and ON UPDATE may differ, and then both act.

To fix: drop the one whose actions you do not want, with `ALTER TABLE … DROP CONSTRAINT`; it takes a short \
exclusive lock on both tables.",
    thresholds: &[],
    needs: &[Fact::Constraints, Fact::Tables],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let keys = case.catalog.constraints.iter().filter(|key| is_own(key));
    keys.filter_map(|key| {
        let table = case.table(key.table)?;
        let mut others = case.catalog.constraints_of(key.table);
        // Of two, the later one is the duplicate.
        let first =
            others.find(|other| other.oid < key.oid && is_own(other) && same(other, key))?;
        let name = quote_identifier(&key.name);
        let drop = format!(
            "ALTER TABLE {} DROP CONSTRAINT {name};",
            table.qualified().quoted()
        );
        Some(
            Finding::new(
                Subject::table(table),
                format!("the foreign key {} duplicates {}", key.name, first.name),
            )
            .evidence("constraint", key.name.clone())
            .evidence("duplicate_of", first.name.clone())
            .evidence(
                "columns",
                case.catalog
                    .column_names(key.table, &key.columns)
                    .join(", "),
            )
            .confirm(format!(
                "that both do the same ON DELETE and ON UPDATE (\\d in psql); then: {drop}"
            )),
        )
    })
    .collect()
}

/// Not one that a partition has from its parent.
fn is_own(key: &Constraint) -> bool {
    key.kind == ConstraintKind::ForeignKey && key.enforced && key.parent.is_none()
}

/// The same pairs of columns, in any order.
fn same(one: &Constraint, other: &Constraint) -> bool {
    let pairs = |key: &Constraint| {
        let columns = key.columns.iter().copied();
        let mut pairs: Vec<(i16, i16)> = columns
            .zip(key.referenced_columns.iter().copied())
            .collect();
        pairs.sort_unstable();
        pairs
    };
    one.referenced_table == other.referenced_table && pairs(one) == pairs(other)
}
