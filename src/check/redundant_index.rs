//! `redundant-index`: an index whose work another one does too.

use std::collections::BTreeMap;

use super::{
    Case, Check, Evidence, Finding, Place, Severity, Subject, Threshold,
    index_statement::{create_index, drop_index},
};
use crate::{
    catalog::{Fact, Index},
    render::human_bytes,
};

/// The check.
pub(super) const CHECK: Check = Check {
    code: "redundant-index",
    severity: Severity::Warning,
    summary: "an index that another one begins with",
    explanation: "\
A B-tree index on `(a, b)` answers what one on `(a)` answers. Both are maintained by every write.

It counts as the beginning of another only with the same operator classes, collations and sort order in \
every column, with the same predicate, with all its INCLUDEd columns in the other, and if it enforces \
nothing itself: unique indexes, those behind constraints, a replica identity and indexes attached to a \
partitioned index are never redundant. Exact twins are duplicate-index.

To confirm: `EXPLAIN` the queries that use it after `DROP INDEX` in a transaction that you roll back, on a \
copy. Where the other is much larger (max-size-ratio), reading it costs more, and the finding is an info.

To mend: drop it concurrently; the finding carries the statement that builds it again.",
    thresholds: &[Threshold {
        key: "max-size-ratio",
        default: 4.0,
        meaning: "the other index's size over this one's, above which the finding is an info",
    }],
    needs: &[Fact::Indexes, Fact::Constraints, Fact::IndexExpressions],
    evidence: Evidence::State,
    place: Place::Anywhere,
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Finding> {
    let mut by_table: BTreeMap<u32, Vec<&Index>> = BTreeMap::new();
    for index in &case.catalog.indexes {
        if index.valid && index.method == "btree" {
            by_table.entry(index.table).or_default().push(index);
        }
    }
    let mut found: Vec<(u64, Finding)> = Vec::new();
    for indexes in by_table.values() {
        for index in indexes.iter().filter(|index| enforces_nothing(case, index)) {
            let covering = indexes
                .iter()
                .filter(|other| covers(other, index))
                // The smallest that does; of those that cover each other's coverers, any will do.
                .min_by_key(|other| (other.bytes, other.oid));
            if let Some(other) = covering {
                found.push((index.bytes, finding(case, index, other)));
            }
        }
    }
    found.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn finding(case: &Case<'_>, index: &Index, other: &Index) -> Finding {
    let catalog = case.catalog;
    let size_ratio = other.bytes as f64 / (index.bytes.max(1)) as f64;
    let severity = if size_ratio > case.threshold("max-size-ratio") {
        Severity::Info
    } else {
        Severity::Warning
    };
    Finding::new(
        Subject::index(index),
        format!(
            "{} begins with its columns; it takes {}",
            other.qualified(),
            human_bytes(index.bytes)
        ),
    )
    .severity(severity)
    .evidence("covered_by", other.qualified().to_string())
    .evidence("definition", index.definition(catalog))
    .evidence("covering_definition", other.definition(catalog))
    .evidence("size_bytes", index.bytes)
    .evidence("covering_size_bytes", other.bytes)
    .evidence("scans", index.scans)
    .remedy(drop_index(index))
    .undo(create_index(catalog, index))
    .confirm(format!(
        "that the queries which use it are as fast by {}",
        other.name
    ))
}

fn enforces_nothing(case: &Case<'_>, index: &Index) -> bool {
    !index.unique
        && !index.exclusion
        && !index.replica_identity
        && !index.clustered
        && index.parent.is_none()
        && case.catalog.constraint_of_index(index.oid).is_none()
}

/// `other` does all that `index` does, and more.
fn covers(other: &Index, index: &Index) -> bool {
    let n = index.keys().len();
    let known = |index: &Index| {
        index.has_expressions == index.expressions.is_some()
            && index.has_predicate == index.predicate.is_some()
    };
    // A key of the other may stand in for an INCLUDEd column.
    let includes = index
        .included()
        .iter()
        .all(|column| other.columns.contains(column));
    let more = other.keys().len() > n || other.included().len() > index.included().len();
    other.oid != index.oid
        && other.partitioned == index.partitioned
        && known(other)
        && known(index)
        && other.keys().len() >= n
        && more
        && other.keys()[..n] == *index.keys()
        && other.operator_classes.get(..n) == index.operator_classes.get(..n)
        && other.collations.get(..n) == index.collations.get(..n)
        && other.orders.get(..n) == index.orders.get(..n)
        && other.predicate == index.predicate
        && includes
        && expressions_begin(other.expressions.as_deref(), index.expressions.as_deref())
}

/// Expressions are printed in the order of the keys, so those of a beginning are a beginning.
fn expressions_begin(other: Option<&str>, index: Option<&str>) -> bool {
    match (other, index) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(other), Some(index)) => other
            .strip_prefix(index)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{Catalog, ConstraintKind},
        check::fixture::{
            INTEGER, TEXT_OPS, TEXT_PATTERN_OPS, catalog, column, constraint, findings, index,
            subjects, table,
        },
    };

    fn with(indexes: Vec<Index>) -> Catalog {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        for (number, name) in [(1, "a"), (2, "b"), (3, "c")] {
            catalog.columns.push(column(1, number, name, INTEGER));
        }
        catalog.indexes = indexes;
        catalog
    }

    #[test]
    fn the_beginning_of_a_longer_index_is_redundant() {
        let catalog = with(vec![
            index(2, 1, "short", &[1]),
            index(3, 1, "long", &[1, 2]),
        ]);
        let found = findings("redundant-index", &catalog);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].evidence["covered_by"], "public.long");
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("DROP INDEX CONCURRENTLY public.short;")
        );
        assert_eq!(
            found[0].undo.as_deref(),
            Some("CREATE INDEX CONCURRENTLY short ON public.orders USING btree (a);")
        );
    }

    #[test]
    fn an_index_that_includes_less_is_redundant_and_one_that_includes_more_is_not() {
        let bare = index(2, 1, "bare", &[1]);
        let including = Index {
            columns: vec![1, 3],
            key_count: 1,
            ..index(3, 1, "including", &[1])
        };
        let longer = index(4, 1, "longer", &[1, 2]);
        assert_eq!(
            subjects("redundant-index", &with(vec![bare, including.clone()])),
            ["bare"]
        );
        assert!(subjects("redundant-index", &with(vec![including, longer])).is_empty());
    }

    #[test]
    fn expressions_are_compared_in_order() {
        let expression = |oid, name: &str, columns: &[i16], text: &str| Index {
            has_expressions: true,
            expressions: Some(text.into()),
            ..index(oid, 1, name, columns)
        };
        let short = expression(2, "short", &[0], "lower(a)");
        let long = expression(3, "long", &[0, 0], "lower(a), upper(b)");
        let other = expression(4, "other", &[0, 0], "lower(ab), upper(b)");
        assert_eq!(
            subjects("redundant-index", &with(vec![short.clone(), long])),
            ["short"]
        );
        assert!(subjects("redundant-index", &with(vec![short, other])).is_empty());
    }

    #[test]
    fn what_differs_or_enforces_something_is_let_be() {
        let short = || index(2, 1, "short", &[1]);
        let long = || index(3, 1, "long", &[1, 2]);
        let mut cases = vec![
            (
                Index {
                    unique: true,
                    ..short()
                },
                long(),
            ),
            (
                Index {
                    replica_identity: true,
                    ..short()
                },
                long(),
            ),
            (
                Index {
                    parent: Some(9),
                    ..short()
                },
                long(),
            ),
            (
                Index {
                    orders: vec![3],
                    ..short()
                },
                long(),
            ),
            (
                Index {
                    collations: vec![950],
                    ..short()
                },
                long(),
            ),
            (
                Index {
                    method: "hash".into(),
                    ..short()
                },
                long(),
            ),
            (
                Index {
                    operator_classes: vec![TEXT_PATTERN_OPS],
                    ..short()
                },
                Index {
                    operator_classes: vec![TEXT_OPS, TEXT_OPS],
                    ..long()
                },
            ),
            (
                short(),
                Index {
                    valid: false,
                    ..long()
                },
            ),
            (
                short(),
                Index {
                    has_predicate: true,
                    predicate: Some("(a > 1)".into()),
                    ..long()
                },
            ),
            (
                Index {
                    has_predicate: true,
                    predicate: Some("(a > 1)".into()),
                    ..short()
                },
                long(),
            ),
            (short(), index(3, 1, "second", &[2, 1])),
        ];
        for (short, long) in cases.drain(..) {
            let (name, catalog) = (format!("{short:?}"), with(vec![short, long]));
            assert!(subjects("redundant-index", &catalog).is_empty(), "{name}");
        }
        let mut catalog = with(vec![short(), long()]);
        let mut behind = constraint(7, ConstraintKind::Unique, 1, &[1]);
        behind.index = Some(2);
        catalog.constraints.push(behind);
        assert!(subjects("redundant-index", &catalog).is_empty());
    }

    #[test]
    fn a_much_larger_index_is_no_full_replacement() {
        let wide = Index {
            bytes: 500 << 20,
            ..index(3, 1, "wide", &[1, 2])
        };
        let found = findings(
            "redundant-index",
            &with(vec![index(2, 1, "short", &[1]), wide]),
        );
        assert_eq!(found[0].severity, Severity::Info);
    }
}
