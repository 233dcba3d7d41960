//! Which indexes support which foreign keys: shared by the checks that ask for one and those that would
//! drop one.

use crate::catalog::{Catalog, Constraint, ConstraintKind, Index};

/// How well an index serves a foreign key's checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Support {
    /// It leads with one of several columns: many rows may be read to find one.
    Partial,
    /// It leads with all the columns, in any order.
    Full,
}

/// What `index` does for `key`: finding the rows that refer to a row which is deleted or updated.
pub(super) fn support(catalog: &Catalog, index: &Index, key: &Constraint) -> Option<Support> {
    let usable = index.valid
        && finds_equal(catalog, index)
        && (!index.has_predicate || only_excludes_nulls(index, key));
    let keys = index.keys();
    if !usable || index.table != key.table {
        return None;
    }
    let wanted = &key.columns;
    if keys.len() >= wanted.len() && wanted.iter().all(|c| keys[..wanted.len()].contains(c)) {
        return Some(Support::Full);
    }
    keys.first()
        .is_some_and(|first| wanted.contains(first))
        .then_some(Support::Partial)
}

/// It finds equal values: by the collation that the column itself has, which the key's checks compare by.
fn finds_equal(catalog: &Catalog, index: &Index) -> bool {
    let scalar = |class: &u32| {
        let class = catalog.operator_classes.get(class);
        class.is_some_and(|class| class.bare_name().starts_with("gist_"))
    };
    let by_method = match index.method.as_str() {
        "btree" | "hash" => true,
        // Those of btree_gist.
        "gist" => index.operator_classes.iter().all(scalar),
        _ => false,
    };
    let by_collation = index
        .keys()
        .iter()
        .zip(&index.collations)
        .all(|(number, collation)| {
            let column = catalog.column(index.table, *number);
            column.is_none_or(|column| column.collation == *collation)
        });
    by_method && by_collation
}

/// `column = $1` implies `column IS NOT NULL`: such a partial index serves.
fn only_excludes_nulls(index: &Index, key: &Constraint) -> bool {
    let asked = index.asks_not_null.as_deref().unwrap_or_default();
    !asked.is_empty() && asked.iter().all(|column| key.columns.contains(column))
}

/// The index that a foreign key of its table would miss most is this one: no other serves it better.
pub(super) fn is_the_support(catalog: &Catalog, index: &Index) -> bool {
    let keys = catalog
        .constraints_of(index.table)
        .filter(|constraint| constraint.kind == ConstraintKind::ForeignKey);
    keys.into_iter().any(|key| {
        let best = catalog
            .indexes_of(index.table)
            .filter_map(|other| Some((support(catalog, other, key)?, other)))
            .max_by_key(|(support, other)| {
                (
                    *support,
                    catalog.constraint_of_index(other.oid).is_some(),
                    other.scans,
                    std::cmp::Reverse(other.bytes),
                )
            });
        best.is_some_and(|(_, best)| best.oid == index.oid)
    })
}
