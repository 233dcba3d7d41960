//! What the bench is asked to do.

use std::path::{Path, PathBuf};

pub(crate) struct Arguments {
    /// The names of the groups that are asked for.
    pub(crate) groups: Vec<&'static str>,
    /// Little data and few rounds, to see that everything runs. Its figures mean nothing.
    pub(crate) quick: bool,
    rounds: Option<usize>,
    /// Where the page goes; none in a quick run.
    pub(crate) output: Option<PathBuf>,
    /// The kept data and the peers.
    pub(crate) cache: PathBuf,
    /// Missing peers are installed.
    pub(crate) install: bool,
    pub(crate) server_bin: Option<PathBuf>,
}

pub(crate) enum Asked {
    Run(Arguments),
    /// Installs and makes what is kept, and measures nothing.
    Prepare(Arguments),
    /// The page and its pictures, from the figures that are kept.
    Page(Arguments),
    /// The bench called by itself, to learn a child's peak memory.
    Peak {
        file: PathBuf,
        command: Vec<String>,
    },
    Usage(String),
    Wrong(String),
}

const OPTIONS: &str =
    "  --prepare         installs the peers and makes the data that is kept, and measures nothing
  --page            writes the page and its pictures again, from the figures that are kept
  --quick           little data, few rounds, nothing written
  --rounds N        how often each contender runs
  --no-install      what is missing of the peers stays missing, and is said to be
  --cache DIR       peers and data of earlier runs [default: .cache, or DBAUDIT_BENCH_CACHE]
  --out DIR         where RESULTS.md goes [default: benches]
  --server-bin DIR  the server's binaries [default: PostgreSQL 15's, else the first found]";

impl Arguments {
    /// `known`: the groups' names, each with what it is about.
    pub(crate) fn parse(
        given: impl Iterator<Item = String>,
        known: &[(&'static str, &str)],
    ) -> Asked {
        let mut given = given.peekable();
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut arguments = Self {
            groups: Vec::new(),
            quick: false,
            rounds: None,
            output: None,
            cache: std::env::var_os("DBAUDIT_BENCH_CACHE")
                .map_or_else(|| project.join(".cache"), PathBuf::from),
            install: true,
            server_bin: None,
        };
        let mut asked: fn(Self) -> Asked = Asked::Run;
        while let Some(one) = given.next() {
            let mut value = || given.next().unwrap_or_default();
            match one.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--peak" => {
                    let file = value().into();
                    let command = given.collect();
                    return Asked::Peak { file, command };
                }
                "--prepare" => asked = Asked::Prepare,
                "--page" => asked = Asked::Page,
                "--quick" => arguments.quick = true,
                "--rounds" => arguments.rounds = value().parse().ok(),
                "--no-install" => arguments.install = false,
                "--cache" => arguments.cache = value().into(),
                "--out" => arguments.output = Some(value().into()),
                "--server-bin" => arguments.server_bin = Some(value().into()),
                "--help" | "-h" | "--list" => return Asked::Usage(usage(known)),
                name => {
                    let names = known.iter().map(|(name, _)| *name);
                    let named: Vec<_> = names.filter(|known| known.starts_with(name)).collect();
                    if named.is_empty() {
                        return Asked::Wrong(format!("no group `{name}`\n\n{}", usage(known)));
                    }
                    arguments.groups.extend(named);
                }
            }
        }
        if arguments.groups.is_empty() {
            arguments.groups.extend(known.iter().map(|(name, _)| *name));
        }
        if !arguments.quick && arguments.output.is_none() {
            arguments.output = Some(project.join("benches"));
        }
        asked(arguments)
    }

    /// How often each contender runs; `usual` where nothing else is said.
    pub(crate) fn rounds(&self, usual: usize) -> usize {
        self.rounds.unwrap_or(self.scaled(usual, 2))
    }

    /// One or the other size, of whatever.
    pub(crate) fn scaled<T>(&self, usual: T, quick: T) -> T {
        if self.quick { quick } else { usual }
    }
}

fn usage(known: &[(&str, &str)]) -> String {
    let groups: String = known
        .iter()
        .map(|(name, about)| format!("  {name:<16}  {about}\n"))
        .collect();
    format!("cargo bench -- [GROUP…] [OPTION…]\n\ngroups:\n{groups}\noptions:\n{OPTIONS}")
}
