//! Finding the tools to compare with. One that is not here is said to be missing.

use std::path::{Path, PathBuf};

use crate::process::command;

/// A tool, or why it is not here.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: Result<String, String>,
    path: PathBuf,
}

impl Tool {
    fn at(name: &'static str, path: PathBuf, get_it: &str) -> Self {
        let version = command(&path)
            .arg("--version")
            .output()
            .map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
            .map_err(|_| get_it.to_owned());
        Self {
            name,
            version,
            path,
        }
    }

    /// The tool's path.
    pub(crate) fn path(&self) -> Result<&Path, String> {
        match &self.version {
            Ok(_) => Ok(&self.path),
            Err(why) => Err(format!("missing: {why}")),
        }
    }
}

pub(crate) struct Peers {
    /// The real binary, not Debian's wrapper in Perl.
    pub(crate) psql: Tool,
    pub(crate) pgbench: Tool,
    pub(crate) sqlx: Tool,
}

impl Peers {
    pub(crate) fn find(server_binaries: &Path) -> Self {
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/peers/bin");
        let beside = |name: &str| {
            [server_binaries, Path::new("/usr/lib/postgresql/15/bin")]
                .iter()
                .map(|folder| folder.join(name))
                .find(|path| path.is_file())
                .unwrap_or_else(|| name.into())
        };
        Self {
            psql: Tool::at("psql", beside("psql"), "apt-get install postgresql-client"),
            pgbench: Tool::at("pgbench", beside("pgbench"), "apt-get install postgresql"),
            sqlx: Tool::at(
                "sqlx",
                installed.join("sqlx"),
                "cargo install sqlx-cli --version ^0.9 --no-default-features \
                 --features postgres,rustls --root .cache/peers",
            ),
        }
    }

    pub(crate) fn all(&self) -> [&Tool; 3] {
        [&self.psql, &self.pgbench, &self.sqlx]
    }
}
