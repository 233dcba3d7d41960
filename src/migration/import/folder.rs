//! The files of another tool's folder, in the order in which that tool runs them.

use std::{
    cmp::Ordering,
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::error::FileProblem;

/// Whose folder it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    Goose,
    SqlMigrate,
    Dbmate,
    /// `1_name.up.sql`, as sqlx has them too.
    GolangMigrate,
    Flyway,
    /// A folder for each, with `migration.sql` in it.
    Prisma,
    /// A folder for each, with `up.sql` in it.
    Diesel,
    Atlas,
    /// What `alembic upgrade --sql` writes.
    Alembic,
    /// Any other SQL.
    Sql,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tool::Goose => "goose",
            Tool::SqlMigrate => "sql-migrate",
            Tool::Dbmate => "dbmate",
            Tool::GolangMigrate => "golang-migrate",
            Tool::Flyway => "Flyway",
            Tool::Prisma => "Prisma",
            Tool::Diesel => "Diesel",
            Tool::Atlas => "Atlas",
            Tool::Alembic => "Alembic",
            Tool::Sql => "SQL files",
        })
    }
}

/// A file whose Up part is read.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// `[1, 2]` of `V1.2__name.sql`.
    pub(super) version: Option<Vec<u64>>,
    pub(super) title: String,
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) struct Folder {
    pub(super) tool: Tool,
    /// In the order in which the tool runs them.
    pub(super) sources: Vec<Source>,
    /// Files that are not read, and why.
    pub(super) skipped: Vec<(PathBuf, &'static str)>,
}

/// The tool whose folder this is; `None`: it may be anything.
pub fn looks_like(folder: &Path) -> Option<Tool> {
    let tool = read(folder).ok()?.tool;
    (tool != Tool::Sql).then_some(tool)
}

/// Reads a folder, or the one file that it is.
pub(super) fn read(folder: &Path) -> Result<Folder, FileProblem> {
    let mut found = Found::default();
    if folder.is_dir() {
        found.folder(folder, 0)?;
    } else {
        found.file(folder.to_owned())?;
    }
    let mut sources = found.sources;
    if sources.is_empty() {
        return Err(problem(
            folder,
            "contains no SQL migrations",
            "name the folder with the .sql files of your migration tool",
        ));
    }
    let tool = tool(folder, &sources);
    let mut skipped = found.skipped;
    if tool != Tool::Flyway {
        // The others read no folders below, but for those that are a migration each.
        let is_below = |source: &Source| {
            let inner = source.path.parent() != Some(folder) && source.path != folder;
            inner && !is_a_folders_file(&source.path)
        };
        let (below, own): (Vec<Source>, Vec<Source>) = sources.into_iter().partition(is_below);
        let reason = "it is in a subfolder; import that folder on its own";
        skipped.extend(below.into_iter().map(|source| (source.path, reason)));
        sources = own;
    }
    if tool == Tool::Atlas {
        let is_checkpoint = |source: &Source| has_line(&source.text, "-- atlas:checkpoint");
        let (checkpoints, own): (Vec<Source>, Vec<Source>) =
            sources.into_iter().partition(is_checkpoint);
        let reason = "it is a checkpoint; the files before it are read";
        skipped.extend(checkpoints.into_iter().map(|source| (source.path, reason)));
        sources = own;
    }
    sources.sort_by(|one, other| order(tool, one, other));
    Ok(Folder {
        tool,
        sources,
        skipped,
    })
}

fn problem(file: &Path, message: impl Into<String>, hint: &str) -> FileProblem {
    FileProblem {
        file: file.to_owned(),
        line: None,
        column: None,
        message: message.into(),
        hint: hint.to_owned(),
    }
}

#[derive(Debug, Default)]
struct Found {
    sources: Vec<Source>,
    skipped: Vec<(PathBuf, &'static str)>,
}

impl Found {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), FileProblem> {
        let unreadable = |error: std::io::Error| {
            problem(
                folder,
                format!("cannot be read: {error}"),
                "check the name of the folder",
            )
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            paths.push(entry.map_err(unreadable)?.path());
        }
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_sql = path
                .extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("sql"));
            if name.starts_with('.') {
                continue;
            }
            // As deep as people nest folders; a link to a folder above ends here too.
            if path.is_dir() && depth < 8 {
                self.folder(&path, depth + 1)?;
            } else if is_sql && path.is_file() {
                self.file(path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf) -> Result<(), FileProblem> {
        let is_down = is_down(&path);
        let skip = match path.file_name().and_then(|name| name.to_str()) {
            _ if is_down => Some("it undoes a migration"),
            Some(name) if is_flyways(name, 'U') => Some("it undoes a migration"),
            Some(name) if is_flyways(name, 'B') => {
                Some("it is a baseline; the versions before it are read")
            }
            Some(name) if is_callback(name) => Some("it is a callback and not a migration"),
            _ => None,
        };
        if let Some(reason) = skip {
            self.skipped.push((path, reason));
            return Ok(());
        }
        let bytes = std::fs::read(&path).map_err(|error| {
            problem(
                &path,
                format!("cannot be read: {error}"),
                "check its name and permissions",
            )
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|_| problem(&path, "is not UTF-8 text", "save it as UTF-8"))?;
        let (version, title) = parts(&stem(&path));
        self.sources.push(Source {
            path,
            version,
            title,
            text,
        });
        Ok(())
    }
}

/// `migration.sql` and `up.sql`: the folder has the name.
fn is_a_folders_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| ["migration.sql", "up.sql"].contains(&name))
}

/// The name that tells version and title.
fn stem(path: &Path) -> String {
    let named = if is_a_folders_file(path) {
        path.parent().unwrap_or(path)
    } else {
        path
    };
    let name = named.file_name().unwrap_or_default().to_string_lossy();
    let lower = name.to_ascii_lowercase();
    let end = [".up.sql", ".sql"]
        .iter()
        .find(|ending| lower.ends_with(*ending))
        .map_or(name.len(), |ending| name.len() - ending.len());
    name.get(..end).unwrap_or(&name).to_owned()
}

fn is_down(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_lowercase();
    name == "down.sql"
        || [".down.sql", ".rollback.sql", ".undo.sql", ".revert.sql"]
            .iter()
            .any(|ending| name.ends_with(ending))
}

/// `U1.2__name.sql`, for the prefix `U`.
fn is_flyways(name: &str, prefix: char) -> bool {
    let version = name
        .strip_prefix(prefix)
        .and_then(|rest| rest.split_once("__"))
        .map(|(version, _)| version);
    version.is_some_and(|version| numbers(version).is_some())
}

/// Flyway's: `afterMigrate.sql`, `beforeEachMigrate__name.sql`.
fn is_callback(name: &str) -> bool {
    let event = name.split("__").next().unwrap_or(name);
    let event = event.strip_suffix(".sql").unwrap_or(event);
    (event.starts_with("after") || event.starts_with("before"))
        && [
            "Migrate",
            "Clean",
            "Info",
            "Validate",
            "Baseline",
            "Repair",
            "Undo",
            "Versioned",
            "Repeatables",
        ]
        .iter()
        .any(|word| event.contains(word))
}

/// `1.2` and `1_2` → `[1, 2]`.
fn numbers(text: &str) -> Option<Vec<u64>> {
    text.split(['.', '_'])
        .map(|part| part.parse().ok())
        .collect()
}

/// Version and title of a file's name.
fn parts(stem: &str) -> (Option<Vec<u64>>, String) {
    if let Some((version, title)) = stem
        .strip_prefix(['V', 'v'])
        .and_then(|rest| rest.split_once("__"))
        && let Some(version) = numbers(version)
    {
        return (Some(version), title.to_owned());
    }
    let digits = stem
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(stem.len());
    let (number, rest) = stem.split_at(digits);
    // Diesel's 2026-01-31-235959_name.
    let dated: String = stem
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '-')
        .collect();
    if digits == 4 && dated.len() >= 17 {
        let version = dated.replace('-', "").parse().ok();
        return (
            version.map(|version| vec![version]),
            stem[dated.len()..].to_owned(),
        );
    }
    match number.parse() {
        Ok(version) if digits > 0 => (Some(vec![version]), rest.to_owned()),
        _ => (None, stem.to_owned()),
    }
}

