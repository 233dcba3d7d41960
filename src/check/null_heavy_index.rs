//! `null-heavy-index`: an index that mostly holds nulls.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold,
    index_statement::drop_index, sureness::ratio,
};
use crate::{
    catalog::{Fact, Index, name_with_suffix, quote_identifier},
    human::human_bytes,
};

pub(super) const CHECK: Check = Check {
    code: "null-heavy-index",
    severity: Severity::Info,
    summary: "an index that contains mostly nulls",
    explanation: "\
A B-tree index has an entry for every row, including those whose column is null.

Queries that search for a value never read the entries for nulls, but every insert writes one, and they take \
up space and cache. From version 13, equal entries are stored compactly, so the gain is smaller than the \
share of nulls suggests.

To confirm: that no query searches for `column IS NULL` with this index, and that none reads it in order: a \
partial index serves neither. No counter shows this, so the finding has no remedy to paste but names the two \
statements.

To fix: build the same index `WHERE column IS NOT NULL`, concurrently, then drop the old one. Indexes of \
constraints, partial indexes, and those on more than one column are not reported.",
    thresholds: &[
        Threshold {
            key: "min-null-ratio",
            default: 0.8,
            meaning: "nulls as a share of the rows",
        },
        Threshold {
            key: "min-bytes",
            default: 10_485_760.0,
            meaning: "smaller indexes are not reported",
        },
    ],
    needs: &[Fact::Indexes, Fact::Columns, Fact::ColumnStatistics, Fact::Constraints],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: Vec<(f64, Finding)> = case
        .catalog
        .indexes
        .iter()
        .filter_map(|index| finding(case, index))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn finding(case: &CheckContext<'_>, index: &Index) -> Option<(f64, Finding)> {
    let catalog = case.catalog;
    let [number] = *index.keys() else {
        return None;
    };
    let fits = index.valid
        && index.method == "btree"
        && !index.has_predicate
        && !index.nulls_not_distinct
        && !index.partitioned
        && index.parent.is_none()
        && catalog.constraint_of_index(index.oid).is_none()
        && index.bytes as f64 >= case.threshold("min-bytes");
    let column = catalog.column(index.table, number)?;
    let share = column.statistics?.null_fraction;
    if !fits || share < case.threshold("min-null-ratio") {
        return None;
    }
    let partial = Index {
        name: name_with_suffix(&index.name, "_not_null"),
        has_predicate: true,
        predicate: Some(format!("({} IS NOT NULL)", quote_identifier(&column.name))),
        definition: None,
        ..index.clone()
    };
    let create = super::index_statement::create_index(catalog, &partial)?;
    let finding = Finding::new(
        Subject::index(index),
        format!(
            "{:.0} % of its entries are nulls; it takes {}",
            share * 100.0,
            human_bytes(index.bytes)
        ),
    )
    .evidence("null_ratio", ratio(share))
    .evidence("size_bytes", index.bytes)
    .evidence("column", column.name.clone())
    .confirm(format!(
        "that no query searches for {} IS NULL with this index or sorts by it; then: {create} {}",
        column.name,
        drop_index(index)
    ));
    Some((share * index.bytes as f64, finding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Catalog,
        check::fixture::{INTEGER, catalog, column, findings, subjects, table},
    };

    fn with(null_fraction: f64, index: Index) -> Catalog {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        let mut shipped = column(1, 1, "shipped", INTEGER);
        if let Some(statistics) = &mut shipped.statistics {
            statistics.null_fraction = null_fraction;
        }
        catalog.columns.push(shipped);
        catalog.indexes.push(index);
        catalog
    }

    fn plain() -> Index {
        crate::check::fixture::index(2, 1, "shipped_idx", &[1])
    }

    #[test]
    fn a_partial_index_is_offered_in_its_place() {
        let found = findings("null-heavy-index", &with(0.95, plain()));
        assert_eq!(
            found[0].remedy, None,
            "nothing tells whether a query asks for nulls"
        );
        let confirm = found[0].confirm.as_deref().unwrap();
        assert!(
            confirm.ends_with(
                "CREATE INDEX CONCURRENTLY shipped_idx_not_null ON public.orders USING btree (shipped) \
                 WHERE (shipped IS NOT NULL); DROP INDEX CONCURRENTLY public.shipped_idx;"
            ),
            "{confirm}"
        );
    }

    #[test]
    fn few_nulls_partial_small_and_multicolumn_indexes_are_let_be() {
        let partial = Index {
            has_predicate: true,
            predicate: Some("(shipped IS NOT NULL)".into()),
            ..plain()
        };
        let small = Index {
            bytes: 8192,
            ..plain()
        };
        let multi = Index {
            key_count: 2,
            columns: vec![1, 2],
            ..plain()
        };
        for (share, index) in [
            (0.5, plain()),
            (0.95, partial),
            (0.95, small),
            (0.95, multi),
        ] {
            assert!(subjects("null-heavy-index", &with(share, index)).is_empty());
        }
        let mut unknown = with(0.95, plain());
        unknown.columns[0].statistics = None;
        assert!(subjects("null-heavy-index", &unknown).is_empty());
    }
}
