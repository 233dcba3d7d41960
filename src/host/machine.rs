//! The whole machine: proc(5) and the file systems.

use std::{fs, path::Path};

use super::Counters;
use crate::catalog::host::{Disk, Memory};

/// `MemTotal` less `MemAvailable`, which counts what the kernel would give back.
pub(super) fn memory(root: &Path, configured: Option<u64>) -> Option<Memory> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let kib = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        let number = line.trim_start_matches(':').trim().strip_suffix("kB")?;
        number.trim().parse::<u64>().ok()
    };
    let total = kib("MemTotal")? * 1024;
    Some(Memory {
        used_bytes: total.saturating_sub(kib("MemAvailable")? * 1024),
        limit_bytes: configured.unwrap_or(total),
        limit_from: if configured.is_some() {
            "configured"
        } else {
            "machine"
        }
        .into(),
        of_container: false,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
pub(super) fn cpus() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64)
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal, in hundredths of a second.
#[expect(clippy::cast_precision_loss, reason = "times")]
pub(super) fn counters(root: &Path) -> Option<Counters> {
    let text = fs::read_to_string(root.join("proc/stat")).ok()?;
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line
        .split_ascii_whitespace()
        .take(8)
        .filter_map(|tick| tick.parse().ok())
        .collect();
    let all: u64 = ticks.iter().sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    Some(Counters {
        used_s: all.saturating_sub(idle) as f64 / 100.0,
        had_s: Some(all as f64 / 100.0),
        ..Counters::default()
    })
}

#[cfg(unix)]
pub(super) fn disks(paths: &[&Path]) -> Vec<Disk> {
    let mut disks: Vec<Disk> = Vec::new();
    for path in paths {
        let Ok(stat) = nix::sys::statvfs::statvfs(*path) else {
            continue;
        };
        let bytes = |blocks: u64| blocks * stat.fragment_size();
        let used = bytes(stat.blocks() - stat.blocks_free().min(stat.blocks()));
        let disk = Disk {
            path: path.display().to_string(),
            used_bytes: used,
            // As df counts: without the space that only root may use.
            total_bytes: used + bytes(stat.blocks_available()),
        };
        let known = |other: &Disk| {
            (other.used_bytes, other.total_bytes) == (disk.used_bytes, disk.total_bytes)
        };
        if disk.total_bytes > 0 && !disks.iter().any(known) {
            disks.push(disk);
        }
    }
    disks
}

#[cfg(not(unix))]
pub(super) fn disks(_: &[&Path]) -> Vec<Disk> {
    Vec::new()
}
