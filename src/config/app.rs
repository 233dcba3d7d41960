//! `[[app]]`: an application whose own figures `serve` reads.

use std::{collections::BTreeMap, path::Path};

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

/// What is wrong, and what to do about it.
type Problem = (String, &'static str);

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
    /// What the `[[app]]`s of the file at `path` come to in this environment.
    ///
    /// # Errors
    /// [`Error::Config`], naming file and key: a variable is not set, or the result is not a URL or header; or two
    /// applications have one name.
    pub(super) fn resolve(
        files: &[AppFile],
        path: &Path,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Vec<Self>> {
        let mut apps: Vec<Self> = Vec::new();
        for (at, file) in files.iter().enumerate() {
            let which = match &file.name {
                Some(name) => format!("`{name}`"),
                None => format!("number {}", at + 1),
            };
            let wrong = |(what, hint): Problem| Error::Config {
                message: format!("{}: [[app]] {which}: {what}", path.display()),
                hint: hint.to_owned(),
            };
            let app = Self::of(file, &environment).map_err(wrong)?;
            if apps.iter().any(|known| known.name == app.name) {
                return Err(wrong((
                    format!("the name `{}` is used twice", app.name),
                    "each application needs its own name, for the dashboard and the labels in /metrics: set \
                     `name`",
                )));
            }
            apps.push(app);
        }
        Ok(apps)
    }

    fn of(file: &AppFile, environment: &impl Fn(&str) -> Option<String>) -> Result<Self, Problem> {
        let read = |key: &str, text: &str| {
            expanded(text, environment).map_err(|wrong| {
                let hint =
                    "${NAME} stands for an environment variable of the process that runs `serve`: set it there";
                (format!("{key}: {wrong}"), hint)
            })
        };
        let url = parse_url(&read("metrics", &file.metrics)?).map_err(|wrong| {
            let hint = "write metrics = \"http://host:8000/metrics\"";
            (format!("metrics: {wrong}"), hint)
        })?;
        let mut headers = HeaderMap::new();
        for (name, value) in &file.headers {
            let key = format!("headers.{name}");
            let value = read(&key, value)?;
            let (name, value) = parse_header(name, &value).map_err(|wrong| {
                let hint =
                    "a header needs a name of letters, digits and `-`, and a value on one line";
                (format!("{key}: {wrong}"), hint)
            })?;
            headers.insert(name, value);
        }
        let host = || url.host().unwrap_or_default().to_owned();
        let name = file.name.clone().unwrap_or_else(host);
        if name.is_empty() || name.contains(char::is_control) {
            return Err((
                format!("the name {name:?} is empty or longer than one line"),
                "names appear in the log and in labels: use no control characters",
            ));
        }
        Ok(Self {
            name,
            url,
            headers,
            histogram: file.histogram.clone(),
            endpoint_label: file.endpoint_label.clone(),
            method_label: file.method_label.clone(),
            status_label: file.status_label.clone(),
        })
    }

    /// From a file's text, for tests.
    #[cfg(test)]
    pub(crate) fn parse(text: &str) -> Self {
        #[allow(clippy::unwrap_used, reason = "a test's own text")]
        Self::of(&toml::from_str(text).unwrap(), &|_| None).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_names_the_file_the_application_the_key_and_the_variable() {
        let of = |text: &str| {
            let app: AppFile = toml::from_str(text).unwrap();
            let second = AppFile {
                name: Some("other".into()),
                ..app.clone()
            };
            let environment = |name: &str| (name == "HOST").then(|| "a b".to_owned());
            let error = AppConfig::resolve(&[app, second], Path::new("etc/d.toml"), environment)
                .unwrap_err();
            (error.to_string(), error.hint().unwrap_or_default())
        };
        for (text, message, hint) in [
            (
                "metrics = \"http://app/metrics\"\nheaders = { Authorization = \"Bearer ${TOKEN}\" }",
                "etc/d.toml: [[app]] number 1: headers.Authorization: the variable TOKEN is not set",
                "process that runs `serve`",
            ),
            (
                "name = \"shop\"\nmetrics = \"http://${HOST}/metrics\"",
                "etc/d.toml: [[app]] `shop`: metrics: ",
                "http://host:8000/metrics",
            ),
            (
                "name = \"other\"\nmetrics = \"http://app/metrics\"",
                "etc/d.toml: [[app]] `other`: the name `other` is used twice",
                "set `name`",
            ),
        ] {
            let (said, way_out) = of(text);
            assert!(said.contains(message), "{said}");
            assert!(way_out.contains(hint), "{said}: {way_out}");
        }
    }
}
