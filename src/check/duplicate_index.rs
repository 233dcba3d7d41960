//! `duplicate-index`: two indexes with one definition.

use std::collections::{BTreeMap, HashSet};

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, change::DropReason,
    unused_index::may_go,
};
use crate::{
    catalog::{ConstraintKind, Fact, Index},
    human::human_bytes,
};

pub(super) const CHECK: Check = Check {
    code: "duplicate-index",
    severity: Severity::Warning,
    summary: "an index that duplicates another one exactly",
    explanation: "\
Two indexes of one table have the same method, columns, order, operator classes, collations, predicate and \
INCLUDE columns. They serve the same queries, and every write maintains both.

`(name)`, `(name DESC)`, `(name COLLATE \"C\")` and `(name text_pattern_ops)` are four different indexes and \
are not reported as duplicates.

To confirm: compare the definitions in the evidence.

To fix: drop the one that no constraint needs. The finding keeps, in this order, the one that belongs to a \
constraint or the replica identity, is unique, is scanned most, is oldest.",
    thresholds: &[],
    needs: &[Fact::Indexes, Fact::Constraints, Fact::IndexExpressions],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

/// What makes two indexes answer the same queries. Uniqueness is not in it: of a unique and a plain
/// index on the same columns, the plain one is of no use.
type Shape<'a> = (
    u32,
    &'a str,
    &'a [i16],
    Vec<i16>,
    &'a [u32],
    &'a [u32],
    &'a [i16],
    &'a Option<String>,
    &'a Option<String>,
    Option<&'a str>,
);

fn shape(index: &Index) -> Shape<'_> {
    let mut included = index.included().to_vec();
    included.sort_unstable();
    (
        index.table,
        &index.method,
        index.keys(),
        included,
        &index.operator_classes,
        &index.collations,
        &index.orders,
        &index.expressions,
        &index.predicate,
        parameters(index),
    )
}

/// Of other methods than these two, what the vectors do not show: operator classes' parameters, and storage
/// parameters that make another index of it (`pages_per_range`). As the server prints the definition.
fn parameters(index: &Index) -> Option<&str> {
    let simple = matches!(index.method.as_str(), "btree" | "hash");
    let definition = index.definition.as_deref().filter(|_| !simple)?;
    definition.split_once(" USING ").map(|(_, what)| what)
}

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    let mut groups: BTreeMap<Shape<'_>, Vec<&Index>> = BTreeMap::new();
    for index in catalog.indexes.iter().filter(|index| comparable(index)) {
        groups.entry(shape(index)).or_default().push(index);
    }
    // A foreign key depends on the very index it found: the server does not drop that one.
    let referred: HashSet<u32> = catalog
        .constraints
        .iter()
        .filter(|constraint| constraint.kind == ConstraintKind::ForeignKey)
        .filter_map(|key| key.index)
        .collect();
    let needed = |index: &Index| {
        index.primary
            || index.clustered
            || referred.contains(&index.oid)
            || index.replica_identity
            || index.exclusion
            || index.parent.is_some()
            || catalog.constraint_of_index(index.oid).is_some()
    };
    let mut findings = Vec::new();
    for mut group in groups.into_values().filter(|group| group.len() > 1) {
        group.sort_by_key(|index| {
            (
                !needed(index),
                !index.unique,
                std::cmp::Reverse(case.scans(index)),
                index.oid,
            )
        });
        let Some((kept, rest)) = group.split_first() else {
            continue;
        };
        for index in rest {
            // Two unique indexes may differ in what they enforce: both stay unless equal in that too.
            let same_rule = !index.unique
                || (kept.unique
                    && kept.nulls_not_distinct == index.nulls_not_distinct
                    && kept.immediate == index.immediate);
            if needed(index) || !same_rule {
                continue;
            }
            let definition = index.definition(catalog);
            findings.push(
                Finding::new(
                    Subject::index(index),
                    format!(
                        "duplicates {} exactly and takes {}",
                        kept.qualified(),
                        human_bytes(catalog.tree_bytes(index))
                    ),
                )
                .evidence("duplicate_of", kept.qualified().to_string())
                .evidence("definition", definition)
                .evidence("kept_definition", kept.definition(catalog))
                .evidence("size_bytes", catalog.tree_bytes(index))
                .evidence("scans", case.scans(index))
                .evidence("kept_scans", case.scans(kept))
                .drops(
                    index,
                    DropReason::Repeats(kept.oid),
                    case.scans(index) == 0 || !may_go(case, kept),
                ),
            );
        }
    }
    findings
}

