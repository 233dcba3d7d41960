//! The statements that drop and create indexes, to be pasted.

use std::collections::HashSet;

use super::change::NewIndex;
use crate::catalog::{Catalog, Index, Table, name_with_suffix, quote_identifier};

/// Drops it, concurrently where the server can.
pub(super) fn drop_index(index: &Index) -> String {
    let name = index.qualified().quoted();
    if index.partitioned {
        // The server refuses CONCURRENTLY here: this waits for, and holds up, everyone on the tree.
        format!("SET lock_timeout = '2s'; DROP INDEX {name};")
    } else {
        format!("DROP INDEX CONCURRENTLY {name};")
    }
}

/// Creates it as it is now; `None`: its definition could not be read.
pub(super) fn create_index(catalog: &Catalog, index: &Index) -> Option<String> {
    let definition = index.definition(catalog)?;
    Some(if index.partitioned {
        // Built on every partition, under a lock: there is no concurrent build of the whole tree.
        format!("{};", definition.replacen(" ON ONLY ", " ON ", 1))
    } else {
        format!(
            "{};",
            definition.replacen("INDEX ", "INDEX CONCURRENTLY ", 1)
        )
    })
}

/// Builds it anew in place. The server does not do that concurrently for an exclusion constraint's.
pub(super) fn rebuild_index(index: &Index) -> String {
    let concurrently = if index.exclusion { "" } else { "CONCURRENTLY " };
    format!(
        "REINDEX INDEX {concurrently}{};",
        index.qualified().quoted()
    )
}

/// Creates a new index, and drops it again; `None`: its table is not known.
pub(super) fn new_index(
    catalog: &Catalog,
    new: &NewIndex,
    taken: &mut HashSet<(String, String)>,
) -> Option<(String, String)> {
    let table = catalog.table(new.table)?;
    let names = catalog.column_names(table.oid, &new.columns);
    let name = free_name(catalog, table, &names, taken);
    let keys: Vec<String> = names.into_iter().map(quote_identifier).collect();
    let method = new
        .method
        .map_or_else(String::new, |method| format!(" USING {method}"));
    let create = format!(
        "CREATE INDEX CONCURRENTLY {} ON {}{method} ({});",
        quote_identifier(&name),
        table.qualified().quoted(),
        keys.join(", ")
    );
    let drop = format!(
        "DROP INDEX CONCURRENTLY {}.{};",
        quote_identifier(&table.schema),
        quote_identifier(&name)
    );
    Some((create, drop))
}

/// `table_a_b_idx`, as the server would name it: at most 63 bytes, and not taken, by nothing there and nothing
/// else proposed.
fn free_name(
    catalog: &Catalog,
    table: &Table,
    columns: &[&str],
    taken: &mut HashSet<(String, String)>,
) -> String {
    let stem = format!("{}_{}", table.name, columns.join("_"));
    let candidate = |number: usize| match number {
        0 => name_with_suffix(&stem, "_idx"),
        number => name_with_suffix(&stem, &format!("_idx{number}")),
    };
    let mut number = 0;
    loop {
        let name = candidate(number);
        let free = !catalog.has_relation(&table.schema, &name);
        if free && taken.insert((table.schema.clone(), name.clone())) {
            return name;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{INTEGER, catalog, column, index, table};

    #[test]
    fn a_new_index_gets_a_free_name_that_fits() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "Orders"));
        catalog.columns.push(column(1, 1, "user id", INTEGER));
        catalog
            .indexes
            .push(index(2, 1, "Orders_user id_idx", &[1]));
        catalog.tables.push(table(3, &"é".repeat(40)));
        catalog.columns.push(column(3, 1, "a", INTEGER));
        catalog.arrange();
        let mut taken = HashSet::new();
        let mut proposed = |table| {
            let columns = vec![1];
            let new = NewIndex {
                table,
                columns,
                method: None,
            };
            new_index(&catalog, &new, &mut taken).unwrap()
        };
        let (create, drop) = proposed(1);
        assert_eq!(
            create,
            "CREATE INDEX CONCURRENTLY \"Orders_user id_idx1\" ON public.\"Orders\" (\"user id\");"
        );
        assert_eq!(
            drop,
            "DROP INDEX CONCURRENTLY public.\"Orders_user id_idx1\";"
        );
        let (first, second) = (proposed(3).0, proposed(3).0);
        assert_ne!(first, second);
        for create in [first, second] {
            let name = create.split(' ').nth(3).unwrap().trim_matches('"');
            assert!(name.len() <= 63, "{name}");
        }
    }
}
