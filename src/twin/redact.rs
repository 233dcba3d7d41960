//! A snapshot without the values of the database: others of the same type, in the same order, equal where they were equal.
//!
//! What the schema says stays as it is, with its literals: so those keep their places among the values, and a value that is
//! one of them is it still. The numbers that decide about the rest are drawn here and kept nowhere.

mod list;
mod number;
mod statement;
mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use self::{
    list::{each_of_array, each_of_range},
    number::Line,
    words::words,
};
use super::snapshot::{ColumnStatistics, ExtendedStatistics, Snapshot};
use crate::{
    Error, Result,
    db::Session,
    human::counted,
    workload::{TokenKind, tokens},
};

/// A column, of a table or of an index on expressions.
#[derive(Debug, Deserialize)]
pub(super) struct ColumnType {
    schema: String,
    relation: String,
    column: String,
    shape: Shape,
    /// Of what the shape is made: a name of the server's, `text` for all that is one, `kept` for enums and booleans.
    r#type: String,
    collation: Option<String>,
    modifier: Option<i32>,
    indexed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Shape {
    One,
    Array,
    Range,
}

/// Values that are replaced together, so that what was equal is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Pool {
    Line(Line),
    /// By collation; short ones, which must not become longer, by their limit as well.
    Text(Option<String>, Option<i32>),
    /// The type's few values stand in the schema, or in every database.
    Kept,
}

/// A longer limit leaves room enough.
const SHORT: i32 = 8;
/// Of every type that has them.
const WORDS: [&str; 6] = ["", "NaN", "Infinity", "-Infinity", "infinity", "-infinity"];

impl Pool {
    fn of(column: &ColumnType) -> Option<Self> {
        match column.r#type.as_str() {
            "kept" => Some(Self::Kept),
            "text" => {
                let limit = column.modifier.map(|m| m - 4).filter(|n| *n <= SHORT);
                Some(Self::Text(column.collation.clone(), limit))
            }
            name => Line::of(name, column.modifier).map(Self::Line),
        }
    }

    fn has(&self, value: &str) -> bool {
        match self {
            Self::Line(line) => line.position(value).is_some() || WORDS.contains(&value),
            Self::Text(..) | Self::Kept => true,
        }
    }
}

type Types = HashMap<(String, String, String), ColumnType>;

/// Replaces the values; `types`: by `types.sql`.
///
/// # Errors
/// The server, which alone knows the order of texts, did not sort them.
pub(super) async fn redact(
    session: &Session,
    snapshot: &mut Snapshot,
    types: Vec<ColumnType>,
) -> Result<()> {
    let types: Types = types
        .into_iter()
        .map(|it| {
            (
                (it.schema.clone(), it.relation.clone(), it.column.clone()),
                it,
            )
        })
        .collect();
    snapshot.redacted = true;
    leave_out_rows(snapshot, &types);
    let mut pools: BTreeMap<Pool, BTreeSet<String>> = BTreeMap::new();
    let left_out = each_value(snapshot, &types, &mut |pool, value| {
        if !pool.has(value) {
            return None;
        }
        if *pool != Pool::Kept {
            pools
                .entry(pool.clone())
                .or_default()
                .insert(value.to_owned());
        }
        Some(value.to_owned())
    });
    for ((one, many), number) in left_out {
        snapshot.missing.push(format!(
            "the values of {}, which are not replaced but left out: conditions on them are planned from the number of \
             distinct values alone",
            counted(number, &one, &many)
        ));
    }
    leave_out_statements(snapshot);
    let literals = literals(&snapshot.schema);
    let mut replaced = Replacements::new();
    for (pool, values) in pools {
        let new = match &pool {
            Pool::Line(line) => on_the_line(*line, &values, &literals, snapshot.taken_at),
            Pool::Text(collation, _) => {
                texts(session, collation.as_deref(), values, &literals).await?
            }
            Pool::Kept => HashMap::new(),
        };
        replaced.insert(pool, new);
    }
    each_value(snapshot, &types, &mut |pool, value| match pool {
        Pool::Kept => Some(value.to_owned()),
        Pool::Line(_) if WORDS.contains(&value) => Some(value.to_owned()),
        _ => replaced.get(pool)?.get(value).cloned(),
    });
    Ok(())
}

type Replacements = HashMap<Pool, HashMap<String, String>>;

