//! The server's data, kept from run to run: making 3,000,000 rows and 50,000 tables takes minutes.

use std::{
    fs::File,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use dbaudit::demo::{Binaries, Listen, Server, ShutdownMode};

/// The same for everybody. No autovacuum and no checkpoint that one contender meets and another does not.
const SETTINGS: [(&str, &str); 8] = [
    ("shared_buffers", "256MB"),
    ("max_connections", "100"),
    ("autovacuum", "off"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "1h"),
    ("max_parallel_workers_per_gather", "0"),
    ("max_locks_per_transaction", "1024"),
    ("jit", "off"),
];

/// A throwaway server whose data directory lies in the cache, and nobody else's while it runs.
pub(crate) struct Cluster {
    pub(crate) server: Server,
    /// Locked.
    _mine: File,
}

impl Cluster {
    /// Starts the kept cluster of this major version, or makes it.
    pub(crate) fn start(binaries: &Binaries, cache: &Path) -> Self {
        let folder = folder(cache);
        std::fs::create_dir_all(&folder).expect("the cache's folder can be made");
        let kept = folder.join(format!("postgres-{}", binaries.major));
        let mine = File::create(kept.with_extension("lock")).expect("the lock's file can be made");
        if mine.try_lock().is_err() {
            panic!("another bench is running on {}", kept.display());
        }
        let mut server =
            Server::start(binaries, Listen::Loopback, &SETTINGS).expect("the server starts");
        server.stop(ShutdownMode::Fast).expect("the server stops");
        let fresh = server.data_directory();
        if kept.join("PG_VERSION").exists() {
            // This run's port and settings, for the cluster of an earlier one.
            let settings = "dbaudit.conf";
            std::fs::copy(fresh.join(settings), kept.join(settings)).expect("settings are copied");
            std::fs::remove_dir_all(&fresh).expect("the fresh cluster can be removed");
        } else {
            let _ = std::fs::remove_dir_all(&kept);
            move_folder(&fresh, &kept);
        }
        symlink(&kept, &fresh).expect("a link can be made");
        server.start_again().expect("the kept cluster starts");
        eprintln!("data: {}", kept.display());
        Self {
            server,
            _mine: mine,
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // In order, so that the next start has nothing to recover; the throwaway folder goes with the server, the
        // data behind the link stays.
        let _ = self.server.stop(ShutdownMode::Fast);
    }
}

/// Where clusters are kept. The server of a bench run by root is another user's, who must be able to come there.
fn folder(cache: &Path) -> PathBuf {
    let own = std::path::absolute(cache.join("bench")).expect("the current folder is known");
    let open = |folder: &Path| {
        folder.ancestors().all(|part| {
            std::fs::metadata(part).map_or(true, |known| known.permissions().mode() & 0o001 != 0)
        })
    };
    let root = nix::unistd::geteuid().is_root();
    if root && !open(&own) {
        return "/var/cache/dbaudit/bench".into();
    }
    own
}

/// Within a file system a rename; else a copy that keeps owners and modes.
fn move_folder(from: &Path, to: &Path) {
    if std::fs::rename(from, to).is_ok() {
        return;
    }
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(
        copied.is_ok_and(|status| status.success()),
        "{} cannot be copied",
        from.display()
    );
    std::fs::remove_dir_all(from).expect("the original can be removed");
}

/// The milliseconds that the server's sessions spent on a processor while something was done: what the kernel charged its
/// children that have ended. Not known but on Linux.
pub(crate) fn cpu_of_sessions<T>(server: &Server, work: impl FnOnce() -> T) -> (T, Option<f64>) {
    let spent = || server.pid().and_then(ended_children_ms);
    let before = spent();
    let done = work();
    let after = spent();
    (
        done,
        after.zip(before).map(|(after, before)| after - before),
    )
}

/// `cutime` and `cstime` of proc(5), in ticks of which every Linux of today has a hundred a second; once no session is left
/// that would be missing from them.
fn ended_children_ms(pid: u32) -> Option<f64> {
    wait_until_alone(pid)?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(13)? + ticks(14)?) * 10.0)
}

/// Waits until no session is left of whoever was here before. Not known but on Linux.
pub(crate) fn wait_until_alone(pid: u32) -> Option<()> {
    let begun = Instant::now();
    while sessions(pid)? > 0 && begun.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(1));
    }
    Some(())
}

/// Children that name their client in their title; and those that have just ended, which have no title any more.
fn sessions(pid: u32) -> Option<usize> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let title = |child| std::fs::read_to_string(format!("/proc/{child}/cmdline"));
    let titles = listed.split_whitespace().flat_map(title);
    Some(
        titles
            .filter(|title| title.is_empty() || title.contains("127.0.0.1("))
            .count(),
    )
}
