//! `unused-index`: an index that nothing reads.

use super::{Case, Check, Evidence, Finding, Severity, Subject, Threshold, counted};
use crate::{
    catalog::{ConstraintKind, Fact, Index},
    render::human_bytes,
};

/// The check.
pub(super) const CHECK: Check = Check {
    code: "unused-index",
    severity: Severity::Warning,
    summary: "an index that no query has used",
    explanation: "\
Every index costs on every write, in the cache and in backups. One that no query has read since the \
counters began is a candidate for dropping. Indexes that are needed without being read are not \
reported: those behind constraints, a table's replica identity, indexes attached to a partitioned \
index, and those that a foreign key's checks lean on.

Counters know only this server, and only since they were reset: a standby counts its own, a yearly job \
may need the index next month, and after a crash the counters start anew. Unless they are known to be \
older than min-age-days, the finding is an info.

To confirm: pass `--replica URL` for every standby that serves queries; look at `last_idx_scan` (from \
version 16 on); ask whoever runs the rare jobs.

To mend: `DROP INDEX CONCURRENTLY`; the finding carries the statement that builds it again.",
    thresholds: &[
        Threshold {
            key: "min-age-days",
            default: 7.0,
            meaning: "how old the counters must be for a warning",
        },
        Threshold {
            key: "min-bytes",
            default: 1_048_576.0,
            meaning: "smaller indexes are one finding together",
        },
        Threshold {
            key: "max-scans",
            default: 0.0,
            meaning: "this many scans still count as unused",
        },
    ],
    needs: &[Fact::Indexes, Fact::Tables, Fact::Constraints],
    evidence: Evidence::DatabaseCounters,
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    let known = catalog.statistics_days();
    let severity = match known {
        Some(days) if days >= case.threshold("min-age-days") => Severity::Warning,
        _ => Severity::Info,
    };
    let since = known.map_or_else(
        || "since the counters began, which is unknown".to_owned(),
        |days| format!("in {days:.0} days"),
    );
    let mut unused: Vec<&Index> = catalog
        .indexes
        .iter()
        .filter(|index| is_unused(case, index) && is_droppable(case, index))
        .collect();
    unused.sort_by_key(|index| std::cmp::Reverse(index.bytes));
    #[expect(clippy::cast_precision_loss, reason = "compared with a threshold")]
    let large = unused.partition_point(|index| index.bytes as f64 >= case.threshold("min-bytes"));
    let (large, small) = unused.split_at(large);
    let mut findings: Vec<Finding> = large
        .iter()
        .map(|index| {
            Finding::new(
                Subject::index(index),
                format!(
                    "{} that no query has read {since}",
                    human_bytes(index.bytes)
                ),
            )
            .severity(severity)
            .evidence("scans", index.scans)
            .evidence("size_bytes", index.bytes)
            .evidence("statistics_age_days", known)
            .evidence("last_scan", index.last_scan.map(|at| at.to_string()))
            .evidence("replicas_checked", case.replicas.len())
            .remedy(format!(
                "DROP INDEX CONCURRENTLY {};",
                index.qualified().quoted()
            ))
            .undo(
                index
                    .definition(catalog)
                    .map(|text| format!("{};", concurrently(&text))),
            )
            .confirm("that no standby and no rare job reads it: report --replica URL")
        })
        .collect();
    if let [only] = small {
        findings.push(group(case, &[*only], severity, &since));
    } else if !small.is_empty() {
        findings.push(group(case, small, severity, &since));
    }
    findings
}

fn group(case: &Case<'_>, small: &[&Index], severity: Severity, since: &str) -> Finding {
    let bytes: u64 = small.iter().map(|index| index.bytes).sum();
    let names: Vec<String> = small
        .iter()
        .map(|index| index.qualified().to_string())
        .collect();
    let drops: Vec<String> = small
        .iter()
        .map(|index| format!("DROP INDEX CONCURRENTLY {};", index.qualified().quoted()))
        .collect();
    let subject = match small {
        [only] => Subject::index(only),
        _ => Subject::new("indexes", "small unused indexes"),
    };
    Finding::new(
        subject,
        format!(
            "{}, {} together, that no query has read {since}",
            counted(small.len(), "small index", "small indexes"),
            human_bytes(bytes)
        ),
    )
    .severity(severity.min(Severity::Info))
    .evidence("indexes", names)
    .evidence("count", small.len())
    .evidence("size_bytes", bytes)
    .evidence("statistics_age_days", case.catalog.statistics_days())
    .remedy(drops.join("\n"))
}

#[expect(clippy::cast_precision_loss, reason = "compared with a threshold")]
fn is_unused(case: &Case<'_>, index: &Index) -> bool {
    let limit = case.threshold("max-scans");
    let read_there = case.replicas.iter().any(|replica| {
        replica
            .index(index.oid)
            .is_some_and(|same| same.scans as f64 > limit)
    });
    index.valid && !index.partitioned && index.scans as f64 <= limit && !read_there
}

fn is_droppable(case: &Case<'_>, index: &Index) -> bool {
    let catalog = case.catalog;
    !index.unique
        && !index.primary
        && !index.exclusion
        && !index.replica_identity
        && !index.clustered
        && index.parent.is_none()
        && catalog.constraint_of_index(index.oid).is_none()
        && !supports_foreign_key(case, index)
}

/// The index leads with the columns of a foreign key of its table: deletes on the other side need it,
/// however rare they are.
fn supports_foreign_key(case: &Case<'_>, index: &Index) -> bool {
    case.catalog.constraints_of(index.table).any(|constraint| {
        constraint.kind == ConstraintKind::ForeignKey
            && constraint.columns.len() <= index.keys().len()
            && constraint
                .columns
                .iter()
                .all(|column| index.keys()[..constraint.columns.len()].contains(column))
    })
}

fn concurrently(definition: &str) -> String {
    definition.replacen("INDEX ", "INDEX CONCURRENTLY ", 1)
}
