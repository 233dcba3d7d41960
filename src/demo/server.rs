//! A throwaway PostgreSQL server in a temporary folder.
//!
//! The server runs under a small supervisor (`supervisor.sh`) that holds the other end of a pipe. When
//! this process ends, in whatever way, the pipe closes, and the supervisor stops the server and removes
//! the folder. So nothing is left behind by an error, a panic, a signal or `kill -9`.

mod folder;

use std::{
    io::Write,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use self::folder::{Account, make_folder};
use super::Binaries;
use crate::{Error, Result};

/// Longer than any step takes on a slow machine; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the server can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// By a unix socket in its own folder, closed to other users.
    Socket,
    /// Also on a free port of 127.0.0.1. Every local user can then connect.
    Loopback,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownMode {
    /// In order: sessions are ended, a checkpoint written.
    Fast,
    /// As in a crash: the next start recovers.
    Immediate,
}

/// A running throwaway server. Dropped, it stops and its folder goes.
#[derive(Debug)]
pub struct Server {
    binaries: Binaries,
    folder: PathBuf,
    port: u16,
    listen: Listen,
    supervisor: Child,
}

impl Server {
    /// Makes a cluster with the given settings and starts it; blocks for one to two seconds.
    ///
    /// # Errors
    /// [`Error::Demo`], with the last lines of the server's log.
    pub fn start(binaries: &Binaries, listen: Listen, settings: &[(&str, &str)]) -> Result<Self> {
        let account = Account::of_server()?;
        let folder = make_folder(account.as_ref())?;
        let mut supervisor = Command::new("/bin/sh");
        supervisor
            .args(["-c", include_str!("supervisor.sh"), "dbaudit-demo-server"])
            .args([&folder, &binaries.folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir(&folder)
            // The terminal's Ctrl-C is for this process alone.
            .process_group(0)
            .env_clear()
            .env("HOME", &folder);
        for kept in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(kept) {
                supervisor.env(kept, value);
            }
        }
        if let Some(account) = &account {
            supervisor.uid(account.uid).gid(account.gid);
        }
        let supervisor = supervisor.spawn().map_err(|source| {
            // Nobody else will.
            let _ = std::fs::remove_dir_all(&folder);
            cannot("start /bin/sh", &source)
        })?;
        // From here on, whatever happens, dropping `server` cleans up.
        let mut server = Self {
            binaries: binaries.clone(),
            folder,
            port: 5432,
            listen,
            supervisor,
        };
        server.make_cluster()?;
        let mut attempts = 3;
        loop {
            server.configure(settings)?;
            match server.start_again() {
                // Another process took the free port in between.
                Err(_) if listen == Listen::Loopback && attempts > 1 && server.lost_its_port() => {
                    attempts -= 1;
                }
                Err(error) => return Err(error),
                Ok(()) => return Ok(server),
            }
        }
    }

    /// The folder that holds the cluster, its logs and the socket.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn data_directory(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder of the unix socket.
    pub fn socket_directory(&self) -> &Path {
        &self.folder
    }

    /// The port, also in the socket's name.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The server's process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        read_number(&self.folder.join("server.pid"))
    }

    /// Where a database of this server is, as the superuser.
    pub fn url(&self, database: &str) -> String {
        match self.listen {
            Listen::Loopback => {
                format!("postgresql://postgres@127.0.0.1:{}/{database}", self.port)
            }
            Listen::Socket => format!(
                "postgresql://postgres@{}:{}/{database}",
                percent_encode(self.folder.as_os_str().as_bytes()),
                self.port
            ),
        }
    }

    /// Stops the server, and keeps its folder for [`Server::start_again`].
    ///
    /// # Errors
    /// It did not stop within two minutes.
    pub fn stop(&mut self, how: ShutdownMode) -> Result<()> {
        self.say(match how {
            ShutdownMode::Fast => "stop INT",
            ShutdownMode::Immediate => "stop QUIT",
        })?;
        self.wait_for("stop", |server| {
            read_number(&server.folder.join("server.status")).map(|_| ())
        })
    }

    /// Starts the server of a stopped cluster.
    ///
    /// # Errors
    /// [`Error::Demo`], with the last lines of the server's log.
    pub fn start_again(&mut self) -> Result<()> {
        // A crashed server leaves its file; the state "ready" in it is then an old one.
        let _ = std::fs::remove_file(self.folder.join("server.status"));
        let before = self.pid();
        self.say("start")?;
        let started = self.wait_for("start", |server| {
            if let Some(status) = read_number(&server.folder.join("server.status")) {
                return Some(Err(status));
            }
            let pid = server.pid().filter(|pid| Some(*pid) != before)?;
            (server.ready_pid() == Some(pid)).then_some(Ok(()))
        })?;
        started.map_err(|status: u32| Error::Demo {
            message: format!(
                "the PostgreSQL server ({}) ended with status {status}:\n{}",
                self.binaries.folder.display(),
                self.last_lines("server.log")
            ),
            hint: "--server-bin DIR selects another server's binaries".into(),
        })
    }

    /// Lets the server run on after this process.
    ///
    /// # Errors
    /// The supervisor is gone, and the server with it.
    pub fn leave_running(&mut self) -> Result<()> {
        self.say("leave")?;
        self.supervisor
            .wait()
            .map(|_| ())
            .map_err(|source| cannot("keep the server running", &source))
    }

    fn make_cluster(&mut self) -> Result<()> {
        self.say("initdb")?;
        let status = self.wait_for("initdb", |server| {
            read_number(&server.folder.join("initdb.status"))
        })?;
        if status == 0 {
            return Ok(());
        }
        Err(Error::Demo {
            message: format!(
                "initdb ({}) ended with status {status}:\n{}",
                self.binaries.folder.display(),
                self.last_lines("initdb.log")
            ),
            hint: "when run as root, the folder of the binaries must be readable by the user `postgres` or \
                 `nobody`; --server-bin DIR selects another one"
                .into(),
        })
    }

    /// Writes the settings, with a free port where one is needed.
    fn configure(&mut self, settings: &[(&str, &str)]) -> Result<()> {
        let listen_addresses = match self.listen {
            Listen::Socket => "",
            Listen::Loopback => {
                let free = std::net::TcpListener::bind(("127.0.0.1", 0))
                    .and_then(|listener| listener.local_addr())
                    .map_err(|source| cannot("find a free port on 127.0.0.1", &source))?;
                self.port = free.port();
                "127.0.0.1"
            }
        };
        let own = [
            ("listen_addresses", listen_addresses.to_owned()),
            ("port", self.port.to_string()),
            (
                "unix_socket_directories",
                self.folder.to_string_lossy().into_owned(),
            ),
            // Nothing here outlives a crash of the machine, and the report knows it by this name.
            ("cluster_name", crate::check::THROWAWAY_CLUSTER.to_owned()),
            ("fsync", "off".to_owned()),
            ("full_page_writes", "off".to_owned()),
            ("synchronous_commit", "off".to_owned()),
            // initdb derives it from the size of a segment.
            ("max_wal_size", "1GB".to_owned()),
            ("timezone", "UTC".to_owned()),
            ("log_timezone", "UTC".to_owned()),
        ];
        let lines: String = own
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .chain(settings.iter().copied())
            .map(|(key, value)| format!("{key} = '{}'\n", value.replace('\'', "''")))
            .collect();
        let file = self.data_directory().join("dbaudit.conf");
        let wrote = std::fs::write(&file, lines).and_then(|()| {
            // The server reads it as another user where this process is root.
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644))?;
            let main = self.data_directory().join("postgresql.conf");
            let mut text = std::fs::read_to_string(&main)?;
            if !text.contains("dbaudit.conf") {
                text.push_str("include 'dbaudit.conf'\n");
                std::fs::write(&main, text)?;
            }
            Ok(())
        });
        wrote.map_err(|source| cannot("write the server's settings", &source))
    }

    fn lost_its_port(&self) -> bool {
        self.last_lines("server.log").contains("could not bind")
    }

    /// The process id in `postmaster.pid`, once its line 8 says that connections are accepted.
    fn ready_pid(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.data_directory().join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        lines
            .nth(6)
            .is_some_and(|state| matches!(state.trim(), "ready" | "standby"))
            .then_some(pid)
    }

    fn say(&mut self, command: &str) -> Result<()> {
        self.supervisor
            .stdin
            .as_mut()
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::BrokenPipe))
            .and_then(|pipe| pipe.write_all(format!("{command}\n").as_bytes()))
            .map_err(|source| cannot("talk to the server's supervisor", &source))
    }

    fn wait_for<T>(&mut self, step: &str, done: impl Fn(&Self) -> Option<T>) -> Result<T> {
        let begun = Instant::now();
        loop {
            if let Some(value) = done(self) {
                return Ok(value);
            }
            let gone = matches!(self.supervisor.try_wait(), Ok(Some(_)));
            if gone || begun.elapsed() > PATIENCE {
                let why = if gone {
                    "its supervisor process ended"
                } else {
                    "nothing happened for two minutes"
                };
                return Err(Error::Demo {
                    message: format!(
                        "the server's {step} failed: {why}\n{}",
                        self.last_lines("server.log")
                    ),
                    hint: String::new(),
                });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn last_lines(&self, log: &str) -> String {
        let text = std::fs::read(self.folder.join(log)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing the pipe is the signal; the supervisor does the rest, and ends.
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}

fn read_number(file: &Path) -> Option<u32> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn percent_encode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
                char::from(*byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn cannot(doing: &str, source: &std::io::Error) -> Error {
    Error::Demo {
        message: format!("cannot {doing}: {source}"),
        hint: String::new(),
    }
}
