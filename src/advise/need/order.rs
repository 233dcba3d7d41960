//! What sorting and grouping ask for.

use super::{Reader, one_alias, push};
use crate::advise::{
    ColumnUse, Key,
    expression::{measured, operand_of},
};

impl Reader<'_> {
    pub(super) fn note_order(&mut self, keys: &[String]) {
        self.note_nearest(keys);
        let mut order = Vec::new();
        let mut alias: Option<ColumnUse> = None;
        for text in keys {
            let (text, direction) = without_direction(text);
            let operand = operand_of(text);
            let Some(column) = operand.columns.first().filter(|_| one_alias(&operand)) else {
                break;
            };
            if alias
                .as_ref()
                .is_some_and(|known| known.alias != column.alias)
            {
                break;
            }
            alias = alias.or(Some(column.clone()));
            let Some(key) = self.key(&operand) else { break };
            order.push(Key {
                order: direction,
                ..key
            });
        }
        // All of it, or it spares no sort.
        if order.len() == keys.len()
            && let Some(need) = alias.and_then(|column| self.need(&column))
            && need.order.is_empty()
        {
            need.order = order;
        }
    }

    /// `ORDER BY column <-> $1`: whether there is an index for it, the column's operator classes tell.
    fn note_nearest(&mut self, keys: &[String]) {
        let Some(first) = keys.first() else { return };
        let (text, direction) = without_direction(first);
        let Some((left, operator, right)) = measured(text).filter(|_| direction.is_empty()) else {
            return;
        };
        let side = if left.columns.is_empty() { right } else { left };
        if let Some(key) = self.key(&side).filter(|key| !key.expression)
            && let Some(column) = side.columns.first()
            && let Some(need) = self.need(column)
        {
            push(&mut need.nearest, (key, operator));
        }
    }

    pub(super) fn note_groups(&mut self, groups: &[String], output: &[String]) {
        let extremes = output.iter().filter_map(|text| {
            let inner = text
                .strip_prefix("min(")
                .or_else(|| text.strip_prefix("max("))?;
            inner.strip_suffix(')')
        });
        let groups: Vec<&str> = if groups.is_empty() {
            extremes.take(1).collect()
        } else {
            groups.iter().map(String::as_str).collect()
        };
        let mut keys = Vec::new();
        let mut alias = None;
        for text in groups {
            let operand = operand_of(text);
            let Some(column) = operand.columns.first().filter(|_| one_alias(&operand)) else {
                return;
            };
            if alias
                .as_ref()
                .is_some_and(|known: &ColumnUse| known.alias != column.alias)
            {
                return;
            }
            alias = Some(column.clone());
            let Some(key) = self.key(&operand) else {
                return;
            };
            push(&mut keys, key);
        }
        if let Some(need) = alias.and_then(|column| self.need(&column))
            && need.grouped.is_empty()
        {
            need.grouped = keys;
        }
    }
}

/// The expression, and what follows it in the list of an index's keys.
pub(super) fn without_direction(text: &str) -> (&str, String) {
    let mut rest = text;
    let mut direction = String::new();
    for suffix in [" NULLS FIRST", " NULLS LAST", " DESC"] {
        if let Some(before) = rest.strip_suffix(suffix) {
            rest = before;
            direction.insert_str(0, suffix);
        }
    }
    (rest, direction)
}
