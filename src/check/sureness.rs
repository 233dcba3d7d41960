//! How sure a finding that rests on counters can be.

use jiff::Timestamp;

use super::{Case, Severity, counted};
use crate::catalog::Catalog;

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

    /// What is missing before an index that nothing has read may be dropped; `None`: nothing.
    pub(super) fn doubt(&self) -> Option<String> {
        let wanted = self.threshold("min-age-days");
        if self.catalog.server.in_recovery {
            return Some("the primary's counters: a standby counts its own reads only".into());
        }
        let Some(days) = self.catalog.statistics_days() else {
            return Some(format!(
                "since when the counters count: note them by `report --save FILE`, and compare after {wanted:.0} \
                 days by `report --since FILE`"
            ));
        };
        if days < wanted {
            let due = self.catalog.database.stats_reset.map(|since| {
                let days = jiff::SignedDuration::from_secs_f64(wanted * 86_400.0);
                (since + days).strftime("%Y-%m-%d").to_string()
            });
            return Some(format!(
                "older counters: they began {} ago; look again from {} on, when they are {wanted:.0} days old",
                human_seconds(days * 86_400.0),
                due.unwrap_or_default()
            ));
        }
        let young = |replica: &Catalog| {
            // A crash, which empties the database's counters without a trace, leaves one in these.
            let checkpoints = replica.checkpoints.as_ref().and_then(|c| c.stats_reset);
            let since = replica.database.stats_reset.or(checkpoints);
            since.is_none_or(|since| days_between(since, replica.server.taken_at) < wanted)
        };
        if self.replicas.iter().any(young) {
            return Some(format!(
                "older counters of the standbys: one began to count less than {wanted:.0} days ago"
            ));
        }
        let standbys = self.catalog.standbys().count();
        (standbys > self.replicas.len()).then(|| {
            format!(
                "what the {} read: pass `--replica URL` for each",
                counted(standbys, "connected standby", "connected standbys")
            )
        })
    }

    /// `severity` where the counters are known to be at least the threshold `min-age-days` old, else info.
    pub(super) fn if_settled(&self, severity: Severity) -> Severity {
        match self.catalog.statistics_days() {
            Some(days) if days >= self.threshold("min-age-days") => severity,
            _ => Severity::Info,
        }
    }
}

fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() / 86_400.0
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
