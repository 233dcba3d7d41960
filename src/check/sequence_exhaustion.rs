//! `sequence-exhaustion`: a sequence near its limit.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold,
    int_key_exhaustion::largest_of_type, sureness::ratio,
};
use crate::catalog::{Fact, Sequence};

pub(super) const CHECK: Check = Check {
    code: "sequence-exhaustion",
    severity: Severity::Warning,
    summary: "a sequence close to its limit",
    explanation: "\
A sequence has used up most of its values and does not cycle.

At its limit, `nextval` fails, and with it every insert that needs a value.

To confirm: `SELECT last_value, max_value FROM pg_sequences`. If the sequence feeds a column whose type has \
the same or a lower limit, int-key-exhaustion reports the column instead.

To fix: raise the type and limit of the sequence, which takes a short lock. First look at the columns that \
store its values: they need a type of the same width.",
    thresholds: &[
        Threshold {
            key: "warning-ratio",
            default: 0.75,
            meaning: "values used, as a share of all",
        },
        Threshold {
            key: "error-ratio",
            default: 0.9,
            meaning: "the same, for an error",
        },
    ],
    needs: &[Fact::Sequences, Fact::SequenceValues, Fact::Columns],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: Vec<(f64, Finding)> =
        case.catalog
            .sequences
            .iter()
            .filter(|sequence| !sequence.cycles && !column_ends_first(case, sequence))
            .filter_map(|sequence| {
                let used = used(sequence)?;
                if used < case.threshold("warning-ratio") {
                    return None;
                }
                let severity = if used >= case.threshold("error-ratio") {
                    Severity::Error
                } else {
                    Severity::Warning
                };
                let name = sequence.qualified();
                let quoted = name.quoted();
                let limit = if sequence.increment > 0 {
                    sequence.maximum
                } else {
                    sequence.minimum
                };
                let finding = Finding::new(
                    Subject::of("sequence", name),
                    format!("{:.1} % of its values are used", used * 100.0),
                )
                .severity(severity)
                .evidence("last_value", sequence.last_value)
                .evidence("limit", limit)
                .evidence("increment", sequence.increment)
                .evidence("used_ratio", ratio(used));
                let narrow = largest_of_type(sequence.type_oid).is_some_and(|max| max < i64::MAX);
                let finding =
                    match (narrow, sequence.increment > 0) {
                        (true, true) => finding
                            .remedy(format!("ALTER SEQUENCE {quoted} AS bigint NO MAXVALUE;")),
                        (false, true) if limit < i64::MAX => {
                            finding.remedy(format!("ALTER SEQUENCE {quoted} NO MAXVALUE;"))
                        }
                        (true, false) => finding
                            .remedy(format!("ALTER SEQUENCE {quoted} AS bigint NO MINVALUE;")),
                        (false, false) if limit > i64::MIN => {
                            finding.remedy(format!("ALTER SEQUENCE {quoted} NO MINVALUE;"))
                        }
                        _ => finding,
                    };
                Some((used, finding))
            })
            .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, finding)| finding).collect()
}

/// The column that it feeds cannot hold more than the sequence gives: that is the other check's.
fn column_ends_first(case: &CheckContext<'_>, sequence: &Sequence) -> bool {
    let Some((table, number)) = sequence.owner_table.zip(sequence.owner_column) else {
        return false;
    };
    let column = case.catalog.column(table, number);
    sequence.increment > 0
        && column
            .and_then(|column| largest_of_type(column.base_type()))
            .is_some_and(|largest| largest < i64::MAX && largest <= sequence.maximum)
}

/// The share of its values given out; a sequence may start anywhere and count down.
fn used(sequence: &Sequence) -> Option<f64> {
    let last = sequence.last_value? as f64;
    let (from, to) = if sequence.increment > 0 {
        (sequence.minimum as f64, sequence.maximum as f64)
    } else {
        (sequence.maximum as f64, sequence.minimum as f64)
    };
    Some(((last - from) / (to - from)).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{
        BIGINT, INTEGER, catalog, column, findings, sequence, subjects, table,
    };

    #[test]
    fn a_sequence_near_its_limit_is_found_with_the_type_that_helps() {
        let mut catalog = catalog();
        catalog.sequences = vec![
            Sequence {
                type_oid: INTEGER,
                maximum: 2_147_483_647,
                last_value: Some(2_000_000_000),
                ..sequence(1, "tickets")
            },
            Sequence {
                maximum: 1_000,
                last_value: Some(800),
                ..sequence(2, "small")
            },
        ];
        let found = findings("sequence-exhaustion", &catalog);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("ALTER SEQUENCE public.tickets AS bigint NO MAXVALUE;")
        );
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(
            found[1].remedy.as_deref(),
            Some("ALTER SEQUENCE public.small NO MAXVALUE;")
        );
        assert_eq!(found[1].severity, Severity::Warning);
    }

    #[test]
    fn a_sequence_that_counts_down_is_measured_from_its_top() {
        let mut catalog = catalog();
        catalog.sequences = vec![Sequence {
            increment: -1,
            maximum: -1,
            minimum: -1_000,
            last_value: Some(-950),
            ..sequence(1, "down")
        }];
        assert_eq!(
            findings("sequence-exhaustion", &catalog)[0]
                .remedy
                .as_deref(),
            Some("ALTER SEQUENCE public.down NO MINVALUE;")
        );
    }

    #[test]
    fn unused_cycling_and_unread_ones_are_let_be() {
        let mut catalog = catalog();
        let nearly = || Sequence {
            maximum: 1_000,
            last_value: Some(990),
            ..sequence(1, "a")
        };
        catalog.sequences = vec![
            Sequence {
                cycles: true,
                ..nearly()
            },
            Sequence {
                last_value: None,
                ..nearly()
            },
            sequence(3, "young"),
        ];
        assert!(subjects("sequence-exhaustion", &catalog).is_empty());
    }

    #[test]
    fn where_the_column_ends_first_the_column_is_reported() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.columns.push(column(1, 1, "id", INTEGER));
        catalog.sequences = vec![Sequence {
            type_oid: BIGINT,
            owner_table: Some(1),
            owner_column: Some(1),
            last_value: Some(2_100_000_000),
            ..sequence(2, "orders_id_seq")
        }];
        assert!(subjects("sequence-exhaustion", &catalog).is_empty());
        assert_eq!(subjects("int-key-exhaustion", &catalog), ["orders"]);
    }
}
