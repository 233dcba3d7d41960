//! Settings of `report`.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::Resolver;
use crate::{
    Error, Result,
    check::{self, IgnoreRule, Policy, Severity},
    cli::{FailOn, ReportArgs},
    duration::HumanDuration,
};

/// `[report]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ReportFile {
    /// `limit`
    pub limit: Option<usize>,
    /// `fail-on`
    pub fail_on: Option<FailOn>,
    /// `lock-timeout`
    pub lock_timeout: Option<HumanDuration>,
    /// `statement-timeout`
    pub statement_timeout: Option<HumanDuration>,
    /// `[report.checks.<code>]`: thresholds.
    pub checks: BTreeMap<String, BTreeMap<String, f64>>,
    /// `[[report.ignore]]`
    pub ignore: Vec<IgnoreRule>,
}

/// What `report` works with.
#[derive(Debug, Clone)]
pub struct ReportConfig {
    /// Rows shown per table.
    pub limit: usize,
    /// A finding at or above this makes the exit status 1; `None`: never.
    pub fail_on: Option<Severity>,
    /// How long a query may wait for a lock.
    pub lock_timeout: HumanDuration,
    /// How long a query may take.
    pub statement_timeout: HumanDuration,
    /// Thresholds and rules.
    pub policy: Policy,
}

impl ReportConfig {
    pub(super) fn resolve(
        args: ReportArgs,
        file: ReportFile,
        resolver: &mut Resolver<'_>,
    ) -> Result<Self> {
        let fail_on = resolver.pick("report.fail-on", args.fail_on, file.fail_on, FailOn::Error);
        Ok(Self {
            limit: resolver.pick("report.limit", args.limit, file.limit, 20),
            fail_on: match fail_on {
                FailOn::Info => Some(Severity::Info),
                FailOn::Warning => Some(Severity::Warning),
                FailOn::Error => Some(Severity::Error),
                FailOn::Never => None,
            },
            lock_timeout: resolver.pick(
                "report.lock-timeout",
                args.lock_timeout,
                file.lock_timeout,
                HumanDuration(Duration::from_millis(200)),
            ),
            statement_timeout: resolver.pick(
                "report.statement-timeout",
                args.statement_timeout,
                file.statement_timeout,
                HumanDuration(Duration::from_secs(20)),
            ),
            policy: policy(file.checks, file.ignore)?,
        })
    }
}

/// Refuses checks and thresholds that do not exist.
fn policy(
    thresholds: BTreeMap<String, BTreeMap<String, f64>>,
    ignore: Vec<IgnoreRule>,
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
                    message: format!("[report.checks.{code}] has no threshold `{key}`"),
                    hint: if keys.is_empty() {
                        format!("{code} has no thresholds")
                    } else {
                        format!("{code} has: {}", keys.join(", "))
                    },
                });
            }
        }
    }
    for rule in &ignore {
        known(&rule.check, "report.ignore")?;
    }
    Ok(Policy { thresholds, ignore })
}

fn known(code: &str, section: &str) -> Result<&'static check::Check> {
    check::find(code).ok_or_else(|| Error::Config {
        message: format!("{section} names a check that does not exist: `{code}`"),
        hint: "dbaudit explain lists the checks".into(),
    })
}
