//! The machine or container that dbaudit runs in: memory, CPU, disks, as the kernel tells of them. Reading only;
//! the checks judge.

mod cgroup;
mod figures;
mod limit;
mod machine;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

pub use self::{
    figures::{Cpu, Disk, Host, Memory, Scope, Throttled},
    limit::parse_memory_limit,
};

/// Reads the figures; CPU and throttling are those since the reading before.
#[derive(Debug)]
pub struct Reader {
    root: PathBuf,
    memory_limit: Option<u64>,
    before: Option<(Instant, Counters)>,
}

/// What only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Counters {
    /// CPU time used, in seconds.
    used_s: f64,
    /// CPU time there was, in seconds, where the kernel counts it itself.
    had_s: Option<f64>,
    periods: Option<u64>,
    throttled_periods: Option<u64>,
    throttled_s: Option<f64>,
}

impl Reader {
    /// `memory_limit`: what the memory is, where nothing that can be read says so.
    #[must_use]
    pub fn new(memory_limit: Option<u64>) -> Self {
        Self::below(Path::new("/"), memory_limit)
    }

    fn below(root: &Path, memory_limit: Option<u64>) -> Self {
        Self {
            root: root.to_owned(),
            memory_limit,
            before: None,
        }
    }

    /// The figures now; of `disks`, those that are there.
    ///
    /// # Errors
    /// Why nothing can be seen, in words.
    pub fn read(&mut self, disks: &[&Path]) -> Result<Host, String> {
        if !self.root.join("proc/meminfo").exists() {
            return Err("this system has no /proc to read memory and CPU from".into());
        }
        let group = cgroup::find(&self.root);
        let memory = group
            .as_ref()
            .and_then(|group| group.memory(self.memory_limit))
            .or_else(|| machine::memory(&self.root, self.memory_limit));
        let limited_cpus = group.as_ref().and_then(cgroup::Group::cpus);
        let counters = group
            .as_ref()
            .filter(|_| limited_cpus.is_some())
            .and_then(cgroup::Group::counters)
            .or_else(|| machine::counters(&self.root));
        let now = Instant::now();
        let since = self.before.take();
        self.before = counters.map(|counters| (now, counters));
        let (mut cpu, mut throttled) = (None, None);
        if let (Some((then, before)), Some(after)) = (since, counters) {
            let interval_s = now.duration_since(then).as_secs_f64();
            let cpus = limited_cpus.unwrap_or_else(machine::cpus);
            cpu = figures::cpu(&before, &after, interval_s, cpus);
            throttled = figures::throttled(&before, &after, interval_s);
        }
        Ok(Host {
            scope: if memory.as_ref().is_some_and(|memory| memory.of_container)
                || limited_cpus.is_some()
            {
                Scope::Container
            } else {
                Scope::Machine
            },
            memory,
            cpu,
            throttled,
            disks: machine::disks(disks),
        })
    }
}

#[cfg(test)]
mod tests;
