//! Connection settings from the process environment: `PG*` variables, the user, the home folder.

use std::{collections::BTreeMap, path::PathBuf};

use super::keyword::KEYWORDS;

/// The variables of a process, as a value, so that tests bring their own.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    pub fn of_process() -> Self {
        Self {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .filter(|(name, _)| name.starts_with("PG") || name == "HOME")
                .collect(),
        }
    }

    /// With `HOME` only: a connection string that says everything.
    pub fn without_postgres(mut self) -> Self {
        self.variables.retain(|name, _| name == "HOME");
        self
    }

    /// A variable that is set, and not empty (libpq takes an empty one for unset).
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.variables
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    /// The keywords that variables stand for, each with its variable.
    pub(super) fn pairs(&self) -> Vec<(&'static str, &'static str, String)> {
        KEYWORDS
            .iter()
            .filter_map(|keyword| {
                let variable = keyword.variable?;
                Some((keyword.name, variable, self.get(variable)?))
            })
            .collect()
    }

    /// The user's home folder: `HOME`, or what the user database says.
    pub(super) fn home(&self) -> Option<PathBuf> {
        self.get("HOME")
            .map(PathBuf::from)
            .or_else(|| os_user().map(|user| user.1))
    }

    /// The operating system's name for the user: libpq's default for the role.
    pub(super) fn user() -> Option<String> {
        os_user().map(|user| user.0)
    }
}

#[cfg(unix)]
fn os_user() -> Option<(String, PathBuf)> {
    use nix::unistd::{User, geteuid};
    let user = User::from_uid(geteuid()).ok()??;
    Some((user.name, user.dir))
}

#[cfg(not(unix))]
fn os_user() -> Option<(String, PathBuf)> {
    let name = std::env::var("USERNAME").ok()?;
    Some((name, std::env::var_os("APPDATA")?.into()))
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }
}
