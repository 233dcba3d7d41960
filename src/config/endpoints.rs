//! Settings of `time-endpoints`: `[time-endpoints]`, `[[endpoint]]` and `[[page]]`.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::Resolver;
use crate::{
    Error, Result,
    cli::EndpointsArgs,
    duration::HumanDuration,
    endpoint::{Endpoint, PAGE_BUDGET, Page, expanded, parse_header, parse_share, parse_url},
    stats::Percentile,
    workload::parse_budget,
};

/// `[time-endpoints]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct EndpointsFile {
    pub strict: Option<bool>,
    pub allow_inconclusive: Option<bool>,
    pub max_samples: Option<u32>,
    pub max_time: Option<HumanDuration>,
    pub total_time: Option<HumanDuration>,
    pub load_time: Option<HumanDuration>,
    pub compare: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub insecure: Option<bool>,
}

/// An `[[endpoint]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EndpointFile {
    name: String,
    url: String,
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    status: Option<u16>,
    budget: Option<String>,
    concurrency: Option<u32>,
    average_budget: Option<HumanDuration>,
    errors: Option<String>,
}

impl EndpointFile {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// A `[[page]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PageFile {
    name: String,
    url: String,
    budget: Option<String>,
}

impl PageFile {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// What `time-endpoints` works with.
#[derive(Debug, Clone)]
pub struct EndpointsConfig {
    pub endpoints: Vec<Endpoint>,
    /// What is loaded in a browser.
    pub pages: Vec<Page>,
    /// `inconclusive` counts as a failure.
    pub strict: bool,
    /// `inconclusive` counts as a success.
    pub allow_inconclusive: bool,
    /// Per endpoint; `None`: what the percentile needs.
    pub max_samples: Option<u32>,
    /// Per endpoint; `None`: what its budget needs.
    pub max_time: Option<Duration>,
    /// For the whole run; `None`: what the budgets need.
    pub total_time: Option<Duration>,
    /// How long many at once are kept up.
    pub load_time: Duration,
    /// Where the run is saved.
    pub save: Option<PathBuf>,
    /// The saved run to compare with.
    pub compare: Option<PathBuf>,
    /// Authorities to believe besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Certificates are not verified.
    pub insecure: bool,
}

/// Requests on average, where there are many at once.
const AVERAGE_BUDGET: Duration = Duration::from_millis(500);

impl EndpointsConfig {
    pub(super) fn resolve(
        args: EndpointsArgs,
        file: EndpointsFile,
        endpoints: Vec<EndpointFile>,
        pages: Vec<PageFile>,
        resolver: &mut Resolver<'_>,
    ) -> Result<Self> {
        let environment = |name: &str| std::env::var(name).ok();
        let chosen = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
        // Names and what is chosen by them first: a variable that an endpoint left out needs is nobody's concern.
        let names: Vec<&str> = endpoints
            .iter()
            .map(|endpoint| endpoint.name.as_str())
            .chain(pages.iter().map(|page| page.name.as_str()))
            .collect();
        check_names(&names, &args.only)?;
        let endpoints = endpoints
            .into_iter()
            .filter(|endpoint| chosen(&endpoint.name))
            .map(|endpoint| {
                let name = endpoint.name.clone();
                understand(endpoint, &environment).map_err(|wrong| error("endpoint", &name, wrong))
            })
            .collect::<Result<_>>()?;
        let pages = pages
            .into_iter()
            .filter(|page| chosen(&page.name))
            .map(|page| {
                let name = page.name.clone();
                understand_page(page, &environment).map_err(|wrong| error("page", &name, wrong))
            })
            .collect::<Result<_>>()?;
        let human = HumanDuration;
        let key = |name: &str| format!("time-endpoints.{name}");
        Ok(Self {
            endpoints,
            pages,
            strict: resolver.switch(&key("strict"), args.strict, file.strict)
                && !args.allow_inconclusive,
            allow_inconclusive: resolver.switch(
                &key("allow-inconclusive"),
                args.allow_inconclusive,
                file.allow_inconclusive,
            ) && !args.strict,
            max_samples: resolver.pick_optional(
                &key("max-samples"),
                args.max_samples,
                file.max_samples.filter(|n| *n > 0),
                ToString::to_string,
            ),
            max_time: resolver.pick_duration(&key("max-time"), args.max_time, file.max_time),
            total_time: resolver.pick_duration(
                &key("total-time"),
                args.total_time,
                file.total_time,
            ),
            load_time: resolver
                .pick(
                    &key("load-time"),
                    args.load_time,
                    file.load_time,
                    human(Duration::from_secs(5)),
                )
                .0,
            save: args.save,
            compare: resolver.pick_optional(&key("compare"), args.compare, file.compare, |path| {
                path.display().to_string()
            }),
            ca_file: resolver.pick_optional(&key("ca-file"), args.ca_file, file.ca_file, |path| {
                path.display().to_string()
            }),
            insecure: resolver.switch(&key("insecure"), args.insecure, file.insecure),
        })
    }
}

fn error(kind: &str, name: &str, (message, hint): (String, &str)) -> Error {
    Error::Config {
        message: format!("[[{kind}]] {name}: {message}"),
        hint: hint.to_owned(),
    }
}

fn check_names(names: &[&str], only: &[String]) -> Result<()> {
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() || names[..at].contains(name) {
            return Err(Error::Config {
                message: format!(
                    "the name `{name}` of an [[endpoint]] or [[page]] is empty or used twice"
                ),
                hint: "each one needs its own name, which appears beside its verdict".into(),
            });
        }
    }
    if let Some(unknown) = only.iter().find(|only| !names.contains(&only.as_str())) {
        return Err(Error::Usage {
            message: format!("there is no endpoint or page named `{unknown}`"),
            hint: format!("the names are: {}", names.join(", ")),
        });
    }
    Ok(())
}

