//! A snapshot without the values of the database: others of the same type, in the same order, equal where they were equal.
//!
//! What the schema says stays as it is, with its literals: so those keep their places among the values, and a value that is
//! one of them is it still. The numbers that decide about the rest are drawn here and kept nowhere.

mod each;
mod list;
mod number;
mod pool;
mod statement;
mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde_json::Value;

pub(super) use self::pool::ColumnType;
use self::{
    each::{each_value, rows},
    number::Line,
    pool::{Pool, Shape, Types, WORDS},
    words::{candidates, chosen, words},
};
use super::snapshot::Snapshot;
use crate::{
    Error, Result,
    db::Session,
    human::counted,
    workload::{TokenKind, tokens},
};

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
            Pool::Text(collation, limit) => {
                let limit = limit.and_then(|limit| u32::try_from(limit).ok());
                texts(session, collation.as_deref(), limit, values, &literals).await?
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

/// Texts whose literals stay, if the order of all holds then, and none is longer than the limit; else all are replaced.
async fn texts(
    session: &Session,
    collation: Option<&str>,
    limit: Option<u32>,
    values: BTreeSet<String>,
    literals: &HashSet<String>,
) -> Result<HashMap<String, String>> {
    let sorted = in_order(session, collation, values.into_iter().collect()).await?;
    let too_long = |text: &String| limit.is_some_and(|limit| text.chars().count() > limit as usize);
    for keep in [true, false] {
        let is_kept = |text: &str| text.is_empty() || keep && literals.contains(text);
        let mut new = words(&sorted, is_kept, &mut rand::rng());
        if let Some(limit) = limit.filter(|_| new.iter().any(too_long)) {
            let all = {
                let kept = sorted.iter().filter(|text| is_kept(text));
                candidates(limit, &sorted.iter().collect(), kept, &mut rand::rng())
            };
            let all = in_order(session, collation, all).await?;
            let Some(short) = chosen(&sorted, is_kept, &all, &mut rand::rng()) else {
                continue;
            };
            new = short;
        }
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
