//! The statements that drop and create indexes, to be pasted.

use crate::catalog::{Catalog, Index, Table, quote_identifier};

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

/// A new index on these columns, and the statement that undoes it.
pub(super) fn new_index(
    catalog: &Catalog,
    table: &Table,
    columns: &[i16],
    predicate: &str,
) -> (String, String) {
    let names = catalog.column_names(table.oid, columns);
    let name = free_name(catalog, table, &names);
    let keys: Vec<String> = names.into_iter().map(quote_identifier).collect();
    let concurrently = "CREATE INDEX CONCURRENTLY";
    let create = format!(
        "{concurrently} {} ON {} ({}){predicate};",
        quote_identifier(&name),
        table.qualified().quoted(),
        keys.join(", ")
    );
    let drop = format!(
        "DROP INDEX CONCURRENTLY {}.{};",
        quote_identifier(&table.schema),
        quote_identifier(&name)
    );
    (create, drop)
}

/// `table_a_b_idx`, as the server would name it: at most 63 bytes, and not taken.
fn free_name(catalog: &Catalog, table: &Table, columns: &[&str]) -> String {
    let stem = format!("{}_{}", table.name, columns.join("_"));
    let taken = |name: &str| catalog.has_relation(&table.schema, name);
    let candidate = |number: usize| {
        let suffix = match number {
            0 => "_idx".to_owned(),
            number => format!("_idx{number}"),
        };
        let mut end = stem.len().min(63 - suffix.len());
        while !stem.is_char_boundary(end) {
            end -= 1;
        }
        format!("{}{suffix}", &stem[..end])
    };
    (0..100)
        .map(candidate)
        .find(|name| !taken(name))
        .unwrap_or_else(|| candidate(0))
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
        let (create, drop) = new_index(&catalog, catalog.table(1).unwrap(), &[1], "");
        assert_eq!(
            create,
            "CREATE INDEX CONCURRENTLY \"Orders_user id_idx1\" ON public.\"Orders\" (\"user id\");"
        );
        assert_eq!(
            drop,
            "DROP INDEX CONCURRENTLY public.\"Orders_user id_idx1\";"
        );
        assert!(free_name(&catalog, catalog.table(3).unwrap(), &["a"]).len() <= 63);
    }
}
