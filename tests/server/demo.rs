//! `dbaudit demo` as a process. Its server's folder is made in a temporary directory of the test's own.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

/// A temporary directory that the server's user can reach as well.
fn open_directory() -> TempDir {
    let directory = tempfile::Builder::new()
        .prefix("demo-")
        .tempdir_in("/tmp")
        .unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    directory
}

fn start_demo(directory: &Path, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_dbaudit"))
        .args(["demo", "--rows", "3000"])
        .args(args)
        .env("TMPDIR", directory)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The server's folder, and its process, once it accepts connections.
fn running_server(directory: &Path) -> (PathBuf, Pid) {
    eventually("the server runs", || {
        let folder = server_folders(directory).pop()?;
        let state = fs::read_to_string(folder.join("data/postmaster.pid")).ok()?;
        state.lines().nth(7).filter(|line| line.trim() == "ready")?;
        Some((folder, Pid::from_raw(state.lines().next()?.parse().ok()?)))
    })
}

fn server_folders(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("/dbaudit-"))
        .collect()
}

fn is_gone(process: Pid) -> bool {
    kill(process, None) == Err(nix::errno::Errno::ESRCH)
}

#[test]
fn ctrl_c_stops_the_server_and_removes_its_folder() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let directory = open_directory();
        let mut demo = start_demo(directory.path(), &[]);
        let (folder, server) = running_server(directory.path());
        kill(Pid::from_raw(demo.id() as i32), signal).unwrap();
        let status = demo.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{signal}");
        assert!(is_gone(server), "{signal}: the server still runs");
        assert!(!folder.exists(), "{signal}: {} stays", folder.display());
    }
}

#[test]
fn kill_9_of_the_demo_leaves_no_server_behind() {
    let directory = open_directory();
    let mut demo = start_demo(directory.path(), &[]);
    let (folder, server) = running_server(directory.path());
    demo.kill().unwrap();
    demo.wait().unwrap();
    eventually("the server ends", || is_gone(server).then_some(()));
    eventually("its folder goes", || (!folder.exists()).then_some(()));
}

#[test]
fn kill_9_while_the_cluster_is_being_made_leaves_nothing_behind() {
    let directory = open_directory();
    let mut demo = start_demo(directory.path(), &[]);
    let folder = eventually("the folder is there", || {
        server_folders(directory.path()).pop()
    });
    eventually("initdb has begun", || {
        folder.join("data").exists().then_some(())
    });
    demo.kill().unwrap();
    demo.wait().unwrap();
    eventually("its folder goes", || (!folder.exists()).then_some(()));
}

#[test]
fn a_folder_without_server_binaries_is_refused_by_name() {
    let directory = open_directory();
    let bin = directory.path().join("no-binaries-here");
    fs::create_dir(&bin).unwrap();
    let output = crate::support::dbaudit(directory.path())
        .args(["demo", "--server-bin"])
        .arg(&bin)
        .env("TMPDIR", directory.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("no-binaries-here"), "{stderr}");
    assert!(stderr.contains("initdb"), "{stderr}");
    assert_eq!(server_folders(directory.path()), Vec::<PathBuf>::new());
}

#[test]
fn the_whole_demo_is_one_document_and_leaves_nothing() {
    let directory = open_directory();
    let output = crate::support::dbaudit(directory.path())
        .args(["demo", "--rows", "3000", "--format", "json"])
        .env("TMPDIR", directory.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema_version"], 1);
    assert_eq!(document["command"], "demo");
    assert_eq!(document["before"]["report"]["command"], "report");
    assert_eq!(document["before"]["timing"]["command"], "time-queries");
    assert_eq!(document["apply"]["outcome"], "applied");
    assert_eq!(document["after"]["timing"]["verdict"], "within");
    let used: Vec<(&str, &str)> = document["summary"]
        .as_array()
        .unwrap()
        .iter()
        .map(|query| {
            assert!(query["before_ms"].as_f64() > Some(0.0), "{query}");
            assert!(query["after_ms"].as_f64() > Some(0.0), "{query}");
            assert!(query["factor"].as_f64() > Some(0.0), "{query}");
            let index = query["index"].as_str().unwrap_or("none");
            (query["query"].as_str().unwrap(), index)
        })
        .collect();
    assert!(
        used.contains(&("content_by_user", "idx_content_user_date")),
        "{used:?}"
    );
    assert!(
        used.contains(&("topic_duplicates", "idx_content_topic_hash")),
        "{used:?}"
    );
    assert_eq!(used.len(), 4, "{used:?}");
    assert_eq!(server_folders(directory.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_kept_server_runs_on_and_its_url_works() {
    let directory = open_directory();
    let output = crate::support::dbaudit(directory.path())
        .args(["demo", "--rows", "3000", "--keep"])
        .env("TMPDIR", directory.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let (folder, server) = running_server(directory.path());
    let url = stderr
        .split_whitespace()
        .find(|word| word.starts_with("postgresql://"))
        .expect(&stderr);
    let status = crate::support::dbaudit(directory.path())
        .args(["apply-indexes", "--format", "json", "-d", url])
        .output()
        .unwrap();
    kill(server, Signal::SIGINT).unwrap();
    eventually("the server ends", || is_gone(server).then_some(()));
    fs::remove_dir_all(folder).unwrap();
    let again: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(again["outcome"], "nothing_to_do", "{stderr}");
}
