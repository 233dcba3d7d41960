//! Picking each setting from the first place that has it, and remembering the place.

use std::fmt;

use clap::{ArgMatches, parser::ValueSource};

/// Where a setting's value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A flag on the command line.
    Flag,
    /// An environment variable.
    Environment,
    /// The configuration file.
    File,
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Flag => "flag",
            Origin::Environment => "environment",
            Origin::File => "file",
            Origin::Default => "default",
        })
    }
}

/// One resolved setting, as `dbaudit config` shows it.
#[derive(Debug, Clone)]
pub struct Setting {
    /// `section.key`, as in `dbaudit.toml`.
    pub key: String,
    /// The value as text; `None` where it is unset.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
}

/// Picks settings, and remembers them in order.
#[derive(Debug)]
pub struct Resolver<'a> {
    matches: &'a ArgMatches,
    /// Every setting picked so far.
    pub settings: Vec<Setting>,
}

impl<'a> Resolver<'a> {
    /// `matches`: of the subcommand (global flags are in there too).
    #[must_use]
    pub fn new(matches: &'a ArgMatches) -> Self {
        Self {
            matches,
            settings: Vec::new(),
        }
    }

    /// The first of flag (or its environment variable), file and default. `key` is `section.key` as in
    /// the file; the flag's clap id is the key with underscores.
    pub fn pick<T: fmt::Display>(
        &mut self,
        key: &str,
        flag: Option<T>,
        file: Option<T>,
        default: T,
    ) -> T {
        let (value, origin) = match (flag, file) {
            (Some(value), _) => (value, self.origin_of_flag(key)),
            (None, Some(value)) => (value, Origin::File),
            (None, None) => (default, Origin::Default),
        };
        self.settings.push(Setting {
            key: key.to_owned(),
            value: Some(value.to_string()),
            origin,
        });
        value
    }

    /// The same for a setting that may stay unset. `show` gives its text (masking secrets).
    pub fn pick_optional<T>(
        &mut self,
        key: &str,
        flag: Option<T>,
        file: Option<T>,
        show: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let (value, origin) = match (flag, file) {
            (Some(value), _) => (Some(value), self.origin_of_flag(key)),
            (None, Some(value)) => (Some(value), Origin::File),
            (None, None) => (None, Origin::Default),
        };
        self.settings.push(Setting {
            key: key.to_owned(),
            value: value.as_ref().map(show),
            origin,
        });
        value
    }

    /// A switch such as `--dry-run`: a flag can only turn it on.
    pub fn switch(&mut self, key: &str, flag: bool, file: Option<bool>) -> bool {
        self.pick(key, flag.then_some(true), file, false)
    }

    fn origin_of_flag(&self, key: &str) -> Origin {
        let id = key.rsplit('.').next().unwrap_or(key).replace('-', "_");
        match self
            .matches
            .try_contains_id(&id)
            .ok()
            .and_then(|_| self.matches.value_source(&id))
        {
            Some(ValueSource::EnvVariable) => Origin::Environment,
            _ => Origin::Flag,
        }
    }
}
