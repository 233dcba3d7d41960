//! Running a program: how long it took, how much memory it had at most.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// A command in an environment without any of libpq's variables or ours.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PG") || text.starts_with("DBAUDIT_") || text == "DATABASE_URL" {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs it to its end; milliseconds. What it printed is shown where it failed.
pub(crate) fn wall(command: &mut Command) -> Result<f64, String> {
    let (took, _) = output(command)?;
    Ok(took.as_secs_f64() * 1000.0)
}

/// Runs it to its end; how long that took, and its standard output.
pub(crate) fn output(command: &mut Command) -> Result<(Duration, String), String> {
    let begun = Instant::now();
    let done = command
        .output()
        .map_err(|error| format!("cannot run {:?}: {error}", command.get_program()))?;
    let took = begun.elapsed();
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let lines: Vec<&str> = said.lines().rev().take(4).collect();
        return Err(format!("failed ({}): {}", done.status, lines.join(" | ")));
    }
    Ok((took, String::from_utf8_lossy(&done.stdout).into_owned()))
}

/// The most memory a command had, in bytes. The kernel tells a parent of the largest of all its children,
/// so a parent of this command alone is asked: this program once more.
pub(crate) fn peak(command: &Command, scratch: &Path) -> Result<u64, String> {
    let file = scratch.join("peak");
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut parent = self::command(own);
    parent
        .arg("--peak")
        .arg(&file)
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        parent.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            parent.env(name, value);
        }
    }
    wall(&mut parent)?;
    std::fs::read_to_string(&file)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| "its peak memory was not written".to_owned())
}

/// The other end of [`peak`].
pub(crate) fn measure_peak(file: &Path, line: &[String]) {
    use nix::sys::resource::{UsageWho, getrusage};
    let status = Command::new(&line[0])
        .args(&line[1..])
        .stdout(Stdio::null())
        .status()
        .expect("the command starts");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel knows");
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    std::fs::write(file, (usage.max_rss() * unit).to_string()).expect("the file can be written");
    std::process::exit(status.code().unwrap_or(1));
}
