//! The machine or container that `serve` runs in, read every interval.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Mutex, PoisonError},
};

use super::budget::{BudgetReading, thinned};
use crate::{
    catalog::host::{self, Host},
    host::HostReader,
};

/// Shares of what there is, above which it is over budget.
const MEMORY: f64 = 0.8;
const CPU: f64 = 0.8;
const DISK: f64 = 0.85;
/// Points of a trend; older ones are forgotten.
const MOST: usize = 720;
const TREND: usize = 60;

/// The last figures, and those before.
#[derive(Debug)]
pub(super) struct HostWatch(Mutex<HostState>);

#[derive(Debug)]
struct HostState {
    reader: HostReader,
    latest: Result<Host, String>,
    memory: VecDeque<Option<f64>>,
    cpu: VecDeque<Option<f64>>,
}

impl HostWatch {
    pub(super) fn new(memory_limit: Option<u64>) -> Self {
        Self(Mutex::new(HostState {
            reader: HostReader::new(memory_limit),
            latest: Err("not read yet".into()),
            memory: VecDeque::new(),
            cpu: VecDeque::new(),
        }))
    }

    /// Reads a handful of small files.
    pub(super) fn read(&self) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = held.reader.read(&[Path::new("/")]);
        let host = latest.as_ref().ok();
        let memory = host
            .and_then(|host| host.memory.as_ref())
            .map(|m| m.ratio());
        let cpu = host.and_then(|host| host.cpu.as_ref()).map(|cpu| cpu.ratio);
        held.memory.push_back(memory);
        held.cpu.push_back(cpu);
        while held.memory.len() > MOST {
            held.memory.pop_front();
            held.cpu.pop_front();
        }
        held.latest = latest;
    }

    pub(super) fn latest(&self) -> Result<Host, String> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.latest.clone()
    }

    pub(super) fn readings(&self) -> Vec<BudgetReading> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let host = held.latest.as_ref().ok();
        let reading = |what, value: Option<f64>, budget, trend: &VecDeque<Option<f64>>| {
            let mut reading =
                BudgetReading::new("host", subject(host), what, "ratio", value, budget);
            reading.trend = thinned(&trend.iter().copied().collect::<Vec<_>>(), TREND);
            if let Err(reason) = &held.latest {
                reading.note = Some(reason.clone());
            }
            reading
        };
        let memory = host
            .and_then(|host| host.memory.as_ref())
            .map(|m| m.ratio());
        let cpu = host.and_then(|host| host.cpu.as_ref());
        let disk = host.and_then(|host| {
            let fullest = host.disks.iter().map(host::Disk::ratio);
            fullest.max_by(f64::total_cmp)
        });
        let mut used_cpu = reading("CPU", cpu.map(|cpu| cpu.ratio), CPU, &held.cpu);
        if let Some(throttled) = host
            .and_then(|host| host.throttled.as_ref())
            .filter(|throttled| throttled.ratio > 0.0)
        {
            used_cpu.note = Some(format!(
                "throttled in {:.0} % of the periods",
                throttled.ratio * 100.0
            ));
        }
        vec![
            reading("memory", memory, MEMORY, &held.memory),
            used_cpu,
            reading("fullest disk", disk, DISK, &VecDeque::new()),
        ]
    }
}

fn subject(host: Option<&Host>) -> &'static str {
    match host.map(|host| host.scope) {
        Some(host::Scope::Container) => "this container",
        _ => "this machine",
    }
}
