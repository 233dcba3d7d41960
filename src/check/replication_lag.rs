//! `replication-lag`: a standby that is behind.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold};
use crate::{
    catalog::Fact,
    human::{human_bytes, human_seconds},
};

pub(super) const CHECK: Check = Check {
    code: "replication-lag",
    severity: Severity::Warning,
    summary: "a standby that lags behind or is disconnected",
    explanation: "\
A standby has not replayed what the primary wrote: it is overloaded, its replay is paused or waits for a \
query there, or the network is slow. Run on a standby, the check also reports that it has no connection to \
its primary.

Data that has not arrived is lost if the standby must take over, its readers see old data, and the primary \
retains WAL for it.

To confirm: compare the lag in bytes of several reports; use `pg_stat_replication` on the primary and \
`pg_stat_wal_receiver` on the standby. Lag in time alone may come from an idle primary and is not reported.

To fix: resume a paused replay; end the queries on the standby that block replay, or lower \
`max_standby_streaming_delay`; give the standby faster disks.",
    thresholds: &[
        Threshold {
            key: "min-bytes",
            default: 268_435_456.0,
            meaning: "WAL not yet replayed",
        },
        Threshold {
            key: "min-seconds",
            default: 60.0,
            meaning: "time from write to replay",
        },
        Threshold {
            key: "error-bytes",
            default: 4_294_967_296.0,
            meaning: "WAL not yet replayed, for an error",
        },
    ],
    needs: &[Fact::ReplicationSenders, Fact::Standby],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let severity = |bytes: u64| {
        if bytes as f64 >= case.threshold("error-bytes") {
            Severity::Error
        } else {
            Severity::Warning
        }
    };
    let senders = case.catalog.senders.iter();
    for sender in senders.filter(|sender| sender.state.as_deref() != Some("backup")) {
        let bytes = sender.replay_lag_bytes.unwrap_or(0);
        let seconds = sender.replay_lag_ms.unwrap_or(0.0) / 1000.0;
        let behind = bytes as f64 >= case.threshold("min-bytes");
        if !behind && seconds < case.threshold("min-seconds") {
            continue;
        }
        let name = sender
            .application
            .clone()
            .unwrap_or_else(|| sender.pid.to_string());
        findings.push(
            Finding::new(
                Subject::new("standby", name),
                if behind {
                    format!("{} behind", human_bytes(bytes))
                } else {
                    format!("{} from write to replay", human_seconds(seconds))
                },
            )
            .severity(severity(bytes))
            .evidence("replay_lag_bytes", bytes)
            .evidence("replay_lag_ms", sender.replay_lag_ms)
            .evidence("state", sender.state.clone())
            .evidence("sync_state", sender.sync_state.clone())
            .evidence("client", sender.client.clone()),
        );
    }
    if let Some(standby) = &case.catalog.standby {
        let this = || Subject::new("standby", "this server");
        let bytes = standby.replay_lag_bytes.unwrap_or(0);
        if standby.paused {
            findings.push(
                Finding::new(this(), "its replay is paused")
                    .severity(Severity::Error)
                    .evidence("replay_lag_bytes", bytes)
                    .remedy("SELECT pg_wal_replay_resume();")
                    .undo(Some("SELECT pg_wal_replay_pause();".into())),
            );
        } else if bytes as f64 >= case.threshold("min-bytes") {
            findings.push(
                Finding::new(
                    this(),
                    format!("{} received and not replayed", human_bytes(bytes)),
                )
                .severity(severity(bytes))
                .evidence("replay_lag_bytes", bytes)
                .evidence("last_replayed_age_ms", standby.last_replayed_age_ms),
            );
        }
        if standby.receiver_status.is_none() && case.catalog.server.role.read_all_stats {
            findings.push(
                Finding::new(this(), "it receives no WAL from a primary")
                    .evidence("last_replayed_age_ms", standby.last_replayed_age_ms)
                    .confirm("that it does not receive its WAL from an archive instead"),
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{ReplicationSender, Standby},
        check::fixture::{catalog, findings, sender, subjects},
    };

    #[test]
    fn standbys_behind_in_bytes_or_time_are_found() {
        let mut catalog = catalog();
        catalog.senders = vec![
            sender(1 << 30, 10.0),
            sender(8 << 30, 10.0),
            sender(10, 90_000.0),
        ];
        let found = findings("replication-lag", &catalog);
        let severities: Vec<Severity> = found.iter().map(|f| f.severity).collect();
        assert_eq!(
            severities,
            [Severity::Error, Severity::Warning, Severity::Warning]
        );
    }

    #[test]
    fn those_that_keep_up_and_base_backups_are_let_be() {
        let mut catalog = catalog();
        let backup = ReplicationSender {
            state: Some("backup".into()),
            ..sender(8 << 30, 0.0)
        };
        catalog.senders = vec![sender(8_192, 2.0), backup];
        assert!(subjects("replication-lag", &catalog).is_empty());
    }

    #[test]
    fn a_standby_reports_itself() {
        let mut catalog = catalog();
        catalog.server.in_recovery = true;
        let fine = Standby {
            replay_lag_bytes: Some(0),
            last_replayed_age_ms: Some(90_000_000.0),
            paused: false,
            receiver_status: Some("streaming".into()),
        };
        catalog.standby = Some(fine.clone());
        assert!(subjects("replication-lag", &catalog).is_empty());
        catalog.standby = Some(Standby {
            paused: true,
            ..fine.clone()
        });
        let found = findings("replication-lag", &catalog);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("SELECT pg_wal_replay_resume();")
        );
        catalog.standby = Some(Standby {
            receiver_status: None,
            ..fine
        });
        assert_eq!(findings("replication-lag", &catalog).len(), 1);
    }
}