fn has_line(text: &str, beginning: &str) -> bool {
    text.lines()
        .any(|line| line.trim_start().starts_with(beginning))
}

fn tool(folder: &Path, sources: &[Source]) -> Tool {
    let any = |is: &dyn Fn(&Source) -> bool| sources.iter().any(is);
    let says = |beginning: &str| any(&|source| has_line(&source.text, beginning));
    let name_is = |is: &dyn Fn(&str) -> bool| {
        any(&|source| {
            source
                .path
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(is)
        })
    };
    if says("-- +goose") || says("--+goose") {
        Tool::Goose
    } else if says("-- +migrate") {
        Tool::SqlMigrate
    } else if says("-- migrate:up") || says("--migrate:up") {
        Tool::Dbmate
    } else if name_is(&|name| name == "migration.sql") {
        Tool::Prisma
    } else if name_is(&|name| name == "up.sql") {
        Tool::Diesel
    } else if name_is(&|name| name.to_ascii_lowercase().ends_with(".up.sql")) {
        Tool::GolangMigrate
    } else if name_is(&|name| is_flyways(name, 'V')) {
        Tool::Flyway
    } else if folder.join("atlas.sum").is_file() || says("-- atlas:") {
        Tool::Atlas
    } else if any(&|source| source.text.contains("alembic_version")) {
        Tool::Alembic
    } else {
        Tool::Sql
    }
}

/// Versions as numbers or names as text, as the tool has it. Flyway's repeatable migrations come last.
fn order(tool: Tool, one: &Source, other: &Source) -> Ordering {
    let by_name = || stem(&one.path).cmp(&stem(&other.path));
    let by_path = || one.path.cmp(&other.path);
    match tool {
        Tool::Dbmate | Tool::Prisma | Tool::Diesel | Tool::Atlas => by_name().then_with(by_path),
        _ => match (&one.version, &other.version) {
            (Some(one), Some(other)) => without_zeros(one).cmp(without_zeros(other)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
        .then_with(by_name)
        .then_with(by_path),
    }
}

/// `1.0` is `1`.
fn without_zeros(version: &[u64]) -> &[u64] {
    let end = version
        .iter()
        .rposition(|part| *part != 0)
        .map_or(0, |at| at + 1);
    &version[..end]
}
