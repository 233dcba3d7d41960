//! `btree-on-array`: a B-tree on an array, which finds no element.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject};
use crate::catalog::{Catalog, Fact, Index, quote_identifier};

pub(super) const CHECK: Check = Check {
    code: "btree-on-array",
    severity: Severity::Warning,
    summary: "a B-tree index on an array column, which cannot find elements",
    explanation: "\
A B-tree index treats each array as one value: it finds rows whose whole array is equal to, or sorts before \
or after, another.

Queries usually search arrays for elements, with `@>`, `<@` or `&&`, and such an index does not help them: \
they read the whole table. `= ANY (column)` uses no index at all and has to be written as `column @> \
ARRAY[…]`. The finding covers indexes that nothing has read, on columns without a GIN index; unique indexes \
and those of constraints are not reported.

To confirm: look for the operators that your queries use. No counter shows them, so the finding has no \
remedy to paste but names the statement.

To fix: build a GIN index on the column, concurrently; unused-index then says when the B-tree index can go.",
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
                "{} is an array, a B-tree index cannot find its elements, and nothing has read this one",
                column.name
            ),
        )
        .evidence("column", column.name.clone())
        .evidence("size_bytes", catalog.tree_bytes(index))
        .evidence("scans", 0)
        .confirm(format!(
            "that queries search for elements of {} (@>, <@, &&); then: CREATE INDEX CONCURRENTLY ON {} USING \
             gin ({});",
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
