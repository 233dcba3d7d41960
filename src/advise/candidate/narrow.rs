//! Partial indexes, and indexes with more columns than the search needs.

use super::Maker;
use crate::advise::{IndexSpec, Key, Method};

/// Columns carried along at most, and their bytes.
const MOST_INCLUDED: usize = 4;
const MOST_INCLUDED_BYTES: f64 = 96.0;

impl Maker<'_> {
    /// With only the rows that the query's constants leave.
    pub(super) fn partial(&mut self) {
        let implied = self.need.implied.clone();
        if implied.is_empty() {
            return;
        }
        let equal = self.equalities();
        let mut tails = self.tails();
        tails.push(Vec::new());
        let joined: Vec<Vec<Key>> = std::iter::once(Vec::new())
            .chain(self.need.joined.iter().map(|key| vec![key.clone()]))
            .collect();
        let mut sets: Vec<Vec<(String, Option<Key>)>> =
            implied.iter().map(|one| vec![one.clone()]).collect();
        if implied.len() > 1 {
            sets.insert(0, implied);
        }
        for set in sets.into_iter().take(3) {
            let predicate = match set.as_slice() {
                [(one, _)] => one.clone(),
                all => {
                    let parts: Vec<&str> = all.iter().map(|(sql, _)| sql.as_str()).collect();
                    format!("({})", parts.join(" AND "))
                }
            };
            let fixed = |key: &Key| {
                set.iter()
                    .any(|(_, of)| of.as_ref().is_some_and(|of| of.sql == key.sql))
            };
            let in_predicate = |key: &Key| set.iter().any(|(sql, _)| sql.contains(&key.sql));
            let left: Vec<Key> = equal.iter().filter(|key| !fixed(key)).cloned().collect();
            for join in &joined {
                for tail in &tails {
                    let tail: Vec<Key> = tail.iter().filter(|key| !fixed(key)).cloned().collect();
                    let mut keys = join.clone();
                    keys.extend(left.iter().cloned());
                    keys.extend(tail);
                    if keys.iter().all(in_predicate) && keys.len() > 1 {
                        continue;
                    }
                    self.add_front(keys, predicate.clone());
                }
            }
        }
    }

    fn add_front(&mut self, keys: Vec<Key>, predicate: String) {
        let before = self.made.len();
        self.add(Method::Btree, keys, Vec::new(), Some(predicate));
        // Small and made for the query: not to be lost among the others.
        if self.made.len() > before
            && let Some(spec) = self.made.pop()
        {
            let at = (2 * self
                .made
                .iter()
                .filter(|spec| spec.predicate.is_some())
                .count()
                + 1)
            .min(self.made.len());
            self.made.insert(at, spec);
        }
    }

    /// With the other columns that the query reads, where they are few and short.
    pub(super) fn covering(&mut self) {
        let sorted: Vec<IndexSpec> = self
            .made
            .iter()
            .filter(|spec| spec.keys.iter().all(|key| !key.expression))
            .take(5)
            .cloned()
            .collect();
        let mut at = 1;
        for spec in sorted {
            let keyed = spec.columns();
            let fixed_by_predicate = |column: &String| {
                spec.predicate.is_some()
                    && self.need.implied.iter().any(|(sql, key)| {
                        spec.predicate
                            .as_ref()
                            .is_some_and(|whole| whole.contains(sql.as_str()))
                            && key.as_ref().is_some_and(|key| key.columns.contains(column))
                    })
            };
            let rest: Vec<String> = self
                .need
                .columns
                .iter()
                .filter(|column| !keyed.contains(column) && !fixed_by_predicate(column))
                .cloned()
                .collect();
            let bytes: f64 = rest
                .iter()
                .map(|name| {
                    self.facts
                        .columns
                        .get(name)
                        .map_or(f64::INFINITY, |column| column.width)
                })
                .sum();
            if rest.is_empty() || rest.len() > MOST_INCLUDED || bytes > MOST_INCLUDED_BYTES {
                continue;
            }
            let covering = IndexSpec {
                include: rest,
                ..spec
            };
            if !self.made.contains(&covering) {
                let place = (at * 2).min(self.made.len());
                self.made.insert(place, covering);
            }
            at += 1;
        }
    }
}