type Problem = (String, &'static str);

fn understand(
    file: EndpointFile,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Endpoint, Problem> {
    let expand = |what: &str, text: &str| {
        expanded(text, environment).map_err(|wrong| {
            (
                format!("{what}: {wrong}"),
                "set the variable, or exclude the endpoint with --only",
            )
        })
    };
    let url = parse_url(&expand("url", &file.url)?).map_err(|wrong| {
        (
            format!("url: {wrong}"),
            "write http://host/path or https://host/path",
        )
    })?;
    let method = file.method.as_deref().unwrap_or("GET");
    let mut headers = axum::http::HeaderMap::new();
    for (name, value) in &file.headers {
        let value = expand(&format!("headers.{name}"), value)?;
        let (name, value) = parse_header(name, &value).map_err(|wrong| {
            (
                wrong,
                "a header needs a name of letters, digits and `-`, and a value on one line",
            )
        })?;
        headers.insert(name, value);
    }
    let default = Endpoint::default_budget(&url);
    let (budget, percentile) = budget(file.budget.as_deref(), default, Percentile::P95)?;
    if file.concurrency == Some(0) {
        return Err((
            "concurrency is 0".into(),
            "leave it out to send one request at a time",
        ));
    }
    if file.average_budget.is_some() && file.concurrency.is_none() {
        return Err((
            "average-budget needs concurrency".into(),
            "it limits the average time of requests sent at once: set, for example, concurrency = 10",
        ));
    }
    Ok(Endpoint {
        method: method.to_ascii_uppercase().parse().map_err(|_| {
            (
                format!("`{method}` is not an HTTP method"),
                "write GET, POST, …",
            )
        })?,
        body: expand("body", file.body.as_deref().unwrap_or_default())?,
        status: axum::http::StatusCode::from_u16(file.status.unwrap_or(200)).map_err(|_| {
            (
                "status is not an HTTP status".to_owned(),
                "use a number from 100 to 599; the default \
                 is 200",
            )
        })?,
        average_budget: file
            .concurrency
            .map(|_| file.average_budget.map_or(AVERAGE_BUDGET, |human| human.0)),
        concurrency: file.concurrency,
        errors: file
            .errors
            .as_deref()
            .map(parse_share)
            .transpose()
            .map_err(|wrong| {
                let hint = "it is the share of requests that may fail, for example errors = \"1%\"";
                (format!("errors: {wrong}"), hint)
            })?,
        name: file.name,
        url,
        headers,
        budget,
        percentile,
    })
}

fn understand_page(
    file: PageFile,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Page, Problem> {
    let hint = "write http://host/path or https://host/path";
    let url = expanded(&file.url, environment).map_err(|wrong| (format!("url: {wrong}"), hint))?;
    let url = parse_url(&url).map_err(|wrong| (format!("url: {wrong}"), hint))?;
    let (budget, percentile) = budget(file.budget.as_deref(), PAGE_BUDGET, Percentile::P75)?;
    Ok(Page {
        name: file.name,
        url,
        budget,
        percentile,
    })
}

fn budget(
    text: Option<&str>,
    default: Duration,
    percentile: Percentile,
) -> Result<(Duration, Percentile), Problem> {
    let Some(text) = text else {
        return Ok((default, percentile));
    };
    let (budget, own) =
        parse_budget(text).map_err(|wrong| (format!("budget: {wrong}"), "write 2s, or 2s p99"))?;
    Ok((budget, own.unwrap_or(percentile)))
}
