//! `unused-index`: an index that nothing reads.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold,
    change::{DropReason, IndexChange, IndexDrop},
    counted,
    foreign_key::is_the_support,
    sureness::ratio,
};
use crate::{
    catalog::{Catalog, Fact, Index},
    human::human_bytes,
};

pub(super) const CHECK: Check = Check {
    code: "unused-index",
    severity: Severity::Warning,
    summary: "an index that no query has used",
    explanation: "\
No query has read this index since the counters began. Indexes that are needed without being read are not \
reported: unique indexes, those of constraints, a table's replica identity, indexes attached to a \
partitioned index (the tree is judged as a whole), and one that the checks of a foreign key need.

Every index costs something on every write, in the cache and in backups.

The counters cover only this server, and only the time since they were reset: a standby counts its own \
reads, a yearly job may need the index next month, an index built yesterday had no time to be read, and \
after a crash the counters start again. Unless they are known to be older than min-age-days, the finding is \
an info; on a standby it always is. It has a statement only if nothing is in doubt: the counters are old \
enough, every connected standby was asked (`--replica`), and the index has no expression whose statistics \
the planner may use. Otherwise it says what is missing. An index that another finding depends on stays until \
that one is fixed. Small indexes share one finding.

To confirm: pass `--replica URL` for every standby that serves queries; look at `last_idx_scan` (from \
version 16); ask whoever runs the rare jobs.

To fix: `DROP INDEX CONCURRENTLY`; the finding has the statement that builds it again.",
    thresholds: &[
        Threshold {
            key: "min-age-days",
            default: 7.0,
            meaning: "how old the counters must be for a warning",
        },
        Threshold {
            key: "min-bytes",
            default: 1_048_576.0,
            meaning: "smaller indexes share one finding",
        },
        Threshold {
            key: "max-scans",
            default: 0.0,
            meaning: "up to this many scans, an index still counts as unused",
        },
        Threshold {
            key: "max-idle-days",
            default: 90.0,
            meaning: "an index not read for longer than this is an info (from version 16)",
        },
    ],
    needs: &[Fact::Indexes, Fact::Tables, Fact::Constraints],
    evidence: Evidence::DatabaseCounters,
    runs_on: RunsOn::Anywhere,
    judge,
};

/// An index with what is attached to it: in a partition tree the whole is read, or unused, together.
struct Tree<'a> {
    index: &'a Index,
    bytes: u64,
    scans: u64,
    /// Days since the last scan, where they are more than may pass.
    idle_days: Option<f64>,
}

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    let (mut unused, idle): (Vec<Tree<'_>>, Vec<Tree<'_>>) = catalog
        .indexes
        .iter()
        .filter(|index| is_droppable(catalog, index))
        .filter_map(|index| {
            let tree = tree(case, index);
            is_unused(case, &tree).then_some(tree)
        })
        .partition(|tree| tree.idle_days.is_none());
    unused.sort_by_key(|tree| std::cmp::Reverse(tree.bytes));
    let large = unused.partition_point(|tree| tree.bytes as f64 >= case.threshold("min-bytes"));
    let (large, small) = unused.split_at(large);
    let mut findings: Vec<Finding> = large.iter().map(|tree| single(case, tree)).collect();
    findings.extend(idle.iter().map(|tree| single(case, tree)));
    if !small.is_empty() {
        findings.push(group(case, small));
    }
    findings
}

fn tree<'a>(case: &CheckContext<'a>, index: &'a Index) -> Tree<'a> {
    let all = case.catalog.tree_of(index);
    let last = all.iter().filter_map(|index| index.last_scan).max();
    let scans = case.scans_on(case.catalog, index);
    let taken_at = case.catalog.server.taken_at;
    let idle_days = last
        .map(|last| taken_at.duration_since(last).as_secs_f64() / 86_400.0)
        .filter(|days| *days > case.threshold("max-idle-days"))
        .filter(|_| scans as f64 > case.threshold("max-scans"));
    Tree {
        index,
        bytes: case.catalog.tree_bytes(index),
        scans,
        idle_days,
    }
}

fn single(case: &CheckContext<'_>, tree: &Tree<'_>) -> Finding {
    let (catalog, index) = (case.catalog, tree.index);
    let since = match tree.idle_days {
        Some(days) => format!("in {}", counted(days.round(), "day", "days")),
        None => case.counted_time(),
    };
    let here = if catalog.server.in_recovery {
        " on this standby"
    } else {
        ""
    };
    let severity = if tree.idle_days.is_some() || catalog.server.in_recovery {
        Severity::Info
    } else {
        case.if_settled(Severity::Warning)
    };
    Finding::new(
        Subject::index(index),
        format!(
            "{} that no query has read{here} {since}",
            human_bytes(tree.bytes)
        ),
    )
    .severity(severity)
    .evidence("scans", tree.scans)
    .evidence("size_bytes", tree.bytes)
    .evidence("statistics_age_days", catalog.statistics_days().map(ratio))
    .evidence("last_scan", index.last_scan.map(|at| at.to_string()))
    .evidence("replicas_checked", case.replicas.len())
    .evidence(
        "table",
        catalog
            .table(index.table)
            .map(|t| t.qualified().to_string()),
    )
    .drops(index, DropReason::Unread, doubt(case, tree).is_none())
    .confirm(doubt(case, tree).unwrap_or_else(|| {
        if case.replicas.is_empty() {
            "that no standby (report --replica URL) and no rare job reads it, and that it is not new"
        } else {
            "that no rare job reads it, and that it is not new"
        }
        .to_owned()
    }))
}

