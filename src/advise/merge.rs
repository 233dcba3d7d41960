//! One index that does what two do.

use super::{IndexSpec, Method};

/// Columns carried along by a merged index at most.
const MOST_INCLUDED: usize = 6;
/// Merged indexes at most.
const MOST: usize = 200;

/// Of indexes that queries want, one for each two of which the keys of one begin with those of the other: it has the
/// longer keys and carries what either does.
#[must_use]
pub fn merged(wanted: &[&IndexSpec]) -> Vec<IndexSpec> {
    let mut all: Vec<IndexSpec> = Vec::new();
    for (at, one) in wanted.iter().enumerate() {
        for other in wanted.iter().skip(at + 1) {
            let (longer, shorter) = if one.keys.len() >= other.keys.len() {
                (one, other)
            } else {
                (other, one)
            };
            let fit = [longer, shorter]
                .iter()
                .all(|spec| spec.method == Method::Btree)
                && longer.table == shorter.table
                && longer.predicate == shorter.predicate
                && longer.keys.starts_with(&shorter.keys);
            if !fit || all.len() >= MOST {
                continue;
            }
            let mut both = IndexSpec::clone(longer);
            let keyed = |column: &String| {
                longer
                    .keys
                    .iter()
                    .any(|key| !key.expression && key.columns.contains(column))
            };
            for column in &shorter.include {
                if !keyed(column) && !both.include.contains(column) {
                    both.include.push(column.clone());
                }
            }
            both.include.sort();
            let is_new = !wanted.contains(&&both) && !all.contains(&both);
            if is_new && both.include.len() <= MOST_INCLUDED {
                all.push(both);
            }
        }
    }
    all
}

/// Whether an index finds all that the other finds: its keys begin with the other's, and it holds its columns.
pub(super) fn covers(one: &IndexSpec, other: &IndexSpec) -> bool {
    let held = one.columns();
    one.method == Method::Btree
        && other.method == Method::Btree
        && one.table == other.table
        && one.predicate == other.predicate
        && one.keys.starts_with(&other.keys)
        && other.include.iter().all(|column| held.contains(column))
}

#[cfg(test)]
mod tests {
    use super::{super::Key, *};
    use crate::catalog::QualifiedName;

    fn spec(keys: &[&str], include: &[&str]) -> IndexSpec {
        IndexSpec {
            table: QualifiedName::new("public", "t"),
            method: Method::Btree,
            keys: keys.iter().map(|key| Key::column(key)).collect(),
            include: include.iter().map(|column| (*column).to_owned()).collect(),
            predicate: None,
        }
    }

    #[test]
    fn a_merged_index_covers_both_that_it_is_made_of() {
        let (one, other) = (spec(&["a"], &["x"]), spec(&["a", "b"], &["y"]));
        let apart = spec(&["b", "a"], &[]);
        let found = merged(&[&one, &other, &apart]);
        assert_eq!(found, [spec(&["a", "b"], &["x", "y"])]);
        assert!(covers(&found[0], &one) && covers(&found[0], &other));
        assert!(!covers(&found[0], &apart) && !covers(&one, &other));
        assert_eq!(
            merged(&[&other, &spec(&["a"], &["b"])]),
            [],
            "it is there already"
        );
    }
}
