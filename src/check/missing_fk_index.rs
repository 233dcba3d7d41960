//! `missing-fk-index`: a foreign key whose referring columns no index leads with.

use std::collections::BTreeMap;

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold,
    change::{IndexChange, NewIndex},
    counted,
    foreign_key::{Support, support},
};
use crate::catalog::{Catalog, Constraint, ConstraintKind, Fact, Table};

pub(super) const CHECK: Check = Check {
    code: "missing-fk-index",
    severity: Severity::Warning,
    summary: "a foreign key without an index on the referencing side",
    explanation: "\
A foreign key does not create an index on its referencing columns: the index that the server requires is on \
the referenced table.

Without one, every delete from the referenced table, and every update of its key, reads the whole \
referencing table for each row, while holding locks. Joins from that side suffer as well. For a composite \
key, an index that leads with all its columns, in any order, is enough. If an index covers only some of \
them, or nothing was ever deleted from the referenced table, the finding is an info.

To confirm: `EXPLAIN (ANALYZE) DELETE` of one row, rolled back, shows the time in the constraint's trigger.

To fix: create the index concurrently; on a partitioned table, on each partition.",
    thresholds: &[Threshold {
        key: "min-rows",
        default: 1_000.0,
        meaning: "smaller referencing tables are not reported",
    }],
    needs: &[Fact::Tables, Fact::Indexes, Fact::Constraints],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    let by_oid: BTreeMap<u32, &Constraint> = catalog
        .constraints
        .iter()
        .map(|key| (key.oid, key))
        .collect();
    // A key of a partitioned table is repeated on every partition: one finding for all of them.
    let mut lacking: BTreeMap<u32, Vec<(&Table, Option<Support>)>> = BTreeMap::new();
    for key in &catalog.constraints {
        let Some(table) = case.table(key.table).filter(|table| table.has_storage()) else {
            continue;
        };
        if key.kind != ConstraintKind::ForeignKey || !key.enforced {
            continue;
        }
        let best = catalog
            .indexes_of(key.table)
            .filter_map(|index| support(catalog, index, key))
            .max();
        let of_root = lacking.entry(root(&by_oid, key).oid).or_default();
        // Towards a partitioned table there is one row for each of its partitions.
        let seen = of_root.iter().any(|(other, _)| other.oid == table.oid);
        if best != Some(Support::Full) && !seen {
            of_root.push((table, best));
        }
    }
    lacking
        .into_iter()
        .filter_map(|(oid, tables)| finding(case, by_oid[&oid], &tables))
        .collect()
}

fn root<'a>(by_oid: &BTreeMap<u32, &'a Constraint>, key: &'a Constraint) -> &'a Constraint {
    let mut key = key;
    while let Some(parent) = key.parent.and_then(|parent| by_oid.get(&parent)) {
        key = parent;
    }
    key
}

fn finding(
    case: &CheckContext<'_>,
    key: &Constraint,
    lacking: &[(&Table, Option<Support>)],
) -> Option<Finding> {
    let catalog = case.catalog;
    let table = case.table(key.table)?;
    let rows: f64 = lacking.iter().map(|(table, _)| rows(table)).sum();
    if lacking.is_empty() || rows < case.threshold("min-rows") {
        return None;
    }
    let referred = key.referenced_table.and_then(|oid| case.table(oid));
    let changes = referred.map_or(0, |referred| changes(catalog, referred));
    let partly = lacking.iter().all(|(_, support)| support.is_some());
    let names = catalog.column_names(table.oid, &key.columns).join(", ");
    let wanted = lacking.iter().map(|(part, _)| NewIndex {
        table: part.oid,
        columns: numbers(catalog, part, table, &key.columns),
        method: None,
    });
    let on = if table.has_storage() {
        String::new()
    } else {
        format!(", on {}", counted(lacking.len(), "partition", "partitions"))
    };
    let message = if partly {
        format!(
            "{} ({names}) has an index on some of its columns only{on}",
            key.name
        )
    } else {
        format!(
            "{} ({names}) has no index that leads with its columns{on}",
            key.name
        )
    };
    Some(
        Finding::new(Subject::table(table), message)
            .severity(if partly || changes == 0 {
                Severity::Info
            } else {
                Severity::Warning
            })
            .evidence("constraint", key.name.clone())
            .evidence("columns", names)
            .evidence(
                "referenced_table",
                referred.map(|r| r.qualified().to_string()),
            )
            .evidence("estimated_rows", rows.round())
            .evidence("referenced_updates_and_deletes", changes)
            .evidence("tables_without_index", lacking.len())
            .change(IndexChange::Create(wanted.collect())),
    )
}

fn rows(table: &Table) -> f64 {
    table
        .estimated_rows
        .unwrap_or(0.0)
        .max(table.counters.live_tuples as f64)
}

