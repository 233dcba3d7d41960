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

/// Whether the command line is understood: it fails for want of a server (status 3), not for what it says.
fn is_understood(line: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let words = line.split_whitespace().skip(1);
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

#[test]
fn the_workflow_runs_commands_that_exist() {
    let workflow = yaml(".github/workflows/nightly.yml");
    let steps = workflow["jobs"]["query-budgets"]["steps"].as_vec().unwrap();
    let commands: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["run"].as_str())
        .flat_map(str::lines)
        .filter(|run| run.starts_with("dbaudit "))
        .collect();
    for wanted in ["apply-indexes", "time-queries", "report"] {
        assert!(commands.iter().any(|run| run.contains(wanted)), "{wanted}");
    }
    for command in commands {
        assert!(is_understood(command), "not understood: {command}");
    }
    assert!(!is_understood("dbaudit report --no-such-option"));
}

#[test]
fn the_workflow_installs_this_release_by_this_repositorys_action() {
    let workflow = yaml(".github/workflows/nightly.yml");
    let steps = workflow["jobs"]["query-budgets"]["steps"].as_vec().unwrap();
    let repository = env!("CARGO_PKG_REPOSITORY").strip_prefix("https://github.com/");
    let wanted = format!("{}@v{}", repository.unwrap(), env!("CARGO_PKG_VERSION"));
    assert!(
        steps
            .iter()
            .any(|step| step["uses"].as_str() == Some(&wanted)),
        "no step uses {wanted}"
    );
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
