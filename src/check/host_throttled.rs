//! `host-throttled`: the container's limit withholds CPU.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, Threshold};
use crate::catalog::Fact;

pub(super) const CHECK: Check = Check {
    code: "host-throttled",
    severity: Severity::Warning,
    summary: "the container's CPU limit throttles the server",
    explanation: "\
The kernel gives a container with a CPU limit its quota in periods of, usually, 100 ms. Once the quota is \
used up, nothing in the container runs until the next period begins.

So a query of 5 ms occasionally takes 80 ms although average CPU usage looks harmless. Such pauses dominate \
the tail of every latency.

To confirm: `nr_throttled` in the container's `cpu.stat` grows.

To fix: raise the container's CPU limit, or set a request without a limit. Fewer parallel workers \
(`max_parallel_workers_per_gather`) use up the quota more slowly.",
    thresholds: &[Threshold {
        key: "max-ratio",
        default: 0.05,
        meaning: "throttled periods as a share of all, during the report",
    },
    Threshold {
        key: "min-interval-seconds",
        default: 60.0,
        meaning: "shorter observations are not judged: the report itself is busy",
    }],
    needs: &[Fact::Host],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let host = case.catalog.host.as_ref();
    let Some(throttled) = host
        .and_then(|host| host.throttled.as_ref())
        .filter(|throttled| throttled.ratio > case.threshold("max-ratio"))
        .filter(|throttled| throttled.interval_s >= case.threshold("min-interval-seconds"))
    else {
        return Vec::new();
    };
    let message = format!(
        "the CPU was throttled in {:.0} % of the periods during the {:.1} s of the report",
        throttled.ratio * 100.0,
        throttled.interval_s
    );
    vec![
        Finding::new(Subject::new("host", "cpu"), message)
            .evidence("ratio", throttled.ratio)
            .evidence("withheld_s", throttled.withheld_s)
            .evidence("interval_s", throttled.interval_s),
    ]
}

#[cfg(test)]
mod tests {
    use crate::check::fixture::{catalog, findings};

    #[test]
    fn a_throttled_container_is_found_and_a_rare_pause_is_not() {
        let mut catalog = catalog();
        for (ratio, found) in [(0.5, 1), (0.01, 0)] {
            let mut host = crate::catalog::host::Host::idle();
            host.throttled = Some(crate::catalog::host::Throttled {
                ratio,
                withheld_s: 0.2,
                interval_s: 60.0,
            });
            catalog.host = Some(host);
            assert_eq!(findings("host-throttled", &catalog).len(), found);
        }
    }
}
