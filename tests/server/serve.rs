//! `serve`, as a process: asked over HTTP, and looked at in a real browser.

mod browser;
mod database;
mod http;
mod middleware;
pub mod notify;
mod rough;
mod siege;
mod vitals;
mod web;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

pub use database::promtool;
pub use http::{Answer, ask, ask_with, beacon};
use serde_json::Value;

/// A running `dbaudit serve`; ended with the test.
pub struct Serving {
    pub address: String,
    process: Child,
    log: Arc<Mutex<String>>,
    _folder: tempfile::TempDir,
}

impl Serving {
    /// With a configuration file, and further arguments.
    pub fn start(config: &str, arguments: &[&str]) -> Self {
        let command = std::process::Command::new(env!("CARGO_BIN_EXE_dbaudit"));
        Self::run(command, config, arguments)
    }

    /// With so many files that it may have open.
    pub fn with_files(most: u32, config: &str, arguments: &[&str]) -> Self {
        let mut command = std::process::Command::new("sh");
        let script = format!("ulimit -n {most}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_dbaudit")]);
        Self::run(command, config, arguments)
    }

    fn run(mut command: std::process::Command, config: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("dbaudit.toml"), config).unwrap();
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("PG") || text.starts_with("DBAUDIT_") || text == "DATABASE_URL" {
                command.env_remove(&name);
            }
        }
        let mut process = command
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .args(["serve", "--interval", "1s"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (sender, address) = std::sync::mpsc::channel();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if let Some((_, address)) = line.split_once("listening on http://") {
                    let _ = sender.send(address.trim().to_owned());
                }
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let address = address
            .recv_timeout(Duration::from_secs(30))
            .unwrap_or_else(|_| panic!("it does not listen: {}", log.lock().unwrap()));
        Self {
            address,
            process,
            log,
            _folder: folder,
        }
    }

    /// One database, the port the system's choice.
    pub fn on(url: &str, config: &str) -> Self {
        Self::start(
            &format!("{config}\n[[database]]\nname = \"main\"\nurl = \"{url}\"\n"),
            &["--listen", "127.0.0.1:0"],
        )
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn get(&self, path: &str) -> Answer {
        ask(&self.address, path)
    }

    pub fn json(&self, path: &str) -> Value {
        self.get(path).json()
    }

    /// Asks until what it answers is as wanted.
    pub fn await_json(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let answer = self.get(path);
            let value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
            if wanted(&value) {
                return value;
            }
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "{path}: {}\n{}",
                answer.body,
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Until the database was collected at least this often.
    pub fn await_points(&self, least: usize) -> Value {
        self.await_json("/api/overview", |overview| {
            let first = &overview["databases"][0];
            first["status"]["state"] == "up"
                && first["trends"]["size_bytes"].as_array().unwrap().len() >= least.min(2)
        })
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Its exit status, once it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(since.elapsed() < Duration::from_secs(30), "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
