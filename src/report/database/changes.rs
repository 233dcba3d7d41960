//! What changed between two snapshots of one database. Counters only grow, until someone resets them or
//! a crash does: then no rate is given, instead of a wrong one.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{Catalog, Statement, Table};

/// What changed since an earlier snapshot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changes {
    pub since: Timestamp,
    /// From then to now.
    pub interval_s: f64,
    /// Why counters cannot be compared; `None`: they can.
    pub counters_reset: Option<String>,
    /// Bytes the database grew by.
    pub growth_bytes: i64,
    pub commits: Option<u64>,
    pub commits_per_s: Option<f64>,
    pub rollbacks: Option<u64>,
    pub deadlocks: Option<u64>,
    pub temp_bytes: Option<u64>,
    /// WAL written, of the whole server; from 14 on.
    pub wal_bytes: Option<u64>,
    pub wal_bytes_per_s: Option<f64>,
    /// Tables that changed at all, those with most writes first.
    pub tables: Vec<TableChange>,
    /// Statements that ran, those with most time first.
    pub statements: Vec<StatementChange>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableChange {
    pub schema: String,
    pub name: String,
    /// Bytes it grew by; `None` where a size is an estimate.
    pub growth_bytes: Option<i64>,
    pub seq_scans: Option<u64>,
    pub idx_scans: Option<u64>,
    pub inserts: Option<u64>,
    pub updates: Option<u64>,
    pub deletes: Option<u64>,
    pub writes_per_s: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatementChange {
    pub query_id: i64,
    /// Its text, where it was fetched.
    pub text: Option<String>,
    pub calls: u64,
    pub total_ms: f64,
    pub mean_ms: f64,
}

impl Changes {
    /// From `before` to `now`; `None` where they are not of the same database.
    pub fn between(before: &Catalog, now: &Catalog) -> Option<Self> {
        if before.database.name != now.database.name || before.database.oid != now.database.oid {
            return None;
        }
        let interval_s = now
            .server
            .taken_at
            .duration_since(before.server.taken_at)
            .as_secs_f64();
        let counters_reset = reset(before, now);
        let comparable = counters_reset.is_none() && interval_s > 0.0;
        let delta = |from: u64, to: u64| comparable.then(|| to.checked_sub(from)).flatten();
        let rate = |delta: Option<u64>| delta.map(|delta| per_second(delta, interval_s));
        let (old, new) = (&before.database, &now.database);
        let commits = delta(old.commits, new.commits);
        let wal_bytes = match (&before.wal, &now.wal) {
            (Some(old), Some(new)) if old.stats_reset == new.stats_reset => {
                delta(old.bytes, new.bytes)
            }
            _ => None,
        };
        Some(Self {
            since: before.server.taken_at,
            interval_s,
            growth_bytes: difference(old.size_bytes, new.size_bytes),
            commits,
            commits_per_s: rate(commits),
            rollbacks: delta(old.rollbacks, new.rollbacks),
            deadlocks: delta(old.deadlocks, new.deadlocks),
            temp_bytes: delta(old.temp_bytes, new.temp_bytes),
            wal_bytes,
            wal_bytes_per_s: rate(wal_bytes),
            tables: tables(before, now, comparable, interval_s),
            statements: statements(before, now),
            counters_reset,
        })
    }
}

/// Why the counters of the two cannot be compared.
fn reset(before: &Catalog, now: &Catalog) -> Option<String> {
    if now.server.taken_at < before.server.taken_at {
        return Some("the snapshot to compare with is newer than this one".into());
    }
    if before.server.in_recovery != now.server.in_recovery {
        return Some("the server was promoted in between".into());
    }
    if before.database.stats_reset != now.database.stats_reset {
        return Some("the statistics were reset in between".into());
    }
    // After a crash the counters start from nothing, and stats_reset may be unknown before and after.
    let shrunk = now.database.commits < before.database.commits
        || now.database.blocks_hit < before.database.blocks_hit;
    if shrunk {
        return Some(
            "the counters went backwards: the server crashed in between, or they were reset".into(),
        );
    }
    let restarted = before.server.started_at != now.server.started_at;
    if restarted && now.database.stats_reset.is_none() {
        return Some("the server was restarted in between, perhaps after a crash".into());
    }
    None
}

fn tables(before: &Catalog, now: &Catalog, comparable: bool, interval_s: f64) -> Vec<TableChange> {
    let old: HashMap<u32, &Table> = before
        .tables
        .iter()
        .map(|table| (table.oid, table))
        .collect();
    let writes =
        |table: &Table| table.counters.inserts + table.counters.updates + table.counters.deletes;
    let mut changed: Vec<(u64, TableChange)> = now
        .stored_tables()
        .filter_map(|table| {
            let was = *old.get(&table.oid)?;
            if was.size == table.size && was.counters == table.counters {
                return None;
            }
            let (a, b) = (&was.counters, &table.counters);
            let delta = |from: u64, to: u64| comparable.then(|| to.checked_sub(from)).flatten();
            let written = delta(writes(was), writes(table));
            let change = TableChange {
                schema: table.schema.clone(),
                name: table.name.clone(),
                growth_bytes: (!was.size.estimated && !table.size.estimated)
                    .then(|| difference(was.size.total_bytes(), table.size.total_bytes())),
                seq_scans: delta(a.seq_scans, b.seq_scans),
                idx_scans: delta(a.idx_scans, b.idx_scans),
                inserts: delta(a.inserts, b.inserts),
                updates: delta(a.updates, b.updates),
                deletes: delta(a.deletes, b.deletes),
                writes_per_s: written.map(|written| per_second(written, interval_s)),
            };
            Some((written.unwrap_or(0), change))
        })
        .collect();
    changed.sort_by_key(|(written, _)| std::cmp::Reverse(*written));
    changed.into_iter().map(|(_, change)| change).collect()
}

fn statements(before: &Catalog, now: &Catalog) -> Vec<StatementChange> {
    let (Some(before), Some(now)) = (&before.statements, &now.statements) else {
        return Vec::new();
    };
    if before.stats_reset != now.stats_reset {
        return Vec::new();
    }
    let key = |s: &Statement| s.query_id.map(|id| (id, s.user, s.toplevel));
    let old: HashMap<_, &Statement> = before
        .list
        .iter()
        .filter_map(|s| Some((key(s)?, s)))
        .collect();
    let mut changed: Vec<StatementChange> = now
        .list
        .iter()
        .filter_map(|statement| {
            let (query_id, ..) = key(statement)?;
            let was = old.get(&key(statement)?);
            let (calls, total_ms) = was.map_or((0, 0.0), |was| (was.calls, was.total_ms));
            // Evicted and entered again in between: it counts from nothing.
            let (calls, total_ms) = match statement.calls.checked_sub(calls) {
                Some(more) => (more, statement.total_ms - total_ms),
                None => (statement.calls, statement.total_ms),
            };
            #[expect(clippy::cast_precision_loss, reason = "a mean")]
            (calls > 0).then(|| StatementChange {
                query_id,
                text: statement.text.clone(),
                calls,
                total_ms,
                mean_ms: total_ms / calls as f64,
            })
        })
        .collect();
    changed.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms));
    changed
}

