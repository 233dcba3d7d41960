//! What the bench is asked to do.

use std::path::{Path, PathBuf};

use crate::group::{GROUPS, Group};

/// How large and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// A minute, to see that everything runs. Its figures mean nothing.
    Quick,
    /// Half an hour.
    Usual,
    /// 3,000,000 rows and 50,000 tables.
    Full,
}

pub(crate) struct Arguments {
    pub(crate) groups: Vec<&'static Group>,
    pub(crate) scale: Scale,
    rows: Option<u64>,
    rounds: Option<usize>,
    /// Where the page goes; none in a quick run.
    pub(crate) output: Option<PathBuf>,
    pub(crate) server_bin: Option<PathBuf>,
}

pub(crate) enum Asked {
    Run(Arguments),
    /// The bench called by itself, to learn a child's peak memory.
    Peak {
        file: PathBuf,
        command: Vec<String>,
    },
    Usage(String),
    Wrong(String),
}

const OPTIONS: &str = "  --quick           little data, few rounds, nothing written
  --full            also 3,000,000 rows and 50,000 tables
  --rows N          rows of the large table
  --rounds N        how often each contender runs
  --out DIR         where RESULTS.md goes [default: benches]
  --server-bin DIR  the server's binaries [default: PostgreSQL 15's, else the first found]";

impl Arguments {
    pub(crate) fn parse(given: impl Iterator<Item = String>) -> Asked {
        let mut given = given.peekable();
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
        let mut arguments = Self {
            groups: Vec::new(),
            scale: Scale::Usual,
            rows: None,
            rounds: None,
            output: Some(own),
            server_bin: None,
        };
        let mut out = None;
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
                "--quick" => (arguments.scale, arguments.output) = (Scale::Quick, None),
                "--full" => arguments.scale = Scale::Full,
                "--rows" => arguments.rows = value().replace('_', "").parse().ok(),
                "--rounds" => arguments.rounds = value().parse().ok(),
                "--out" => out = Some(PathBuf::from(value())),
                "--server-bin" => arguments.server_bin = Some(value().into()),
                "--help" | "-h" | "--list" => return Asked::Usage(usage()),
                name => {
                    let named: Vec<_> = GROUPS
                        .iter()
                        .filter(|group| group.name.starts_with(name))
                        .collect();
                    if named.is_empty() {
                        return Asked::Wrong(format!("no group `{name}`\n\n{}", usage()));
                    }
                    arguments.groups.extend(named);
                }
            }
        }
        if arguments.groups.is_empty() {
            arguments.groups.extend(&GROUPS);
        }
        if out.is_some() {
            arguments.output = out;
        }
        Asked::Run(arguments)
    }

    /// Rows of `content` in the large sample.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.unwrap_or(match self.scale {
            Scale::Quick => 20_000,
            Scale::Usual => 1_000_000,
            Scale::Full => 3_000_000,
        })
    }

    /// How often each contender runs; `usual` where nothing else is said.
    pub(crate) fn rounds(&self, usual: usize) -> usize {
        self.rounds.unwrap_or(match self.scale {
            Scale::Quick => 2,
            Scale::Usual | Scale::Full => usual,
        })
    }

    pub(crate) fn quick(&self) -> bool {
        self.scale == Scale::Quick
    }
}

fn usage() -> String {
    let groups: String = GROUPS
        .iter()
        .map(|group| format!("  {:<16}  {}\n", group.name, group.about))
        .collect();
    format!("cargo bench -- [GROUP…] [OPTION…]\n\ngroups:\n{groups}\noptions:\n{OPTIONS}")
}
