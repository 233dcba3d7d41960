//! `invalid-index`: a build that failed.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject};
use crate::catalog::{Fact, Index};

pub(super) const CHECK: Check = Check {
    code: "invalid-index",
    severity: Severity::Error,
    summary: "an index that no query can use",
    explanation: "\
A concurrent build that was cancelled, timed out or found a duplicate leaves an invalid index behind. No \
query uses it, but once it is ready, every write still maintains it, and an invalid UNIQUE index still \
rejects duplicates.

`CREATE INDEX … IF NOT EXISTS` reports success if it finds an invalid index, so a deploy may assume that the \
index works.

To confirm: `\\d table` in psql marks it INVALID. An index that a session is building right now is not \
reported.

To fix: `REINDEX INDEX CONCURRENTLY` rebuilds it in place; or drop it with `DROP INDEX CONCURRENTLY` if you \
do not need it. The index of a partitioned table becomes valid when the index of every partition is \
attached. `dbaudit apply-indexes` repairs the indexes that its migrations define.",
    thresholds: &[],
    needs: &[Fact::Indexes, Fact::IndexProgress],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    catalog
        .indexes
        .iter()
        .filter(|index| {
            !index.valid && !case.is_being_built(index) && !is_leftover_name(&index.name)
        })
        .map(|index| {
            let name = index.qualified().quoted();
            let finding = Finding::new(
                Subject::index(index),
                if index.partitioned {
                    "a partition has no valid index attached to it, so queries cannot rely on it"
                } else if index.ready {
                    "is invalid: no query uses it, and every write maintains it"
                } else {
                    "is invalid: no query uses it"
                },
            )
            .evidence("valid", false)
            .evidence("ready", index.ready)
            .evidence("unique", index.unique)
            .evidence("size_bytes", index.bytes);
            if index.partitioned {
                finding.confirm("list the partitions without one: \\d+ of the index in psql")
            } else {
                finding.remedy(format!("REINDEX INDEX CONCURRENTLY {name};"))
            }
        })
        .collect()
}

/// What a failed REINDEX CONCURRENTLY leaves has a check of its own.
pub(super) fn is_leftover_name(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name.ends_with("_ccnew") || name.ends_with("_ccold")
}

impl CheckContext<'_> {
    /// A session is building it now.
    pub(super) fn is_being_built(&self, index: &Index) -> bool {
        self.catalog.builds.iter().any(|build| match build.index {
            Some(built) => built == index.oid,
            None => build.table == index.table,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::{Index, IndexProgress},
        check::fixture::{catalog, findings, index, subjects, table},
    };

    #[test]
    fn a_failed_build_is_found_with_its_repair() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.indexes.push(Index {
            valid: false,
            ..index(2, 1, "Odd idx", &[1])
        });
        let found = findings("invalid-index", &catalog);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("REINDEX INDEX CONCURRENTLY public.\"Odd idx\";")
        );
    }

    #[test]
    fn valid_indexes_and_builds_that_run_are_let_be() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.indexes.push(index(2, 1, "fine", &[1]));
        catalog.indexes.push(Index {
            valid: false,
            ..index(3, 1, "in_the_making", &[1])
        });
        catalog.builds.push(IndexProgress {
            pid: 9,
            table: 1,
            index: None,
            phase: "initializing".into(),
        });
        assert!(subjects("invalid-index", &catalog).is_empty());
    }
}
