//! The machine or container that dbaudit runs in: memory, CPU and disks, as the kernel reports them.
//! This room only reads; the checks judge.

mod cgroup;
mod figures;
mod machine;
mod pressure;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use crate::catalog::{
    Catalog,
    host::{Host, Scope},
};

/// Why a server's host is not shown.
pub const ELSEWHERE: &str = "the server's processes are not visible from here: it runs on another machine or \
     in another container";

/// Reads the figures; CPU and throttling are those since the reading before.
#[derive(Debug)]
pub struct HostReader {
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

impl HostReader {
    /// `memory_limit`: what the memory is, where nothing that can be read says so.
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

    /// The figures now, of the root's file system and of the server's data directory, where that can be seen.
    ///
    /// # Errors
    /// As [`HostReader::read`].
    pub fn read_for(&mut self, catalog: &Catalog) -> Result<Host, String> {
        let data = catalog.settings.text("data_directory").unwrap_or("/");
        self.read(&[Path::new("/"), Path::new(data)])
    }

    /// The figures now; of `disks`, those that are there.
    ///
    /// # Errors
    /// Why nothing can be seen, in words.
    pub fn read(&mut self, disks: &[&Path]) -> Result<Host, String> {
        if !self.root.join("proc/meminfo").exists() {
            return Err("this system has no /proc to read memory and CPU usage from".into());
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
            pressure: pressure::read(
                &self.root,
                group
                    .as_ref()
                    .filter(|_| limited_cpus.is_some())
                    .and_then(cgroup::Group::folder),
                machine::cpus(),
            ),
            throttled,
            disks: machine::disks(disks),
        })
    }
}

/// Whether this machine runs the backend of that number: a server elsewhere, or in a container with process numbers
/// of its own, has nothing to do with our `/proc`. A backend's title names its database.
fn runs_backend(pid: i32, database: &str) -> bool {
    let title = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let title = String::from_utf8_lossy(&title);
    title.contains("postgres") && title.contains(database)
}

/// Whether this machine runs the server that told all this. `told_pid`: the process it told at the start, which a
/// pooler in between invents; the catalog knows the real one, where it could read the sessions.
pub fn is_served_here(catalog: &Catalog, told_pid: i32) -> bool {
    let own = catalog.activity.iter().find(|activity| activity.own);
    let pid = own.map_or(told_pid, |activity| activity.pid);
    runs_backend(pid, &catalog.database.name)
}

#[cfg(test)]
mod tests;
