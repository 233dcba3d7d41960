//! A running `dbaudit serve`, and what it costs.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::{figure::mib, place::Place, process::command};

/// What whoever asks must know.
pub(crate) const TOKEN: &str = "token-of-the-bench";
/// Whose pages may send beacons.
pub(crate) const ORIGIN: &str = "https://app.example.com";

/// Ended with the value.
pub(crate) struct Serving {
    pub(crate) address: String,
    process: Child,
}

impl Serving {
    /// On one database, as behind a proxy: the proxy's header names the client, whose rate is limited as always.
    pub(crate) fn start(place: &Place, database: &str, interval: Duration) -> Self {
        let folder = place.folder("serve");
        let config = format!(
            "[serve]\ninterval = \"{}s\"\ntoken = \"{TOKEN}\"\norigins = [\"{ORIGIN}\"]\nbehind-proxy = true\n\
             [[database]]\nname = \"main\"\nurl = \"{}\"\n",
            interval.as_secs(),
            place.url(database)
        );
        std::fs::write(folder.join("dbaudit.toml"), config).expect("the file can be written");
        let mut process = command(env!("CARGO_BIN_EXE_dbaudit"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("serve starts");
        let mut lines = BufReader::new(process.stderr.take().expect("its log")).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("listening on http://")?.1.trim().to_owned()))
            .expect("it says where it listens");
        // What it complains of is shown; and its pipe never fills.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("  serve: {line}");
            }
        });
        Self { address, process }
    }

    /// Until it has read its database once.
    pub(crate) fn await_ready(&self) {
        let begun = Instant::now();
        while !self.get("/ready").starts_with("HTTP/1.1 200") {
            assert!(begun.elapsed() < Duration::from_secs(60), "it is not ready");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A counter of `/metrics`, of the one database.
    pub(crate) fn counter(&self, name: &str) -> Option<f64> {
        let answer = self.get("/metrics");
        let line = |line: &str| line.strip_prefix(name)?.split_once("} ")?.1.parse().ok();
        answer.lines().find_map(line)
    }

    /// The whole answer.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(head.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    /// `VmRSS`, `VmHWM`…: bytes.
    pub(crate) fn memory(&self, field: &str) -> Option<f64> {
        let file = format!("/proc/{}/status", self.process.id());
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        let kib = line.trim_start_matches(':').trim().strip_suffix(" kB")?;
        Some(kib.parse::<f64>().ok()? * 1024.0)
    }

    /// Seconds of a processor so far: `utime` and `stime` of proc(5), in ticks of which every Linux of today has a
    /// hundred a second.
    pub(crate) fn cpu_s(&self) -> Option<f64> {
        let file = format!("/proc/{}/stat", self.process.id());
        let text = std::fs::read_to_string(file).ok()?;
        let (_, rest) = text.rsplit_once(')')?;
        let ticks = |at: usize| rest.split_whitespace().nth(at)?.parse::<f64>().ok();
        Some((ticks(11)? + ticks(12)?) / 100.0)
    }

    /// Looks at the memory each second, until `seconds` have passed since `start`.
    pub(crate) fn watch_memory(&self, start: Instant, seconds: u64) -> Vec<f64> {
        (1..=seconds)
            .filter_map(|second| {
                let due = start + Duration::from_secs(second);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                self.memory("VmRSS")
            })
            .collect()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Memory of a moment, where it is known.
pub(crate) fn shown(bytes: Option<f64>) -> String {
    bytes.map_or("?".into(), mib)
}
