//! `fk-type-mismatch`: a foreign key whose column has another type than the key it refers to.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject};
use crate::catalog::{ConstraintKind, Fact};

pub(super) const CHECK: Check = Check {
    code: "fk-type-mismatch",
    severity: Severity::Warning,
    summary: "a foreign key of another type than the key it references",
    explanation: "\
A referencing column has another type than the column it references.

The server accepts this if it can compare the two types. A narrower integer runs out before the key does. \
With types of different families (integer and numeric, text and char), every check and every join converts \
each value and may not use the index. text and varchar are the same to the server and are not reported.

To confirm: `\\d` of both tables in psql.

To fix: change the type of the referencing column to that of the key. That rewrites the table under an \
exclusive lock; int-key-exhaustion explains how to avoid it.",
    thresholds: &[],
    needs: &[Fact::Constraints, Fact::Columns, Fact::Tables],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    let mut findings = Vec::new();
    let keys = catalog.constraints.iter().filter(|key| {
        key.kind == ConstraintKind::ForeignKey && key.enforced && key.parent.is_none()
    });
    for key in keys {
        let (Some(table), Some(referred)) = (case.table(key.table), key.referenced_table) else {
            continue;
        };
        for (own, other) in key.columns.iter().zip(&key.referenced_columns) {
            let own = catalog.column(key.table, *own);
            let other = catalog.column(referred, *other);
            let Some((own, other)) = own.zip(other) else {
                continue;
            };
            let (from, to) = (family(own.base_type()), family(other.base_type()));
            if from == to {
                continue;
            }
            let [mine, theirs] = [from, to].map(name);
            let finding = Finding::new(
                Subject::table(table),
                format!(
                    "{} of the foreign key {} is {mine}, but the key's {} is {theirs}",
                    own.name, key.name, other.name
                ),
            )
            .evidence("constraint", key.name.clone())
            .evidence("column", own.name.clone())
            .evidence("type_oid", own.type_oid)
            .evidence("referenced_type_oid", other.type_oid);
            // A wider integer than the key's holds all its values.
            let wide = is_integer(from) && is_integer(to) && bytes(from) > bytes(to);
            findings.push(if wide {
                finding.severity(Severity::Info)
            } else {
                finding
            });
        }
    }
    findings
}

const SMALLINT: u32 = 21;
const INTEGER: u32 = 23;
const BIGINT: u32 = 20;
const TEXT: u32 = 25;
const VARCHAR: u32 = 1043;

/// Types that are one to the server.
fn family(type_oid: u32) -> u32 {
    if type_oid == VARCHAR { TEXT } else { type_oid }
}

fn is_integer(type_oid: u32) -> bool {
    matches!(type_oid, SMALLINT | INTEGER | BIGINT)
}

fn bytes(integer: u32) -> u8 {
    match integer {
        SMALLINT => 2,
        INTEGER => 4,
        _ => 8,
    }
}

fn name(type_oid: u32) -> &'static str {
    match type_oid {
        SMALLINT => "smallint",
        INTEGER => "integer",
        BIGINT => "bigint",
        TEXT => "text",
        1042 => "char",
        19 => "name",
        26 => "oid",
        700 => "real",
        701 => "double precision",
        1700 => "numeric",
        2950 => "uuid",
        _ => "of another type",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, column, findings, foreign_key, table};

    fn severities(own: u32, referred: u32) -> Vec<Severity> {
        let mut catalog = catalog();
        catalog
            .tables
            .extend([table(1, "users"), table(2, "orders")]);
        catalog.columns.push(column(1, 1, "id", referred));
        catalog.columns.push(column(2, 1, "user_id", own));
        catalog.constraints.push(foreign_key(9, 2, &[1], 1));
        let found = findings("fk-type-mismatch", &catalog);
        found.iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn another_type_is_found_and_what_the_server_takes_for_the_same_is_not() {
        assert_eq!(severities(INTEGER, BIGINT), [Severity::Warning]);
        assert_eq!(severities(BIGINT, INTEGER), [Severity::Info]);
        assert_eq!(severities(1700, INTEGER), [Severity::Warning]);
        assert_eq!(severities(INTEGER, INTEGER), []);
        assert_eq!(severities(VARCHAR, TEXT), []);
    }
}
