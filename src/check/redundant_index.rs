//! `redundant-index`: an index whose work another one does too.

use std::collections::BTreeMap;

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold,
    change::DropReason, index_statement::drop_index, unused_index::may_go,
};
use crate::{
    catalog::{Catalog, Fact, Index},
    human::human_bytes,
};

pub(super) const CHECK: Check = Check {
    code: "redundant-index",
    severity: Severity::Warning,
    summary: "an index whose columns are the first columns of another",
    explanation: "\
A B-tree index on `(a, b)` can do what one on `(a)` does, and every write maintains both.

An index counts as the beginning of another only if every column has the same operator class, collation and \
sort order, the predicate is the same, the other one has all its INCLUDE columns, and it enforces nothing \
itself: unique indexes, those of constraints, a replica identity, and indexes attached to a partitioned \
index are never redundant. Exact duplicates are reported by duplicate-index.

The finding has a statement if dropping the index makes nothing slower: either nothing has read the index \
since the counters began, at least min-age-days ago, here and on every standby; or the other index costs the \
planner no more, judged by its size and by the order of the rows (the planner assumes that an index on more \
columns follows the order of the rows less closely).

To confirm: on a copy, `EXPLAIN` the queries that use it after `DROP INDEX` in a transaction that you roll \
back. If the other index is much larger (max-size-ratio), reading it costs more, and the finding is an info.

To fix: drop it concurrently; the finding has the statement that builds it again.",
    thresholds: &[
        Threshold {
            key: "max-size-ratio",
            default: 4.0,
            meaning: "above this ratio of the other index's size to this one's, the finding is an info",
        },
        Threshold {
            key: "min-age-days",
            default: 7.0,
            meaning: "how old the counters must be for an index to count as unread",
        },
    ],
    needs: &[Fact::Indexes, Fact::Constraints, Fact::IndexExpressions],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
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
                .min_by_key(|other| (case.catalog.tree_bytes(other), other.oid));
            if let Some(other) = covering {
                let bytes = case.catalog.tree_bytes(index);
                found.push((bytes, finding(case, index, other)));
            }
        }
    }
    found.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn finding(case: &CheckContext<'_>, index: &Index, other: &Index) -> Finding {
    let catalog = case.catalog;
    let (bytes, other_bytes) = (catalog.tree_bytes(index), catalog.tree_bytes(other));
    let size_ratio = other_bytes as f64 / bytes.max(1) as f64;
    let scans = case.scans(index);
    let idle = scans == 0 && !case.is_too_new(index) && case.doubt().is_none();
    let other_is_read = !may_go(case, other);
    let alike = size_ratio <= 1.0 + SAME && keeps_the_order(catalog, index, other);
    let sure = idle || alike && other_is_read;
    let why = if idle {
        DropReason::CoveredIdle(other.oid)
    } else {
        DropReason::CoveredBusy(other.oid)
    };
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
            human_bytes(bytes)
        ),
    )
    .severity(severity)
    .evidence("covered_by", other.qualified().to_string())
    .evidence("definition", index.definition(catalog))
    .evidence("covering_definition", other.definition(catalog))
    .evidence("size_bytes", bytes)
    .evidence("covering_size_bytes", other_bytes)
    .evidence("scans", scans)
    .drops(index, why, sure)
    .confirm(if sure {
        format!("that the queries that use it are as fast with {}", other.name)
    } else if alike {
        format!(
            "that {} is needed: nothing has read it yet; then: {}",
            other.name,
            drop_index(index)
        )
    } else {
        format!(
            "that the queries that use it are as fast with {}, which costs the planner more ({size_ratio:.1} \
             times the size, or another order of the rows): on a copy, EXPLAIN them after DROP INDEX in a \
             transaction that you roll back; then: {}",
            other.name,
            drop_index(index)
        )
    })
}

/// How much larger an index may be that costs as much to read.
const SAME: f64 = 0.01;

/// How far the rows may lie in the order of the column: below it, the planner's discount for that is small
/// (it goes by the square), and so is the loss of it.
const UNORDERED: f64 = 0.1;

/// The planner takes the rows to lie in the order of an index on several columns by three quarters of what it
/// takes for the first of them alone (`btcostestimate()`).
fn keeps_the_order(catalog: &Catalog, index: &Index, other: &Index) -> bool {
    if index.keys().len() > 1 || other.keys().len() == 1 {
        return true;
    }
    let column = index.keys().first();
    let column = column.and_then(|number| catalog.column(index.table, *number));
    let statistics = column.and_then(|column| column.statistics);
    !index.partitioned
        && statistics
            .and_then(|statistics| statistics.correlation)
            .is_some_and(|correlation| correlation.abs() <= UNORDERED)
}

fn enforces_nothing(case: &CheckContext<'_>, index: &Index) -> bool {
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
        catalog::ConstraintKind,
        check::fixture::{
            DAY, INTEGER, TEXT_OPS, TEXT_PATTERN_OPS, ago, catalog, column, constraint, findings,
            index, subjects, table,
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
    fn one_built_minutes_ago_is_not_idle() {
        let unread = |oid, name: &str, columns: &[i16]| Index {
            scans: 0,
            ..index(oid, 1, name, columns)
        };
        let mut catalog = with(vec![unread(2, "short", &[1]), index(3, 1, "long", &[1, 2])]);
        catalog.indexes[1].bytes *= 2;
        let has_statement = |catalog: &Catalog| {
            let found = findings("redundant-index", catalog);
            found[0].remedy.is_some()
        };
        assert!(has_statement(&catalog));
        catalog.births.checkpoint_xid_age = Some(100);
        catalog.indexes[0].row_xid_age = Some(100);
        assert!(!has_statement(&catalog));
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
        assert_eq!(found[0].remedy, None, "it is read");
    }

    #[test]
    fn an_index_in_use_is_dropped_only_where_the_other_costs_as_much() {
        let of = |scans: u64, correlation: Option<f64>, larger: u64, days: i64| {
            let short = Index {
                scans,
                ..index(2, 1, "short", &[1])
            };
            let mut long = index(3, 1, "long", &[1, 2]);
            long.bytes += larger;
            let mut catalog = with(vec![short, long]);
            catalog.database.stats_reset = Some(ago(days * DAY));
            let statistics = catalog.columns[0].statistics.as_mut();
            statistics.unwrap().correlation = correlation;
            let found = findings("redundant-index", &catalog);
            found[0].remedy.is_some()
        };
        assert!(of(1_000, Some(0.01), 0, 30));
        assert!(!of(1_000, Some(0.01), 1 << 20, 30), "it is larger");
        assert!(!of(1_000, Some(0.9), 0, 30), "the rows lie in its order");
        assert!(!of(1_000, None, 0, 30), "nobody knows the order");
        assert!(of(0, Some(0.9), 1 << 20, 30), "nothing reads it");
        assert!(!of(0, Some(0.9), 1 << 20, 3), "nobody knows yet");
    }
}
