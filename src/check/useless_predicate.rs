//! `useless-predicate`: a partial index that leaves no row out.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject,
    change::IndexChange,
    index_statement::{create_index, drop_index},
};
use crate::catalog::{Catalog, Fact, Index, name_with_suffix, quote_identifier};

pub(super) const CHECK: Check = Check {
    code: "useless-predicate",
    severity: Severity::Info,
    summary: "a partial index that excludes no rows",
    explanation: "\
The index covers only rows `WHERE column IS NOT NULL`, but the columns are declared NOT NULL: it covers \
every row.

Before version 17, queries that do not compare the column themselves, above all those that only sort by it, \
cannot use a partial index; and `ON CONFLICT` has to repeat the predicate. A full index of the same size has \
neither drawback. A NOT NULL constraint that was never validated (from version 18) does not count.

To confirm: `\\d` of the table in psql shows both.

To fix: build the index without the predicate, concurrently, drop the old one, and rename the new one. The \
counters of the new index start at zero, and unused-index would report it as unread: so the finding has no \
remedy to paste but names the statements.",
    thresholds: &[],
    needs: &[Fact::Indexes, Fact::Columns, Fact::Tables, Fact::Constraints],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let indexes = case.catalog.indexes.iter();
    indexes
        .filter_map(|index| finding(case.catalog, index))
        .collect()
}

fn finding(catalog: &Catalog, index: &Index) -> Option<Finding> {
    let columns = index.asks_not_null.as_deref().unwrap_or_default();
    let never_null = |number: &i16| {
        let column = catalog.column(index.table, *number);
        column.is_some_and(|column| column.not_null)
    };
    let useless = !columns.is_empty() && columns.iter().all(never_null);
    if !useless || !index.valid || index.parent.is_some() {
        return None;
    }
    let names = catalog.column_names(index.table, columns).join(", ");
    let finding = Finding::new(
        Subject::index(index),
        format!("its predicate requires {names} to be not null, which it always is"),
    )
    .evidence("columns", names)
    .evidence("size_bytes", catalog.tree_bytes(index))
    .change(IndexChange::Rebuild(index.oid));
    Some(match whole(catalog, index) {
        Some(statements) => finding.confirm(format!(
            "that the new index is not mistaken for an unused one, because its counters start at zero; then: \
             {statements}"
        )),
        None => {
            finding.confirm("how the index is defined, and build it again without its predicate")
        }
    })
}

/// `None`: it cannot be composed, or built concurrently.
fn whole(catalog: &Catalog, index: &Index) -> Option<String> {
    if index.partitioned || !matches!(index.method.as_str(), "btree" | "hash") {
        return None;
    }
    let whole = Index {
        name: name_with_suffix(&index.name, "_whole"),
        has_predicate: false,
        predicate: None,
        definition: None,
        ..index.clone()
    };
    if catalog.has_relation(&whole.schema, &whole.name) {
        return None;
    }
    Some(format!(
        "{} {} ALTER INDEX {} RENAME TO {};",
        create_index(catalog, &whole)?,
        drop_index(index),
        whole.qualified().quoted(),
        quote_identifier(&index.name)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{INTEGER, catalog, column, findings, index, subjects, table};

    fn with(asks_not_null: Option<Vec<i16>>) -> Catalog {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.columns.push(column(1, 1, "id", INTEGER));
        let mut shipped = column(1, 2, "shipped", INTEGER);
        shipped.not_null = false;
        catalog.columns.push(shipped);
        catalog.indexes.push(Index {
            has_predicate: true,
            asks_not_null,
            ..index(2, 1, "by_id", &[1])
        });
        catalog
    }

    #[test]
    fn the_whole_index_takes_its_place_and_its_name() {
        let found = findings("useless-predicate", &with(Some(vec![1])));
        let confirm = found[0].confirm.as_deref().unwrap();
        assert!(
            confirm.ends_with(
                "CREATE INDEX CONCURRENTLY by_id_whole ON public.orders USING btree (id); \
                 DROP INDEX CONCURRENTLY public.by_id; \
                 ALTER INDEX public.by_id_whole RENAME TO by_id;"
            ),
            "{confirm}"
        );
    }

    #[test]
    fn a_predicate_that_leaves_rows_out_is_let_be() {
        for asks in [None, Some(vec![2]), Some(vec![1, 2])] {
            assert!(subjects("useless-predicate", &with(asks)).is_empty());
        }
    }
}
