//! What a shell completes: options and commands, and the names of checks, queries, tags, indexes and endpoints.
//!
//! The shell runs dbaudit with [`VARIABLE`] set, and dbaudit answers from the files that the command would read. No server is
//! asked.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Command;
use clap_complete::{ArgValueCandidates, CompleteEnv, CompletionCandidate, Shell, env::Shells};

use super::{ConfigFile, resolve::present};
use crate::{
    check::CHECKS,
    cli,
    migration::{self, Statement},
    stats::Percentile,
    workload::{self, QueryFile},
};

/// Names the shell that asks.
const VARIABLE: &str = "DBAUDIT_COMPLETE";

/// Answers a shell that asks what may come next; `None`: no shell asks.
pub fn complete(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    std::env::var_os(VARIABLE)?;
    let folder = std::env::current_dir().ok();
    let asked = CompleteEnv::with_factory(definition)
        .var(VARIABLE)
        .try_complete(args, folder.as_deref());
    match asked {
        Ok(true) => Some(ExitCode::SUCCESS),
        Ok(false) => None,
        Err(_) => Some(ExitCode::FAILURE),
    }
}

/// The script that makes a shell ask.
pub(super) fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    if let Some(completer) = shells.completer(&shell.to_string()) {
        // Writing into memory cannot fail.
        let _ =
            completer.write_registration(VARIABLE, "dbaudit", "dbaudit", "dbaudit", &mut script);
    }
    String::from_utf8_lossy(&script).into_owned()
}

type Names = fn() -> Vec<CompletionCandidate>;

/// The command line, with what completes the values of its options.
fn definition() -> Command {
    let with = |command: Command, options: &[(&'static str, Names)]| {
        options.iter().fold(command, |command, (id, names)| {
            let candidates = ArgValueCandidates::new(*names);
            command.mut_arg(id, |argument| argument.add(candidates))
        })
    };
    cli::definition()
        .mut_subcommand("explain", |command| with(command, &[("check", checks)]))
        .mut_subcommand("time-queries", |command| {
            with(
                command,
                &[
                    ("only", queries),
                    ("tag", tags),
                    ("ab_without_index", indexes),
                ],
            )
        })
        .mut_subcommand("advise", |command| {
            with(command, &[("only", queries), ("tag", tags)])
        })
        .mut_subcommand("time-endpoints", |command| {
            with(command, &[("only", endpoints)])
        })
}

fn candidate(name: &str, help: Option<&str>) -> CompletionCandidate {
    CompletionCandidate::new(name).help(help.map(|help| help.to_owned().into()))
}

fn checks() -> Vec<CompletionCandidate> {
    let checks = CHECKS
        .iter()
        .map(|check| candidate(check.code, Some(check.summary)));
    checks
        .chain([candidate("query-file", Some("the format of a query file"))])
        .collect()
}

fn queries() -> Vec<CompletionCandidate> {
    query_files()
        .iter()
        .map(|query| candidate(&query.name, query.description.as_deref()))
        .collect()
}

fn tags() -> Vec<CompletionCandidate> {
    let mut tags: Vec<String> = query_files()
        .into_iter()
        .flat_map(|query| query.tags)
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags.iter().map(|tag| candidate(tag, None)).collect()
}

fn query_files() -> Vec<QueryFile> {
    let folder = folder("queries", "DBAUDIT_QUERIES", |file| {
        file.time_queries.queries
    });
    // What is wrong with a file is said when the command runs.
    workload::load(folder.as_deref(), Some((Duration::MAX, Percentile::P95))).unwrap_or_default()
}

/// Those that the migrations create.
fn indexes() -> Vec<CompletionCandidate> {
    let folder = folder("migrations", "DBAUDIT_MIGRATIONS", |file| {
        file.apply_indexes.migrations
    });
    let migrations = match folder {
        Some(folder) => migration::load(&folder),
        None => migration::embedded(),
    };
    let statements = migrations
        .unwrap_or_default()
        .into_iter()
        .flat_map(|m| m.statements);
    let names = statements.filter_map(|statement| match statement {
        Statement::Create(create) => Some(candidate(&create.name, Some(&create.table.to_string()))),
        _ => None,
    });
    names.collect()
}

fn endpoints() -> Vec<CompletionCandidate> {
    let file = file();
    let endpoints = file
        .endpoint
        .iter()
        .map(super::endpoints::EndpointFile::name);
    let pages = file.page.iter().map(super::endpoints::PageFile::name);
    endpoints
        .chain(pages)
        .map(|name| candidate(name, None))
        .collect()
}

/// The folder that the command would read: named on the line so far, in the environment or the file, or the usual one.
fn folder(
    name: &str,
    variable: &str,
    of_file: impl FnOnce(ConfigFile) -> Option<PathBuf>,
) -> Option<PathBuf> {
    option(&format!("--{name}"))
        .or_else(|| std::env::var_os(variable).map(PathBuf::from))
        .or_else(|| of_file(file()))
        .or_else(|| present(name))
}

fn file() -> ConfigFile {
    let path = option("--config").or_else(|| option("-c"));
    let loaded = ConfigFile::load(path.as_deref().map(Path::new));
    loaded.map(|(file, _)| file).unwrap_or_default()
}

/// The value of an option on the line so far.
fn option(name: &str) -> Option<PathBuf> {
    let mut words = std::env::args().skip_while(|word| word != "--").skip(1);
    while let Some(word) = words.next() {
        if word == name {
            return words.next().map(PathBuf::from);
        }
        if let Some(value) = word
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('='))
        {
            return Some(PathBuf::from(value));
        }
    }
    None
}
