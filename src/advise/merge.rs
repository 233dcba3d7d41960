//! One index that does what two do.

use super::{IndexSpec, Method};

/// Columns carried along by a merged index at most.
const MOST_INCLUDED: usize = 6;
/// Merged indexes at most.
const MOST: usize = 200;

/// Of indexes that queries want, one for each two of which the keys of one begin with those of the other: it has the
/// longer keys and carries what either does. And so on with these.
pub fn merged(wanted: &[&IndexSpec]) -> Vec<IndexSpec> {
    let mut all: Vec<IndexSpec> = wanted.iter().copied().cloned().collect();
    let mut at = 0;
    while at < all.len() && all.len() < wanted.len() + MOST {
        for other in 0..at {
            let both = all.get(at).zip(all.get(other));
            if let Some(both) = both.and_then(|(one, other)| merge(one, other))
                && !all.contains(&both)
            {
                all.push(both);
            }
        }
        at += 1;
    }
    all.split_off(wanted.len())
}

fn merge(one: &IndexSpec, other: &IndexSpec) -> Option<IndexSpec> {
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
    let mut both = longer.clone();
    let keyed = |column: &String| {
        let mut keys = longer.keys.iter();
        keys.any(|key| !key.expression && key.columns.contains(column))
    };
    for column in &shorter.include {
        if !keyed(column) && !both.include.contains(column) {
            both.include.push(column.clone());
        }
    }
    both.include.sort();
    (fit && both.include.len() <= MOST_INCLUDED).then_some(both)
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
