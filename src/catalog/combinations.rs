//! Combinations of values that occur together in several columns of a table: from extended statistics where there
//! are some, and from a sample of the table.

use std::collections::HashMap;

use super::{
    ColumnDraw,
    column_values::DRAW_TIMEOUT,
    read_only::read_only,
    sampled_values::{Sampled, sample},
};
use crate::{
    Error, Result,
    db::{Session, is_connection_loss, sqlstate},
};

#[derive(Debug, Clone, PartialEq)]
pub struct Combinations {
    /// One value of each column as text, and the share of all rows that hold them; commonest first.
    pub values: Vec<(Vec<String>, f64)>,
    /// Where that is known from: `a sample of 30000 rows`.
    pub origin: String,
}

/// Below this share of all rows, statistics list the commonest combinations only, and a sample is looked at for the
/// others.
const COMPLETE: f64 = 0.95;

/// Draws combinations of the columns of one table, from its statistics alone unless rows are to be read. The session must
/// not be in a transaction. `None`, and why, where there are none or they cannot be had in time: each column then stands for
/// itself.
///
/// # Errors
/// A missing privilege, a lost connection.
pub async fn draw_combinations(
    session: &Session,
    columns: &[&ColumnDraw],
    reads_rows: bool,
) -> Result<std::result::Result<Combinations, String>> {
    read_only(session, DRAW_TIMEOUT, draw(session, columns, reads_rows)).await
}

async fn draw(
    session: &Session,
    columns: &[&ColumnDraw],
    reads_rows: bool,
) -> Result<std::result::Result<Combinations, String>> {
    let names: Vec<&str> = columns
        .iter()
        .map(|column| column.column.as_str())
        .collect();
    let Some(first) = columns.first() else {
        return Ok(Err("there are no columns".into()));
    };
    let known = statistics(session, first.table_oid, &names).await?;
    if let Some(known) = &known
        && known.values.iter().map(|(_, share)| share).sum::<f64>() >= COMPLETE
    {
        return Ok(Ok(known.clone()));
    }
    if !reads_rows {
        return Ok(known.ok_or_else(|| "no row is read with --plans-only".to_owned()));
    }
    match sample(session, &first.sampling, &names).await {
        Ok(sampled) => {
            Ok(merge(known, sampled).ok_or_else(|| "no row has a value in all of them".to_owned()))
        }
        Err(error) if sqlstate(&error) == Some("57014") => {
            Ok(known.ok_or_else(|| "sampling the table took more than 10 s".to_owned()))
        }
        Err(error) if is_connection_loss(&error) || sqlstate(&error) == Some("42501") => {
            Err(Error::server(format!(
                "sampling {} of {}",
                names.join(", "),
                first.sampling.table
            ))(error))
        }
        Err(error) => Ok(known.ok_or_else(|| crate::db::describe_error(&error))),
    }
}

async fn statistics(session: &Session, table: u32, names: &[&str]) -> Result<Option<Combinations>> {
    let row = session
        .query_opt(
            &crate::sql::marked(include_str!("combinations.sql")),
            &[&table, &names],
        )
        .await
        .map_err(Error::server("reading extended statistics"))?;
    let Some(row) = row else { return Ok(None) };
    let there: Vec<String> = row.get("columns");
    let frequencies: Vec<f64> = row.get("frequencies");
    let values: Vec<Option<String>> = row.get("vals");
    let places: Option<Vec<usize>> = names
        .iter()
        .map(|name| there.iter().position(|known| known == name))
        .collect();
    let Some(places) = places.filter(|_| !frequencies.is_empty()) else {
        return Ok(None);
    };
    // Expressions follow the columns.
    let width = values.len() / frequencies.len();
    let mut shares: HashMap<Vec<String>, f64> = HashMap::new();
    for (values, frequency) in values.chunks(width.max(1)).zip(frequencies) {
        let own: Option<Vec<String>> = places
            .iter()
            .map(|&place| values.get(place).cloned().flatten())
            .collect();
        // A NULL equals nothing.
        if let Some(own) = own {
            *shares.entry(own).or_default() += frequency;
        }
    }
    let name: String = row.get("name");
    Ok(Some(Combinations {
        values: commonest_first(shares.into_iter().collect()),
        origin: format!("the extended statistics {name}"),
    })
    .filter(|known| !known.values.is_empty()))
}

/// Statistics are drawn from the whole table's rows, so they say what is commonest; the sample says what else there is.
fn merge(known: Option<Combinations>, sampled: Sampled) -> Option<Combinations> {
    let (mut values, mut origin) = match known {
        Some(known) => (known.values, format!("{} and ", known.origin)),
        None => (Vec::new(), String::new()),
    };
    if sampled.rows == 0 {
        return (!values.is_empty()).then(|| Combinations {
            values,
            origin: origin.trim_end_matches(" and ").to_owned(),
        });
    }
    origin.push_str(&format!("a sample of {} rows", sampled.rows));
    #[expect(clippy::cast_precision_loss, reason = "counts of a small sample")]
    let others: Vec<(Vec<String>, f64)> = sampled
        .combinations
        .into_iter()
        .filter(|(own, _)| values.iter().all(|(other, _)| other != own))
        .map(|(own, count)| (own, count as f64 / sampled.rows as f64))
        .collect();
    values.extend(others);
    Some(Combinations {
        values: commonest_first(values),
        origin,
    })
}

fn commonest_first(mut values: Vec<(Vec<String>, f64)>) -> Vec<(Vec<String>, f64)> {
    values.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(a: &str, b: &str) -> Vec<String> {
        vec![a.into(), b.into()]
    }

    #[test]
    fn statistics_say_what_is_commonest_and_the_sample_what_else_there_is() {
        let known = Combinations {
            values: vec![(pair("a", "x"), 0.5), (pair("b", "y"), 0.3)],
            origin: "the extended statistics public.s".into(),
        };
        let sampled = Sampled {
            rows: 10,
            combinations: vec![(pair("b", "y"), 8), (pair("c", "z"), 2)],
        };
        let merged = merge(Some(known), sampled.clone()).unwrap();
        let order: Vec<&str> = merged.values.iter().map(|(v, _)| v[0].as_str()).collect();
        assert_eq!(order, ["a", "b", "c"]);
        assert_eq!(
            merged.origin,
            "the extended statistics public.s and a sample of 10 rows"
        );
        assert_eq!(merge(None, sampled).unwrap().values[0].1, 0.8);
        assert_eq!(merge(None, Sampled::default()), None);
    }
}
