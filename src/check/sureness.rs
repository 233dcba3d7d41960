//! How sure a finding that rests on counters can be.

use super::{Case, Severity};

impl Case<'_> {
    /// How long the counters have been counting, as the end of a sentence: `in 30 days`.
    pub(super) fn counted_time(&self) -> String {
        self.catalog.statistics_days().map_or_else(
            || {
                "since the counters began, at an unknown time (a fresh cluster, or a crash since)"
                    .to_owned()
            },
            in_days,
        )
    }

    /// `severity` where the counters are known to be at least the threshold `min-age-days` old, else info.
    pub(super) fn if_settled(&self, severity: Severity) -> Severity {
        match self.catalog.statistics_days() {
            Some(days) if days >= self.threshold("min-age-days") => severity,
            _ => Severity::Info,
        }
    }
}

/// `in 30 days`, `in 5 hours`.
pub(super) fn in_days(days: f64) -> String {
    if days >= 2.0 {
        format!("in {days:.0} days")
    } else {
        format!("in {:.0} hours", (days * 24.0).max(1.0))
    }
}

/// Seconds as people say them: `40 s`, `12 min`, `3.5 h`, `4 days`.
pub(super) fn human_seconds(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else if seconds < 7_200.0 {
        format!("{:.0} min", seconds / 60.0)
    } else if seconds < 172_800.0 {
        format!("{:.1} h", seconds / 3_600.0)
    } else {
        format!("{:.0} days", seconds / 86_400.0)
    }
}

/// Three digits after the point: a ratio in the evidence.
pub(super) fn ratio(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_people_say_them() {
        assert_eq!(in_days(30.2), "in 30 days");
        assert_eq!(in_days(0.25), "in 6 hours");
        let said: Vec<String> = [40.0, 720.0, 12_600.0, 400_000.0]
            .into_iter()
            .map(human_seconds)
            .collect();
        assert_eq!(said, ["40 s", "12 min", "3.5 h", "5 days"]);
    }
}