/// What is missing before it may be dropped.
fn doubt(case: &CheckContext<'_>, tree: &Tree<'_>) -> Option<String> {
    if tree.idle_days.is_some() {
        return Some(
            "that whatever used to read it is gone for good, and is not a job that runs once a year"
                .into(),
        );
    }
    if tree.index.has_expressions {
        return Some(
            "that no estimate depends on its statistics: the planner uses the statistics of an index's \
             expressions without reading the index; from version 14, CREATE STATISTICS on the expressions can \
             replace them"
                .into(),
        );
    }
    if tree.scans > 0 {
        return Some("that its few scans may be slower".into());
    }
    if case.is_too_new(tree.index) {
        return Some("that it had time to be read: it was built only minutes ago".into());
    }
    case.doubt()
}

/// Many small ones are one finding, with a list: nobody reads ten thousand.
fn group(case: &CheckContext<'_>, small: &[Tree<'_>]) -> Finding {
    let catalog = case.catalog;
    let bytes: u64 = small.iter().map(|tree| tree.bytes).sum();
    let names: Vec<String> = small
        .iter()
        .map(|tree| tree.index.qualified().to_string())
        .collect();
    let drops = small.iter().map(|tree| IndexDrop {
        index: tree.index.oid,
        why: DropReason::Unread,
        sure: doubt(case, tree).is_none(),
    });
    let subject = match small {
        [only] => Subject::index(only.index),
        _ => Subject::new("indexes", "small unused indexes"),
    };
    let finding = Finding::new(
        subject,
        format!(
            "{}, {} together, that no query has read {}",
            counted(small.len(), "small index", "small indexes"),
            human_bytes(bytes),
            case.counted_time()
        ),
    )
    .severity(Severity::Info)
    .evidence("indexes", names)
    .evidence("count", small.len())
    .evidence("size_bytes", bytes)
    .evidence("statistics_age_days", catalog.statistics_days().map(ratio))
    .evidence("replicas_checked", case.replicas.len())
    .change(IndexChange::Drop(drops.collect()));
    match small.iter().find_map(|tree| doubt(case, tree)) {
        Some(doubt) => finding.confirm(doubt),
        None => finding,
    }
}

fn is_unused(case: &CheckContext<'_>, tree: &Tree<'_>) -> bool {
    let limit = case.threshold("max-scans");
    let read_there = case
        .replicas
        .iter()
        .any(|replica| case.scans_on(replica, tree.index) as f64 > limit);
    (tree.scans as f64 <= limit || tree.idle_days.is_some()) && !read_there
}

/// Nothing has read it, nor the tree it is attached to: this or a later report may drop it. What a busy index
/// leans on must be another, since its own reads do not count for this one before they happen.
pub(super) fn may_go(case: &CheckContext<'_>, index: &Index) -> bool {
    let catalog = case.catalog;
    let mut root = index;
    while let Some(parent) = root.parent.and_then(|parent| catalog.index(parent)) {
        root = parent;
    }
    case.scans(root) == 0 && is_droppable(catalog, root)
}

