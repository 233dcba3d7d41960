//! `no-primary-key`: a table whose rows nothing tells apart.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold,
    change::IndexChange,
};
use crate::catalog::{Catalog, Fact, Index, Table, TableKind, quote_identifier};

pub(super) const CHECK: Check = Check {
    code: "no-primary-key",
    severity: Severity::Warning,
    summary: "a table without a primary key",
    explanation: "\
Nothing prevents the same row from being in the table twice.

Without a key, an update or delete cannot address a single row, logical replication refuses updates and \
deletes unless it logs whole rows, and many tools for online schema changes do not work. If the table has a \
unique index on columns that are NOT NULL, the finding is an info: the index can become the key without a \
rebuild.

To confirm: ask whether duplicates are intended (a log of events). If so, add the table to \
`[[report.ignore]]`.

To fix: build a unique index concurrently on the columns that identify a row, then run `ALTER TABLE … ADD \
PRIMARY KEY USING INDEX`. If the columns are already NOT NULL, it holds its lock only for a moment.",
    thresholds: &[Threshold {
        key: "min-rows",
        default: 1.0,
        meaning: "tables with fewer rows are not reported",
    }],
    needs: &[Fact::Tables, Fact::Indexes, Fact::Columns],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    let mut found: Vec<(f64, Finding)> = catalog
        .tables
        .iter()
        .filter(|table| matches!(table.kind, TableKind::Ordinary | TableKind::Partitioned))
        .filter(|table| table.parent.is_none() && !has_key(catalog, table))
        .filter_map(|table| {
            let rows = rows(catalog, table);
            (rows >= case.threshold("min-rows")).then(|| (rows, finding(catalog, table, rows)))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn finding(catalog: &Catalog, table: &Table, rows: f64) -> Finding {
    let candidate = catalog
        .indexes_of(table.oid)
        .find(|index| could_be_key(catalog, index));
    let finding = Finding::new(
        Subject::table(table),
        match candidate {
            Some(index) => format!("has no primary key; {} could become it", index.qualified()),
            None => "has no primary key, and no unique index that could become one".to_owned(),
        },
    )
    .evidence("estimated_rows", rows.round())
    .evidence(
        "candidate",
        candidate.map(|index| index.qualified().to_string()),
    );
    match candidate {
        // On a partitioned table the server has no USING INDEX.
        Some(index) if table.kind == TableKind::Ordinary => {
            let name = table.qualified().quoted();
            finding
                .severity(Severity::Info)
                .remedy(format!(
                    "ALTER TABLE {name} ADD PRIMARY KEY USING INDEX {};",
                    quote_identifier(&index.name)
                ))
                .change(IndexChange::Keep(index.oid))
        }
        Some(_) => finding.severity(Severity::Info),
        None => finding,
    }
}

fn has_key(catalog: &Catalog, table: &Table) -> bool {
    if catalog.indexes_of(table.oid).any(|index| index.primary) {
        return true;
    }
    let mut partitions = catalog.partitions_of(table.oid).peekable();
    partitions.peek().is_some() && partitions.all(|partition| has_key(catalog, partition))
}

fn could_be_key(catalog: &Catalog, index: &Index) -> bool {
    index.unique
        && index.valid
        && index.immediate
        && index.parent.is_none()
        && !index.has_predicate
        && !index.has_expressions
        && catalog.constraint_of_index(index.oid).is_none()
        && index.orders.iter().all(|order| *order == 0)
        && index.keys().iter().all(|number| {
            catalog
                .column(index.table, *number)
                .is_some_and(|column| column.not_null)
        })
}

fn rows(catalog: &Catalog, table: &Table) -> f64 {
    let below: f64 = catalog
        .partitions_of(table.oid)
        .map(|partition| rows(catalog, partition))
        .sum();
    let own = if table.has_storage() {
        table
            .estimated_rows
            .unwrap_or(0.0)
            .max(table.counters.live_tuples as f64)
    } else {
        0.0
    };
    own + below
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{INTEGER, catalog, column, findings, index, subjects, table};

    fn primary(oid: u32, table: u32) -> Index {
        Index {
            primary: true,
            unique: true,
            ..index(oid, table, "pkey", &[1])
        }
    }

    #[test]
    fn a_table_with_rows_and_no_key_is_found() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "events"));
        assert_eq!(
            findings("no-primary-key", &catalog)[0].severity,
            Severity::Warning
        );
    }

    #[test]
    fn a_unique_index_on_columns_never_null_can_become_the_key() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "events"));
        catalog.columns.push(column(1, 1, "id", INTEGER));
        catalog.indexes.push(Index {
            unique: true,
            ..index(2, 1, "events_id", &[1])
        });
        let found = findings("no-primary-key", &catalog);
        assert_eq!(found[0].severity, Severity::Info);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("ALTER TABLE public.events ADD PRIMARY KEY USING INDEX events_id;")
        );
        catalog.columns[0].not_null = false;
        assert_eq!(
            findings("no-primary-key", &catalog)[0].severity,
            Severity::Warning
        );
    }

    #[test]
    fn keys_empty_tables_views_and_partitions_are_let_be() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "with_key"));
        catalog.indexes.push(primary(10, 1));
        let mut empty = table(2, "empty");
        empty.estimated_rows = None;
        empty.counters.live_tuples = 0;
        catalog.tables.push(empty);
        let mut view = table(3, "view");
        view.kind = TableKind::MaterializedView;
        catalog.tables.push(view);
        // A tree whose partitions each have a key of their own.
        let mut root = table(4, "root");
        root.kind = TableKind::Partitioned;
        catalog.tables.push(root);
        let mut partition = table(5, "partition");
        partition.parent = Some(4);
        catalog.tables.push(partition);
        catalog.indexes.push(primary(11, 5));
        assert!(subjects("no-primary-key", &catalog).is_empty());
    }
}
