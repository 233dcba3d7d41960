//! How long a process was ready to run and had no CPU: the noise of a shared machine, told apart.

use std::{fs::File, time::Duration};

use tokio_postgres::Client;

use crate::db;

/// Reads how long the backend (where it runs on this machine) and this process waited for a CPU. Off Linux
/// nothing is known, and the wait is always zero.
#[derive(Debug, Default)]
pub struct CpuWaits {
    sources: Vec<File>,
    local: bool,
}

impl CpuWaits {
    /// For the connection's backend and this process's own thread.
    pub async fn of(client: &Client) -> Self {
        let backend = backend_file(client).await;
        Self {
            local: backend.is_some(),
            sources: backend
                .into_iter()
                .chain(File::open("/proc/thread-self/schedstat"))
                .collect(),
        }
    }

    /// For this process's own thread alone: what answers is not known.
    pub fn of_client() -> Self {
        Self {
            sources: File::open("/proc/thread-self/schedstat")
                .into_iter()
                .collect(),
            local: false,
        }
    }

    /// Whether the backend can be watched.
    pub fn sees_backend(&self) -> bool {
        self.local
    }

    /// Time waited so far. Only differences mean something.
    pub fn read(&self) -> Duration {
        self.sources.iter().filter_map(waited).sum()
    }
}

/// `/proc/<pid>/schedstat`: nanoseconds run, nanoseconds waited on a run queue, time slices
/// (Documentation/scheduler/sched-stats.rst of the Linux kernel).
#[cfg(unix)]
fn waited(file: &File) -> Option<Duration> {
    use std::os::unix::fs::FileExt;
    let mut buffer = [0; 64];
    let length = file.read_at(&mut buffer, 0).ok()?;
    let text = std::str::from_utf8(buffer.get(..length)?).ok()?;
    let nanoseconds = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

#[cfg(not(unix))]
fn waited(_: &File) -> Option<Duration> {
    None
}

/// The backend's file, if the process of that number on this machine is that backend: a server elsewhere,
/// or in a container with process numbers of its own, has nothing to do with our `/proc`.
async fn backend_file(client: &Client) -> Option<File> {
    let folder = format!("/proc/{}", db::backend_pid(client).await.ok()?);
    let title = std::fs::read(format!("{folder}/cmdline")).ok()?;
    if !String::from_utf8_lossy(&title).contains("postgres") {
        return None;
    }
    let file = File::open(format!("{folder}/schedstat")).ok()?;
    let before = slices(&file)?;
    client.batch_execute("SELECT /* dbaudit */").await.ok()?;
    // It ran, so it was scheduled.
    (slices(&file)? > before).then_some(file)
}

#[cfg(unix)]
fn slices(file: &File) -> Option<u64> {
    use std::os::unix::fs::FileExt;
    let mut buffer = [0; 64];
    let length = file.read_at(&mut buffer, 0).ok()?;
    let text = std::str::from_utf8(buffer.get(..length)?).ok()?;
    text.split_ascii_whitespace().nth(2)?.parse().ok()
}

#[cfg(not(unix))]
fn slices(_: &File) -> Option<u64> {
    None
}
