//! PURE: one file per check, one registry that everything iterates: the report, `--help`, `dbaudit
//! explain`, the JUnit suite and the README's table.
//!
//! To add a check: one file with a [`Check`], one line in `registry.rs`.

mod case;
mod connection_saturation;
mod dead_tuples;
mod duplicate_index;
mod explain;
mod finding;
mod invalid_index;
mod judge;
mod registry;
mod unused_index;

pub use self::{
    case::{Case, Check, Evidence, Threshold},
    explain::explain,
    finding::{EvidenceAge, Finding, Severity, Subject},
    judge::{IgnoreRule, Policy, SkippedCheck, Verdicts, judge},
    registry::{CHECKS, find},
};

/// `1 index`, `3 indexes`.
#[must_use]
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
