//! `int-key-exhaustion`: a key column whose integer type runs out.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold, sureness::ratio,
};
use crate::catalog::{Catalog, Column, ConstraintKind, Fact, Sequence, quote_identifier};

pub(super) const CHECK: Check = Check {
    code: "int-key-exhaustion",
    severity: Severity::Warning,
    summary: "a key whose integer type runs out",
    explanation: "\
A column of type integer (or smallint) takes its values from a sequence that is close to the maximum of the \
type. Columns of a narrower type that reference such a key are reported as well.

At 2,147,483,647 (32,767 for smallint), every insert fails with \"integer out of range\". Changing the type \
rewrites the table under an exclusive lock, which takes hours on tables of that size.

To confirm: `SELECT max(id)` of the column; the sequence may have been moved manually.

To fix: in good time, add a bigint column, maintain it with a trigger, fill it in batches, build its unique \
index concurrently, and swap the two columns in one short transaction; start with the referencing columns. \
The finding's remedy is the plain statement, for tables small enough to be rewritten.",
    thresholds: &[
        Threshold {
            key: "warning-ratio",
            default: 0.5,
            meaning: "the last value as a share of the type's maximum, early enough for the change",
        },
        Threshold {
            key: "error-ratio",
            default: 0.85,
            meaning: "the same, for an error",
        },
    ],
    needs: &[
        Fact::Sequences,
        Fact::SequenceValues,
        Fact::Columns,
        Fact::Tables,
        Fact::Constraints,
    ],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    let mut found: Vec<(f64, Finding)> = Vec::new();
    for sequence in &catalog.sequences {
        let owner = sequence.owner_table.zip(sequence.owner_column);
        let Some((table, number)) = owner.filter(|_| sequence.increment > 0) else {
            continue;
        };
        let Some(last) = sequence.last_value else {
            continue;
        };
        let mut columns = referring(catalog, table, number);
        columns.insert(0, (table, number));
        for (at, (table, number)) in columns.into_iter().enumerate() {
            let Some(column) = catalog.column(table, number) else {
                continue;
            };
            if let Some(judged) = finding(case, column, last, sequence, at > 0) {
                found.push(judged);
            }
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn finding(
    case: &CheckContext<'_>,
    column: &Column,
    last: i64,
    sequence: &Sequence,
    refers: bool,
) -> Option<(f64, Finding)> {
    let largest = largest_of_type(column.base_type()).filter(|largest| *largest < i64::MAX)?;
    let used = last as f64 / largest as f64;
    if used < case.threshold("warning-ratio") {
        return None;
    }
    let table = case.table(column.table)?;
    let severity = if used >= case.threshold("error-ratio") {
        Severity::Error
    } else {
        Severity::Warning
    };
    let kind = type_name(column.base_type());
    let how = if refers {
        "references a key"
    } else {
        "takes its values from a sequence"
    };
    let finding = Finding::new(
        Subject::table(table),
        format!(
            "{} is {kind} and {how} that has used {:.1} % of it",
            column.name,
            used * 100.0
        ),
    )
    .severity(severity)
    .evidence("column", column.name.clone())
    .evidence("type", kind)
    .evidence("last_value", last)
    .evidence("largest", largest)
    .evidence("used_ratio", ratio(used))
    .evidence("sequence", sequence.qualified().to_string())
    .evidence("size_bytes", table.size.total_bytes());
    // A type change does not reach the sequence of a serial, which would fail next; that of an identity it does.
    let narrow = largest_of_type(sequence.type_oid).is_some_and(|largest| largest < i64::MAX);
    let widen = if narrow && !refers && column.identity.is_none() {
        format!(
            "\nALTER SEQUENCE {} AS bigint;",
            sequence.qualified().quoted()
        )
    } else {
        String::new()
    };
    let statements = format!(
        "ALTER TABLE {} ALTER COLUMN {} TYPE bigint;{widen}",
        table.qualified().quoted(),
        quote_identifier(&column.name)
    );
    let finding = if column.domain_over.is_some() {
        finding.confirm(
            "what the domain checks: the column needs another domain, over bigint, with the same checks",
        )
    } else if table.size.total_bytes() > LARGEST_REWRITE {
        finding.confirm(
            "how to change it without a rewrite under an exclusive lock, because the table is large: see \
             dbaudit explain int-key-exhaustion",
        )
    } else {
        finding.remedy(statements).confirm(
            "that the table is small enough to be rewritten under an exclusive lock; otherwise see dbaudit \
             explain",
        )
    };
    Some((used, finding))
}

/// The columns that refer to this one by a foreign key, partitions' own left out.
fn referring(catalog: &Catalog, table: u32, number: i16) -> Vec<(u32, i16)> {
    catalog
        .foreign_keys_to(table)
        .filter(|key| key.kind == ConstraintKind::ForeignKey && key.parent.is_none())
        .filter_map(|key| {
            let at = key
                .referenced_columns
                .iter()
                .position(|column| *column == number)?;
            Some((key.table, *key.columns.get(at)?))
        })
        .collect()
}

/// A larger table is not rewritten under an exclusive lock by a statement that people paste.
pub(super) const LARGEST_REWRITE: u64 = 1 << 30;

/// The largest value of an integer type.
pub(super) fn largest_of_type(type_oid: u32) -> Option<i64> {
    match type_oid {
        21 => Some(i64::from(i16::MAX)),
        23 => Some(i64::from(i32::MAX)),
        20 => Some(i64::MAX),
        _ => None,
    }
}

fn type_name(type_oid: u32) -> &'static str {
    if type_oid == 21 {
        "smallint"
    } else {
        "integer"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Sequence,
        check::fixture::{
            BIGINT, INTEGER, SMALLINT, catalog, column, findings, foreign_key, sequence, subjects,
            table,
        },
    };

    fn with(type_oid: u32, last: i64) -> Catalog {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.columns.push(column(1, 1, "id", type_oid));
        catalog.sequences.push(Sequence {
            owner_table: Some(1),
            owner_column: Some(1),
            last_value: Some(last),
            ..sequence(2, "orders_id_seq")
        });
        catalog
    }

    #[test]
    fn a_key_past_half_its_type_is_found() {
        for (kind, last, severity) in [
            (INTEGER, 1_200_000_000, Severity::Warning),
            (INTEGER, 2_000_000_000, Severity::Error),
            (SMALLINT, 30_000, Severity::Error),
        ] {
            let found = findings("int-key-exhaustion", &with(kind, last));
            assert_eq!(found[0].severity, severity);
            assert_eq!(
                found[0].remedy.as_deref(),
                Some("ALTER TABLE public.orders ALTER COLUMN id TYPE bigint;")
            );
        }
    }

    #[test]
    fn the_sequence_of_a_serial_is_widened_too() {
        let mut catalog = with(INTEGER, 2_000_000_000);
        catalog.sequences[0].type_oid = INTEGER;
        assert_eq!(
            findings("int-key-exhaustion", &catalog)[0]
                .remedy
                .as_deref(),
            Some(
                "ALTER TABLE public.orders ALTER COLUMN id TYPE bigint;\n\
                 ALTER SEQUENCE public.orders_id_seq AS bigint;"
            )
        );
    }

    #[test]
    fn a_domain_is_judged_by_its_type_and_a_large_table_is_not_rewritten() {
        let mut catalog = with(99_999, 2_000_000_000);
        assert!(subjects("int-key-exhaustion", &catalog).is_empty());
        catalog.columns[0].domain_over = Some(INTEGER);
        let found = findings("int-key-exhaustion", &catalog);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].remedy, None, "the domain's checks would be lost");
        let mut catalog = with(INTEGER, 2_000_000_000);
        catalog.tables[0].size.heap_bytes = 2 << 30;
        assert_eq!(findings("int-key-exhaustion", &catalog)[0].remedy, None);
    }

    #[test]
    fn a_narrower_column_that_refers_to_a_wide_key_is_found() {
        let mut catalog = with(BIGINT, 2_100_000_000);
        catalog.tables.push(table(5, "items"));
        catalog.columns.push(column(5, 3, "order_id", INTEGER));
        catalog.constraints.push(foreign_key(9, 5, &[3], 1));
        let found = findings("int-key-exhaustion", &catalog);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].evidence["column"], "order_id");
    }

    #[test]
    fn wide_young_and_unread_keys_are_let_be() {
        let mut unread = with(INTEGER, 0);
        unread.sequences[0].last_value = None;
        for catalog in [with(BIGINT, 3_000_000_000), with(INTEGER, 1_000), unread] {
            assert!(subjects("int-key-exhaustion", &catalog).is_empty());
        }
    }
}
