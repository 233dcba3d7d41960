//! Existing indexes that are no longer needed, or serve none of the queries.

use serde::Serialize;

use super::{IndexSpec, Key, Method, PresentIndex, TableFacts, candidate::bare};
use crate::catalog::QualifiedName;

/// An index that could go, for its owner to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redundant {
    pub index: QualifiedName,
    pub reason: String,
    /// What would drop it; never done, never written.
    pub statement: String,
}

/// The indexes of a table that the new ones make redundant, and those that no plan uses and nobody has scanned.
/// `used`: the names of the indexes in the queries' plans, with the new indexes there.
pub fn redundant(
    facts: &TableFacts,
    built: &[(String, IndexSpec)],
    used: &dyn Fn(&str) -> bool,
) -> Vec<Redundant> {
    let table = facts.name();
    let mut found = Vec::new();
    for index in facts.indexes.iter().filter(|index| !index.enforces) {
        let superseded = built
            .iter()
            .find(|(_, spec)| spec.table == table && covers(spec, index));
        let reason = match superseded {
            Some((name, spec)) => format!(
                "the new index {name} begins with its keys ({}) and can do everything that it does",
                shown(&spec.keys)
            ),
            None if index.valid && index.scans == 0 && !used(&index.name) => {
                "no plan of these queries uses it, and nothing has scanned it since the counters were reset".to_owned()
            }
            None => continue,
        };
        let name = QualifiedName::new(&table.schema, &index.name);
        found.push(Redundant {
            statement: format!("DROP INDEX CONCURRENTLY {}", name.quoted()),
            index: name,
            reason,
        });
    }
    found
}

fn shown(keys: &[Key]) -> String {
    let keys: Vec<String> = keys.iter().map(Key::as_sql).collect();
    keys.join(", ")
}

fn covers(spec: &IndexSpec, index: &PresentIndex) -> bool {
    let keys: Vec<String> = spec.keys.iter().map(|key| bare(&key.as_sql())).collect();
    let present: Vec<String> = index.keys.iter().map(|key| bare(key)).collect();
    spec.method == Method::Btree
        && index.method == "btree"
        && keys.starts_with(&present)
        && index
            .include
            .iter()
            .all(|column| spec.include.contains(column))
        && spec.predicate.is_none()
        && index.predicate.is_none()
}
