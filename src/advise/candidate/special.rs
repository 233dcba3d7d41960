//! Other methods than B-trees.

use super::Maker;
use crate::advise::{Key, Method};

/// Values longer than this are better hashed than sorted, where only equality is asked for.
const LONG_VALUE_BYTES: f64 = 24.0;
/// A table of fewer pages needs no summary of its blocks.
const BRIN_PAGES: f64 = 2_000.0;
const BRIN_CORRELATION: f64 = 0.95;

impl Maker<'_> {
    pub(super) fn hashed(&mut self) {
        let equal: Vec<Key> = self
            .need
            .equal
            .iter()
            .chain(&self.need.joined)
            .cloned()
            .collect();
        for key in equal {
            let long = key.columns.iter().any(|name| {
                self.facts
                    .columns
                    .get(name)
                    .is_some_and(|c| c.width > LONG_VALUE_BYTES)
            });
            if long {
                self.add(Method::Hash, vec![key], Vec::new(), None);
                if let Some(spec) = self.made.pop() {
                    self.made.insert(self.made.len().min(3), spec);
                }
            }
        }
    }

    pub(super) fn brin(&mut self) {
        if self.facts.pages < BRIN_PAGES {
            return;
        }
        for key in self.need.range.clone() {
            let sorted = key
                .columns
                .first()
                .and_then(|name| self.facts.columns.get(name));
            if !key.expression && sorted.is_some_and(|c| c.correlation.abs() > BRIN_CORRELATION) {
                self.add(Method::Brin, vec![key], Vec::new(), None);
                if let Some(spec) = self.made.pop() {
                    self.made.insert(self.made.len().min(4), spec);
                }
            }
        }
    }

    pub(super) fn gin(&mut self, trigrams: bool) {
        let within = self.need.within.clone();
        for key in within {
            self.add(Method::Gin, vec![key], Vec::new(), None);
            self.first_place();
        }
        if trigrams {
            for key in self.need.infix.clone() {
                let key = Key {
                    order: " gin_trgm_ops".into(),
                    ..key
                };
                self.add(Method::Gin, vec![key], Vec::new(), None);
                self.first_place();
            }
        }
    }

    fn first_place(&mut self) {
        if let Some(spec) = self.made.pop() {
            self.made.insert(0, spec);
        }
    }
}
