//! Settings of `serve`: `[serve]` and `[[database]]`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use axum::http::Uri;
use serde::Deserialize;

use super::{AppConfig, ReportConfig, Resolver, app::AppFile};
use crate::{
    Error, Result,
    cli::{ReportArgs, ServeArgs},
    config::report::ReportFile,
    duration::HumanDuration,
    endpoint::parse_url,
};

/// `[serve]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ServeFile {
    pub listen: Option<SocketAddr>,
    pub interval: Option<HumanDuration>,
    pub token: Option<String>,
    pub open_metrics: Option<bool>,
    pub origins: Option<Vec<String>>,
    pub rate_limit: Option<u32>,
    pub behind_proxy: Option<bool>,
    pub memory_limit: Option<String>,
    pub webhook: Option<String>,
    pub webhook_form: Option<WebhookForm>,
    pub notify_interval: Option<HumanDuration>,
    pub query_budget: Option<HumanDuration>,
    pub api_budget: Option<HumanDuration>,
    pub page_budget: Option<HumanDuration>,
    pub lcp_budget: Option<HumanDuration>,
    pub inp_budget: Option<HumanDuration>,
    pub cls_budget: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookForm {
    /// A JSON document of our own.
    #[default]
    Json,
    /// As Slack takes it, and those that do as Slack does.
    Slack,
}

impl fmt::Display for WebhookForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WebhookForm::Json => "json",
            WebhookForm::Slack => "slack",
        })
    }
}

/// A `[[database]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseFile {
    /// As it is shown.
    pub name: String,
    /// Where it is. May hold a password: never print it.
    pub url: String,
}

/// What `serve` works with.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How often each database is read.
    pub interval: Duration,
    /// What those who ask must know. Never print it.
    pub token: Option<String>,
    /// `/metrics` is for everyone.
    pub open_metrics: bool,
    /// Origins whose pages may send beacons.
    pub origins: Vec<String>,
    /// Requests a second from one address.
    pub rate_limit: u32,
    /// `X-Forwarded-For` says who asks.
    pub behind_proxy: bool,
    /// Memory there is, where nothing else says so.
    pub memory_limit: Option<u64>,
    /// Told of broken budgets. Its path may be a secret: never print it.
    pub webhook: Option<Uri>,
    pub webhook_form: WebhookForm,
    /// Each cause is reported at most once in this time.
    pub notify_interval: Duration,
    /// What a query may take on average.
    pub query_budget: Duration,
    /// What a call of an API may take.
    pub api_budget: Duration,
    /// What the load of a page may take.
    pub page_budget: Duration,
    /// What the largest contentful paint of a page may take.
    pub lcp_budget: Duration,
    /// What an interaction with a page may take to its next paint.
    pub inp_budget: Duration,
    /// How far a page's layout may shift.
    pub cls_budget: f64,
    /// The databases; none: the one that the connection string names.
    pub databases: Vec<DatabaseFile>,
    apps: Vec<AppFile>,
    /// Where they stand.
    file: PathBuf,
    /// Thresholds, rules and timeouts of what is collected.
    pub report: ReportConfig,
}

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9187);
const INTERVAL: Duration = Duration::from_secs(30);
const NOTIFY_INTERVAL: Duration = Duration::from_secs(300);
const RATE_LIMIT: u32 = 100;

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: LISTEN,
            interval: INTERVAL,
            token: None,
            open_metrics: false,
            origins: Vec::new(),
            rate_limit: RATE_LIMIT,
            behind_proxy: false,
            memory_limit: None,
            webhook: None,
            webhook_form: WebhookForm::Json,
            notify_interval: NOTIFY_INTERVAL,
            query_budget: Duration::from_millis(100),
            api_budget: Duration::from_secs(2),
            page_budget: Duration::from_secs(1),
            // What web.dev calls good.
            lcp_budget: Duration::from_millis(2_500),
            inp_budget: Duration::from_millis(200),
            cls_budget: 0.1,
            databases: Vec::new(),
            apps: Vec::new(),
            file: PathBuf::new(),
            report: ReportConfig::default(),
        }
    }
}