/// It could be dropped, and nothing but speed would change.
fn is_droppable(catalog: &Catalog, index: &Index) -> bool {
    index.valid
        && !index.unique
        && !index.primary
        && !index.exclusion
        && !index.replica_identity
        && !index.clustered
        && index.parent.is_none()
        && catalog.constraint_of_index(index.oid).is_none()
        && !is_the_support(catalog, index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{ConstraintKind, TableKind},
        check::fixture::{
            DAY, INTEGER, ago, catalog, column, constraint, findings, findings_with, foreign_key,
            index, subjects, table,
        },
    };

    fn unread(oid: u32, name: &str, columns: &[i16]) -> Index {
        Index {
            scans: 0,
            ..index(oid, 1, name, columns)
        }
    }

    fn with(indexes: Vec<Index>) -> Catalog {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.columns.push(column(1, 1, "a", INTEGER));
        catalog.columns.push(column(1, 2, "b", INTEGER));
        catalog.indexes = indexes;
        catalog
    }

    #[test]
    fn an_unread_index_is_a_warning_once_the_counters_are_old_enough() {
        let mut catalog = with(vec![unread(2, "idle", &[1])]);
        let found = findings("unused-index", &catalog);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("DROP INDEX CONCURRENTLY public.idle;")
        );
        assert_eq!(
            found[0].undo.as_deref(),
            Some("CREATE INDEX CONCURRENTLY idle ON public.orders USING btree (a);")
        );
        catalog.database.stats_reset = Some(ago(2 * DAY));
        assert_eq!(
            findings("unused-index", &catalog)[0].severity,
            Severity::Info
        );
    }

    #[test]
    fn after_a_crash_it_is_an_info_that_says_so() {
        let mut catalog = with(vec![unread(2, "idle", &[1])]);
        catalog.database.stats_reset = None;
        let found = findings("unused-index", &catalog);
        assert_eq!(found[0].severity, Severity::Info);
        assert!(
            found[0].message.contains("unknown time"),
            "{}",
            found[0].message
        );
    }

    #[test]
    fn one_built_minutes_ago_had_no_time_to_be_read() {
        let mut catalog = with(vec![unread(2, "idle", &[1])]);
        catalog.births.checkpoint_xid_age = Some(100);
        catalog.indexes[0].row_xid_age = Some(100);
        let found = findings("unused-index", &catalog);
        assert_eq!(found[0].remedy, None);
        assert!(found[0].confirm.as_deref().unwrap().contains("minutes ago"));
        catalog.indexes[0].row_xid_age = Some(101);
        assert!(findings("unused-index", &catalog)[0].remedy.is_some());
    }

    #[test]
    fn indexes_that_could_not_be_dropped_are_let_be() {
        let base = || unread(2, "idle", &[1]);
        for needed in [
            index(2, 1, "read", &[1]),
            Index {
                unique: true,
                ..base()
            },
            Index {
                exclusion: true,
                ..base()
            },
            Index {
                replica_identity: true,
                ..base()
            },
            Index {
                parent: Some(9),
                ..base()
            },
            Index {
                valid: false,
                ..base()
            },
        ] {
            assert!(subjects("unused-index", &with(vec![needed])).is_empty());
        }
        let mut behind = with(vec![base()]);
        let mut unique = constraint(5, ConstraintKind::Unique, 1, &[1]);
        unique.index = Some(2);
        behind.constraints.push(unique);
        assert!(subjects("unused-index", &behind).is_empty());
    }

    #[test]
    fn of_two_that_support_a_foreign_key_one_may_go() {
        let mut catalog = with(vec![unread(2, "first", &[1]), unread(3, "wider", &[1, 2])]);
        catalog.indexes[1].bytes = 40 << 20;
        catalog.constraints.push(foreign_key(9, 1, &[1], 1));
        assert_eq!(subjects("unused-index", &catalog), ["wider"]);
        catalog.indexes.pop();
        assert!(subjects("unused-index", &catalog).is_empty());
    }

    #[test]
    fn an_index_read_on_a_standby_is_used() {
        let primary = with(vec![unread(2, "idle", &[1])]);
        let standby = with(vec![index(2, 1, "idle", &[1])]);
        let found = findings_with("unused-index", &primary, &[standby], &[]);
        assert!(found.is_empty());
        let found = findings_with(
            "unused-index",
            &primary,
            std::slice::from_ref(&primary),
            &[],
        );
        assert_eq!(found[0].evidence["replicas_checked"], 1);
    }

    #[test]
    fn on_a_standby_the_finding_is_an_info() {
        let mut catalog = with(vec![unread(2, "idle", &[1])]);
        catalog.server.in_recovery = true;
        let found = findings("unused-index", &catalog);
        assert_eq!(found[0].severity, Severity::Info);
        assert!(found[0].message.contains("on this standby"));
    }

    #[test]
    fn ten_thousand_tiny_ones_are_one_finding() {
        let tiny = |oid| Index {
            bytes: 8_192,
            ..unread(oid, &format!("tiny_{oid}"), &[1])
        };
        let found = findings("unused-index", &with((2..10_002).map(tiny).collect()));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].evidence["count"], 10_000);
        assert_eq!(found[0].evidence["size_bytes"], 81_920_000);
        assert_eq!(
            found[0].evidence["indexes"].as_array().unwrap().len(),
            10_000
        );
    }

    #[test]
    fn a_partitioned_index_is_judged_as_one() {
        let mut catalog = with(vec![
            Index {
                partitioned: true,
                bytes: 0,
                ..unread(2, "root_idx", &[1])
            },
            Index {
                table: 3,
                parent: Some(2),
                ..unread(4, "leaf_idx", &[1])
            },
        ]);
        catalog.tables[0].kind = TableKind::Partitioned;
        let found = findings("unused-index", &catalog);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].subject.name, "root_idx");
        assert!(
            found[0]
                .remedy
                .as_deref()
                .unwrap()
                .contains("DROP INDEX public.root_idx;")
        );
        catalog.indexes[1].scans = 1;
        assert!(subjects("unused-index", &catalog).is_empty());
    }

    #[test]
    fn an_index_last_read_long_ago_is_an_info() {
        let mut catalog = with(vec![index(2, 1, "idle", &[1])]);
        catalog.indexes[0].last_scan = Some(ago(200 * DAY));
        let found = findings("unused-index", &catalog);
        assert_eq!(found[0].severity, Severity::Info);
        assert!(found[0].message.contains("in 200 days"));
        catalog.indexes[0].last_scan = Some(ago(DAY));
        assert!(subjects("unused-index", &catalog).is_empty());
    }
}
