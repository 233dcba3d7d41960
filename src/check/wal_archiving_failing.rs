//! `wal-archiving-failing`: the archive command fails.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject};
use crate::catalog::Fact;

pub(super) const CHECK: Check = Check {
    code: "wal-archiving-failing",
    severity: Severity::Error,
    summary: "the server cannot archive its WAL",
    explanation: "\
The last attempt to archive a WAL file failed, and none has succeeded since.

The server keeps every file until it is archived: the disk fills up, and then the server stops. Until \
archiving works again, nothing written since the last archived file can be restored from the archive.

To confirm: the server log has the output of the command; `SELECT * FROM pg_stat_archiver`.

To fix: repair what `archive_command` or `archive_library` depends on: the destination, its credentials, its \
space. The server retries by itself.",
    thresholds: &[],
    needs: &[Fact::Archiver],
    evidence: Evidence::State,
    runs_on: RunsOn::Primary,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let Some(archiver) = &case.catalog.archiver else {
        return Vec::new();
    };
    let Some(failed_at) = archiver.last_failed_at else {
        return Vec::new();
    };
    let archives = case.catalog.settings.text("archive_mode") != Some("off");
    if !archives || archiver.last_archived_at.is_some_and(|at| at >= failed_at) {
        return Vec::new();
    }
    let since = archiver.last_archived_at.map_or_else(
        || "and none has succeeded".to_owned(),
        |at| {
            format!(
                "and none has succeeded since {}",
                at.strftime("%Y-%m-%d %H:%M UTC")
            )
        },
    );
    vec![
        Finding::new(
            Subject::new("server", "WAL archive"),
            format!(
                "archiving failed at {}, {since}",
                failed_at.strftime("%Y-%m-%d %H:%M UTC")
            ),
        )
        .evidence("failed", archiver.failed)
        .evidence("archived", archiver.archived)
        .evidence("last_failed_at", failed_at.to_string())
        .evidence(
            "last_archived_at",
            archiver.last_archived_at.map(|at| at.to_string()),
        ),
    ]
}
