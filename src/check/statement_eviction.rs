//! `statement-eviction`: pg_stat_statements forgets statements.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold};
use crate::catalog::Fact;

pub(super) const CHECK: Check = Check {
    code: "statement-eviction",
    severity: Severity::Info,
    summary: "pg_stat_statements is full and evicts statements",
    explanation: "\
pg_stat_statements keeps `pg_stat_statements.max` statements. When it is full, it evicts the ones that ran \
least.

The figures of a statement then count only from when it last came in, and rare slow statements are missing: \
the sections and checks that use pg_stat_statements are incomplete. Eviction also takes a lock that all \
sessions need.

To confirm: run `SELECT dealloc, stats_reset FROM pg_stat_statements_info` twice, an hour apart.

To fix: raise `pg_stat_statements.max`, which needs a restart. Usually the cause is many statements that \
differ only in the length of a list of values: pass an array instead.",
    thresholds: &[Threshold {
        key: "min-per-day",
        default: 1.0,
        meaning: "evictions per day, each of a twentieth of all statements",
    }],
    needs: &[Fact::Statements, Fact::Settings],
    evidence: Evidence::StatementCounters,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let Some(statements) = &case.catalog.statements else {
        return Vec::new();
    };
    let Some(evictions) = statements.evictions.filter(|evictions| *evictions > 0) else {
        return Vec::new();
    };
    let days = case
        .seconds_since(statements.stats_reset)
        .map(|s| (s / 86_400.0).max(1.0));
    let per_day = days.map(|days| evictions as f64 / days);
    if per_day.is_some_and(|per_day| per_day < case.threshold("min-per-day")) {
        return Vec::new();
    }
    let max = case.catalog.settings.number("pg_stat_statements.max");
    let finding = Finding::new(
        Subject::new("setting", "pg_stat_statements.max"),
        format!("statements were evicted {}", super::times(evictions)),
    )
    .evidence("evictions", evictions)
    .evidence(
        "evictions_per_day",
        per_day.map(|rate| (rate * 10.0).round() / 10.0),
    )
    .evidence("statements_kept", statements.kept)
    .evidence("max", max);
    vec![match max {
        Some(max) => finding
            .remedy(format!(
                "ALTER SYSTEM SET pg_stat_statements.max = {}; -- and restart",
                max * 2.0
            ))
            .undo(Some(
                "ALTER SYSTEM RESET pg_stat_statements.max; -- and restart".into(),
            )),
        None => finding,
    }]
}

#[cfg(test)]
mod tests {
    use crate::check::fixture::{catalog, findings, statement, statements, subjects};

    #[test]
    fn evictions_every_day_are_found() {
        let mut catalog = catalog();
        let mut kept = statements(vec![statement(1, 1, 1.0)]);
        kept.evictions = Some(50);
        catalog.statements = Some(kept);
        let found = findings("statement-eviction", &catalog);
        assert_eq!(found[0].evidence["evictions_per_day"], 5.0);
        assert!(found[0].remedy.as_deref().unwrap().contains("max = 10000"));
    }

    #[test]
    fn none_or_few_and_servers_that_do_not_tell_are_let_be() {
        for evictions in [None, Some(0), Some(3)] {
            let mut catalog = catalog();
            let mut kept = statements(vec![statement(1, 1, 1.0)]);
            kept.evictions = evictions;
            catalog.statements = Some(kept);
            assert!(subjects("statement-eviction", &catalog).is_empty());
        }
    }
}
