//! `checkpoint-pressure`: checkpoints that come because the WAL is full.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold, sureness::ratio,
};
use crate::catalog::Fact;

pub(super) const CHECK: Check = Check {
    code: "checkpoint-pressure",
    severity: Severity::Warning,
    summary: "checkpoints are forced by the amount of WAL",
    explanation: "\
Many checkpoints started because the WAL had grown to `max_wal_size`, not because `checkpoint_timeout` had \
passed.

The first change to a page after a checkpoint logs the whole page: more checkpoints mean more WAL, which \
means more checkpoints. Writes come in bursts.

To confirm: `log_checkpoints = on` logs the reason for each. Bulk loads, base backups and manual \
`CHECKPOINT`s also count as forced.

To fix: raise `max_wal_size`. It needs that much disk space, and crash recovery may take longer.",
    thresholds: &[
        Threshold {
            key: "max-ratio",
            default: 0.3,
            meaning: "forced checkpoints as a share of all",
        },
        Threshold {
            key: "min-checkpoints",
            default: 50.0,
            meaning: "with fewer checkpoints, nothing is reported",
        },
    ],
    needs: &[Fact::Checkpoints, Fact::Settings],
    evidence: Evidence::ServerCounters,
    runs_on: RunsOn::Primary,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let Some(checkpoints) = &case.catalog.checkpoints else {
        return Vec::new();
    };
    let all = (checkpoints.timed + checkpoints.requested) as f64;
    let share = checkpoints.requested as f64 / all.max(1.0);
    if all < case.threshold("min-checkpoints") || share < case.threshold("max-ratio") {
        return Vec::new();
    }
    let limit = case.catalog.settings.bytes("max_wal_size");
    let finding = Finding::new(
        Subject::new("setting", "max_wal_size"),
        format!(
            "{:.0} % of {} started because of max_wal_size, or manually",
            share * 100.0,
            super::counted(all, "checkpoint", "checkpoints")
        ),
    )
    .evidence("requested", checkpoints.requested)
    .evidence("timed", checkpoints.timed)
    .evidence("requested_ratio", ratio(share))
    .evidence("max_wal_size_bytes", limit)
    .evidence("write_ms", checkpoints.write_ms)
    .evidence("sync_ms", checkpoints.sync_ms)
    .confirm("log_checkpoints = on logs the reason for each");
    let reload = "SELECT pg_reload_conf();";
    vec![match limit {
        Some(bytes) => finding
            .remedy(format!(
                "ALTER SYSTEM SET max_wal_size = '{}MB';\n{reload}",
                (bytes >> 20) * 2
            ))
            .undo(Some(format!("ALTER SYSTEM RESET max_wal_size;\n{reload}"))),
        None => finding,
    }]
}

#[cfg(test)]
mod tests {
    use crate::check::fixture::{catalog, findings, subjects};

    #[test]
    fn mostly_forced_checkpoints_ask_for_more_wal() {
        let mut catalog = catalog();
        let checkpoints = catalog.checkpoints.as_mut().unwrap();
        (checkpoints.timed, checkpoints.requested) = (100, 300);
        let found = findings("checkpoint-pressure", &catalog);
        assert!(
            found[0]
                .remedy
                .as_deref()
                .unwrap()
                .contains("max_wal_size = '2048MB'")
        );
        assert_eq!(found[0].evidence["requested_ratio"], 0.75);
    }

    #[test]
    fn mostly_timed_and_too_few_are_let_be() {
        let mut catalog = catalog();
        assert!(subjects("checkpoint-pressure", &catalog).is_empty());
        let checkpoints = catalog.checkpoints.as_mut().unwrap();
        (checkpoints.timed, checkpoints.requested) = (2, 10);
        assert!(subjects("checkpoint-pressure", &catalog).is_empty());
    }
}
