//! The figures, and PURE: how two readings become them.

use serde::{Deserialize, Serialize};

use super::{Counters, CpuPressure};

/// What the machine or the container has, and what of it is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Host {
    pub scope: Scope,
    /// Memory; `None`: not told.
    pub memory: Option<Memory>,
    /// CPU; `None`: there is no earlier reading, or the kernel shows nothing.
    pub cpu: Option<Cpu>,
    /// How short CPUs have been for minutes.
    #[serde(default)]
    pub pressure: CpuPressure,
    /// CPU withheld by a limit; `None`: there is no limit, or no earlier reading.
    pub throttled: Option<Throttled>,
    pub disks: Vec<Disk>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// A container with limits of its own.
    Container,
    Machine,
}

/// Memory, without what the kernel would give back at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// In use.
    pub used_bytes: u64,
    pub limit_bytes: u64,
    /// Where the limit comes from: `cgroup`, `machine`, `configured`.
    pub limit_from: String,
    #[serde(skip)]
    pub(super) of_container: bool,
}

/// CPU over an interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// The share in use, of all there is.
    pub ratio: f64,
    /// How many there are; a container may have half of one.
    pub cpus: f64,
    /// Over this long.
    pub interval_s: f64,
}

/// CPU withheld by the container's limit, over an interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Throttled {
    /// The share of the scheduler's periods in which it was.
    pub ratio: f64,
    /// For how long, all threads together.
    pub withheld_s: f64,
    /// Over this long.
    pub interval_s: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disk {
    pub path: String,
    pub used_bytes: u64,
    /// Taken, and free to those who are not root.
    pub total_bytes: u64,
}

impl Host {
    #[cfg(test)]
    pub(crate) fn idle() -> Self {
        Self {
            scope: Scope::Machine,
            memory: None,
            cpu: None,
            pressure: CpuPressure::default(),
            throttled: None,
            disks: Vec::new(),
        }
    }
}

impl Memory {
    #[cfg(test)]
    pub(crate) fn of(used_bytes: u64, limit_bytes: u64) -> Self {
        Self {
            used_bytes,
            limit_bytes,
            limit_from: "machine".into(),
            of_container: false,
        }
    }

    /// The share in use.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        ratio(self.used_bytes, self.limit_bytes)
    }
}

impl Disk {
    /// The share in use.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        ratio(self.used_bytes, self.total_bytes)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

pub(super) fn cpu(before: &Counters, after: &Counters, interval_s: f64, cpus: f64) -> Option<Cpu> {
    let used = after.used_s - before.used_s;
    let had = match (before.had_s, after.had_s) {
        (Some(before), Some(after)) => after - before,
        _ => interval_s * cpus,
    };
    (used >= 0.0 && had > 0.0).then(|| Cpu {
        ratio: (used / had).min(1.0),
        cpus,
        interval_s,
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of periods")]
pub(super) fn throttled(before: &Counters, after: &Counters, interval_s: f64) -> Option<Throttled> {
    let periods = after.periods?.checked_sub(before.periods?)?;
    let throttled = after
        .throttled_periods?
        .checked_sub(before.throttled_periods?)?;
    Some(Throttled {
        ratio: throttled as f64 / periods.max(1) as f64,
        withheld_s: (after.throttled_s? - before.throttled_s?).max(0.0),
        interval_s,
    })
}
