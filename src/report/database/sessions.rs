//! Current activity: long transactions, blocking sessions, and what holds vacuum back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{Activity, Catalog};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionSummary {
    pub transactions: Vec<OpenTransaction>,
    /// Sessions that block others and wait for nobody, each with those behind it.
    pub blocking: Vec<Blocker>,
    /// What holds vacuum back most.
    pub xmin_horizon: Option<Horizon>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenTransaction {
    pub pid: i32,
    pub user: Option<String>,
    pub application: Option<String>,
    pub database: Option<String>,
    /// `active`, `idle in transaction`, …
    pub state: Option<String>,
    /// How long it has been open.
    pub age_s: f64,
    /// How long it has been in this state.
    pub state_age_s: Option<f64>,
    pub wait_event: Option<String>,
    pub query: Option<String>,
}

/// A session that others wait for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Blocker {
    pub pid: i32,
    pub user: Option<String>,
    pub state: Option<String>,
    pub query: Option<String>,
    pub blocks: Vec<Blocker>,
}

/// What keeps dead rows from being removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Horizon {
    /// `session`, `slot`, `slot (catalogs)`, `prepared transaction` or `standby`.
    pub kind: &'static str,
    pub name: String,
    /// Transactions since.
    pub age: u32,
}

pub(super) fn summary(catalog: &Catalog) -> SessionSummary {
    let now = catalog.server.taken_at;
    let age = |since: Timestamp| now.duration_since(since).as_secs_f64().max(0.0);
    let mut transactions: Vec<OpenTransaction> = catalog
        .activity
        .iter()
        .filter(|session| !session.own && session.is_client())
        .filter_map(|session| {
            Some(OpenTransaction {
                pid: session.pid,
                user: session.user.clone(),
                application: session.application.clone(),
                database: session.database.clone(),
                state: session.state.clone(),
                age_s: age(session.transaction_began?),
                state_age_s: session.state_changed.map(age),
                wait_event: session.wait_event.clone(),
                query: session.query.clone(),
            })
        })
        .collect();
    transactions.sort_by(|a, b| b.age_s.total_cmp(&a.age_s));
    SessionSummary {
        transactions,
        blocking: blocking(catalog),
        xmin_horizon: horizons(catalog)
            .into_iter()
            .filter(|horizon| horizon.age > 0)
            .max_by_key(|horizon| horizon.age),
    }
}

fn horizons(catalog: &Catalog) -> Vec<Horizon> {
    let horizon = |kind, name: String, age: Option<u32>| {
        Some(Horizon {
            kind,
            name,
            age: age?,
        })
    };
    let sessions = catalog
        .activity
        .iter()
        .filter(|session| !session.own)
        .map(|session| {
            let name = format!(
                "pid {}, {}",
                session.pid,
                session.user.as_deref().unwrap_or("unknown")
            );
            horizon("session", name, session.xmin_age.max(session.xid_age))
        });
    let slots = catalog.slots.iter().flat_map(|slot| {
        [
            horizon("slot", slot.name.clone(), slot.xmin_age),
            horizon("slot (catalogs)", slot.name.clone(), slot.catalog_xmin_age),
        ]
    });
    let prepared = catalog
        .prepared
        .iter()
        .map(|one| horizon("prepared transaction", one.name.clone(), one.xid_age));
    let standbys = catalog.senders.iter().map(|sender| {
        let name = sender
            .application
            .clone()
            .unwrap_or_else(|| sender.pid.to_string());
        horizon("standby", name, sender.xmin_age)
    });
    sessions
        .chain(slots)
        .chain(prepared)
        .chain(standbys)
        .flatten()
        .collect()
}

/// The forest of waits: roots wait for nobody. In a deadlock nobody is a root: the lowest pid is taken.
fn blocking(catalog: &Catalog) -> Vec<Blocker> {
    let mut behind: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for session in &catalog.activity {
        for blocker in &session.blocked_by {
            behind.entry(*blocker).or_default().push(session.pid);
        }
    }
    let waiting: BTreeSet<i32> = behind.values().flatten().copied().collect();
    let mut roots: Vec<i32> = behind
        .keys()
        .filter(|pid| !waiting.contains(pid))
        .copied()
        .collect();
    if roots.is_empty() {
        roots.extend(behind.keys().next());
    }
    let mut seen = BTreeSet::new();
    roots
        .into_iter()
        .map(|pid| tree(catalog, &behind, pid, &mut seen))
        .collect()
}

fn tree(
    catalog: &Catalog,
    behind: &BTreeMap<i32, Vec<i32>>,
    pid: i32,
    seen: &mut BTreeSet<i32>,
) -> Blocker {
    seen.insert(pid);
    let session: Option<&Activity> = catalog.activity.iter().find(|session| session.pid == pid);
    let mut blocks = Vec::new();
    for other in behind.get(&pid).into_iter().flatten() {
        if !seen.contains(other) {
            blocks.push(tree(catalog, behind, *other, seen));
        }
    }
    Blocker {
        pid,
        user: session.and_then(|session| session.user.clone()),
        state: session.and_then(|session| session.state.clone()),
        query: session.and_then(|session| session.query.clone()),
        blocks,
    }
}
