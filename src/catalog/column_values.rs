//! Values that occur in a column, by how often: from the planner's statistics, or from a sample of the
//! table where there are none.

use std::time::Duration;

use super::{
    ColumnRef,
    read_only::read_only,
    sampled_values::{Sampling, sample},
};
use crate::{
    Error, Result,
    db::{Session, TextParameter},
};

/// What is known of a column's values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnValues {
    /// The commonest values as text, with their share of all rows, commonest first.
    pub most_common: Vec<(String, f64)>,
    /// Values in ascending order, evenly spread over the rows that hold none of the commonest.
    pub bounds: Vec<String>,
    /// How many different values there are.
    pub distinct: Option<f64>,
}

/// A column's values, one that does not occur in it, and how both were come by.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDraw {
    pub values: ColumnValues,
    /// What does not.
    pub absent: Option<String>,
    /// Where they were come by: `the statistics of content.user_id`.
    pub origin: String,
    /// What the user should know of it: no statistics, nothing absent found.
    pub notes: Vec<String>,
    /// The table: columns of the same table are drawn together.
    pub table_oid: u32,
    pub column: String,
    pub(super) sampling: Sampling,
}

/// So long any one question about values may take.
pub(super) const DRAW_TIMEOUT: Duration = Duration::from_secs(10);

/// Draws values from a column. The session must not be in a transaction.
///
/// # Errors
/// The table or column does not exist or may not be read, or the table is empty.
pub async fn draw_values(session: &Session, column: &ColumnRef) -> Result<ColumnDraw> {
    read_only(session, DRAW_TIMEOUT, draw(session, column)).await
}

async fn draw(session: &Session, column: &ColumnRef) -> Result<ColumnDraw> {
    let found = session
        .query_opt(
            &super::dialect::marked(include_str!("column_values.sql")),
            &[&column.quoted_table(), &column.column],
        )
        .await
        .map_err(Error::server(format!("reading the statistics of {column}")))?;
    let missing = |what: &str| Error::CannotJudge {
        message: format!(
            "{what} of `column {column}` does not exist, or is not on the search_path"
        ),
        hint: "write [schema.]table.column, in double quotes where SQL needs them".into(),
    };
    let row = found.ok_or_else(|| missing("the table"))?;
    if !row.get::<_, bool>("has_column") {
        return Err(missing("the column"));
    }
    let mut notes = Vec::new();
    let sampling = Sampling {
        table: column.quoted_table(),
        kind: row.get("relkind"),
        pages: row.get("pages"),
        rows: row.get("rows"),
    };
    let mut values = statistics(&row);
    let mut origin = format!("the statistics of {column}");
    if values.most_common.is_empty() && values.bounds.is_empty() {
        let rows;
        (values, rows) = sampled(session, column, &sampling).await?;
        notes.push(format!(
            "no statistics for {column} (it was never analyzed, its type has none to draw from, or this role \
             cannot read them): its values were drawn from a sample of the table"
        ));
        origin = format!("a sample of {rows} rows");
    }
    let absent = find_absent(session, column, &row, &values).await?;
    match &absent {
        AbsentValue::Found(_) => {}
        AbsentValue::None => notes.push(format!("no value was found that is absent from {column}")),
        AbsentValue::Unverified(value) => notes.push(format!(
            "could not verify within 2 s whether {value} occurs in {column}; it is treated as absent"
        )),
    }
    Ok(ColumnDraw {
        values,
        absent: match absent {
            AbsentValue::Found(value) | AbsentValue::Unverified(value) => Some(value),
            AbsentValue::None => None,
        },
        origin,
        notes,
        table_oid: row.get("oid"),
        column: column.column.clone(),
        sampling,
    })
}

fn statistics(row: &tokio_postgres::Row) -> ColumnValues {
    let values: Option<Vec<String>> = row.get("most_common");
    let frequencies: Option<Vec<f64>> = row.get("frequencies");
    let rows: f64 = row.get("rows");
    ColumnValues {
        most_common: values
            .unwrap_or_default()
            .into_iter()
            .zip(frequencies.unwrap_or_default())
            .collect(),
        bounds: row
            .get::<_, Option<Vec<String>>>("bounds")
            .unwrap_or_default(),
        // Negative: a share of the rows.
        distinct: row
            .get::<_, Option<f64>>("n_distinct")
            .map(|n| if n < 0.0 { -n * rows.max(0.0) } else { n })
            .filter(|n| *n > 0.0),
    }
}

