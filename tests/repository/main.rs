//! The files around the code: they must say what the code does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "tests fail by panicking, and nothing here is for others"
)]

mod directions;
mod generated;
mod pages;

use std::{fs, path::Path, process::Command};

use yaml_rust2::{Yaml, YamlLoader};

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn yaml(file: &str) -> Yaml {
    YamlLoader::load_from_str(&read(file)).unwrap().remove(0)
}

/// Whether the command line is understood: it fails for want of a server (status 3), not for what it says. Of what runs on
/// a twin, the command that it is given.
fn is_understood(line: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let line = line
        .split_once(" -- ")
        .map_or(line, |(_, on_a_twin)| on_a_twin);
    let words = line.trim_start_matches("dbaudit ").split_whitespace();
    let words = words.take_while(|word| !matches!(*word, ">" | ">>" | "|"));
    let output = Command::new(env!("CARGO_BIN_EXE_dbaudit"))
        .args(words)
        .args(["-d", "postgres://nobody@127.0.0.1:1/none"])
        .env_remove("DATABASE_URL")
        .current_dir(folder.path())
        .output()
        .unwrap();
    output.status.code() == Some(3)
}

/// The steps of the workflows that are there to be copied.
fn steps() -> Vec<Yaml> {
    let workflows = ["nightly.yml", "pull-request.yml"];
    let jobs = workflows.map(|file| yaml(&format!(".github/workflows/{file}"))["jobs"].clone());
    let jobs = jobs
        .iter()
        .flat_map(|jobs| jobs.as_hash().unwrap().values());
    jobs.flat_map(|job| job["steps"].as_vec().unwrap().clone())
        .collect()
}

#[test]
fn the_workflows_run_commands_that_exist() {
    let runs: Vec<String> = steps()
        .iter()
        .filter_map(|step| Some(step["run"].as_str()?.replace("\\\n", " ")))
        .collect();
    let commands: Vec<&str> = runs
        .iter()
        .flat_map(|run| run.lines())
        .filter(|run| run.starts_with("dbaudit "))
        .collect();
    for wanted in [
        "apply-indexes",
        "time-queries",
        "report",
        "snapshot",
        "twin",
    ] {
        assert!(commands.iter().any(|run| run.contains(wanted)), "{wanted}");
    }
    for command in commands {
        assert!(is_understood(command), "not understood: {command}");
    }
    assert!(!is_understood("dbaudit report --no-such-option"));
    assert!(!is_understood(
        "dbaudit twin a.json -- time-queries --no-such-option"
    ));
}

#[test]
fn the_workflows_install_this_release_by_this_repositorys_action() {
    let repository = env!("CARGO_PKG_REPOSITORY").strip_prefix("https://github.com/");
    let wanted = format!("{}@v{}", repository.unwrap(), env!("CARGO_PKG_VERSION"));
    let installs = steps()
        .iter()
        .filter(|step| step["uses"].as_str() == Some(&wanted))
        .count();
    assert_eq!(installs, 3, "{wanted}");
    let action = yaml("action.yml");
    let version = action["inputs"]["version"]["default"].as_str();
    assert_eq!(version, Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_compose_file_gives_dbaudit_a_healthy_postgres_with_the_sample_schema() {
    let compose = yaml("docker-compose.yml");
    let dbaudit = &compose["services"]["dbaudit"];
    assert_eq!(
        dbaudit["depends_on"]["postgres"]["condition"].as_str(),
        Some("service_healthy")
    );
    let postgres = &compose["services"]["postgres"];
    assert!(postgres["healthcheck"]["test"].is_array());
    for volume in postgres["volumes"].as_vec().unwrap() {
        let file = volume.as_str().unwrap().split(':').next().unwrap();
        assert!(!read(file).is_empty(), "{file}");
    }
}

#[test]
fn lock_files_for_npm_name_no_registry() {
    for file in [
        "tests/support/package-lock.json",
        "tests/support/web/package-lock.json",
        "src/demo/npm/package-lock.json",
    ] {
        let lock = read(file);
        assert!(!lock.contains("://"), "{file}");
        assert!(lock.contains("sha512-"), "{file}");
    }
}
