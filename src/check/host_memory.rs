//! `host-memory`: little memory is left on the machine or in the container.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold};
use crate::{catalog::Fact, human::human_bytes};

pub(super) const CHECK: Check = Check {
    code: "host-memory",
    severity: Severity::Warning,
    summary: "the host has little memory left",
    explanation: "\
Memory in use, not counting the file cache that the kernel would give back, is compared with the container's \
limit or, without a limit, with the machine's memory.

A container that reaches its limit is killed, and a killed Postgres server recovers from its WAL while \
nobody can connect. On a machine without a limit, the kernel picks a process to kill, and often picks \
Postgres.

To confirm: the host section of the report, `docker stats`, or the graphs of your platform.

To fix: lower `work_mem` or the number of connections, which multiply each other; or give the container more \
memory.",
    thresholds: &[
        Threshold {
            key: "warning-ratio",
            default: 0.8,
            meaning: "memory in use as a share of all available",
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
    let memory = case
        .catalog
        .host
        .as_ref()
        .and_then(|host| host.memory.as_ref());
    let Some((memory, severity)) =
        memory.and_then(|memory| Some((memory, case.above(memory.ratio())?)))
    else {
        return Vec::new();
    };
    let message = format!(
        "{:.0} % of the memory is in use: {} of {}",
        memory.ratio() * 100.0,
        human_bytes(memory.used_bytes),
        human_bytes(memory.limit_bytes)
    );
    vec![
        Finding::new(Subject::new("host", "memory"), message)
            .severity(severity)
            .evidence("used_bytes", memory.used_bytes)
            .evidence("limit_bytes", memory.limit_bytes)
            .evidence("limit_from", memory.limit_from.clone()),
    ]
}

impl CheckContext<'_> {
    /// How bad a share is by the thresholds `warning-ratio` and `error-ratio`; `None`: not at all.
    pub(super) fn above(&self, ratio: f64) -> Option<Severity> {
        if ratio >= self.threshold("error-ratio") {
            Some(Severity::Error)
        } else if ratio > self.threshold("warning-ratio") {
            Some(Severity::Warning)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings};

    fn with(used: u64) -> Vec<Finding> {
        let mut catalog = catalog();
        let mut host = crate::catalog::host::Host::idle();
        host.memory = Some(crate::catalog::host::Memory::of(used, 1_000));
        catalog.host = Some(host);
        findings("host-memory", &catalog)
    }

    #[test]
    fn over_four_fifths_is_a_warning_and_nearly_all_an_error() {
        assert_eq!(with(800), []);
        assert_eq!(with(801)[0].severity, Severity::Warning);
        assert_eq!(with(950)[0].severity, Severity::Error);
    }
}
