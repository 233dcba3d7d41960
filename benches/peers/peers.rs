//! The tools to compare with: found, or installed once, or said to be missing.

use std::path::{Path, PathBuf};

use crate::{
    install::{self, Crate},
    process::command,
};

/// A tool, or why it is not here.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: Result<String, String>,
    path: PathBuf,
}

impl Tool {
    /// A program that lies there, in its version's own words.
    fn at(name: &'static str, path: PathBuf, get_it: &str) -> Self {
        Self {
            name,
            version: said_version(&path).ok_or_else(|| get_it.to_owned()),
            path,
        }
    }

    /// A crate's program, in the cache.
    fn of_crate(wanted: &Crate, root: &Path) -> Self {
        Self {
            name: wanted.program,
            version: wanted
                .is_installed(root)
                .then(|| format!("{} {}", wanted.name, wanted.version))
                .ok_or_else(|| wanted.line(root)),
            path: wanted.path(root),
        }
    }

    /// The tool's path. How to get one that is missing stands among the versions.
    pub(crate) fn path(&self) -> Result<&Path, String> {
        match &self.version {
            Ok(_) => Ok(&self.path),
            Err(_) => Err("missing".into()),
        }
    }
}

pub(crate) struct Peers {
    /// The real binary, not Debian's wrapper in Perl.
    pub(crate) psql: Tool,
    pub(crate) pgbench: Tool,
    pub(crate) check_postgres: Tool,
    pub(crate) sqlx: Tool,
    pub(crate) refinery: Tool,
    pub(crate) pg_extras: Tool,
}

impl Peers {
    /// Where `install` is given, what is missing is fetched first, with a line on each.
    pub(crate) fn find(server_binaries: &Path, cache: &Path, install: bool) -> Self {
        let root = cache.join("peers");
        let beside = |name: &str| {
            [server_binaries, Path::new("/usr/lib/postgresql/15/bin")]
                .iter()
                .map(|folder| folder.join(name))
                .find(|path| path.is_file())
                .unwrap_or_else(|| name.into())
        };
        let look = || Self {
            psql: Tool::at("psql", beside("psql"), "apt-get install postgresql-client"),
            pgbench: Tool::at(
                "pgbench",
                beside("pgbench"),
                "apt-get install postgresql-15",
            ),
            check_postgres: Tool::at(
                "check_postgres",
                "check_postgres".into(),
                "apt-get install check-postgres",
            ),
            sqlx: Tool::of_crate(&install::SQLX, &root),
            refinery: Tool::of_crate(&install::REFINERY, &root),
            pg_extras: Tool::of_crate(&install::PG_EXTRAS, &root),
        };
        let found = look();
        if !install || found.all().iter().all(|tool| tool.version.is_ok()) {
            return found;
        }
        if found.psql.version.is_err() || found.pgbench.version.is_err() {
            // pgbench is in the server's package.
            install::debian("postgresql-15");
        }
        if found.check_postgres.version.is_err() {
            install::debian("check-postgres");
        }
        for wanted in [&install::SQLX, &install::REFINERY, &install::PG_EXTRAS] {
            if !wanted.is_installed(&root) {
                install::from_registry(wanted, &root);
            }
        }
        look()
    }

    pub(crate) fn all(&self) -> [&Tool; 6] {
        [
            &self.psql,
            &self.pgbench,
            &self.check_postgres,
            &self.sqlx,
            &self.refinery,
            &self.pg_extras,
        ]
    }
}

/// The first line of `--version`; `None` where the program is not there, or says nothing.
fn said_version(program: &Path) -> Option<String> {
    let said = command(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout);
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
