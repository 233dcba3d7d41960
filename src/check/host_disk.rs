//! `host-disk`: a file system of the host is nearly full.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold};
use crate::{catalog::Fact, human::human_bytes};

pub(super) const CHECK: Check = Check {
    code: "host-disk",
    severity: Severity::Warning,
    summary: "a file system of the host is nearly full",
    explanation: "\
This covers the root file system and, if it is visible, that of the data directory, counted as `df` does: \
without the space that only root may use.

A Postgres server that cannot write its WAL stops at once and does not start again until there is space. \
Sorts and index builds need space too: while an index is rebuilt, it exists twice.

To confirm: `df`.

To fix: use the report to find what grows fastest (`--since`), replication slots that retain WAL, and unused \
indexes; enlarge the volume before it is full.",
    thresholds: &[
        Threshold {
            key: "warning-ratio",
            default: 0.85,
            meaning: "the share of the file system in use",
        },
        Threshold {
            key: "error-ratio",
            default: 0.95,
            meaning: "the same, for an error",
        },
    ],
    needs: &[Fact::Host],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let disks = case.catalog.host.iter().flat_map(|host| &host.disks);
    disks
        .filter_map(|disk| {
            let severity = case.above(disk.ratio())?;
            let message = format!(
                "{:.0} % of the file system is in use: {} of {}",
                disk.ratio() * 100.0,
                human_bytes(disk.used_bytes),
                human_bytes(disk.total_bytes)
            );
            Some(
                Finding::new(Subject::new("host", &disk.path), message)
                    .severity(severity)
                    .evidence("used_bytes", disk.used_bytes)
                    .evidence("total_bytes", disk.total_bytes),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings};

    #[test]
    fn a_file_system_that_is_nearly_full_is_found_by_its_path() {
        let mut catalog = catalog();
        let disk = |path: &str, used_bytes| crate::catalog::host::Disk {
            path: path.into(),
            used_bytes,
            total_bytes: 100,
        };
        let mut host = crate::catalog::host::Host::idle();
        host.disks = vec![disk("/", 85), disk("/data", 86), disk("/wal", 99)];
        catalog.host = Some(host);
        let found = findings("host-disk", &catalog);
        let found: Vec<_> = found
            .iter()
            .map(|f| (f.subject.name.as_str(), f.severity))
            .collect();
        assert_eq!(
            found,
            [("/wal", Severity::Error), ("/data", Severity::Warning)]
        );
    }
}
