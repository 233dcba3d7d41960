//! PURE: how two readings become figures.

use super::Counters;
use crate::catalog::host::{Cpu, Throttled};

pub(super) fn cpu(before: &Counters, after: &Counters, interval_s: f64, cpus: f64) -> Option<Cpu> {
    let used = after.used_s - before.used_s;
    let had = match (before.had_s, after.had_s) {
        (Some(before), Some(after)) => after - before,
        _ => interval_s * cpus,
    };
    (used >= 0.0 && had > 0.0).then(|| Cpu {
        ratio: (used / had).min(1.0),
        cpus,
        interval_s,
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of periods")]
pub(super) fn throttled(before: &Counters, after: &Counters, interval_s: f64) -> Option<Throttled> {
    let periods = after.periods?.checked_sub(before.periods?)?;
    let throttled = after
        .throttled_periods?
        .checked_sub(before.throttled_periods?)?;
    Some(Throttled {
        ratio: throttled as f64 / periods.max(1) as f64,
        withheld_s: (after.throttled_s? - before.throttled_s?).max(0.0),
        interval_s,
    })
}
