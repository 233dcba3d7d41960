//! `host-cpu`: hardly any CPU is left on the machine or in the container.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold, sureness::ratio,
};
use crate::catalog::{
    Fact,
    host::{Cpu, CpuPressure},
};

pub(super) const CHECK: Check = Check {
    code: "host-cpu",
    severity: Severity::Warning,
    summary: "the host has hardly any CPU left",
    explanation: "\
For minutes, work that was ready to run waited for a CPU of the container or the machine.

Then every latency grows with each additional request, and a budget that holds at night breaks at noon. The \
report runs only for a moment and is itself busy in it, so it judges by the averages that the kernel keeps: \
the pressure stall information of the control group with a CPU limit (`cpu.pressure`), otherwise that of the \
machine (`/proc/pressure/cpu`). Of the averages over the last minute and the last five, the smaller one \
counts. If the kernel has none, the load average is used, as an info, because it also includes tasks that \
wait for a disk. CPU usage itself is judged only if the observation lasted at least a minute.

To confirm: `dbaudit serve`, or `top` for some minutes.

To fix: find the statements with the most total time in the report and give them indexes; or give the host \
more CPU.",
    thresholds: &[
        Threshold {
            key: "waiting-ratio",
            default: 0.5,
            meaning: "share of the last minutes in which something waited for a CPU",
        },
        Threshold {
            key: "load-per-cpu",
            default: 2.0,
            meaning: "load average per CPU, if the kernel provides nothing better",
        },
        Threshold {
            key: "warning-ratio",
            default: 0.8,
            meaning: "CPU in use as a share of all available, in a long enough observation",
        },
        Threshold {
            key: "min-interval-seconds",
            default: 60.0,
            meaning: "shorter observations are not judged",
        },
    ],
    needs: &[Fact::Host],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let Some(host) = &case.catalog.host else {
        return Vec::new();
    };
    let long_look = host.cpu.as_ref().filter(|cpu| {
        cpu.interval_s >= case.threshold("min-interval-seconds")
            && cpu.ratio > case.threshold("warning-ratio")
    });
    let found = long_look.map(in_use).or_else(|| short(case, host.pressure));
    found.into_iter().collect()
}

fn in_use(cpu: &Cpu) -> Finding {
    let message = format!(
        "{:.0} % of the CPU was in use during the {:.1} s of the report",
        cpu.ratio * 100.0,
        cpu.interval_s
    );
    Finding::new(Subject::new("host", "cpu"), message)
        .evidence("ratio", cpu.ratio)
        .evidence("cpus", cpu.cpus)
        .evidence("interval_s", cpu.interval_s)
}

/// By the kernel's averages.
fn short(case: &CheckContext<'_>, pressure: CpuPressure) -> Option<Finding> {
    let subject = Subject::new("host", "cpu");
    if let Some(waiting) = pressure.waiting_ratio {
        let message = format!(
            "something that was ready to run waited for a CPU in {:.0} % of the last minutes",
            waiting * 100.0
        );
        let finding = Finding::new(subject, message).evidence("waiting_ratio", ratio(waiting));
        return (waiting > case.threshold("waiting-ratio")).then_some(finding);
    }
    let load = pressure.load_per_cpu?;
    let message = format!("the load average of the last minutes is {load:.1} per CPU");
    let finding = Finding::new(subject, message)
        .severity(Severity::Info)
        .evidence("load_per_cpu", ratio(load))
        .confirm(
            "that the cause is not a wait for disks, which the load average includes: `vmstat 1`",
        );
    (load > case.threshold("load-per-cpu")).then_some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::host::Host,
        check::fixture::{catalog, findings},
    };

    fn found(change: impl Fn(&mut Host)) -> Vec<Severity> {
        let mut catalog = catalog();
        let mut host = Host::idle();
        change(&mut host);
        catalog.host = Some(host);
        let found = findings("host-cpu", &catalog);
        found.iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn a_look_is_judged_where_it_was_long_enough() {
        for (ratio, interval_s, severities) in [
            (0.9, 60.0, &[Severity::Warning][..]),
            (0.8, 60.0, &[]),
            (1.0, 0.1, &[]),
        ] {
            let cpu = Cpu {
                ratio,
                cpus: 2.0,
                interval_s,
            };
            assert_eq!(found(|host| host.cpu = Some(cpu.clone())), severities);
        }
    }

    #[test]
    fn a_short_look_goes_by_the_kernels_averages_and_by_the_load_where_there_is_no_better() {
        for (waiting_ratio, load_per_cpu, severities) in [
            (Some(0.6), Some(9.0), &[Severity::Warning][..]),
            (Some(0.4), Some(9.0), &[]),
            (None, Some(2.5), &[Severity::Info]),
            (None, Some(1.5), &[]),
            (None, None, &[]),
        ] {
            let pressure = CpuPressure {
                waiting_ratio,
                load_per_cpu,
            };
            assert_eq!(found(|host| host.pressure = pressure), severities);
        }
    }
}
