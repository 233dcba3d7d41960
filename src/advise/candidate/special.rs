//! Access methods other than B-tree.

use super::Maker;
use crate::advise::{ClassFacts, Key, Method};

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
            let hashes = self.fits(&key, Method::Hash);
            let long = hashes
                && key.columns.iter().any(|name| {
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
            if !key.expression
                && self.fits(&key, Method::Brin)
                && sorted.is_some_and(|c| c.correlation.abs() > BRIN_CORRELATION)
            {
                self.add(Method::Brin, vec![key], Vec::new(), None);
                if let Some(spec) = self.made.pop() {
                    self.made.insert(self.made.len().min(4), spec);
                }
            }
        }
    }

    /// What no sorted index looks up, by the class that has the operator.
    pub(super) fn within(&mut self, trigrams: bool) {
        for (key, operator) in self.need.within.clone() {
            if let Some((method, class)) = self.class_of(&key, &operator, trigrams) {
                self.add_class(method, key, &class);
            }
        }
        for (key, operator) in self.need.nearest.clone() {
            let column = key
                .columns
                .first()
                .and_then(|name| self.facts.columns.get(name));
            let class = column.and_then(|column| {
                let classes = column.classes.iter();
                let mut sorting = classes.filter(|class| class.sorts.contains(&operator));
                sorting.find(|class| class.method == "gist").map(named)
            });
            if let Some(class) = class {
                self.add_class(Method::Gist, key, &class);
            }
        }
    }

    /// The method and what must be named of its class; `None`: no index serves this operator.
    fn class_of(&self, key: &Key, operator: &str, trigrams: bool) -> Option<(Method, String)> {
        if key.expression {
            return expression_class(key, operator, trigrams);
        }
        let column = self.facts.columns.get(key.columns.first()?)?;
        [Method::Gin, Method::Gist, Method::Spgist]
            .into_iter()
            .find_map(|method| {
                let class = column.class_for(method.as_str(), operator)?;
                Some((method, named(class)))
            })
    }

    fn add_class(&mut self, method: Method, key: Key, class: &str) {
        let key = Key {
            order: class.to_owned(),
            ..key
        };
        let before = self.made.len();
        self.add(method, vec![key], Vec::new(), None);
        // Not to be lost among the others.
        if self.made.len() > before {
            self.made.rotate_right(1);
        }
    }
}

/// Of a class that is not the default, its name behind the key.
fn named(class: &ClassFacts) -> String {
    if class.default {
        String::new()
    } else {
        format!(" {}", class.name)
    }
}

/// An expression's type is not known: the operator tells of what kind it is.
fn expression_class(key: &Key, operator: &str, trigrams: bool) -> Option<(Method, String)> {
    match operator {
        "~~" | "~~*" | "~" | "~*" => trigrams.then(|| (Method::Gin, " gin_trgm_ops".to_owned())),
        "@@" => Some((Method::Gin, String::new())),
        "@>" | "@?" | "?" | "?|" | "?&" if key.sql.contains("->") => {
            Some((Method::Gin, String::new()))
        }
        "@>" | "<@" | "&&" | "<<" | ">>" | "-|-" => Some((Method::Gist, String::new())),
        _ => None,
    }
}
