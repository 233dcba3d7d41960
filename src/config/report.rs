//! Settings of `report`.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{Resolver, resolve::present};
use crate::{
    Error, Result,
    check::{self, IgnoreRule, Policy, Severity},
    cli::{CsvSection, FailOn, ReportArgs},
    db::mask_password,
    duration::HumanDuration,
    report::{Section, View},
};

/// `[report]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ReportFile {
    pub limit: Option<usize>,
    pub fail_on: Option<FailOn>,
    pub all_databases: Option<bool>,
    pub replica: Option<Vec<String>>,
    pub lock_timeout: Option<HumanDuration>,
    pub statement_timeout: Option<HumanDuration>,
    pub memory_limit: Option<String>,
    /// `[report.checks.<code>]`: thresholds.
    pub checks: BTreeMap<String, BTreeMap<String, f64>>,
    /// `[[report.ignore]]`
    pub ignore: Vec<IgnoreFile>,
}

/// A `[[report.ignore]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IgnoreFile {
    check: String,
    object: Option<String>,
    reason: String,
    /// A TOML date, or a date in quotes.
    until: Option<toml::Value>,
}

impl IgnoreFile {
    fn rule(self) -> Result<IgnoreRule> {
        let until = match &self.until {
            None => None,
            Some(until) => Some(day(until).ok_or_else(|| Error::Config {
                message: format!("[[report.ignore]]: `{until}` is not a date"),
                hint: "write a date such as until = 2027-12-31".into(),
            })?),
        };
        Ok(IgnoreRule {
            check: self.check,
            object: self.object.unwrap_or_else(|| "*".into()),
            reason: self.reason,
            until,
        })
    }
}