/// The texts and numbers that the schema names.
fn literals(schema: &str) -> HashSet<String> {
    tokens(schema)
        .filter_map(|token| match token.kind {
            TokenKind::Number => Some(token.text.to_owned()),
            TokenKind::Text => {
                let inner = token.text.strip_prefix('\'')?.strip_suffix('\'')?;
                Some(inner.replace("''", "'"))
            }
            _ => None,
        })
        .collect()
}

fn on_the_line(
    line: Line,
    values: &BTreeSet<String>,
    literals: &HashSet<String>,
    now: Timestamp,
) -> HashMap<String, String> {
    let mut random = rand::rng();
    let positions = values
        .iter()
        .filter_map(|value| line.position(value))
        .collect();
    let literals = literals.iter().filter_map(|text| {
        let negative = line.position(&format!("-{text}"));
        Some([
            line.position(text)?,
            negative.unwrap_or(line.position(text)?),
        ])
    });
    let places: HashMap<i128, i128> = line
        .places(&positions, literals.flatten(), now, &mut random)
        .into_iter()
        .collect();
    let mut new: HashMap<i128, String> = HashMap::new();
    let mut replaced = HashMap::new();
    for value in values {
        let Some(place) = line.position(value).and_then(|at| places.get(&at)) else {
            continue;
        };
        // One place, one text: a UUID's last bits are drawn.
        if !new.contains_key(place)
            && let Some(text) = line.text(*place, &mut random)
        {
            new.insert(*place, text);
        }
        if let Some(text) = new.get(place) {
            replaced.insert(value.clone(), text.clone());
        }
    }
    replaced
}

/// Texts whose literals stay, if the order of all holds then; else all are replaced.
async fn texts(
    session: &Session,
    collation: Option<&str>,
    values: BTreeSet<String>,
    literals: &HashSet<String>,
) -> Result<HashMap<String, String>> {
    let sorted = in_order(session, collation, values.into_iter().collect()).await?;
    for keep in [true, false] {
        let new = {
            let is_kept = |text: &str| text.is_empty() || keep && literals.contains(text);
            words(&sorted, is_kept, &mut rand::rng())
        };
        if in_order(session, collation, new.clone()).await? == new {
            return Ok(sorted.into_iter().zip(new).collect());
        }
    }
    Ok(HashMap::new())
}

async fn in_order(
    session: &Session,
    collation: Option<&str>,
    texts: Vec<String>,
) -> Result<Vec<String>> {
    let collate = collation.map_or(String::new(), |name| format!(" COLLATE {name}"));
    let query = format!(
        "SELECT coalesce(array_agg(v ORDER BY v{collate}, n), '{{}}') FROM unnest($1::text[]) WITH ORDINALITY AS t (v, n)"
    );
    let row = session.query_one(&query, &[&texts]).await;
    Ok(row.map_err(Error::server("sorting texts"))?.get(0))
}

/// Statements whose texts may hold a constant do not stay.
fn leave_out_statements(snapshot: &mut Snapshot) {
    let before = snapshot.statements.len();
    snapshot.statements.retain_mut(|row| {
        let text = row.get("query").and_then(Value::as_str);
        let Some(text) = text.and_then(statement::statement) else {
            return false;
        };
        row["query"] = text.into();
        true
    });
    let left_out = before - snapshot.statements.len();
    if left_out > 0 {
        snapshot.missing.push(format!(
            "{} of pg_stat_statements, whose text holds a constant",
            counted(left_out, "statement", "statements")
        ));
    }
}

/// Of the rows at the ends of indexes nothing stays but what indexes look at.
fn leave_out_rows(snapshot: &mut Snapshot, types: &Types) {
    for ends in &mut snapshot.rows {
        for row in rows(&mut ends.rows) {
            row.retain(|column, value| {
                let key = (ends.schema.clone(), ends.table.clone(), column.clone());
                let known = types
                    .get(&key)
                    .filter(|it| it.indexed && it.shape == Shape::One);
                !value.is_null() && known.and_then(Pool::of).is_some()
            });
        }
    }
}

fn rows(rows: &mut Value) -> impl Iterator<Item = &mut serde_json::Map<String, Value>> {
    let rows = rows.as_array_mut().map(|rows| rows.iter_mut());
    rows.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Calls for each value of the snapshot, and puts in its place what comes back; nothing: the list that it is in is left out.
/// Returns what was left out, in the singular and in the plural, and how often.
fn each_value(
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
