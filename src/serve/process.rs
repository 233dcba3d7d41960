//! dbaudit's own process: CPU, memory, uptime.

use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;

/// The process, from its start on.
#[derive(Debug)]
pub(super) struct Process {
    begun: Instant,
    started_at: Timestamp,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct ProcessFigures {
    pub(super) started_at: Timestamp,
    pub(super) uptime_s: f64,
    pub(super) cpu_s: Option<f64>,
    pub(super) resident_bytes: Option<u64>,
}

impl Process {
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            started_at: Timestamp::now(),
        }
    }

    pub(super) fn figures(&self) -> ProcessFigures {
        ProcessFigures {
            started_at: self.started_at,
            uptime_s: self.begun.elapsed().as_secs_f64(),
            cpu_s: cpu_s(),
            resident_bytes: resident_bytes(),
        }
    }
}

#[cfg(unix)]
fn cpu_s() -> Option<f64> {
    use nix::sys::{
        resource::{UsageWho, getrusage},
        time::TimeValLike,
    };
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let micros = (usage.user_time() + usage.system_time()).num_microseconds();
    #[expect(clippy::cast_precision_loss, reason = "seconds of CPU")]
    let seconds = micros as f64 / 1e6;
    Some(seconds)
}

#[cfg(not(unix))]
fn cpu_s() -> Option<f64> {
    None
}

/// `VmRSS` of proc(5); nothing where there is no such file.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