/// Valid, with everything about it known.
fn comparable(index: &Index) -> bool {
    index.valid
        && index.has_expressions == index.expressions.is_some()
        && index.has_predicate == index.predicate.is_some()
        && (matches!(index.method.as_str(), "btree" | "hash") || index.definition.is_some())
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::{Catalog, ConstraintKind, Index},
        check::fixture::{
            TEXT, TEXT_OPS, TEXT_PATTERN_OPS, catalog, column, constraint, findings, index,
            subjects, table,
        },
    };

    fn on_name(oid: u32, name: &str) -> Index {
        Index {
            operator_classes: vec![TEXT_OPS],
            collations: vec![100],
            ..index(oid, 1, name, &[1])
        }
    }

    fn with(indexes: Vec<Index>) -> Catalog {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "users"));
        catalog.columns.push(column(1, 1, "name", TEXT));
        catalog.indexes = indexes;
        catalog
    }

    #[test]
    fn of_exact_twins_the_less_needed_one_is_to_be_dropped() {
        let unique = Index {
            unique: true,
            ..on_name(4, "c_unique")
        };
        let catalog = with(vec![on_name(2, "a"), on_name(3, "b"), unique]);
        let found = findings("duplicate-index", &catalog);
        assert_eq!(subjects("duplicate-index", &catalog), ["a", "b"]);
        assert_eq!(found[0].evidence["duplicate_of"], "public.c_unique");
        assert_eq!(
            found[0].undo.as_deref(),
            Some("CREATE INDEX CONCURRENTLY a ON public.users USING btree (name);")
        );
    }

    #[test]
    fn indexes_that_differ_in_anything_are_no_duplicates() {
        let plain = on_name(2, "plain");
        let variants = vec![
            Index {
                orders: vec![3],
                ..on_name(3, "descending")
            },
            Index {
                collations: vec![950],
                ..on_name(4, "collation_c")
            },
            Index {
                operator_classes: vec![TEXT_PATTERN_OPS],
                ..on_name(5, "pattern")
            },
            Index {
                method: "hash".into(),
                ..on_name(6, "hash")
            },
            Index {
                has_predicate: true,
                predicate: Some("(name IS NOT NULL)".into()),
                ..on_name(7, "partial")
            },
            Index {
                columns: vec![1, 2],
                ..on_name(8, "including")
            },
            Index {
                valid: false,
                ..on_name(9, "invalid")
            },
            Index {
                has_predicate: true,
                predicate: None,
                ..on_name(10, "unread")
            },
        ];
        let mut all = vec![plain];
        all.extend(variants);
        assert!(subjects("duplicate-index", &with(all)).is_empty());
    }

    #[test]
    fn of_other_methods_the_definitions_decide() {
        let of = |first: &str, second: &str| {
            let index = |oid, name: &str, definition: &str| Index {
                method: "brin".into(),
                definition: Some(format!(
                    "CREATE INDEX {name} ON public.users USING {definition}"
                )),
                ..on_name(oid, name)
            };
            subjects(
                "duplicate-index",
                &with(vec![index(2, "a", first), index(3, "b", second)]),
            )
        };
        assert_eq!(of("gist (name)", "gist (name)"), ["b"]);
        let wide = "brin (name) WITH (pages_per_range='16')";
        assert!(of("brin (name)", wide).is_empty());
        assert!(
            of(
                "gist (name gist_trgm_ops (siglen='32'))",
                "gist (name gist_trgm_ops)"
            )
            .is_empty()
        );
    }

    #[test]
    fn two_constraints_indexes_both_stay() {
        let mut catalog = with(vec![
            Index {
                unique: true,
                ..on_name(2, "a")
            },
            Index {
                unique: true,
                ..on_name(3, "b")
            },
        ]);
        for oid in [2, 3] {
            let mut behind = constraint(oid + 10, ConstraintKind::Unique, 1, &[1]);
            behind.index = Some(oid);
            catalog.constraints.push(behind);
        }
        assert!(subjects("duplicate-index", &catalog).is_empty());
    }
}
