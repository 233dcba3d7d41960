//! The machine or container that the server runs in, where that is this one. [`crate::host`] reads the figures.

use serde::{Deserialize, Serialize};

use super::{Catalog, Fact, UnreadFact};

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
    pub(crate) of_container: bool,
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
    pub fn ratio(&self) -> f64 {
        ratio(self.used_bytes, self.limit_bytes)
    }
}

impl Disk {
    /// The share in use.
    pub fn ratio(&self) -> f64 {
        ratio(self.used_bytes, self.total_bytes)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// How short CPUs have been for the last minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuPressure {
    /// The share of the time in which something that could run had no CPU, of the last five minutes or, where that is
    /// less, of the last one: neither a burst nor what is over counts. `None`: the kernel does not tell.
    pub waiting_ratio: Option<f64>,
    /// Tasks that run or wait, for each CPU, averaged alike; `None`: not told of this container.
    pub load_per_cpu: Option<f64>,
}

impl Catalog {
    /// Takes the figures in, or why there are none.
    pub fn see_host(&mut self, seen: Result<Host, String>) {
        match seen {
            Ok(host) => self.host = Some(host),
            Err(reason) => self.unread.push(UnreadFact {
                fact: Fact::Host,
                reason,
                grant: None,
                partial: false,
            }),
        }
    }
}
