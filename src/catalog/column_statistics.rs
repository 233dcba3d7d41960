//! The columns' statistics: from `pg_statistic` where the role may read it, else through the view.

use serde::{Deserialize, Serialize};
use tokio_postgres::{Error as PgError, types::Type};

use super::{
    Catalog, Fact, Table, UnreadFact,
    hidden::grant_reading,
    reader::{Entity, Fields, Reader},
};

/// Tables whose statistics are asked of the view: it costs twenty times as much as `pg_statistic`.
const THROUGH_THE_VIEW: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ColumnStatistics {
    /// The share of nulls, 0 to 1.
    pub null_fraction: f64,
    /// The average width of a value, in bytes, nulls not counted.
    pub average_bytes: u32,
    /// Distinct values: a number, or, negative, a share of the rows.
    pub distinct: f64,
    /// How far the rows lie in the values' order, -1 to 1; `None`: the type has no order, or not read.
    #[serde(default)]
    pub correlation: Option<f64>,
}

/// A row of `pg_statistic`, still to be joined to its column.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatisticsRow {
    table: u32,
    column: i16,
    statistics: ColumnStatistics,
}

impl Entity for StatisticsRow {
    const FACT: Fact = Fact::ColumnStatistics;
    const SQL: &'static str = include_str!("column_statistics.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            table: row.get()?,
            column: row.get()?,
            statistics: ColumnStatistics {
                null_fraction: f64::from(row.get::<f32>()?),
                average_bytes: row.optional_small_count()?.unwrap_or(0),
                distinct: f64::from(row.get::<f32>()?),
                correlation: row.get::<Option<f32>>()?.map(f64::from),
            },
        })
    }
}

/// Those that [`StatisticsRow`]'s own query may not read: of the largest tables, through the view.
pub(super) async fn read_through_view(
    reader: &Reader<'_>,
    catalog: &Catalog,
) -> Vec<StatisticsRow> {
    let stored = catalog.stored_tables().count();
    let hidden: Vec<&Table> = catalog.stored_tables().filter(|t| !t.readable).collect();
    if !hidden.is_empty() {
        reader.skip(UnreadFact {
            fact: Fact::ColumnStatistics,
            reason: format!(
                "the role {} cannot read {} of {stored} tables, so the statistics of their columns are hidden",
                catalog.server.role.name,
                hidden.len(),
            ),
            grant: Some(grant_reading(
                "TABLES",
                hidden.iter().map(|table| table.schema.as_str()),
                catalog,
            )),
            partial: hidden.len() < stored,
        });
    }
    let mut largest: Vec<&Table> = catalog.stored_tables().filter(|t| t.readable).collect();
    largest.sort_by_key(|table| std::cmp::Reverse(table.pages));
    let names: Vec<&str> = largest
        .iter()
        .take(THROUGH_THE_VIEW)
        .map(|t| t.name.as_str())
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let sql = include_str!("column_statistics_view.sql");
    let params = [(&names as _, Type::NAME_ARRAY)];
    reader
        .rows_or_note(
            Fact::ColumnStatistics,
            sql,
            &params,
            StatisticsRow::from_row,
        )
        .await
}

/// Gives each row to its column.
pub(super) fn apply(catalog: &mut Catalog, rows: Vec<StatisticsRow>) {
    let columns = &mut catalog.columns;
    for row in rows {
        let key = (row.table, row.column);
        if let Ok(at) = columns.binary_search_by_key(&key, |column| (column.table, column.number)) {
            columns[at].statistics = Some(row.statistics);
        }
    }
}
