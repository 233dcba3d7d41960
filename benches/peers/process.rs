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

/// What a run of a program cost.
pub(crate) struct Measured {
    pub(crate) ms: f64,
    /// The most memory that it, or a program that it ran, had.
    pub(crate) peak_bytes: f64,
    /// On standard output and standard error.
    pub(crate) said: String,
}

/// Runs it to its end, which is fine with these statuses. The kernel tells a parent of the largest of all its children, so
/// a parent of this command alone is asked: this program once more. It holds the watch as well.
pub(crate) fn measured(
    command: &Command,
    scratch: &Path,
    fine: &[i32],
) -> Result<Measured, String> {
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
    let done = parent.output().map_err(|error| error.to_string())?;
    let said = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    let said = said.join("\n");
    if !done.status.code().is_some_and(|code| fine.contains(&code)) {
        let lines: Vec<&str> = said.lines().rev().take(4).collect();
        return Err(format!("failed ({}): {}", done.status, lines.join(" | ")));
    }
    let figures = std::fs::read_to_string(&file)
        .ok()
        .and_then(|text| {
            let (ms, peak) = text.split_once(' ')?;
            Some((ms.parse().ok()?, peak.parse().ok()?))
        })
        .ok_or_else(|| "its figures were not written".to_owned())?;
    let _ = std::fs::remove_file(&file);
    Ok(Measured {
        ms: figures.0,
        peak_bytes: figures.1,
        said,
    })
}

/// The most memory of the program alone, without that of programs it runs; as the kernel last told before its end.
pub(crate) fn own_peak(command: &mut Command) -> Result<f64, String> {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.spawn().map_err(|error| error.to_string())?;
    let file = format!("/proc/{}/status", child.id());
    let mut most = None;
    loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        most = kib.or(most);
        match child.try_wait().map_err(|error| error.to_string())? {
            None => std::thread::sleep(Duration::from_millis(2)),
            Some(ended) if ended.success() => break,
            Some(ended) => return Err(format!("failed ({ended})")),
        }
    }
    most.map(|kib| kib * 1024.0)
        .ok_or_else(|| "this system does not tell".to_owned())
}

/// The other end of [`measured`].
pub(crate) fn measure_peak(file: &Path, line: &[String]) {
    use nix::sys::resource::{UsageWho, getrusage};
    let begun = Instant::now();
    let status = Command::new(&line[0])
        .args(&line[1..])
        .status()
        .expect("the command starts");
    let ms = begun.elapsed().as_secs_f64() * 1000.0;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel knows");
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let figures = format!("{ms} {}", usage.max_rss() * unit);
    std::fs::write(file, figures).expect("the file can be written");
    std::process::exit(status.code().unwrap_or(1));
}
