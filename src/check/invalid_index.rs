//! `invalid-index`: a build that failed.

use super::{Case, Check, Evidence, Finding, Severity, Subject};
use crate::catalog::Fact;

/// The check.
pub(super) const CHECK: Check = Check {
    code: "invalid-index",
    severity: Severity::Error,
    summary: "an index that no query can use",
    explanation: "\
A concurrent build that was cancelled, timed out or hit a duplicate leaves an index behind that is \
marked invalid. No query uses it, but once it is ready every write still maintains it, and an invalid \
UNIQUE index still rejects duplicates.

`CREATE INDEX … IF NOT EXISTS` says success over it, so a deploy may believe that the index is there.

To confirm: `\\d table` in psql marks it INVALID. An index that a session is building right now is not \
reported.

To mend: `REINDEX INDEX CONCURRENTLY` builds it again in place; or drop it with `DROP INDEX \
CONCURRENTLY` if it is not wanted. The index of a partitioned table becomes valid when every partition \
has its own attached. `dbaudit apply-indexes` repairs those that its migrations name.",
    thresholds: &[],
    needs: &[Fact::Indexes, Fact::IndexProgress],
    evidence: Evidence::State,
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    let building = |index: u32, table: u32| {
        catalog.builds.iter().any(|build| match build.index {
            Some(built) => built == index,
            None => build.table == table,
        })
    };
    // What a failed REINDEX CONCURRENTLY leaves is its own check's.
    let leftover = |name: &str| {
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
        name.ends_with("_ccnew") || name.ends_with("_ccold")
    };
    catalog
        .indexes
        .iter()
        .filter(|index| !index.valid && !building(index.oid, index.table) && !leftover(&index.name))
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
                finding.confirm("list the partitions that lack it: \\d+ of the index in psql")
            } else {
                finding.remedy(format!("REINDEX INDEX CONCURRENTLY {name};"))
            }
        })
        .collect()
}
