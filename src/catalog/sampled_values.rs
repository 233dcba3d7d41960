//! Combinations of values that occur together in columns of a table, by how often: from a bounded sample of it.

use tokio_postgres::Error;

use super::quote_identifier;
use crate::db::Session;

/// A table to take a sample of, and what the catalog says of its size.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sampling {
    /// The table as SQL.
    pub(super) table: String,
    /// `pg_class.relkind`.
    pub(super) kind: String,
    /// `pg_class.relpages`; −1 of a partitioned table.
    pub(super) pages: i64,
    /// `pg_class.reltuples`; −1 where it was never analysed.
    pub(super) rows: f64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sampled {
    /// How many rows without NULL there were.
    pub(super) rows: u64,
    /// One value of each column as text, and in how many of those rows; commonest first.
    pub(super) combinations: Vec<(Vec<String>, u64)>,
}

/// The approximate number of rows to read: as many as ANALYZE does, at the default statistics target.
const ROWS: u32 = 30_000;
/// From no more pages than these, however few rows each holds,
const PAGES: f64 = 2_000.0;
/// and no fewer: rows of one page resemble each other.
const FEWEST_PAGES: f64 = 400.0;
/// A table with up to this many rows is read in full.
const READ_WHOLE: u32 = 4 * ROWS;
const COMBINATIONS: u32 = 1_000;
/// Wider values (bytes) are passed over, so that the answer stays small.
const WIDEST: u32 = 8_192;

/// Looks at a sample. The same blocks are drawn each time, so that tonight's parameters are last night's where the
/// table is the same.
///
/// # Errors
/// The server's: a missing privilege, a timeout.
pub(super) async fn sample(
    session: &Session,
    sampling: &Sampling,
    columns: &[&str],
) -> Result<Sampled, Error> {
    let some = look(session, sampling, columns, &sampling.clause()).await?;
    if some.rows > 0 || sampling.clause().is_empty() {
        return Ok(some);
    }
    // The blocks drawn happened to hold nothing.
    look(session, sampling, columns, "").await
}

async fn look(
    session: &Session,
    sampling: &Sampling,
    columns: &[&str],
    clause: &str,
) -> Result<Sampled, Error> {
    let numbered: Vec<(usize, String)> = (1..)
        .zip(columns.iter().map(|name| quote_identifier(name)))
        .collect();
    let join = |separator: &str, one: &dyn Fn(&(usize, String)) -> String| -> String {
        let all: Vec<String> = numbered.iter().map(one).collect();
        all.join(separator)
    };
    let sql = format!(
        "SELECT {texts}, count(*), (sum(count(*)) OVER ())::int8 FROM \
         (SELECT {columns} FROM {table}{clause} LIMIT {READ_WHOLE}) AS sample WHERE {usable} \
         GROUP BY {groups} ORDER BY count(*) DESC, {groups} LIMIT {COMBINATIONS}",
        texts = join(", ", &|(n, _)| format!("v{n}::text")),
        columns = join(", ", &|(n, name)| format!("{name} AS v{n}")),
        table = sampling.table,
        usable = join(" AND ", &|(n, _)| format!(
            "octet_length(v{n}::text) <= {WIDEST}"
        )),
        groups = join(", ", &|(n, _)| n.to_string()),
    );
    let rows = session.query(&sql, &[]).await?;
    let count = |row: &tokio_postgres::Row, at: usize| {
        u64::try_from(row.get::<_, i64>(columns.len() + at)).unwrap_or(0)
    };
    Ok(Sampled {
        rows: rows.first().map_or(0, |row| count(row, 1)),
        combinations: rows
            .iter()
            .map(|row| {
                (
                    (0..columns.len()).map(|at| row.get(at)).collect(),
                    count(row, 0),
                )
            })
            .collect(),
    })
}

impl Sampling {
    /// ` TABLESAMPLE …`, where the table is large and can be sampled by block.
    fn clause(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let pages = self.pages as f64;
        let small = pages <= PAGES && self.rows <= f64::from(READ_WHOLE);
        if small || pages < 1.0 || !matches!(self.kind.as_str(), "r" | "m" | "p") {
            return String::new();
        }
        let by_rows = if self.rows > 0.0 {
            f64::from(ROWS) / self.rows
        } else {
            1.0
        };
        let share = by_rows.max(FEWEST_PAGES / pages).min(PAGES / pages);
        let percent = (100.0 * share).clamp(0.001, 100.0);
        format!(" TABLESAMPLE SYSTEM ({percent:.4}) REPEATABLE (1)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_bounded_in_pages_and_in_rows() {
        let clause = |kind: &str, pages, rows| {
            let (table, kind) = (String::new(), kind.to_owned());
            let sampling = Sampling {
                table,
                kind,
                pages,
                rows,
            };
            sampling.clause()
        };
        assert_eq!(clause("r", 2_000, 1e5), "");
        assert_eq!(clause("r", 2_000, -1.0), "");
        assert_eq!(clause("f", 200_000, 1e6), "");
        // Four rows a page: the most pages bound it.
        assert!(clause("r", 200_000, 8e5).contains("SYSTEM (1.0000)"));
        // Forty: the rows do.
        assert!(clause("r", 200_000, 8e6).contains("SYSTEM (0.3750)"));
        // Two hundred: the fewest pages.
        assert!(clause("r", 200_000, 4e7).contains("SYSTEM (0.2000)"));
        assert!(clause("r", 2_000, 4e5).contains("SYSTEM (20.0000)"));
        assert!(clause("r", 200_000, -1.0).contains("SYSTEM (1.0000)"));
    }
}
