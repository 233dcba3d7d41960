//! `host-cpu`: hardly any CPU is left on the machine or in the container.

use super::{Case, Check, Evidence, Finding, Place, Severity, Subject, Threshold};
use crate::catalog::Fact;

/// The check.
pub(super) const CHECK: Check = Check {
    code: "host-cpu",
    severity: Severity::Warning,
    summary: "hardly any CPU is left on the host",
    explanation: "\
CPU in use while the report was made, as a share of what the container may use, or of the machine.

Where most of it is taken, queries wait for a CPU, and every latency grows with each further request; a budget that \
holds at night breaks at noon. The report looks for a moment only, in which it is busy itself: a burst says nothing, so \
the figure is shown, and judged where the look was at least a minute long.

To confirm: `dbaudit serve`, or `top` for some minutes.

To mend: find the statements with the most total time in the report, and give them indexes; or give the host more.",
    thresholds: &[
        Threshold {
            key: "warning-ratio",
            default: 0.8,
            meaning: "CPU in use as a share of all there is",
        },
        Threshold {
            key: "min-interval-seconds",
            default: 60.0,
            meaning: "a look shorter than this says nothing",
        },
    ],
    needs: &[Fact::Host],
    evidence: Evidence::State,
    place: Place::Anywhere,
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Finding> {
    let Some(cpu) = case
        .catalog
        .host
        .as_ref()
        .and_then(|host| host.cpu.as_ref())
    else {
        return Vec::new();
    };
    if cpu.ratio <= case.threshold("warning-ratio")
        || cpu.interval_s < case.threshold("min-interval-seconds")
    {
        return Vec::new();
    }
    let message = format!(
        "{:.0} % of the CPU was in use for the {:.1} s that the report looked",
        cpu.ratio * 100.0,
        cpu.interval_s
    );
    vec![
        Finding::new(Subject::new("host", "cpu"), message)
            .evidence("ratio", cpu.ratio)
            .evidence("cpus", cpu.cpus)
            .evidence("interval_s", cpu.interval_s),
    ]
}

#[cfg(test)]
mod tests {
    use crate::check::fixture::{catalog, findings};

    fn with(ratio: f64, interval_s: f64) -> usize {
        let mut catalog = catalog();
        let mut host = crate::host::Host::idle();
        host.cpu = Some(crate::host::Cpu {
            ratio,
            cpus: 2.0,
            interval_s,
        });
        catalog.host = Some(host);
        findings("host-cpu", &catalog).len()
    }

    #[test]
    fn over_four_fifths_is_found_unless_the_look_was_too_short() {
        assert_eq!(with(0.9, 60.0), 1);
        assert_eq!(with(0.8, 60.0), 0);
        assert_eq!(with(1.0, 0.1), 0);
    }
}
