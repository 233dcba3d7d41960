//! PURE: one file per check, one registry that everything iterates: the report, `--help`, `dbaudit
//! explain`, the JUnit suite and the README's table.
//!
//! To add a check: one file with a [`Check`], one line in `registry.rs`.

mod blocked_sessions;
mod build_leftover;
mod case;
mod concurrent_build_bug;
mod connection_saturation;
mod dead_tuples;
mod disabled_trigger;
mod duplicate_index;
mod explain;
mod finding;
#[cfg(test)]
mod fixture;
mod foreign_key;
mod idle_in_transaction;
mod index_statement;
mod invalid_index;
mod judge;
mod long_transaction;
mod missing_fk_index;
mod no_primary_key;
mod not_valid_constraint;
mod null_heavy_index;
mod prepared_transaction;
mod redundant_index;
mod registry;
mod replication_lag;
mod session_figures;
mod slot_retention;
mod sureness;
mod unused_index;

pub use self::{
    case::{Case, Check, Evidence, Place, Threshold},
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