fn changes(catalog: &Catalog, table: &Table) -> u64 {
    let below: u64 = catalog
        .partitions_of(table.oid)
        .map(|partition| changes(catalog, partition))
        .sum();
    below + table.counters.updates + table.counters.deletes
}

/// A partition may have its columns in another order than its parent: they go by name.
fn numbers(catalog: &Catalog, part: &Table, parent: &Table, columns: &[i16]) -> Vec<i16> {
    catalog
        .column_names(parent.oid, columns)
        .into_iter()
        .filter_map(|name| {
            let same = |column: &&crate::catalog::Column| column.name == name;
            Some(catalog.columns_of(part.oid).iter().find(same)?.number)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{Index, TableKind},
        check::fixture::{INTEGER, catalog, column, findings, foreign_key, index, subjects, table},
    };

    /// `orders` (2) refers to `users` (1), from which rows were deleted.
    fn orders(columns: &[i16]) -> Catalog {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "users"));
        catalog.tables[0].counters.deletes = 5;
        catalog.tables.push(table(2, "orders"));
        for (number, name) in [(1, "id"), (2, "user_id"), (3, "tenant")] {
            catalog.columns.push(column(2, number, name, INTEGER));
        }
        catalog.constraints.push(foreign_key(10, 2, columns, 1));
        catalog
    }

    #[test]
    fn a_key_without_an_index_is_found_with_the_statement_that_makes_it() {
        let mut catalog = orders(&[2]);
        catalog.indexes.push(index(20, 2, "wrong_order", &[1, 2]));
        let found = findings("missing-fk-index", &catalog);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("CREATE INDEX CONCURRENTLY orders_user_id_idx ON public.orders (user_id);")
        );
        assert_eq!(
            found[0].undo.as_deref(),
            Some("DROP INDEX CONCURRENTLY public.orders_user_id_idx;")
        );
    }

    #[test]
    fn an_index_that_cannot_serve_does_not_count() {
        for odd in [
            Index {
                valid: false,
                ..index(20, 2, "invalid", &[2])
            },
            Index {
                method: "brin".into(),
                ..index(20, 2, "brin", &[2])
            },
            Index {
                has_predicate: true,
                predicate: Some("(id > 5)".into()),
                ..index(20, 2, "partial", &[2])
            },
        ] {
            let mut catalog = orders(&[2]);
            catalog.indexes.push(odd);
            assert_eq!(subjects("missing-fk-index", &catalog), ["orders"]);
        }
    }

    #[test]
    fn an_index_that_leads_with_the_columns_in_any_order_serves() {
        let not_null = Index {
            has_predicate: true,
            asks_not_null: Some(vec![2]),
            ..index(20, 2, "not_null", &[2])
        };
        for (columns, serving) in [
            (vec![2], index(20, 2, "exact", &[2])),
            (vec![2], index(20, 2, "longer", &[2, 1])),
            (vec![2, 3], index(20, 2, "swapped", &[3, 2, 1])),
            (vec![2], not_null),
        ] {
            let mut catalog = orders(&columns);
            catalog.indexes.push(serving);
            assert!(subjects("missing-fk-index", &catalog).is_empty());
        }
    }

    #[test]
    fn partial_support_and_tables_never_deleted_from_are_infos() {
        let mut catalog = orders(&[2, 3]);
        catalog.indexes.push(index(20, 2, "first_only", &[2]));
        assert_eq!(
            findings("missing-fk-index", &catalog)[0].severity,
            Severity::Info
        );
        let mut catalog = orders(&[2]);
        catalog.tables[0].counters.deletes = 0;
        assert_eq!(
            findings("missing-fk-index", &catalog)[0].severity,
            Severity::Info
        );
    }

    #[test]
    fn small_tables_are_let_be() {
        let mut catalog = orders(&[2]);
        catalog.tables[1].estimated_rows = Some(10.0);
        catalog.tables[1].counters.live_tuples = 10;
        assert!(subjects("missing-fk-index", &catalog).is_empty());
    }

    #[test]
    fn a_partitioned_table_is_judged_by_its_partitions() {
        let mut catalog = orders(&[2]);
        catalog.tables[1].kind = TableKind::Partitioned;
        for (oid, indexed) in [(3, true), (4, false)] {
            let mut partition = table(oid, &format!("orders_{oid}"));
            partition.parent = Some(2);
            catalog.tables.push(partition);
            // Its columns come in another order.
            catalog.columns.push(column(oid, 1, "user_id", INTEGER));
            let mut key = foreign_key(10 + oid, oid, &[1], 1);
            key.parent = Some(10);
            catalog.constraints.push(key);
            if indexed {
                catalog.indexes.push(index(20, oid, "there", &[1]));
            }
        }
        let found = findings("missing-fk-index", &catalog);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].subject.name, "orders");
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("CREATE INDEX CONCURRENTLY orders_4_user_id_idx ON public.orders_4 (user_id);")
        );
    }
}