/// The values of a sample, and how many rows it had.
async fn sampled(
    session: &Session,
    column: &ColumnRef,
    sampling: &Sampling,
) -> Result<(ColumnValues, u64)> {
    let sampled = sample(session, sampling, &[&column.column])
        .await
        .map_err(Error::server(format!("sampling {column}")))?;
    if sampled.combinations.is_empty() {
        return Err(Error::CannotJudge {
            message: format!("{column} has no values to draw a parameter from"),
            hint: "use a database that contains data, or list `values` for the parameter".into(),
        });
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of a small sample")]
    let values = ColumnValues {
        distinct: Some(sampled.combinations.len() as f64),
        most_common: sampled
            .combinations
            .into_iter()
            .filter_map(|(mut own, count)| Some((own.pop()?, count as f64 / sampled.rows as f64)))
            .collect(),
        bounds: Vec::new(),
    };
    Ok((values, sampled.rows))
}

enum AbsentValue {
    Found(String),
    Unverified(String),
    None,
}

async fn find_absent(
    session: &Session,
    column: &ColumnRef,
    row: &tokio_postgres::Row,
    values: &ColumnValues,
) -> Result<AbsentValue> {
    let labels: Option<Vec<String>> = row.get("enum_labels");
    let unlikely = unlikely_values(row.get("typcategory"), row.get("typname"), labels);
    let sql = format!(
        "SELECT EXISTS (SELECT FROM {} WHERE {} = $1)",
        column.quoted_table(),
        crate::catalog::quote_identifier(&column.column)
    );
    for value in unlikely {
        let known = values.most_common.iter().map(|(common, _)| common);
        if known.chain(&values.bounds).any(|known| *known == value) {
            continue;
        }
        // A savepoint: a value out of the type's range, or a timeout, must not end the transaction.
        session
            .batch_execute("SAVEPOINT absent; SET LOCAL statement_timeout = '2s'")
            .await
            .map_err(Error::server("setting a savepoint"))?;
        let answer = session
            .query_one(&sql, &[&TextParameter(Some(value.clone()))])
            .await;
        session
            .batch_execute("ROLLBACK TO SAVEPOINT absent")
            .await
            .map_err(Error::server("returning to a savepoint"))?;
        match answer {
            Ok(row) if !row.get::<_, bool>(0) => return Ok(AbsentValue::Found(value)),
            Ok(_) => {}
            Err(error) if crate::db::sqlstate(&error) == Some("57014") => {
                return Ok(AbsentValue::Unverified(value));
            }
            Err(error) if crate::db::is_connection_loss(&error) => {
                return Err(Error::server(format!(
                    "looking for a value absent from {column}"
                ))(error));
            }
            Err(_) => {}
        }
    }
    Ok(AbsentValue::None)
}

/// Values of a type that hardly any application stores, the likeliest to be absent first.
fn unlikely_values(category: &str, name: &str, enum_labels: Option<Vec<String>>) -> Vec<String> {
    let texts: &[&str] = match (category, name) {
        ("E", _) => return enum_labels.unwrap_or_default(),
        ("N", _) => &["-1", "0", "32766", "2147483646", "-32767"],
        ("S", _) => &["dbaudit: absent", "~"],
        ("D", "time" | "timetz") => &["23:59:59.987654"],
        ("D", _) => &["1900-01-01", "0001-01-01"],
        ("B", _) => &["true", "false"],
        ("I", _) => &["192.0.2.255"],
        ("T", _) => &["-987654321 days"],
        (_, "uuid") => &["dbad0000-0000-4000-8000-000000000000"],
        (_, "bytea") => &["\\xdbad0000dbad"],
        (_, "jsonb") => &["\"dbaudit: absent\""],
        _ => &[],
    };
    texts.iter().map(|text| (*text).to_owned()).collect()
}
