//! `slow-statement`: a statement that takes longer than its budget on average.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold, counted,
    sureness::in_days,
};
use crate::{
    catalog::{Fact, Statement},
    human::human_ms,
    sql::OWN_MARK,
};

pub(super) const CHECK: Check = Check {
    code: "slow-statement",
    severity: Severity::Warning,
    summary: "a statement that is slower than the budget on average",
    explanation: "\
A statement that clients ran several times took longer than the budget on average since pg_stat_statements \
was reset. Maintenance (VACUUM, CREATE INDEX, COPY …) and dbaudit's own statements are not reported.

Whoever waits for it waits that long. A mean hides its extremes: the evidence has the slowest run and the \
standard deviation.

To confirm: `EXPLAIN (ANALYZE, BUFFERS)` with the slow parameters. Put the statement into a file under \
`queries/`, and `dbaudit time-queries` judges it for typical and worst-case parameters.

To fix: what the plan shows: a missing index, a wrong estimate, a sort that spills to disk, too many rows \
fetched.",
    thresholds: &[
        Threshold {
            key: "budget-ms",
            default: 100.0,
            meaning: "mean time of a run",
        },
        Threshold {
            key: "min-calls",
            default: 10.0,
            meaning: "statements run less often are not reported",
        },
        Threshold {
            key: "max-findings",
            default: 20.0,
            meaning: "this many statements are reported one by one, the costliest first, and the rest together",
        },
    ],
    needs: &[Fact::Statements],
    evidence: Evidence::StatementCounters,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let Some(statements) = &case.catalog.statements else {
        return Vec::new();
    };
    let since = statements
        .stats_reset
        .and_then(|at| case.seconds_since(Some(at)));
    let since = since.map_or_else(String::new, |seconds| {
        format!(" {}", in_days(seconds / 86_400.0))
    });
    let mut slow: Vec<&Statement> = statements
        .list
        .iter()
        .filter(|s| s.mean_ms > case.threshold("budget-ms"))
        .filter(|s| s.calls as f64 >= case.threshold("min-calls"))
        .filter(|s| s.text.as_deref().is_none_or(is_a_query))
        .collect();
    slow.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms));
    let shown = slow.len().min(case.threshold("max-findings") as usize);
    let (shown, rest) = slow.split_at(shown);
    let mut findings: Vec<Finding> = shown.iter().map(|s| finding(s, &since)).collect();
    if !rest.is_empty() {
        let total: f64 = rest.iter().map(|statement| statement.total_ms).sum();
        let ids: Vec<String> = rest.iter().map(|s| name(s)).collect();
        findings.push(
            Finding::new(
                Subject::database(case.catalog),
                format!(
                    "{} over the budget, {} together{since}",
                    counted(rest.len(), "more statement is", "more statements are"),
                    human_ms(total)
                ),
            )
            .evidence("count", rest.len())
            .evidence("total_ms", total.round())
            .evidence("query_ids", ids),
        );
    }
    findings
}

fn finding(statement: &Statement, since: &str) -> Finding {
    Finding::new(
        Subject::new("statement", name(statement)),
        format!(
            "{} on average over {}{since}",
            human_ms(statement.mean_ms),
            counted(
                usize::try_from(statement.calls).unwrap_or(usize::MAX),
                "run",
                "runs"
            ),
        ),
    )
    .evidence("mean_ms", statement.mean_ms)
    .evidence("max_ms", statement.max_ms)
    .evidence("stddev_ms", statement.stddev_ms)
    .evidence("total_ms", statement.total_ms)
    .evidence("calls", statement.calls)
    .evidence("rows", statement.rows)
    .evidence("shared_blocks_read", statement.blocks_read)
    .evidence("temp_blocks_written", statement.temp_blocks_written)
    .evidence("query", statement.text.clone())
    .confirm("EXPLAIN (ANALYZE, BUFFERS) with the slow parameters, or dbaudit time-queries")
}

fn name(statement: &Statement) -> String {
    statement
        .query_id
        .map_or_else(|| "hidden".to_owned(), |id| id.to_string())
}

/// Whether a statement is the application's: not maintenance, and not one of dbaudit's own.
pub fn is_a_query(text: &str) -> bool {
    if text.contains(OWN_MARK) {
        return false;
    }
    let word: String = without_comments(text)
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect::<String>()
        .to_ascii_uppercase();
    matches!(
        word.as_str(),
        "SELECT" | "WITH" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "VALUES" | "TABLE" | ""
    )
}

/// From the first word on.
fn without_comments(text: &str) -> &str {
    let mut text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    loop {
        let rest = if let Some(line) = text.strip_prefix("--") {
            line.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(block) = text.strip_prefix("/*") {
            block.split_once("*/").map_or("", |(_, rest)| rest)
        } else {
            return text;
        };
        text = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    }
}

#[cfg(test)]
mod tests {
    use crate::check::fixture::{
        catalog, findings, findings_with, statement, statements, subjects,
    };

    #[test]
    fn statements_over_the_budget_are_found_the_costliest_first() {
        let mut catalog = catalog();
        catalog.statements = Some(statements(vec![
            statement(1, 20, 150.0),
            statement(2, 1_000, 120.0),
            statement(3, 1_000, 5.0),
        ]));
        assert_eq!(subjects("slow-statement", &catalog), ["2", "1"]);
        let found = findings("slow-statement", &catalog);
        assert_eq!(
            found[0].message,
            "120 ms on average over 1000 runs in 10 days"
        );
    }

    #[test]
    fn rare_statements_maintenance_and_our_own_are_let_be() {
        let mut catalog = catalog();
        let mut vacuum = statement(1, 100, 5_000.0);
        vacuum.text = Some("/* nightly */ -- at two\nVACUUM content".into());
        let mut ours = statement(2, 100, 500.0);
        ours.text = Some("SELECT /* dbaudit */ relname FROM pg_class".into());
        catalog.statements = Some(statements(vec![vacuum, ours, statement(3, 2, 900.0)]));
        assert!(subjects("slow-statement", &catalog).is_empty());
    }

    #[test]
    fn many_are_summed_up() {
        let mut catalog = catalog();
        let many = (1..=30).map(|id| statement(id, 100, 200.0)).collect();
        catalog.statements = Some(statements(many));
        let found = findings_with("slow-statement", &catalog, &[], &[("max-findings", 5.0)]);
        assert_eq!(found.len(), 6);
        assert_eq!(found[5].evidence["count"], 25);
    }
}