impl ServeConfig {
    pub(super) fn resolve(
        args: ServeArgs,
        file: ServeFile,
        databases: Vec<DatabaseFile>,
        apps: Vec<AppFile>,
        report: ReportFile,
        resolver: &mut Resolver<'_>,
    ) -> Result<Self> {
        // They are the report's own settings, and told of there.
        let told = resolver.settings.len();
        let report = ReportConfig::resolve(ReportArgs::default(), report, resolver)?;
        resolver.settings.truncate(told);
        let default = Self::default();
        let human = HumanDuration;
        let settings = Self {
            listen: resolver.pick("serve.listen", args.listen, file.listen, default.listen),
            interval: resolver
                .pick(
                    "serve.interval",
                    args.interval,
                    file.interval,
                    human(INTERVAL),
                )
                .0,
            token: resolver
                .pick_optional("serve.token", args.token, file.token, |_| "***".into())
                .filter(|token| !token.is_empty()),
            open_metrics: resolver.switch("serve.open-metrics", false, file.open_metrics),
            origins: resolver
                .pick_optional("serve.origins", None, file.origins, |list| list.join(", "))
                .unwrap_or_default(),
            rate_limit: resolver.pick("serve.rate-limit", None, file.rate_limit, RATE_LIMIT),
            behind_proxy: resolver.switch("serve.behind-proxy", false, file.behind_proxy),
            memory_limit: resolver.pick_memory_limit(
                "serve.memory-limit",
                args.memory_limit,
                file.memory_limit,
            )?,
            webhook: webhook(args.webhook, file.webhook, resolver)?,
            webhook_form: resolver.pick(
                "serve.webhook-form",
                None,
                file.webhook_form,
                WebhookForm::Json,
            ),
            notify_interval: resolver
                .pick(
                    "serve.notify-interval",
                    None,
                    file.notify_interval,
                    human(NOTIFY_INTERVAL),
                )
                .0,
            query_budget: budget(
                resolver,
                "serve.query-budget",
                file.query_budget,
                default.query_budget,
            ),
            api_budget: budget(
                resolver,
                "serve.api-budget",
                file.api_budget,
                default.api_budget,
            ),
            page_budget: budget(
                resolver,
                "serve.page-budget",
                file.page_budget,
                default.page_budget,
            ),
            lcp_budget: budget(
                resolver,
                "serve.lcp-budget",
                file.lcp_budget,
                default.lcp_budget,
            ),
            inp_budget: budget(
                resolver,
                "serve.inp-budget",
                file.inp_budget,
                default.inp_budget,
            ),
            cls_budget: resolver.pick(
                "serve.cls-budget",
                None,
                file.cls_budget,
                default.cls_budget,
            ),
            databases,
            apps,
            file: resolver.file().to_owned(),
            report,
        };
        settings.check()?;
        Ok(settings)
    }

    /// The applications whose own figures are read.
    ///
    /// # Errors
    /// [`Error::Config`]: what `serve` needs of the environment is not there. Other commands need nothing of it, so this
    /// is asked for when `serve` begins, and not when the file is read.
    pub fn apps(&self) -> Result<Vec<AppConfig>> {
        AppConfig::resolve(&self.apps, &self.file, |name| std::env::var(name).ok())
    }

    /// Beyond this machine everyone can ask.
    ///
    /// # Errors
    /// [`Error::Config`]: it would listen there without a token. The environment of `serve` may have one where that of
    /// another command has not.
    pub fn has_the_token_it_needs(&self) -> Result<()> {
        if self.listen.ip().to_canonical().is_loopback() || self.token.is_some() {
            return Ok(());
        }
        wrong(
            "serve needs a token to listen on an address that other machines can reach",
            "set DBAUDIT_TOKEN (better than --token, which every user of the machine can read), or listen on \
             127.0.0.1",
        )
    }

    fn check(&self) -> Result<()> {
        if self.interval < Duration::from_secs(1) {
            return wrong(
                "serve.interval is shorter than a second",
                "set it to at least 1s (the default is 30s)",
            );
        }
        if self.rate_limit == 0 {
            return wrong(
                "serve.rate-limit is 0, so every request would be refused",
                "set it to at least 1 (the default is 100 requests a second from one address)",
            );
        }
        if !(self.cls_budget > 0.0 && self.cls_budget.is_finite()) {
            return wrong(
                "serve.cls-budget must be greater than 0",
                "a page's layout counts as stable up to 0.1, the default",
            );
        }
        for origin in &self.origins {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            if authority.is_none_or(|authority| authority.is_empty() || authority.contains('/')) {
                return wrong(
                    &format!("serve.origins: `{origin}` is not an origin"),
                    "an origin is scheme, host and port, without a trailing slash: https://app.example.com",
                );
            }
        }
        for (at, database) in self.databases.iter().enumerate() {
            let twice = self.databases[..at].iter().any(|d| d.name == database.name);
            if database.name.contains(char::is_control) {
                return wrong(
                    &format!(
                        "[[database]]: the name {:?} is longer than one line",
                        database.name
                    ),
                    "names appear in the log and in labels: use no control characters",
                );
            }
            if twice || database.name.is_empty() {
                return wrong(
                    &format!(
                        "[[database]]: the name `{}` is empty or used twice",
                        database.name
                    ),
                    "each database needs its own name, for the dashboard and the labels in /metrics",
                );
            }
        }
        Ok(())
    }
}

fn wrong(message: &str, hint: &str) -> Result<()> {
    Err(Error::Config {
        message: message.to_owned(),
        hint: hint.to_owned(),
    })
}

fn budget(
    resolver: &mut Resolver<'_>,
    key: &str,
    file: Option<HumanDuration>,
    default: Duration,
) -> Duration {
    resolver.pick(key, None, file, HumanDuration(default)).0
}

fn webhook(
    flag: Option<String>,
    file: Option<String>,
    resolver: &mut Resolver<'_>,
) -> Result<Option<Uri>> {
    resolver
        .pick_optional("serve.webhook", flag, file, |_| "***".into())
        .map(|url| parse_url(&url))
        .transpose()
        .map_err(|wrong| Error::Config {
            message: format!("serve.webhook: {wrong}"),
            hint: "write https://host/path".into(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_databases_are_one_line_each_and_their_own() {
        let check = |names: &[&str]| {
            let database = |name: &&str| DatabaseFile {
                name: (*name).to_owned(),
                url: "postgres://127.0.0.1/x".into(),
            };
            ServeConfig {
                databases: names.iter().map(database).collect(),
                ..ServeConfig::default()
            }
            .check()
            .is_ok()
        };
        assert!(check(&["main", "the other, \"quoted\""]));
        for wrong in [&["main", "main"], &["main", ""], &["main", "a\nERROR b"]] {
            assert!(!check(wrong), "{wrong:?}");
        }
    }
}
