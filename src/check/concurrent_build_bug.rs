//! `concurrent-build-bug`: servers whose concurrent builds may lose entries.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject};
use crate::catalog::Fact;

pub(super) const CHECK: Check = Check {
    code: "concurrent-build-bug",
    severity: Severity::Error,
    summary: "the server's concurrent index builds can corrupt indexes (14.0 to 14.3)",
    explanation: "\
In versions 14.0 to 14.3, `CREATE INDEX CONCURRENTLY` and `REINDEX CONCURRENTLY` can miss rows that are \
updated during the build. Version 14.4 fixed this.

Such an index looks valid, but queries that use it silently miss rows, and a unique index accepts \
duplicates.

To confirm: `SELECT bt_index_check(oid, true)` from the extension amcheck finds missing entries. The upgrade \
does not repair indexes that were built concurrently before it.

To fix: upgrade to the latest 14, then run `REINDEX INDEX CONCURRENTLY` on every index that was built or \
rebuilt concurrently before.",
    thresholds: &[],
    needs: &[Fact::Database],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let server = &case.catalog.server;
    if !(140_000..140_004).contains(&server.version_num) {
        return Vec::new();
    }
    vec![
        Finding::new(
            Subject::new("server", &server.version),
            "concurrent index builds of this version can miss rows: upgrade, then rebuild the indexes that \
             were built concurrently",
        )
        .evidence("version_num", server.version_num)
        .evidence("fixed_in", "14.4")
        .confirm("SELECT bt_index_check(oid, true) from the extension amcheck, for each index built \
             concurrently"),
    ]
}

#[cfg(test)]
mod tests {
    use crate::check::fixture::{catalog, findings};

    #[test]
    fn only_the_four_releases_are_named() {
        for (version, expected) in [
            (130_020, 0),
            (140_000, 1),
            (140_003, 1),
            (140_004, 0),
            (150_000, 0),
        ] {
            let mut catalog = catalog();
            catalog.server.version_num = version;
            let found = findings("concurrent-build-bug", &catalog).len();
            assert_eq!(found, expected, "{version}");
        }
    }
}