fn difference(from: u64, to: u64) -> i64 {
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    signed(to) - signed(from)
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn per_second(delta: u64, seconds: f64) -> f64 {
    delta as f64 / seconds
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::report::SavedFacts;

    /// The same facts, ten seconds later.
    fn later() -> (Catalog, Catalog) {
        let facts = include_str!("../../render/database/facts.json");
        let before = SavedFacts::parse(facts).unwrap().databases.remove(0);
        let mut now = before.clone();
        now.server.taken_at += SignedDuration::from_secs(10);
        now.database.commits += 50;
        (before, now)
    }

    #[test]
    fn rates_are_differences_over_the_interval() {
        let (before, mut now) = later();
        let users = now
            .tables
            .iter_mut()
            .find(|table| table.name == "users")
            .unwrap();
        users.counters.inserts += 20;
        let changes = Changes::between(&before, &now).unwrap();
        assert_eq!(changes.commits_per_s, Some(5.0));
        assert_eq!(changes.tables.len(), 1);
        assert_eq!(changes.tables[0].writes_per_s, Some(2.0));
    }

    #[test]
    fn no_rate_is_given_over_a_reset_a_crash_or_a_promotion() {
        type Happening = fn(&mut Catalog);
        let happenings: [(&str, Happening); 4] = [
            ("reset", |now| {
                now.database.stats_reset = Some(now.server.taken_at)
            }),
            ("backwards", |now| now.database.commits = 1),
            ("was restarted", |now| {
                now.database.stats_reset = None;
                now.server.started_at = now.server.taken_at;
            }),
            ("promoted", |now| now.server.in_recovery = true),
        ];
        for (said, happens) in happenings {
            let (mut before, mut now) = later();
            before.database.stats_reset = None;
            now.database.stats_reset = None;
            happens(&mut now);
            let changes = Changes::between(&before, &now).unwrap();
            let reason = changes.counters_reset.unwrap_or_default();
            assert!(reason.contains(said), "{said}: {reason}");
            assert_eq!((changes.commits, changes.commits_per_s), (None, None));
        }
    }

    #[test]
    fn another_database_is_not_compared() {
        let (before, mut now) = later();
        now.database.oid += 1;
        assert_eq!(Changes::between(&before, &now), None);
    }
}
