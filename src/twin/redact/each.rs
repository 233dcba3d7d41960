//! Every value of a snapshot, one after the other, and what is put in its place.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    list::{each_of_array, each_of_range},
    pool::{ColumnType, Pool, Shape, Types},
};
use crate::twin::snapshot::{ColumnStatistics, ExtendedStatistics, Snapshot};

pub(super) fn rows(rows: &mut Value) -> impl Iterator<Item = &mut serde_json::Map<String, Value>> {
    let rows = rows.as_array_mut().map(|rows| rows.iter_mut());
    rows.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Calls for each value of the snapshot, and puts in its place what comes back; nothing: the list that it is in is left out.
/// Returns what was left out, in the singular and in the plural, and how often.
pub(super) fn each_value(
    snapshot: &mut Snapshot,
    types: &Types,
    replace: &mut dyn FnMut(&Pool, &str) -> Option<String>,
) -> BTreeMap<(String, String), usize> {
    let mut left_out: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut leave_out = |one: String, many: String| {
        *left_out.entry((one, many)).or_default() += 1;
    };
    for column in &mut snapshot.columns {
        let key = (
            column.schema.clone(),
            column.relation.clone(),
            column.column.clone(),
        );
        let known = types.get(&key);
        if !each_of_column(column, known, replace) {
            let name = known.map_or("unknown", |known| known.r#type.as_str());
            leave_out(
                format!("column of type {name}"),
                format!("columns of type {name}"),
            );
        }
    }
    // Of what type an expression is, nobody says.
    for expression in &mut snapshot.expressions {
        if !each_of_column(expression, None, replace) {
            leave_out(
                "expression in CREATE STATISTICS".into(),
                "expressions in CREATE STATISTICS".into(),
            );
        }
    }
    for statistics in &mut snapshot.extended {
        if !each_of_combinations(statistics, types, replace) {
            leave_out(
                "list of common combinations".into(),
                "lists of common combinations".into(),
            );
            statistics.most_common = None;
        }
    }
    for ends in &mut snapshot.rows {
        for row in rows(&mut ends.rows) {
            row.retain(|column, value| {
                let key = (ends.schema.clone(), ends.table.clone(), column.clone());
                let Some(pool) = types.get(&key).and_then(Pool::of) else {
                    return false;
                };
                let text = match &*value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                if pool == Pool::Kept {
                    return true;
                }
                let new = replace(&pool, &text);
                let stays = new.is_some();
                *value = new.into();
                stays
            });
        }
    }
    left_out
}

/// Whether all values of the common combinations could be replaced.
fn each_of_combinations(
    statistics: &mut ExtendedStatistics,
    types: &Types,
    replace: &mut dyn FnMut(&Pool, &str) -> Option<String>,
) -> bool {
    let table = (&statistics.table_schema, &statistics.table);
    let pools: Vec<Option<Pool>> = statistics
        .columns
        .iter()
        .map(|column| {
            let known = types.get(&(table.0.clone(), table.1.clone(), column.clone()));
            known.filter(|it| it.shape == Shape::One).and_then(Pool::of)
        })
        .collect();
    for common in statistics.most_common.iter_mut().flatten() {
        for (at, value) in common.values.iter_mut().enumerate() {
            let Some(text) = value.as_deref() else {
                continue;
            };
            // That of an expression has no column.
            let pool = pools.get(at).and_then(Option::as_ref);
            let Some(new) = pool.and_then(|pool| replace(pool, text)) else {
                return false;
            };
            *value = Some(new);
        }
    }
    true
}

/// Whether all of its values could be replaced.
fn each_of_column(
    column: &mut ColumnStatistics,
    known: Option<&ColumnType>,
    replace: &mut dyn FnMut(&Pool, &str) -> Option<String>,
) -> bool {
    let pool = known.and_then(Pool::of);
    let shape = known.map_or(Shape::One, |known| known.shape);
    let mut one = |text: &str| replace(pool.as_ref()?, text);
    let mut whole = true;
    let mut list = |values: &mut Option<String>, shape: Shape| {
        let Some(text) = values.take() else { return };
        *values = each_of_array(&text, &mut |text| match shape {
            Shape::One => one(text),
            Shape::Array => each_of_array(text, &mut one),
            Shape::Range => each_of_range(text, &mut one),
        });
        whole &= values.is_some();
    };
    list(&mut column.most_common_vals, shape);
    list(&mut column.histogram_bounds, shape);
    list(&mut column.most_common_elems, Shape::One);
    list(&mut column.range_bounds_histogram, Shape::Range);
    if column.most_common_vals.is_none() {
        column.most_common_freqs = None;
    }
    if column.most_common_elems.is_none() {
        column.most_common_elem_freqs = None;
    }
    // Two digits of a range's length tell enough.
    let lengths = column.range_length_histogram.take();
    column.range_length_histogram = lengths.and_then(|lengths| {
        each_of_array(&lengths, &mut |text| {
            let length: f64 = text.parse().ok()?;
            format!("{length:.1e}")
                .parse::<f64>()
                .ok()
                .map(|rounded| rounded.to_string())
        })
    });
    whole
}
