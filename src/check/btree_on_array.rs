//! `btree-on-array`: a B-tree on an array, which finds no element.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject};
use crate::catalog::{Catalog, Fact, Index, quote_identifier};

pub(super) const CHECK: Check = Check {
    code: "btree-on-array",
    severity: Severity::Warning,
    summary: "a B-tree index on an array, which finds no element",
    explanation: "\
A B-tree index holds each array as one value: it finds rows whose whole array is equal, or comes before another.

Queries ask arrays for their elements, by `@>`, `<@` or `&&`, and read the whole table beside such an index; `= ANY \
(column)` uses no index at all, and is written as `column @> ARRAY[…]`. Nothing has read the index reported, and no GIN \
index is on the column; unique indexes and those behind constraints are not reported.

To confirm: look for the operators that the queries use. No counter tells, so the finding has no remedy to paste; it names \
the statement.

To mend: build a GIN index on the column, concurrently; then unused-index says when the B-tree may go.",
    thresholds: &[],
    needs: &[Fact::Indexes, Fact::Constraints, Fact::Columns, Fact::Tables],
    evidence: Evidence::DatabaseCounters,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let indexes = case.catalog.indexes.iter();
    indexes.filter_map(|index| finding(case, index)).collect()
}

fn finding(case: &CheckContext<'_>, index: &Index) -> Option<Finding> {
    let catalog = case.catalog;
    let suspect = index.valid
        && index.method == "btree"
        && !index.unique
        && index.parent.is_none()
        && catalog.constraint_of_index(index.oid).is_none()
        && case.scans(index) == 0;
    let array = index
        .keys()
        .iter()
        .zip(&index.operator_classes)
        .find(|(_, class)| is_of(catalog, **class, "array_ops"));
    let (number, _) = array.filter(|_| suspect)?;
    let column = catalog.column(index.table, *number)?;
    if has_gin(catalog, index.table, *number) {
        return None;
    }
    let table = catalog.table(index.table)?;
    Some(
        Finding::new(
            Subject::index(index),
            format!(
                "{} is an array: by a B-tree no query finds its elements, and none has read this one",
                column.name
            ),
        )
        .evidence("column", column.name.clone())
        .evidence("size_bytes", catalog.tree_bytes(index))
        .evidence("scans", 0)
        .confirm(format!(
            "that queries ask for elements of {} (@>, <@, &&); then: CREATE INDEX CONCURRENTLY ON {} USING gin ({});",
            column.name,
            table.qualified().quoted(),
            quote_identifier(&column.name)
        )),
    )
}

fn has_gin(catalog: &Catalog, table: u32, number: i16) -> bool {
    catalog
        .indexes_of(table)
        .any(|other| other.valid && other.method == "gin" && other.keys().contains(&number))
}

fn is_of(catalog: &Catalog, class: u32, name: &str) -> bool {
    let class = catalog.operator_classes.get(&class);
    class.is_some_and(|class| class.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{
        fixture::{ARRAY_OPS, catalog, column, findings, index, subjects, table},
        specimens::on_array,
    };

    fn with(change: impl Fn(&mut Index)) -> Catalog {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "posts"));
        catalog.columns.push(column(1, 1, "tags", 1009));
        catalog.indexes.push(on_array(2, 0));
        change(&mut catalog.indexes[0]);
        catalog
    }

    #[test]
    fn a_gin_index_is_named() {
        let found = findings("btree-on-array", &with(|_| ()));
        let confirm = found[0].confirm.as_deref().unwrap();
        assert!(
            confirm.ends_with("CREATE INDEX CONCURRENTLY ON public.posts USING gin (tags);"),
            "{confirm}"
        );
    }

    #[test]
    fn one_that_is_read_or_enforces_or_has_a_gin_index_beside_it_is_let_be() {
        let mut beside = with(|_| ());
        beside.indexes.push(Index {
            method: "gin".into(),
            operator_classes: vec![ARRAY_OPS],
            ..index(3, 1, "elements", &[1])
        });
        for catalog in [
            with(|index| index.scans = 1),
            with(|index| index.unique = true),
            with(|index| index.method = "gin".into()),
            beside,
        ] {
            assert!(subjects("btree-on-array", &catalog).is_empty());
        }
    }
}
