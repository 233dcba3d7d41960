//! Another tool's folder of migrations → index migrations: its concurrent index statements alone, in their order.
//!
//! The rule is that of [`crate::plan`]: what is taken, applied where the tool's other statements have run, ends as psql
//! ends that runs all of them. So what the other statements do to an index that is taken (a rename, a drop, a table that
//! goes) is followed, and told.

mod default_name;
mod folder;
mod pieces;
mod replay;

use std::path::{Path, PathBuf};

use self::{
    folder::Source,
    replay::{Replay, described},
};
pub use self::{
    folder::{Tool, looks_like},
    replay::LeftOut,
};
use super::{
    Statement, check,
    file::{is_read_whole, version_of},
};
use crate::{Error, Result, error::FileProblems};

/// What a folder of another tool comes to.
#[derive(Debug, Clone)]
pub struct Import {
    pub tool: Tool,
    /// The migrations to write, in order.
    pub migrations: Vec<Imported>,
    /// Statements and files that are not taken, and why.
    pub left_out: Vec<LeftOut>,
    /// Concurrent index statements that should have been taken and could not be.
    pub lost: Vec<LeftOut>,
    /// Whether the versions are the tool's own.
    pub keeps_versions: bool,
    /// Whether some were numbered anew, beside those of the folder they go to.
    pub is_renumbered: bool,
}

/// A migration that is to be written.
#[derive(Debug, Clone)]
pub struct Imported {
    pub version: i64,
    pub name: String,
    /// The file that its statements are from.
    pub source: PathBuf,
    pub statements: Vec<Statement>,
    /// What differs from the source, and why.
    pub notes: Vec<String>,
}

impl Imported {
    pub fn file_name(&self) -> String {
        format!("V{}__{}.sql", self.version, self.name)
    }

    /// The file, whole.
    pub fn text(&self) -> String {
        let mut text = format!("-- From {}\n", self.source.display());
        for note in &self.notes {
            text.push_str(&format!("-- {}\n", note.replace(['\n', '\r'], " ")));
        }
        for statement in &self.statements {
            text.push_str(&statement.sql());
            text.push_str(";\n");
        }
        text
    }
}

/// Reads a folder (or a file) of another tool's migrations.
///
/// # Errors
/// [`Error::Migration`]: it cannot be read, or holds no SQL.
pub fn import(folder: &Path) -> Result<Import> {
    let read =
        folder::read(folder).map_err(|problem| Error::Migration(FileProblems(vec![problem])))?;
    let mut replay = Replay::new(read.tool);
    for (file, reason) in read.skipped {
        replay.skip_file(file, reason);
    }
    for source in &read.sources {
        replay.file(source);
    }
    let (taken, left_out, mut lost) = replay.end();
    let versions = kept_versions(&read.sources, &taken);
    let keeps_versions = versions.is_some();
    let versions = versions.unwrap_or_else(|| (1..).take(taken.len()).collect());
    let mut migrations = Vec::with_capacity(taken.len());
    for ((source, statements, notes), version) in taken.into_iter().zip(versions) {
        let Some(source) = read.sources.get(source) else {
            continue;
        };
        migrations.push(Imported {
            version,
            name: name(&source.title),
            source: source.path.clone(),
            statements,
            notes,
        });
    }
    lost.extend(unreadable(&mut migrations)?);
    Ok(Import {
        tool: read.tool,
        migrations,
        left_out,
        lost,
        keeps_versions,
        is_renumbered: false,
    })
}

impl Import {
    /// Versions that other migrations of the folder have are not used again: what is imported comes after them, in its
    /// own order. What an earlier import wrote is known by its name and text, and keeps its version.
    pub fn number_beside(&mut self, folder: &Path) {
        let present: Vec<(PathBuf, i64)> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .map(|path| (path.clone(), version_of(&path)))
            .filter(|(_, version)| *version != i64::MAX)
            .collect();
        let highest = present.iter().map(|(_, version)| *version).max();
        let mut last = -1;
        for migration in &mut self.migrations {
            let own = migration.version;
            let as_before = present.iter().map(|(_, version)| *version).find(|version| {
                migration.version = *version;
                *version > last
                    && std::fs::read_to_string(folder.join(migration.file_name()))
                        .is_ok_and(|text| text == migration.text())
            });
            migration.version = own;
            let file = folder.join(migration.file_name());
            let is_free = present
                .iter()
                .all(|(path, version)| *version != own || *path == file);
            last = match as_before {
                Some(version) => version,
                None if is_free && own > last => own,
                None => highest
                    .map_or(last, |highest| highest.max(last))
                    .saturating_add(1),
            };
            self.is_renumbered |= last != own;
            migration.version = last;
        }
    }
}

/// What is written is read as `apply-indexes` will read it. A file that it would refuse is to be written by hand, and does
/// not stop the others.
fn unreadable(migrations: &mut Vec<Imported>) -> Result<Vec<LeftOut>> {
    let mut lost = Vec::new();
    while !migrations.is_empty() {
        let files = migrations
            .iter()
            .map(|migration| (PathBuf::from(migration.file_name()), migration.text()));
        let problems = match check(files.collect()) {
            Err(Error::Migration(FileProblems(problems))) => problems,
            other => return other.map(|_| lost),
        };
        let count = migrations.len();
        migrations.retain(|migration| {
            let file = migration.file_name();
            let Some(problem) = problems
                .iter()
                .find(|problem| problem.file == Path::new(&file))
            else {
                return true;
            };
            lost.extend(migration.statements.iter().map(|statement| LeftOut {
                file: migration.source.clone(),
                line: None,
                statement: described(&statement.sql()),
                reason: format!("{}; {}", problem.message, problem.hint),
            }));
            false
        });
        if migrations.len() == count {
            return Err(Error::Migration(FileProblems(problems)));
        }
    }
    Ok(lost)
}

/// A source by its place, its statements and what is to be said of them.
type File = (usize, Vec<Statement>, Vec<String>);

/// The tool's own versions, where all are whole numbers in ascending order.
fn kept_versions(sources: &[Source], taken: &[File]) -> Option<Vec<i64>> {
    let versions: Vec<i64> = taken
        .iter()
        .map(
            |(source, ..)| match sources.get(*source)?.version.as_deref()? {
                [version] => i64::try_from(*version).ok(),
                _ => None,
            },
        )
        .collect::<Option<_>>()?;
    versions
        .windows(2)
        .all(|pair| pair[0] < pair[1])
        .then_some(versions)
}

/// A title as the name of a migration: letters, digits and underscores.
pub fn name(title: &str) -> String {
    let mut name = String::new();
    for c in title.chars().take(200) {
        match c {
            c if c != '_' && is_read_whole(c.encode_utf8(&mut [0; 4])) => name.push(c),
            _ if name.ends_with('_') || name.is_empty() => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_end_matches('_');
    if name.is_empty() { "indexes" } else { name }.to_owned()
}

#[cfg(test)]
mod tests;
