//! Installing what is compared with, once, into the ignored cache; and saying so.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use crate::process::command;

/// A program in the Rust registry, at the version that the page was measured with.
pub(crate) struct Crate {
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    pub(crate) version: &'static str,
    /// As few as the comparison needs.
    options: &'static [&'static str],
    /// Debian's packages that its build needs.
    needs: &'static [&'static str],
}

pub(crate) const SQLX: Crate = Crate {
    name: "sqlx-cli",
    program: "sqlx",
    version: "0.9.0",
    options: &["--no-default-features", "--features", "postgres,rustls"],
    needs: &[],
};

pub(crate) const REFINERY: Crate = Crate {
    name: "refinery_cli",
    program: "refinery",
    version: "0.10.0",
    options: &["--no-default-features", "--features", "postgresql"],
    // Its Postgres comes with OpenSSL.
    needs: &["libssl-dev", "pkg-config"],
};

pub(crate) const PG_EXTRAS: Crate = Crate {
    name: "pg-extras",
    program: "pgextras",
    version: "0.7.2",
    options: &[],
    needs: &["libssl-dev", "pkg-config"],
};

impl Crate {
    pub(crate) fn path(&self, root: &Path) -> PathBuf {
        root.join("bin").join(self.program)
    }

    /// In this very version, as cargo's own list in the folder says.
    pub(crate) fn is_installed(&self, root: &Path) -> bool {
        let listed = std::fs::read_to_string(root.join(".crates.toml")).unwrap_or_default();
        let entry = format!("\"{} {} ", self.name, self.version);
        self.path(root).is_file() && listed.contains(&entry)
    }

    /// The command that installs it.
    pub(crate) fn line(&self, root: &Path) -> String {
        let args = self.args(root);
        let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
        format!("cargo {}", args.join(" "))
    }

    fn args(&self, root: &Path) -> Vec<OsString> {
        let version = format!("={}", self.version);
        let line = ["install", "--locked", self.name, "--version", &version];
        let mut args: Vec<OsString> = line.map(OsString::from).to_vec();
        args.extend(["--root".into(), root.into()]);
        args.extend(self.options.iter().map(OsString::from));
        args
    }
}

/// Builds it; minutes of every processor. What goes wrong is shown, and the tool stays missing.
pub(crate) fn from_registry(wanted: &Crate, root: &Path) {
    for package in wanted.needs {
        if !has_package(package) {
            debian(package);
        }
    }
    std::fs::create_dir_all(root).expect("the cache's folder can be made");
    // `cargo bench` tells which cargo it is. Run elsewhere, so that nothing of this project's settings counts.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = std::path::absolute(root).expect("the current folder is known");
    let mut line = Command::new(cargo);
    line.args(wanted.args(&root))
        .arg("--quiet")
        .current_dir(&root);
    run(&wanted.line(&root), "minutes, once", &mut line);
}

/// Asks Debian for a package, where this is root on Debian; never a newer version of what is there.
pub(crate) fn debian(package: &str) {
    let options = [
        "install",
        "-y",
        "--no-install-recommends",
        "--no-upgrade",
        package,
    ];
    if !nix::unistd::geteuid().is_root() || said_nothing("apt-get") {
        eprintln!("peers: {package} is left to you: apt-get install {package}, as root on Debian");
        return;
    }
    let apt_get = |args: &[&str]| {
        let mut line = command("apt-get");
        line.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        run(&format!("apt-get {}", args.join(" ")), "seconds", &mut line)
    };
    // A list that was never fetched, or is too old to be served.
    if !apt_get(&options) && apt_get(&["update"]) {
        apt_get(&options);
    }
}

fn has_package(package: &str) -> bool {
    // Elsewhere than on Debian, the build tells.
    said_nothing("dpkg")
        || command("dpkg")
            .args(["-s", package])
            .output()
            .is_ok_and(|said| said.status.success())
}

fn said_nothing(program: &str) -> bool {
    command(program).arg("--version").output().is_err()
}

fn run(shown: &str, long: &str, line: &mut Command) -> bool {
    eprintln!("peers: {shown} ({long}) …");
    let problem = match line.output() {
        Ok(done) if done.status.success() => return true,
        Ok(done) => {
            let said = String::from_utf8_lossy(&done.stderr);
            let lines: Vec<&str> = said.lines().collect();
            lines[lines.len().saturating_sub(6)..].join("\n  ")
        }
        Err(error) => error.to_string(),
    };
    eprintln!("peers: that failed:\n  {problem}");
    false
}
