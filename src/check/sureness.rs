//! How sure a finding that rests on counters can be.

use jiff::{SignedDuration, Timestamp};

use super::{CheckContext, Finding, Severity, counted, vacuum_due::is_on};
use crate::{
    catalog::{Catalog, Index, Table},
    human::human_seconds,
};

impl CheckContext<'_> {
    /// How long the counters have been counting, as the end of a sentence: `in 30 days`.
    pub(super) fn counted_time(&self) -> String {
        self.catalog.statistics_days().map_or_else(
            || {
                "since the counters began, at an unknown time (a new cluster, or a crash since)"
                    .to_owned()
            },
            in_days,
        )
    }

    /// What is missing before an index that nothing has read may be dropped; `None`: nothing.
    pub(super) fn doubt(&self) -> Option<String> {
        let wanted = self.threshold("min-age-days");
        if self.catalog.server.in_recovery {
            return Some("the primary's counters: a standby counts only its own reads".into());
        }
        let Some(days) = self.catalog.statistics_days() else {
            return Some(format!(
                "the age of the counters, which is unknown: save them with `report --save FILE`, and compare \
                 after {} with `report --since FILE`",
                counted(wanted, "day", "days")
            ));
        };
        if days < wanted {
            let due = self.catalog.database.stats_reset.map(|since| {
                let days = jiff::SignedDuration::from_secs_f64(wanted * 86_400.0);
                (since + days).strftime("%Y-%m-%d").to_string()
            });
            return Some(format!(
                "older counters: they began {} ago; run the report again from {}, when they are {} old",
                human_seconds(days * 86_400.0),
                due.unwrap_or_default(),
                counted(wanted, "day", "days")
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
                "older counters on the standbys: those of one began less than {} ago",
                counted(wanted, "day", "days")
            ));
        }
        let standbys = self.catalog.standbys().count();
        (standbys > self.replicas.len()).then(|| {
            format!(
                "the reads on the {}: pass `--replica URL` for each",
                counted(standbys, "connected standby", "connected standbys")
            )
        })
    }

    /// The index, or a part of its tree, was built only minutes ago: that nothing has read it says nothing, however old
    /// the counters are.
    pub(super) fn is_too_new(&self, index: &Index) -> bool {
        let tree = self.catalog.tree_of(index);
        let fresh = |part: &&Index| self.catalog.is_fresh(part.row_xid_age);
        self.threshold("min-age-days") > 0.0 && tree.iter().any(fresh)
    }

    /// When what autovacuum should have done is overdue, where that is still to come: it looks into each database
    /// once in a while, and a load of a minute ago is none of its faults. `None`: it had its time, or is off.
    /// `counted_from`: when the figure in question was last set back, where that is not by hand.
    pub(super) fn not_yet_due(
        &self,
        table: &Table,
        counted_from: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let settings = &self.catalog.settings;
        if !is_on(settings, table) {
            return None;
        }
        let naptime_s = settings
            .milliseconds("autovacuum_naptime")
            .unwrap_or(60_000.0)
            / 1_000.0;
        let since = Some(self.counting_since(table)).max(counted_from)?;
        let due = since + SignedDuration::from_secs_f64(naptime_s * LOOKS);
        (due > self.catalog.server.taken_at).then_some(due)
    }

    /// Since when the table's counters can have counted: no evidence is older.
    fn counting_since(&self, table: &Table) -> Timestamp {
        let counters = &table.counters;
        let by_hand = counters.last_vacuum.max(counters.last_analyze);
        // A fresh table's time is not told: it had no time yet that one could be sure of.
        let made = self
            .catalog
            .is_fresh(table.row_xid_age)
            .then_some(self.catalog.server.taken_at);
        let since = self.database_counting_since();
        Some(since).max(by_hand).max(made).unwrap_or(since)
    }

    /// Since when the database's counters can have counted.
    pub(super) fn database_counting_since(&self) -> Timestamp {
        let catalog = self.catalog;
        let started = catalog.server.started_at;
        let since = catalog.database.stats_reset.max(catalog.births.database);
        Some(started).max(since).unwrap_or(started)
    }

    /// `severity` where the counters are known to be at least the threshold `min-age-days` old, else info.
    pub(super) fn if_settled(&self, severity: Severity) -> Severity {
        match self.catalog.statistics_days() {
            Some(days) if days >= self.threshold("min-age-days") => severity,
            _ => Severity::Info,
        }
    }
}

/// After this many of autovacuum's naps, it should have run.
const LOOKS: f64 = 5.0;

fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() / 86_400.0
}

impl Finding {
    /// An info that says when it would be due, where that is still to come.
    pub(super) fn due(self, due: Option<Timestamp>) -> Self {
        match due {
            None => self,
            Some(due) => {
                let at = due.strftime("%Y-%m-%d %H:%M UTC");
                self.severity(Severity::Info)
                    .evidence("due", due.to_string())
                    .confirm(format!(
                        "whether it is still so at {at}: autovacuum may not have run yet"
                    ))
            }
        }
    }
}

/// `in 30 days`, `in 5 hours`, `in 12 minutes`.
pub(super) fn in_days(days: f64) -> String {
    let (figure, unit) = if days >= 2.0 {
        (days, "day")
    } else if days * 24.0 >= 1.5 {
        (days * 24.0, "hour")
    } else {
        ((days * 1_440.0).max(1.0), "minute")
    };
    let many = if figure.round() > 1.0 { "s" } else { "" };
    format!("in {figure:.0} {unit}{many}")
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
        assert_eq!(in_days(1.0 / 24.0), "in 60 minutes");
        assert_eq!(in_days(0.0), "in 1 minute");
        let said: Vec<String> = [40.0, 720.0, 12_600.0, 400_000.0]
            .into_iter()
            .map(human_seconds)
            .collect();
        assert_eq!(said, ["40 s", "12 min", "3.5 h", "5 days"]);
    }
}
