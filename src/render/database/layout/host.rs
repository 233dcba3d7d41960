//! The machine or container that the server runs in.

use crate::{catalog::host::Scope, human::human_bytes, render::Block, report::DatabaseReport};

impl DatabaseReport {
    pub(crate) fn host_blocks(&self) -> Vec<Block> {
        let Some(host) = &self.host else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        let used = |what: &str, ratio: f64, used: u64, all: u64| {
            let (used, all) = (human_bytes(used), human_bytes(all));
            format!("{what}: {:.0} % in use, {used} of {all}", ratio * 100.0)
        };
        if let Some(memory) = &host.memory {
            let (taken, limit) = (memory.used_bytes, memory.limit_bytes);
            lines.push(used("memory", memory.ratio(), taken, limit));
        }
        if let Some(cpu) = &host.cpu {
            lines.push(format!(
                "CPU: {:.0} % of {} in use during the {:.1} s of the report",
                cpu.ratio * 100.0,
                cpu.cpus,
                cpu.interval_s
            ));
        }
        if let Some(waiting) = host.pressure.waiting_ratio {
            lines.push(format!(
                "something waited for a CPU in {:.0} % of the last minutes",
                waiting * 100.0
            ));
        } else if let Some(load) = host.pressure.load_per_cpu {
            lines.push(format!(
                "load average of the last minutes: {load:.1} per CPU"
            ));
        }
        if let Some(throttled) = &host.throttled {
            lines.push(format!(
                "CPU throttled by the limit in {:.0} % of the periods",
                throttled.ratio * 100.0
            ));
        }
        for disk in &host.disks {
            let what = format!("disk {}", disk.path);
            lines.push(used(&what, disk.ratio(), disk.used_bytes, disk.total_bytes));
        }
        let title = match host.scope {
            Scope::Container => "Host (the container)",
            Scope::Machine => "Host (the machine)",
        };
        vec![
            Block::Heading(2, title.into()),
            Block::Bullets(lines.into_iter().map(Into::into).collect()),
        ]
    }
}
