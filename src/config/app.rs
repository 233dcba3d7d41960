//! `[[app]]`: an application whose own figures `serve` reads.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, Uri};
use serde::Deserialize;

use crate::{
    Error, Result,
    endpoint::{expanded, parse_header, parse_url},
};

/// An `[[app]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AppFile {
    /// As it is shown; the host unless given.
    name: Option<String>,
    /// Where its Prometheus text is.
    metrics: String,
    /// Sent along; `${NAME}` is the environment's. May hold secrets: never print them.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The histogram of request durations; one of the known ones unless given.
    histogram: Option<String>,
    /// Its label that says which endpoint.
    endpoint_label: Option<String>,
    /// Its label that says which method.
    method_label: Option<String>,
    /// Its label that says which status.
    status_label: Option<String>,
}

/// What `serve` reads of an application.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// As it is shown, and labelled in `/metrics`.
    pub name: String,
    /// Where its Prometheus text is.
    pub url: Uri,
    /// Sent along. May hold secrets: never print them.
    pub headers: HeaderMap,
    /// The histogram of request durations; `None`: one of the known ones.
    pub histogram: Option<String>,
    /// Its label that says which endpoint.
    pub endpoint_label: Option<String>,
    /// Its label that says which method.
    pub method_label: Option<String>,
    /// Its label that says which status.
    pub status_label: Option<String>,
}

impl AppConfig {
    pub(super) fn resolve(files: Vec<AppFile>) -> Result<Vec<Self>> {
        let mut apps: Vec<Self> = Vec::new();
        for file in files {
            let app = Self::of(file)?;
            if apps.iter().any(|known| known.name == app.name) {
                return Err(Error::Config {
                    message: format!("[[app]]: the name `{}` is there twice", app.name),
                    hint: "each application is shown, and labelled in /metrics, by a name of its own: give it one with `name`".into(),
                });
            }
            apps.push(app);
        }
        Ok(apps)
    }

    fn of(file: AppFile) -> Result<Self> {
        let wrong = |what: String| Error::Config {
            message: format!("[[app]]: {what}"),
            hint: "write metrics = \"http://host:8000/metrics\"".into(),
        };
        let read = |what: &str, text: &str| {
            expanded(text, |name| std::env::var(name).ok())
                .map_err(|error| wrong(format!("{what}: {error}")))
        };
        let url = parse_url(&read("metrics", &file.metrics)?)
            .map_err(|error| wrong(format!("metrics: {error}")))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &file.headers {
            let value = read(&format!("headers.{name}"), value)?;
            let (name, value) = parse_header(name, &value).map_err(wrong)?;
            headers.insert(name, value);
        }
        let name = file
            .name
            .unwrap_or_else(|| url.host().unwrap_or_default().to_owned());
        if name.is_empty() || name.contains(char::is_control) {
            return Err(wrong(format!(
                "the name {name:?} is empty or more than a line"
            )));
        }
        Ok(Self {
            name,
            url,
            headers,
            histogram: file.histogram,
            endpoint_label: file.endpoint_label,
            method_label: file.method_label,
            status_label: file.status_label,
        })
    }

    /// From a file's text, for tests.
    #[cfg(test)]
    pub(crate) fn parse(text: &str) -> Self {
        #[allow(clippy::unwrap_used, reason = "a test's own text")]
        Self::of(toml::from_str(text).unwrap()).unwrap()
    }
}
