//! The kernel's averages of the time spent waiting for CPUs: a momentary look would mostly measure dbaudit itself.

use std::{fs, path::Path};

use crate::catalog::host::CpuPressure;

/// Of the group whose folder this is (cgroup-v2.rst), or of the machine (proc(5)).
pub(super) fn read(root: &Path, group: Option<&Path>, cpus: f64) -> CpuPressure {
    let text = |path: &Path| fs::read_to_string(path).ok();
    match group {
        Some(group) => CpuPressure {
            waiting_ratio: text(&group.join("cpu.pressure")).and_then(|text| waiting(&text)),
            load_per_cpu: None,
        },
        None => CpuPressure {
            waiting_ratio: text(&root.join("proc/pressure/cpu")).and_then(|text| waiting(&text)),
            load_per_cpu: text(&root.join("proc/loadavg"))
                .and_then(|text| load(&text))
                .map(|load| load / cpus.max(f64::MIN_POSITIVE)),
        },
    }
}

/// `some avg10=1.53 avg60=0.87 avg300=0.73 total=123`, in per cent (Documentation/accounting/psi.rst).
fn waiting(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let average = |key: &str| {
        let mut parts = line.split_ascii_whitespace();
        let value: f64 = parts
            .find_map(|part| part.strip_prefix(key))?
            .parse()
            .ok()?;
        Some(value / 100.0)
    };
    Some(average("avg60=")?.min(average("avg300=")?))
}

/// `0.20 0.18 0.12 1/80 11206`: over one minute, five and fifteen.
fn load(text: &str) -> Option<f64> {
    let mut averages = text.split_ascii_whitespace();
    let mut next = || averages.next()?.parse::<f64>().ok();
    Some(next()?.min(next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_what_is_over_do_not_count() {
        let psi = "some avg10=99.00 avg60=80.00 avg300=20.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(waiting(psi), Some(0.2));
        assert_eq!(load("1.00 9.50 9.00 3/90 12\n"), Some(1.0));
        assert_eq!(
            (waiting("full avg10=1\n"), waiting(""), load("")),
            (None, None, None)
        );
    }
}
