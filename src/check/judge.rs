//! Running the checks: which can judge, what they find, what is ignored.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Check, CheckContext, Evidence, EvidenceAge, Finding, RunsOn, registry::CHECKS, settle::settle,
};
use crate::catalog::Catalog;

/// What the user decided about checks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// Thresholds, by check and key.
    pub thresholds: BTreeMap<String, BTreeMap<String, f64>>,
    /// Findings not to be shown.
    pub ignore: Vec<IgnoreRule>,
}

/// A finding that is known and accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreRule {
    pub check: String,
    /// The subject, `*` and `?` as wildcards.
    pub object: String,
    pub reason: String,
    pub until: Option<jiff::civil::Date>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdicts {
    /// What they object to, the worst first.
    pub findings: Vec<Finding>,
    /// Which could not judge, or only in part.
    pub skipped: Vec<SkippedCheck>,
    pub ignored: usize,
    /// Rules that are past their day, and ignore nothing any more.
    pub expired: Vec<IgnoreRule>,
}

/// A check that could not judge, or a fact that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedCheck {
    /// The check's code; for a fact that no check needs, the fact's name.
    pub check: String,
    pub reason: String,
    /// The statement that would make it possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// It judged what it could see.
    pub partial: bool,
}

/// Runs every check of the registry.
pub fn judge(catalog: &Catalog, replicas: &[Catalog], policy: &Policy) -> Verdicts {
    judge_with(CHECKS, catalog, replicas, policy)
}

pub(super) fn judge_with(
    checks: &[&Check],
    catalog: &Catalog,
    replicas: &[Catalog],
    policy: &Policy,
) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let today = catalog
        .server
        .taken_at
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let (live, expired): (Vec<&IgnoreRule>, Vec<&IgnoreRule>) = policy
        .ignore
        .iter()
        .partition(|rule| rule.until.is_none_or(|until| today <= until));
    verdicts.expired = expired.into_iter().cloned().collect();
    for check in checks {
        if !can_judge(check, catalog, &mut verdicts.skipped) {
            continue;
        }
        let case = CheckContext {
            catalog,
            replicas,
            check,
            thresholds: &policy.thresholds,
        };
        for mut finding in (check.judge)(&case) {
            finding.check = check.code;
            if !finding.own_severity {
                finding.severity = check.severity;
            }
            finding.evidence_age = age(check.evidence, catalog);
            let subject = finding.subject.to_string();
            if live
                .iter()
                .any(|rule| rule.check == check.code && matches(&rule.object, &subject))
            {
                verdicts.ignored += 1;
            } else {
                verdicts.findings.push(finding);
            }
        }
    }
    for unread in &catalog.unread {
        if !checks
            .iter()
            .any(|check| check.needs.contains(&unread.fact))
        {
            verdicts.skipped.push(SkippedCheck {
                check: unread.fact.name().to_owned(),
                reason: unread.reason.clone(),
                grant: unread.grant.clone(),
                partial: unread.partial,
            });
        }
    }
    verdicts.findings = settle(catalog, std::mem::take(&mut verdicts.findings));
    // A stable sort: within a severity, the checks' own order, which is theirs to choose.
    verdicts
        .findings
        .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    verdicts
}

/// Notes why not, or why only in part.
fn can_judge(check: &Check, catalog: &Catalog, skipped: &mut Vec<SkippedCheck>) -> bool {
    if check.runs_on == RunsOn::Primary && catalog.server.in_recovery {
        skipped.push(SkippedCheck {
            check: check.code.to_owned(),
            reason:
                "this is a standby, which counts no writes and runs no vacuums: ask the primary"
                    .into(),
            grant: None,
            partial: false,
        });
        return false;
    }
    let mut can = true;
    for unread in catalog
        .unread
        .iter()
        .filter(|unread| check.needs.contains(&unread.fact))
    {
        can &= unread.partial;
        skipped.push(SkippedCheck {
            check: check.code.to_owned(),
            reason: unread.reason.clone(),
            grant: unread.grant.clone(),
            partial: unread.partial,
        });
    }
    can
}

fn age(evidence: Evidence, catalog: &Catalog) -> EvidenceAge {
    let since = match evidence {
        Evidence::State => return EvidenceAge::Now,
        Evidence::DatabaseCounters => catalog.database.stats_reset,
        Evidence::StatementCounters => catalog.statements.as_ref().and_then(|s| s.stats_reset),
        Evidence::ServerCounters => catalog.checkpoints.as_ref().and_then(|c| c.stats_reset),
    };
    EvidenceAge::Counters { since }
}

/// `*` stands for any text, `?` for one character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            retry = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star, from)) = retry {
            retry = Some((star, from + 1));
            p = star + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_match_whole_names() {
        for (pattern, text, expected) in [
            ("*", "public.content", true),
            ("public.*", "public.content", true),
            ("public.*_idx", "public.a_idx_b", false),
            ("public.*_idx", "public.a_idx_idx", true),
            ("public.c?", "public.c1", true),
            ("content", "public.content", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
