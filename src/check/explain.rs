//! `dbaudit explain`: the registry as a user's page.

use std::fmt::Write;

use super::{CHECKS, Check, find};
use crate::{Error, Result};

/// The page of one check, or the list of all.
///
/// # Errors
/// [`Error::Usage`]: there is no such check; the hint names those that come close.
pub fn explain(code: Option<&str>) -> Result<String> {
    let Some(code) = code else {
        return Ok(list());
    };
    find(code).map(page).ok_or_else(|| {
        let near: Vec<&str> = CHECKS
            .iter()
            .map(|check| check.code)
            .filter(|known| {
                code.split('-')
                    .any(|word| word.len() > 2 && known.contains(word))
            })
            .collect();
        Error::Usage {
            message: format!("there is no check named `{code}`"),
            hint: if near.is_empty() {
                "run dbaudit explain for a list of the checks".to_owned()
            } else {
                format!("did you mean {}?", near.join(" or "))
            },
        }
    })
}

fn list() -> String {
    let width = CHECKS
        .iter()
        .map(|check| check.code.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for check in CHECKS {
        // Writing into memory cannot fail.
        let _ = writeln!(
            text,
            "{:width$}  {:7}  {}",
            check.code,
            check.severity.to_string(),
            check.summary
        );
    }
    text
}

fn page(check: &Check) -> String {
    let mut text = format!(
        "{} ({}): {}\n\n{}\n",
        check.code, check.severity, check.summary, check.explanation
    );
    if !check.thresholds.is_empty() {
        let _ = write!(
            text,
            "\nThresholds, in dbaudit.toml:\n\n    [report.checks.{}]\n",
            check.code
        );
        for threshold in check.thresholds {
            let _ = writeln!(
                text,
                "    {} = {}  # {}",
                threshold.key, threshold.default, threshold.meaning
            );
        }
    }
    let _ = write!(
        text,
        "\nTo accept a finding:\n\n    [[report.ignore]]\n    check = \"{}\"\n    object = \"schema.name\"  # \
         * and ? are wildcards\n    reason = \"…\"\n    until = 2027-12-31\n",
        check.code
    );
    text
}
