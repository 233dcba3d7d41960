//! What would help a query that no index brings within its budget.

use super::{Clauses, text::Amount};

/// An OFFSET from which on the rows skipped are the work.
const DEEP_OFFSET: u64 = 1_000;
/// Rows from which on carrying them to the client is the work.
const MANY_ROWS: f64 = 10_000.0;

/// In one or two sentences. `parameters`: the values of the worst case. `rows`: as the planner expects them.
/// `sums_many`: more rows than can be read within the budget.
pub fn alternatives(
    clauses: &Clauses,
    parameters: &[Option<String>],
    rows: f64,
    sums_many: bool,
) -> String {
    let value = |amount: &Option<Amount>| match amount {
        Some(Amount::Number(number)) => Some(*number),
        Some(Amount::Parameter(n)) => parameters.get(n.checked_sub(1)?)?.as_ref()?.parse().ok(),
        None => None,
    };
    if let Some(offset) = value(&clauses.offset).filter(|offset| *offset >= DEEP_OFFSET) {
        return format!(
            "page by keyset: remember the sort key of the last row and ask for the rows after it (WHERE \
             (sort_key, id) < ($1, $2) ORDER BY … LIMIT …); OFFSET {offset} reads and discards {offset} rows, \
             whatever the indexes"
        );
    }
    if clauses.aggregates && sums_many {
        return "a summary table: the query aggregates more rows than can be read within the budget; keep the \
             aggregates in a table that the writers (or a job) update, or in a materialized view"
            .to_owned();
    }
    if value(&clauses.limit).is_none() && rows >= MANY_ROWS {
        return format!(
            "fewer rows: the query returns about {rows:.0}; add a LIMIT, or fetch them in batches by key"
        );
    }
    if clauses.star {
        return "a narrower select list: name the columns you need instead of *, so that an index can cover \
             them all"
            .to_owned();
    }
    "a different query: use a condition that an index can serve (an equality, a range or a prefix), or store \
     the computed value in a column of its own"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_hopeless_query_gets_its_own_advice() {
        let of_sums = |sql: &str, parameters: &[&str], rows, sums_many| {
            let parameters: Vec<Option<String>> =
                parameters.iter().map(|p| Some((*p).to_owned())).collect();
            alternatives(&Clauses::of(sql), &parameters, rows, sums_many)
        };
        let of = |sql: &str, parameters: &[&str], rows| of_sums(sql, parameters, rows, false);
        assert!(
            of(
                "SELECT a FROM t ORDER BY a LIMIT 10 OFFSET $1",
                &["500000"],
                10.0
            )
            .starts_with("page by keyset")
        );
        let sum = "SELECT count(*) FROM t WHERE a = 1";
        assert!(of_sums(sum, &[], 1.0, true).starts_with("a summary table"));
        assert!(of(sum, &[], 1.0).starts_with("a different query"));
        assert!(of("SELECT a FROM t", &[], 1e6).starts_with("fewer rows"));
        assert!(of("SELECT * FROM t LIMIT 5", &[], 5.0).starts_with("a narrower select list"));
        assert!(of("SELECT a FROM t LIMIT 5", &[], 5.0).starts_with("a different query"));
    }
}
