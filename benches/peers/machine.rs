//! What the figures were measured on.

use std::time::Duration;

use crate::{outcome::Conditions, place::Place};

/// One line on the machine, the server and the peers.
pub(crate) fn describe(place: &Place) -> String {
    let conditions = conditions(place, Duration::ZERO);
    format!("{}; {}", conditions.machine, conditions.versions.join(", "))
}

pub(crate) fn conditions(place: &Place, took: Duration) -> Conditions {
    Conditions {
        machine: machine(),
        versions: versions(place),
        commit: commit(),
        load: load(),
        taken_at: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        seconds: took.as_secs_f64().round(),
    }
}

fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let field = |text: &str, name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(|rest| rest.trim_start_matches([' ', '\t', ':']).to_owned())
    };
    let model = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown CPU".into());
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .unwrap_or_default();
    format!(
        "{processors} × {model}, {:.0} GiB, {} {}",
        memory / 1024.0 / 1024.0,
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// What was built, as git names it.
fn commit() -> String {
    let git = |args: &[&str]| {
        std::process::Command::new("git")
            .args(["-C", env!("CARGO_MANIFEST_DIR")])
            .args(args)
            .output()
            .ok()
            .filter(|said| said.status.success())
            .map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
    };
    let Some(head) = git(&["rev-parse", "--short", "HEAD"]) else {
        return "unknown".into();
    };
    match git(&["diff", "--quiet", "HEAD", "--", "src", "Cargo.lock"]) {
        Some(_) => head,
        None => format!("{head}, with changes"),
    }
}

/// The load average over one minute.
pub(crate) fn load() -> f64 {
    std::fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(f64::NAN)
}

fn versions(place: &Place) -> Vec<String> {
    let mut versions = vec![
        format!(
            "dbaudit {}{}",
            env!("CARGO_PKG_VERSION"),
            if cfg!(debug_assertions) {
                " (a debug build: figures mean nothing)"
            } else {
                ""
            }
        ),
        format!("PostgreSQL {}", place.server().binaries().version),
    ];
    for tool in place.peers.all() {
        versions.push(match &tool.version {
            Ok(version) => version.clone(),
            Err(why) => format!("{}: missing ({why})", tool.name),
        });
    }
    versions
}