fn day(value: &toml::Value) -> Option<jiff::civil::Date> {
    match value {
        toml::Value::Datetime(date) => date.to_string().parse().ok(),
        toml::Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// What `report` works with.
#[derive(Debug, Clone)]
pub struct ReportConfig {
    /// How the report is shown, and which findings make the exit status 1.
    pub view: View,
    /// Findings in this report do not count.
    pub baseline: Option<PathBuf>,
    pub all_databases: bool,
    /// Connection strings of standbys. May hold passwords: never print them.
    pub replicas: Vec<String>,
    /// Where the facts are kept.
    pub save: Option<PathBuf>,
    /// Where the facts are read from, instead of from a server.
    pub from: Option<PathBuf>,
    /// The earlier facts that these are compared with.
    pub since: Option<PathBuf>,
    /// How many tables and indexes pgstattuple measures.
    pub exact_bloat: Option<usize>,
    pub print_grants: bool,
    /// How long a query may wait for a lock.
    pub lock_timeout: HumanDuration,
    /// How long a query may take.
    pub statement_timeout: HumanDuration,
    /// Memory there is, where nothing else says so.
    pub memory_limit: Option<u64>,
    pub policy: Policy,
    /// Folder of the migrations that made indexes, where there is one: findings are shown beside their files.
    pub migrations: Option<PathBuf>,
    /// The configuration file, where other findings are shown.
    pub file: PathBuf,
}

impl Default for ReportConfig {
    fn default() -> Self {
        Self {
            view: View {
                limit: 20,
                section: Section::Tables,
                fail_on: Some(Severity::Error),
                definitions: true,
            },
            baseline: None,
            all_databases: false,
            replicas: Vec::new(),
            save: None,
            from: None,
            since: None,
            exact_bloat: None,
            print_grants: false,
            lock_timeout: HumanDuration(LOCK_TIMEOUT),
            statement_timeout: HumanDuration(STATEMENT_TIMEOUT),
            memory_limit: None,
            policy: Policy::default(),
            migrations: None,
            file: PathBuf::from(FILE),
        }
    }
}

/// Where findings can be accepted, whether it is there yet or not.
const FILE: &str = "dbaudit.toml";
const LOCK_TIMEOUT: Duration = Duration::from_millis(200);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(20);

impl ReportConfig {
    pub(super) fn resolve(
        args: ReportArgs,
        file: ReportFile,
        resolver: &mut Resolver<'_>,
    ) -> Result<Self> {
        let fail_on = resolver.pick("report.fail-on", args.fail_on, file.fail_on, FailOn::Error);
        Ok(Self {
            view: View {
                limit: resolver.pick("report.limit", args.limit, file.limit, 20),
                section: section_of(args.section.unwrap_or(CsvSection::Tables)),
                fail_on: severity_of(fail_on),
                definitions: true,
            },
            baseline: path(resolver, "report.baseline", args.baseline),
            all_databases: resolver.switch(
                "report.all-databases",
                args.all_databases,
                file.all_databases,
            ),
            replicas: resolver
                .pick_optional(
                    "report.replica",
                    Some(args.replica).filter(|given| !given.is_empty()),
                    file.replica,
                    |urls| {
                        let masked: Vec<String> =
                            urls.iter().map(|url| mask_password(url)).collect();
                        masked.join(", ")
                    },
                )
                .unwrap_or_default(),
            save: path(resolver, "report.save", args.save),
            from: path(resolver, "report.from", args.from),
            since: path(resolver, "report.since", args.since),
            exact_bloat: args.exact_bloat,
            print_grants: args.print_grants,
            lock_timeout: resolver.pick(
                "report.lock-timeout",
                args.lock_timeout,
                file.lock_timeout,
                HumanDuration(LOCK_TIMEOUT),
            ),
            statement_timeout: resolver.pick(
                "report.statement-timeout",
                args.statement_timeout,
                file.statement_timeout,
                HumanDuration(STATEMENT_TIMEOUT),
            ),
            memory_limit: resolver.pick_memory_limit(
                "report.memory-limit",
                args.memory_limit,
                file.memory_limit,
            )?,
            policy: policy(file.checks, file.ignore)?,
            migrations: None,
            file: file_of(resolver),
        })
    }
}

impl ReportConfig {
    /// Shows findings beside the migrations of this folder, or of the usual one.
    pub(super) fn beside(self, migrations: Option<PathBuf>) -> Self {
        Self {
            migrations: migrations.or_else(|| present("migrations")),
            ..self
        }
    }
}

fn file_of(resolver: &Resolver<'_>) -> PathBuf {
    let read = resolver.file();
    if read.as_os_str().is_empty() {
        PathBuf::from(FILE)
    } else {
        read.to_owned()
    }
}

fn severity_of(fail_on: FailOn) -> Option<Severity> {
    match fail_on {
        FailOn::Info => Some(Severity::Info),
        FailOn::Warning => Some(Severity::Warning),
        FailOn::Error => Some(Severity::Error),
        FailOn::Never => None,
    }
}

fn section_of(section: CsvSection) -> Section {
    match section {
        CsvSection::Tables => Section::Tables,
        CsvSection::Indexes => Section::Indexes,
        CsvSection::Findings => Section::Findings,
        CsvSection::Skipped => Section::Skipped,
        CsvSection::Statements => Section::Statements,
        CsvSection::Sessions => Section::Sessions,
        CsvSection::Settings => Section::Settings,
    }
}

fn path(resolver: &mut Resolver<'_>, key: &str, flag: Option<PathBuf>) -> Option<PathBuf> {
    resolver.pick_optional(key, flag, None, |path| path.display().to_string())
}

/// Refuses checks and thresholds that do not exist.
fn policy(
    thresholds: BTreeMap<String, BTreeMap<String, f64>>,
    ignore: Vec<IgnoreFile>,
) -> Result<Policy> {
    for (code, keys) in &thresholds {
        let check = known(code, "report.checks")?;
        for key in keys.keys() {
            if !check
                .thresholds
                .iter()
                .any(|threshold| threshold.key == key)
            {
                let keys: Vec<&str> = check.thresholds.iter().map(|t| t.key).collect();
                return Err(Error::Config {
                    message: format!("[report.checks.{code}] has no threshold named `{key}`"),
                    hint: if keys.is_empty() {
                        format!("{code} has no thresholds")
                    } else {
                        format!("the thresholds of {code} are: {}", keys.join(", "))
                    },
                });
            }
        }
    }
    let ignore = ignore
        .into_iter()
        .map(IgnoreFile::rule)
        .collect::<Result<Vec<_>>>()?;
    for rule in &ignore {
        known(&rule.check, "report.ignore")?;
    }
    Ok(Policy { thresholds, ignore })
}

fn known(code: &str, section: &str) -> Result<&'static check::Check> {
    check::find(code).ok_or_else(|| Error::Config {
        message: format!("{section} names the unknown check `{code}`"),
        hint: "run dbaudit explain for a list of the checks".into(),
    })
}
