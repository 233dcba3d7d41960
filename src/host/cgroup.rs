//! Control groups: version 2 (Documentation/admin-guide/cgroup-v2.rst of the Linux kernel), and version 1.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Counters;
use crate::catalog::host::Memory;

/// The group this process is in.
#[derive(Debug)]
pub(super) enum Group {
    V2(PathBuf),
    V1 {
        memory: PathBuf,
        cpu: PathBuf,
        cpuacct: PathBuf,
    },
}

/// Version 1 says "no limit" with the largest number of pages; no machine has a fifth of that.
const NO_LIMIT: u64 = 1 << 60;

/// The process's group. Within a container the files of its own group are at the top of the mount, whatever path
/// the process is told.
pub(super) fn find(root: &Path) -> Option<Group> {
    let mount = root.join("sys/fs/cgroup");
    let own = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let path_of = |controller: &str| {
        own.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let controllers = parts.next()?;
            let path = parts.next()?.trim_start_matches('/');
            controllers
                .split(',')
                .any(|known| known == controller)
                .then(|| path.to_owned())
        })
    };
    let below = |base: PathBuf, path: Option<String>, file: &str| {
        let nested = path.map(|path| base.join(path));
        nested
            .filter(|nested| nested.join(file).exists())
            .unwrap_or(base)
    };
    if mount.join("cgroup.controllers").exists() {
        return Some(Group::V2(below(mount, path_of(""), "memory.current")));
    }
    let memory = below(
        mount.join("memory"),
        path_of("memory"),
        "memory.usage_in_bytes",
    );
    memory
        .join("memory.usage_in_bytes")
        .exists()
        .then(|| Group::V1 {
            memory,
            cpu: below(mount.join("cpu"), path_of("cpu"), "cpu.cfs_quota_us"),
            cpuacct: below(mount.join("cpuacct"), path_of("cpuacct"), "cpuacct.usage"),
        })
}

impl Group {
    /// `None`: it has no limit, and none is configured.
    pub(super) fn memory(&self, configured: Option<u64>) -> Option<Memory> {
        let (used, cache, limit) = match self {
            Group::V2(group) => (
                number(&group.join("memory.current")),
                keyed(&group.join("memory.stat"), "inactive_file"),
                number(&group.join("memory.max")),
            ),
            Group::V1 { memory, .. } => (
                number(&memory.join("memory.usage_in_bytes")),
                keyed(&memory.join("memory.stat"), "total_inactive_file"),
                number(&memory.join("memory.limit_in_bytes")).filter(|limit| *limit < NO_LIMIT),
            ),
        };
        Some(Memory {
            used_bytes: used?.saturating_sub(cache.unwrap_or(0)),
            limit_bytes: configured.or(limit)?,
            limit_from: if configured.is_some() {
                "configured"
            } else {
                "cgroup"
            }
            .into(),
            of_container: true,
        })
    }

    /// How many CPUs it may use; `None`: all.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a period")]
    pub(super) fn cpus(&self) -> Option<f64> {
        let (quota, period) = match self {
            Group::V2(group) => {
                let text = fs::read_to_string(group.join("cpu.max")).ok()?;
                let (quota, period) = text.trim().split_once(' ')?;
                (quota.parse::<u64>().ok()?, period.parse::<u64>().ok()?)
            }
            // -1, which does not parse as such, means no limit.
            Group::V1 { cpu, .. } => (
                number(&cpu.join("cpu.cfs_quota_us"))?,
                number(&cpu.join("cpu.cfs_period_us"))?,
            ),
        };
        (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
    }

    /// Where it keeps its averages; version 1 has none.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Group::V2(group) => Some(group),
            Group::V1 { .. } => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "times")]
    pub(super) fn counters(&self) -> Option<Counters> {
        let (stat, used_s, withheld) = match self {
            Group::V2(group) => {
                let stat = group.join("cpu.stat");
                let used = keyed(&stat, "usage_usec")? as f64 / 1e6;
                let withheld = keyed(&stat, "throttled_usec").map(|us| us as f64 / 1e6);
                (stat, used, withheld)
            }
            Group::V1 { cpu, cpuacct, .. } => {
                let stat = cpu.join("cpu.stat");
                let used = number(&cpuacct.join("cpuacct.usage"))? as f64 / 1e9;
                let withheld = keyed(&stat, "throttled_time").map(|ns| ns as f64 / 1e9);
                (stat, used, withheld)
            }
        };
        Some(Counters {
            used_s,
            had_s: None,
            periods: keyed(&stat, "nr_periods"),
            throttled_periods: keyed(&stat, "nr_throttled"),
            throttled_s: withheld,
        })
    }
}

/// A file that holds one number; `max` is none.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// A file of lines `key number`.
fn keyed(path: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (known, value) = line.split_once(' ')?;
        (known == key).then(|| value.trim().parse().ok())?
    })
}
