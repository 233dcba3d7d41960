//! pgbench, the outside truth for what a query takes.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Where it is; `None` on a machine without it, unless tests must not be skipped there.
pub fn pgbench() -> Option<PathBuf> {
    let mut places = vec![PathBuf::from("/usr/bin/pgbench")];
    for version in std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
    {
        places.push(version.path().join("bin/pgbench"));
    }
    let found = places.into_iter().rfind(|path| path.is_file());
    assert!(
        found.is_some() || std::env::var_os("DBAUDIT_TEST_REQUIRE").is_none(),
        "pgbench is missing (Debian, Ubuntu: apt-get install postgresql)"
    );
    found
}

/// What each of so many transactions of a script took, one after the other on one connection, prepared, in milliseconds
/// and in ascending order: the time from one's end to the next one's. (Its own column of latencies holds a 0 now and then
/// on a busy machine, where it read the clock for the beginning only after the answer was there.)
pub fn latencies(pgbench: &Path, url: &str, script: &str, transactions: usize) -> Vec<f64> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("script.sql");
    std::fs::write(&file, script).expect("the script");
    let output = Command::new(pgbench)
        .args(["-n", "-M", "prepared", "-c", "1", "-l"])
        .args(["-t", &(transactions + 1).to_string(), "-f"])
        .arg(&file)
        .arg(format!(
            "--log-prefix={}",
            folder.path().join("log").display()
        ))
        .arg(url)
        .output()
        .expect("pgbench runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut ends: Vec<f64> = Vec::new();
    for file in std::fs::read_dir(folder.path()).expect("its log").flatten() {
        if !file.file_name().to_string_lossy().starts_with("log") {
            continue;
        }
        let text = std::fs::read_to_string(file.path()).expect("its log");
        // client, transaction, microseconds, script, its end: seconds and microseconds
        let end = |line: &str| {
            let mut fields = line.split(' ').skip(4).map(str::parse::<f64>);
            Some(fields.next()?.ok()? * 1000.0 + fields.next()?.ok()? / 1000.0)
        };
        ends.extend(text.lines().filter_map(end));
    }
    assert_eq!(ends.len(), transactions + 1);
    let mut latencies: Vec<f64> = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
    latencies.sort_by(f64::total_cmp);
    latencies
}

/// Processes that do nothing but compute; ended when dropped.
pub struct BusyLoops(Vec<std::process::Child>);

impl BusyLoops {
    pub fn start(count: usize) -> Self {
        let start = |_| {
            Command::new("sh")
                // They end with the test, however that ends.
                .args([
                    "-c",
                    "while kill -0 $0; do n=0; while [ $n -lt 99999 ]; do n=$((n + 1)); done; done",
                ])
                .arg(std::process::id().to_string())
                .stderr(std::process::Stdio::null())
                .spawn()
                .expect("a shell")
        };
        Self((0..count).map(start).collect())
    }
}

impl Drop for BusyLoops {
    fn drop(&mut self) {
        for process in &mut self.0 {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
