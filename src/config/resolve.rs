//! Picking each setting from the first place that has it, and remembering the place.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{ArgMatches, parser::ValueSource};

use super::lines::Lines;
use crate::{
    Error, Result,
    duration::HumanDuration,
    memory_limit::parse_memory_limit,
    report::{Origin, Setting},
};

/// Picks settings, and remembers them in order.
#[derive(Debug)]
pub struct Resolver<'a> {
    matches: &'a ArgMatches,
    command: &'a clap::Command,
    lines: &'a Lines,
    pub settings: Vec<Setting>,
}

impl<'a> Resolver<'a> {
    /// `matches`: of the subcommand (global flags are in there too); `command`: its definition.
    pub fn new(matches: &'a ArgMatches, command: &'a clap::Command, lines: &'a Lines) -> Self {
        Self {
            matches,
            command,
            lines,
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
        self.pick_flag(key, &id_of(key), flag, file, default)
    }

    /// The same where the flag is not called as the key: `id` is the flag's clap id.
    pub fn pick_flag<T: fmt::Display>(
        &mut self,
        key: &str,
        id: &str,
        flag: Option<T>,
        file: Option<T>,
        default: T,
    ) -> T {
        let (value, origin) = match (flag, file) {
            (Some(value), _) => (value, self.origin_of_flag(id)),
            (None, Some(value)) => (value, self.origin_of_key(key)),
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
        self.pick_optional_flag(key, &id_of(key), flag, file, show)
    }

    /// The same where the flag is not called as the key: `id` is the flag's clap id.
    pub fn pick_optional_flag<T>(
        &mut self,
        key: &str,
        id: &str,
        flag: Option<T>,
        file: Option<T>,
        show: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let (value, origin) = match (flag, file) {
            (Some(value), _) => (Some(value), self.origin_of_flag(id)),
            (None, Some(value)) => (Some(value), self.origin_of_key(key)),
            (None, None) => (None, Origin::Default),
        };
        self.settings.push(Setting {
            key: key.to_owned(),
            value: value.as_ref().map(show),
            origin,
        });
        value
    }

    /// A folder of files that the binary also carries: the one named, else `beside` where the present folder has it, else
    /// (`None`) what is embedded.
    pub fn pick_folder(
        &mut self,
        key: &str,
        flag: Option<PathBuf>,
        file: Option<PathBuf>,
        beside: &str,
    ) -> Option<PathBuf> {
        let show = |path: &PathBuf| path.display().to_string();
        if let Some(named) = self.pick_optional(key, flag, file, show) {
            return Some(named);
        }
        let found = present(beside);
        if let Some(setting) = self.settings.last_mut() {
            (setting.value, setting.origin) = match &found {
                Some(folder) => (Some(show(folder)), Origin::PresentFolder),
                None => (Some("the embedded ones".to_owned()), Origin::Default),
            };
        }
        found
    }

    /// A switch such as `--dry-run`: a flag can only turn it on.
    pub fn switch(&mut self, key: &str, flag: bool, file: Option<bool>) -> bool {
        self.pick(key, flag.then_some(true), file, false)
    }

    /// A duration that may be left unset.
    pub fn pick_duration(
        &mut self,
        key: &str,
        flag: Option<HumanDuration>,
        file: Option<HumanDuration>,
    ) -> Option<Duration> {
        self.pick_optional(key, flag, file, ToString::to_string)
            .map(|duration| duration.0)
    }

    /// An amount of memory, which the file writes as text: `512MB`.
    ///
    /// # Errors
    /// [`Error::Config`]: the file's is not an amount of memory.
    pub fn pick_memory_limit(
        &mut self,
        key: &str,
        flag: Option<u64>,
        file: Option<String>,
    ) -> Result<Option<u64>> {
        let file = file
            .map(|text| parse_memory_limit(&text))
            .transpose()
            .map_err(|wrong| Error::Config {
                message: format!("{key}: {wrong}"),
                hint: "it is the memory limit of the container".into(),
            })?;
        Ok(self.pick_optional(key, flag, file, ToString::to_string))
    }

    /// The configuration file; empty where there is none.
    pub(super) fn file(&self) -> &Path {
        &self.lines.path
    }

    /// Whether the option itself was given, by its clap id: neither a variable nor the file.
    pub(super) fn is_on_command_line(&self, id: &str) -> bool {
        self.matches.try_contains_id(id).is_ok()
            && self.matches.value_source(id) == Some(ValueSource::CommandLine)
    }

    fn origin_of_key(&self, key: &str) -> Origin {
        Origin::File(self.lines.path.clone(), self.lines.of(key))
    }

    fn origin_of_flag(&self, id: &str) -> Origin {
        let argument = self
            .command
            .get_arguments()
            .find(|argument| argument.get_id() == id);
        let from_environment = self.matches.try_contains_id(id).is_ok()
            && self.matches.value_source(id) == Some(ValueSource::EnvVariable);
        match argument.and_then(|argument| argument.get_env()) {
            Some(name) if from_environment => {
                Origin::Environment(name.to_string_lossy().into_owned())
            }
            _ => {
                let name = argument.and_then(|argument| argument.get_long());
                Origin::Flag(format!("--{}", name.unwrap_or(id)))
            }
        }
    }
}

/// The folder of this name, where the present one has it.
pub(super) fn present(folder: &str) -> Option<PathBuf> {
    Path::new(folder).is_dir().then(|| PathBuf::from(folder))
}

fn id_of(key: &str) -> String {
    key.rsplit('.').next().unwrap_or(key).replace('-', "_")
}
