//! `duplicate-index`: two indexes with one definition.

use std::collections::BTreeMap;

use super::{Case, Check, Evidence, Finding, Severity, Subject};
use crate::{
    catalog::{Fact, Index},
    render::human_bytes,
};

/// The check.
pub(super) const CHECK: Check = Check {
    code: "duplicate-index",
    severity: Severity::Warning,
    summary: "an index that another one repeats exactly",
    explanation: "\
Two indexes of one table with the same method, columns, order, operator classes, collations, predicate \
and INCLUDEd columns answer the same queries. Every write maintains both.

`(name)`, `(name DESC)`, `(name COLLATE \"C\")` and `(name text_pattern_ops)` are four different indexes \
and are not reported as duplicates.

To confirm: compare the definitions in the evidence.

To mend: drop the one that no constraint needs. The one kept is, in this order: behind a constraint or \
the replica identity, unique, most scanned, oldest.",
    thresholds: &[],
    needs: &[Fact::Indexes, Fact::Constraints, Fact::IndexExpressions],
    evidence: Evidence::State,
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
    )
}

fn judge(case: &Case<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    let mut groups: BTreeMap<Shape<'_>, Vec<&Index>> = BTreeMap::new();
    for index in catalog.indexes.iter().filter(|index| comparable(index)) {
        groups.entry(shape(index)).or_default().push(index);
    }
    let needed = |index: &Index| {
        index.primary
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
                std::cmp::Reverse(index.scans),
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
                        "repeats {} exactly, and takes {}",
                        kept.qualified(),
                        human_bytes(index.bytes)
                    ),
                )
                .evidence("duplicate_of", kept.qualified().to_string())
                .evidence("definition", definition.clone())
                .evidence("kept_definition", kept.definition(catalog))
                .evidence("size_bytes", index.bytes)
                .evidence("scans", index.scans)
                .evidence("kept_scans", kept.scans)
                .remedy(format!(
                    "DROP INDEX CONCURRENTLY {};",
                    index.qualified().quoted()
                ))
                .undo(
                    definition.map(|text| {
                        format!("{};", text.replacen("INDEX ", "INDEX CONCURRENTLY ", 1))
                    }),
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
        // Operator classes of these may carry parameters, which only the definition shows.
        && matches!(index.method.as_str(), "btree" | "hash" | "gin" | "brin")
}
