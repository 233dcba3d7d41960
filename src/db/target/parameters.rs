//! The parameters of a connection, gathered by precedence, each with its source.

use std::collections::BTreeMap;

use super::{
    Environment, ParameterSource, keyvalue,
    keyword::{self, Use},
    service, url,
};
use crate::{Error, Result};

/// Keyword → value and source. Empty values count as unset, as in libpq.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    values: BTreeMap<String, (String, ParameterSource)>,
}

impl Parameters {
    /// Connection string over service over environment.
    ///
    /// # Errors
    /// The string cannot be read, a keyword is unknown or refused, the service is not there.
    pub(super) fn gather(text: Option<&str>, environment: &Environment) -> Result<Self> {
        let mut parameters = Self::default();
        if let Some(text) = text {
            for (key, value) in read_connection_string(text).map_err(|message| invalid(&message))? {
                parameters.add(&key, value, ParameterSource::ConnectionString, true)?;
            }
        }
        let of = |name: &str, variable: &'static str, parameters: &Self| {
            parameters
                .text(name)
                .map(str::to_owned)
                .or_else(|| environment.get(variable))
        };
        if let Some(name) = of("service", "PGSERVICE", &parameters) {
            let file = of("servicefile", "PGSERVICEFILE", &parameters);
            let pairs = service::load(&name, file.as_deref(), environment)
                .map_err(|message| invalid(&message))?;
            for (key, value) in pairs {
                parameters.add(&key, value, ParameterSource::Service(name.clone()), false)?;
            }
        }
        for (key, variable, value) in environment.pairs() {
            parameters.add(key, value, ParameterSource::Variable(variable), false)?;
        }
        Ok(parameters)
    }

    fn add(
        &mut self,
        key: &str,
        value: String,
        source: ParameterSource,
        overwrite: bool,
    ) -> Result<()> {
        let Some(keyword) = keyword::find(key) else {
            return Err(Error::Config {
                message: format!("{source}: `{key}` is not a libpq connection keyword"),
                hint: nearest(key).map_or_else(
                    || {
                        "leave it out; the libpq documentation of PostgreSQL lists the keywords"
                            .to_owned()
                    },
                    |name| format!("did you mean `{name}`?"),
                ),
            });
        };
        if value.is_empty() || (!overwrite && self.values.contains_key(key)) {
            return Ok(());
        }
        match keyword.treatment {
            Use::Refused(harmless) if !harmless.contains(&value.as_str()) => Err(Error::Config {
                message: format!("{source}: dbaudit does not support `{key}`"),
                hint: format!("connect without `{key}`"),
            }),
            Use::Ignored | Use::Refused(_) => Ok(()),
            Use::Honoured => {
                self.values.insert(key.to_owned(), (value, source));
                Ok(())
            }
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|(value, _)| value.as_str())
    }

    /// Every parameter with its value and source.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str, &ParameterSource)> {
        self.values
            .iter()
            .map(|(key, (value, source))| (key.as_str(), value.as_str(), source))
    }

    /// Where a parameter came from.
    pub(super) fn source(&self, key: &str) -> Option<&ParameterSource> {
        self.values.get(key).map(|(_, source)| source)
    }

    /// A parameter that is one of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &str, default: T, words: &[(&str, T)]) -> Result<T> {
        let Some(value) = self.text(key) else {
            return Ok(default);
        };
        words
            .iter()
            .find(|(word, _)| *word == value)
            .map(|(_, choice)| *choice)
            .ok_or_else(|| {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                self.wrong(key, &format!("it must be one of {}", words.join(", ")))
            })
    }

    /// A parameter that is a whole number.
    pub(super) fn number(&self, key: &str) -> Result<Option<i64>> {
        self.text(key)
            .map(|value| {
                value
                    .trim()
                    .parse()
                    .map_err(|_| self.wrong(key, "it must be an integer"))
            })
            .transpose()
    }

    /// The value of `key` is not valid. `expected` says what would be; the value itself is not repeated, as a
    /// connection string that was cut in the wrong places may have its password anywhere.
    pub(super) fn wrong(&self, key: &str, expected: &str) -> Error {
        let source = self
            .source(key)
            .unwrap_or(&ParameterSource::ConnectionString);
        Error::Config {
            message: format!("{source}: the value of `{key}` is not valid: {expected}"),
            hint: match source {
                ParameterSource::ConnectionString => {
                    "in a URL, write characters such as / @ : ? % in a user name or password in percent-encoding"
                        .to_owned()
                }
                _ => String::new(),
            },
        }
    }
}

/// The pairs of a URL or a key=value string.
pub(in crate::db) fn read_connection_string(text: &str) -> Result<Vec<(String, String)>, String> {
    let text = text.trim();
    if text.starts_with(['"', '\'', '`']) {
        Err("it begins with a quote; leave the quotes out".to_owned())
    } else if text.starts_with("psql ") {
        Err("it is a command; leave `psql` and the quotes out".to_owned())
    } else if url::is_url(text) {
        url::parse(text)
    } else if has_semicolons(text) {
        Err("its parts are separated by `;`, as in .NET, ODBC and PDO".to_owned())
    } else if text.contains('=') || text.is_empty() {
        keyvalue::parse(text)
    } else {
        Err("it is neither a URL nor key=value".to_owned())
    }
}

/// `Host=db;Username=ann;Password=…`. A `;` alone may stand in a password.
fn has_semicolons(text: &str) -> bool {
    const KEYS: &[&str] = &[
        "host",
        "server",
        "data source",
        "port",
        "database",
        "dbname",
        "initial catalog",
        "user",
        "username",
        "user id",
        "uid",
        "password",
        "pwd",
    ];
    let known = text.split(';').filter(|part| {
        let key = part.split('=').next().unwrap_or_default();
        // `pgsql:host=…`, `dbi:Pg:dbname=…`
        let key = key.rsplit(':').next().unwrap_or_default();
        KEYS.contains(&key.trim().to_ascii_lowercase().as_str())
    });
    known.count() > 1
}

/// The pairs written as key=value, without secrets.
pub(super) fn invalid(message: &str) -> Error {
    Error::Config {
        message: format!("the connection string cannot be parsed: {message}"),
        hint: "write postgres://user@host:5432/database, or host=… port=… dbname=… user=…"
            .to_owned(),
    }
}

/// The keyword that a mistyped one was meant to be.
fn nearest(key: &str) -> Option<&'static str> {
    const ALIASES: [(&str, &str); 6] = [
        ("database", "dbname"),
        ("username", "user"),
        ("pass", "password"),
        ("ssl", "sslmode"),
        ("ssl_mode", "sslmode"),
        ("timeout", "connect_timeout"),
    ];
    let alias = ALIASES.iter().find(|(alias, _)| *alias == key);
    let closest = || {
        keyword::KEYWORDS
            .iter()
            .map(|keyword| (strsim::levenshtein(key, keyword.name), keyword.name))
            .min()
            .filter(|(distance, name)| *distance <= 2 && *distance < name.len() / 2)
    };
    alias
        .map(|(_, name)| *name)
        .or_else(|| closest().map(|(_, name)| name))
}
