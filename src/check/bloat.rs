//! What the checks of bloat share: the finding.

use super::{CheckContext, Finding, Subject, sureness::ratio};
use crate::{
    catalog::{Catalog, ExactBloat},
    human::human_bytes,
};

/// Rows changed since the last analyze, as a share, above which nothing is estimated.
pub(super) const MAX_CHANGED: f64 = 0.2;

/// What of a relation is waste.
pub(super) struct Waste {
    pub(super) bytes: u64,
    pub(super) of: u64,
    /// Measured, not estimated.
    pub(super) exact: bool,
}

pub(super) fn measured(catalog: &Catalog, relation: u32) -> Option<ExactBloat> {
    let mut all = catalog.exact_bloat.iter();
    all.find(|exact| exact.relation == relation).copied()
}

/// The finding, where the waste passes the check's thresholds, with its bytes to rank it by.
pub(super) fn finding(
    case: &CheckContext<'_>,
    subject: Subject,
    waste: &Waste,
) -> Option<(u64, Finding)> {
    let share = waste.bytes as f64 / waste.of.max(1) as f64;
    let counts =
        share >= case.threshold("min-ratio") && waste.bytes as f64 >= case.threshold("min-bytes");
    if !counts {
        return None;
    }
    let sure = if waste.exact { "" } else { "about " };
    let message = format!(
        "{sure}{} of {} are wasted",
        human_bytes(waste.bytes),
        human_bytes(waste.of)
    );
    let finding = Finding::new(subject, message)
        .evidence("wasted_bytes", waste.bytes)
        .evidence("size_bytes", waste.of)
        .evidence("wasted_ratio", ratio(share))
        .evidence("estimated", !waste.exact);
    Some((
        waste.bytes,
        if waste.exact {
            finding
        } else {
            finding.confirm("dbaudit report --exact-bloat")
        },
    ))
}

/// The most wasteful first.
pub(super) fn ranked(found: impl Iterator<Item = (u64, Finding)>) -> Vec<Finding> {
    let mut found: Vec<(u64, Finding)> = found.collect();
    found.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    found.into_iter().map(|(_, finding)| finding).collect()
}
