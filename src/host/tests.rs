use std::{fs, path::Path};

use super::*;

fn files(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

const MACHINE: &[(&str, &str)] = &[
    (
        "proc/meminfo",
        "MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 250 kB\n",
    ),
    (
        "proc/stat",
        "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3\n",
    ),
];

#[test]
fn without_a_limit_the_machine_is_looked_at() {
    let root = tempfile::tempdir().unwrap();
    files(root.path(), MACHINE);
    let mut reader = HostReader::below(root.path(), None);
    let first = reader.read(&[]).unwrap();
    assert_eq!((first.scope, first.cpu), (Scope::Machine, None));
    let memory = first.memory.unwrap();
    assert_eq!(memory.ratio(), 0.75);
    assert_eq!(memory.limit_from, "machine");
    files(
        root.path(),
        &[("proc/stat", "cpu  190 0 100 710 100 0 0 0\n")],
    );
    let cpu = reader.read(&[]).unwrap().cpu.unwrap();
    assert!((cpu.ratio - 0.9).abs() < 1e-9, "{cpu:?}");
}

#[test]
fn version_2_tells_of_its_container_and_file_cache_is_no_use() {
    let root = tempfile::tempdir().unwrap();
    files(root.path(), MACHINE);
    let group = "sys/fs/cgroup";
    files(
        root.path(),
        &[
            (&format!("{group}/cgroup.controllers"), "cpu memory\n"),
            (&format!("{group}/memory.current"), "900\n"),
            (&format!("{group}/memory.max"), "1000\n"),
            (
                &format!("{group}/memory.stat"),
                "anon 400\ninactive_file 500\n",
            ),
            (&format!("{group}/cpu.max"), "50000 100000\n"),
            (
                &format!("{group}/cpu.stat"),
                "usage_usec 1000000\nnr_periods 100\nnr_throttled 10\nthrottled_usec 500000\n",
            ),
            ("proc/self/cgroup", "0::/\n"),
        ],
    );
    let mut reader = HostReader::below(root.path(), None);
    let first = reader.read(&[]).unwrap();
    assert_eq!(first.scope, Scope::Container);
    assert_eq!(first.memory.unwrap().ratio(), 0.4);
    let stat = "usage_usec 1000000\nnr_periods 200\nnr_throttled 60\nthrottled_usec 1500000\n";
    files(root.path(), &[(&format!("{group}/cpu.stat"), stat)]);
    let second = reader.read(&[]).unwrap();
    let throttled = second.throttled.unwrap();
    assert_eq!((throttled.ratio, throttled.withheld_s), (0.5, 1.0));
    let cpu = second.cpu.unwrap();
    assert_eq!((cpu.cpus, cpu.ratio), (0.5, 0.0));
    let configured = HostReader::below(root.path(), Some(800)).read(&[]).unwrap();
    let memory = configured.memory.unwrap();
    assert_eq!(
        (memory.ratio(), memory.limit_from.as_str()),
        (0.5, "configured")
    );
}

#[test]
fn a_limited_container_tells_of_its_own_waits_and_a_machine_of_all() {
    let psi = |share: &str| format!("some avg10=0 avg60={share} avg300={share} total=1\n");
    let root = tempfile::tempdir().unwrap();
    files(root.path(), MACHINE);
    let group = "sys/fs/cgroup";
    files(
        root.path(),
        &[
            ("proc/loadavg", "3.00 2.00 1.00 1/2 3\n"),
            ("proc/pressure/cpu", &psi("70.00")),
            (&format!("{group}/cgroup.controllers"), "cpu memory\n"),
            (&format!("{group}/memory.current"), "900\n"),
            (&format!("{group}/cpu.pressure"), &psi("10.00")),
            (&format!("{group}/cpu.max"), "max 100000\n"),
            ("proc/self/cgroup", "0::/\n"),
        ],
    );
    let pressure = || {
        let host = HostReader::below(root.path(), None).read(&[]).unwrap();
        (host.pressure.waiting_ratio, host.pressure.load_per_cpu)
    };
    let cpus = machine::cpus();
    assert_eq!(pressure(), (Some(0.7), Some(2.0 / cpus)));
    files(
        root.path(),
        &[(&format!("{group}/cpu.max"), "50000 100000\n")],
    );
    assert_eq!(pressure(), (Some(0.1), None));
}

#[test]
fn a_nested_group_of_version_2_is_found_and_no_limit_is_none() {
    let root = tempfile::tempdir().unwrap();
    files(root.path(), MACHINE);
    let group = "sys/fs/cgroup/system.slice/db.service";
    files(
        root.path(),
        &[
            ("sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
            (&format!("{group}/memory.current"), "900\n"),
            (&format!("{group}/memory.max"), "max\n"),
            (&format!("{group}/cpu.max"), "max 100000\n"),
            ("proc/self/cgroup", "0::/system.slice/db.service\n"),
        ],
    );
    let host = HostReader::below(root.path(), None).read(&[]).unwrap();
    assert_eq!(host.scope, Scope::Machine);
    assert_eq!(host.memory.unwrap().limit_bytes, 1_024_000);
}

#[test]
fn version_1_tells_the_same_in_other_files() {
    let root = tempfile::tempdir().unwrap();
    files(root.path(), MACHINE);
    let base = "sys/fs/cgroup";
    files(
        root.path(),
        &[
            (
                &format!("{base}/memory/docker/x/memory.usage_in_bytes"),
                "900\n",
            ),
            (
                &format!("{base}/memory/docker/x/memory.limit_in_bytes"),
                "1000\n",
            ),
            (
                &format!("{base}/memory/docker/x/memory.stat"),
                "cache 1\ntotal_inactive_file 50\n",
            ),
            (&format!("{base}/cpu/cpu.cfs_quota_us"), "-1\n"),
            (&format!("{base}/cpu/cpu.cfs_period_us"), "100000\n"),
            (
                "proc/self/cgroup",
                "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n",
            ),
        ],
    );
    let host = HostReader::below(root.path(), None).read(&[]).unwrap();
    assert_eq!(host.scope, Scope::Container);
    assert_eq!(host.memory.unwrap().ratio(), 0.85);
}

#[test]
fn where_there_is_no_proc_nothing_can_be_seen() {
    let root = tempfile::tempdir().unwrap();
    assert!(HostReader::below(root.path(), None).read(&[]).is_err());
}
