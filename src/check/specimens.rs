//! One specimen of every check's problem, and one that only looks like it: the registry's tests hold every
//! check to both. What else a check is about stands in its own tests.

use super::fixture::{
    ARRAY_OPS, BIGINT, INTEGER, ago, column, foreign_key, index, neighbour, prepared, sender,
    sequence, session, set, slot, statement, statements, table, trigger,
};
use crate::catalog::{
    Archiver, Catalog, CollationDrift, Index,
    host::{Cpu, Disk, Host, Memory, Throttled},
};

/// What is done to a server that is well, with one table of one column (`orders.id`).
pub(super) struct Specimen {
    pub(super) code: &'static str,
    pub(super) problem: fn(&mut Catalog),
    pub(super) look_alike: fn(&mut Catalog),
}

const fn specimen(
    code: &'static str,
    problem: fn(&mut Catalog),
    look_alike: fn(&mut Catalog),
) -> Specimen {
    Specimen {
        code,
        problem,
        look_alike,
    }
}

pub(super) fn healthy() -> Catalog {
    let mut catalog = super::fixture::catalog();
    catalog.tables.push(table(1, "orders"));
    catalog.columns.push(column(1, 1, "id", INTEGER));
    catalog.columns.push(column(1, 2, "user_id", INTEGER));
    catalog.indexes.push(Index {
        primary: true,
        unique: true,
        ..index(10, 1, "orders_pkey", &[1])
    });
    catalog.arrange();
    catalog
}

fn memory(catalog: &mut Catalog, used_bytes: u64) {
    catalog.host = Some(Host {
        memory: Some(Memory::of(used_bytes, 1_000)),
        ..Host::idle()
    });
}

fn busy(catalog: &mut Catalog, ratio: f64) {
    let cpu = Cpu {
        ratio,
        cpus: 2.0,
        interval_s: 60.0,
    };
    catalog.host = Some(Host {
        cpu: Some(cpu),
        ..Host::idle()
    });
}

fn filled(catalog: &mut Catalog, used_bytes: u64) {
    let disk = Disk {
        path: "/".into(),
        used_bytes,
        total_bytes: 100,
    };
    catalog.host = Some(Host {
        disks: vec![disk],
        ..Host::idle()
    });
}

fn throttled(catalog: &mut Catalog, ratio: f64) {
    let throttled = Throttled {
        ratio,
        withheld_s: 0.2,
        interval_s: 60.0,
    };
    catalog.host = Some(Host {
        throttled: Some(throttled),
        ..Host::idle()
    });
}

fn scanned(catalog: &mut Catalog, scans: u64) {
    catalog.tables[0].counters.seq_scans = scans;
    catalog.tables[0].counters.seq_rows_read = scans * 1_000_000;
    catalog.tables[0].counters.idx_scans = 0;
}

fn unanalysed(catalog: &mut Catalog) {
    catalog.tables[0].estimated_rows = None;
    catalog.tables[0].counters.last_autoanalyze = None;
    catalog.tables[0].counters.autoanalyzes = 0;
}

fn pages(catalog: &mut Catalog, pages: u32) {
    catalog.tables[0].pages = Some(pages);
    catalog.tables[0].size.heap_bytes = u64::from(pages) * 8192;
}

fn updated(catalog: &mut Catalog, hot: u64) {
    catalog.tables[0].counters.updates = 1_000_000;
    catalog.tables[0].counters.hot_updates = hot;
    catalog.indexes.push(index(11, 1, "by_user", &[2]));
}

fn referring(catalog: &mut Catalog, deletes: u64) {
    catalog.tables.push(table(2, "users"));
    catalog.tables[1].counters.deletes = deletes;
    catalog.columns.push(column(2, 1, "id", INTEGER));
    catalog.indexes.push(Index {
        primary: true,
        unique: true,
        ..index(12, 2, "users_pkey", &[1])
    });
    catalog.constraints.push(foreign_key(20, 1, &[2], 2));
}

/// The last file archived, and the last failure, as seconds ago.
fn archived(catalog: &mut Catalog, success: Option<i64>, failure: i64) {
    catalog.archiver = Some(Archiver {
        archived: 5,
        last_archived_at: success.map(ago),
        failed: 3,
        last_failed_at: Some(ago(failure)),
        stats_reset: None,
    });
}

fn nulls(catalog: &mut Catalog, share: f64) {
    catalog.indexes.push(index(11, 1, "by_user", &[2]));
    if let Some(statistics) = &mut catalog.columns[1].statistics {
        statistics.null_fraction = share;
    }
}

fn counted_key(catalog: &mut Catalog, type_oid: u32) {
    catalog.columns[0].type_oid = type_oid;
    let mut ids = sequence(30, "orders_id_seq");
    (ids.owner_table, ids.owner_column) = (Some(1), Some(1));
    ids.last_value = Some(2_000_000_000);
    catalog.sequences.push(ids);
}

fn waiting(catalog: &mut Catalog, seconds: i64) {
    let mut behind = session(2, "active", seconds);
    behind.wait_event_type = Some("Lock".into());
    behind.blocked_by = vec![1];
    catalog.activity = vec![session(1, "active", 900), behind];
}

fn twin(catalog: &mut Catalog, orders: i16) {
    let by_user = |oid, name: &str, order| Index {
        orders: vec![order],
        ..index(oid, 1, name, &[2])
    };
    let pair = [by_user(11, "a", 0), by_user(12, "b", orders)];
    catalog.indexes.extend(pair);
}

fn second(catalog: &mut Catalog, name: &str, valid: bool) {
    catalog.indexes.push(index(11, 1, "by_user", &[2]));
    catalog.indexes.push(Index {
        valid,
        ..index(12, 1, name, &[1, 2])
    });
}

fn called(catalog: &mut Catalog, mean_ms: f64, evictions: u64) {
    let mut all = statements(vec![statement(1, 1_000, mean_ms)]);
    all.evictions = Some(evictions);
    catalog.statements = Some(all);
}

fn checkpoints(catalog: &mut Catalog, timed: u64, requested: u64) {
    if let Some(checkpoints) = &mut catalog.checkpoints {
        (checkpoints.timed, checkpoints.requested) = (timed, requested);
    }
}

fn spilled(catalog: &mut Catalog, gigabytes: u64) {
    catalog.database.temp_bytes = gigabytes << 30;
    catalog.database.temp_files = 300;
}

fn unread_index(catalog: &mut Catalog, unique: bool) {
    catalog.indexes.push(Index {
        scans: 0,
        unique,
        ..index(11, 1, "by_user", &[2])
    });
}

fn wide_index(catalog: &mut Catalog, pages: u64) {
    let mut by_user = index(11, 1, "by_user", &[2]);
    by_user.bytes = pages * 8192;
    catalog.indexes.push(by_user);
}

/// A B-tree on the first column, which is an array.
pub(super) fn on_array(oid: u32, scans: u64) -> Index {
    Index {
        operator_classes: vec![ARRAY_OPS],
        scans,
        ..index(oid, 1, "by_tags", &[1])
    }
}

/// A partial index on the second column, which asks that it not be null.
fn asking(catalog: &mut Catalog, declared: bool) {
    catalog.columns[1].not_null = declared;
    catalog.indexes.push(Index {
        has_predicate: true,
        asks_not_null: Some(vec![2]),
        ..index(11, 1, "by_user", &[2])
    });
}

fn drifted(catalog: &mut Catalog, indexes: Vec<u32>) {
    catalog.collation_drifts.push(CollationDrift {
        oid: 100,
        name: None,
        provider: "icu".into(),
        deterministic: true,
        recorded: "153.120".into(),
        actual: "153.121".into(),
        indexes,
    });
}

pub(super) static SPECIMENS: &[Specimen] = &[
    specimen(
        "autovacuum-behind",
        |c| c.tables[0].counters.dead_tuples = 700_000,
        |c| {
            c.tables[0].counters.dead_tuples = 190_000;
        },
    ),
    specimen("blocked-sessions", |c| waiting(c, 60), |c| waiting(c, 1)),
    specimen(
        "btree-on-array",
        |c| c.indexes.push(on_array(11, 0)),
        |c| c.indexes.push(on_array(11, 5)),
    ),
    specimen(
        "useless-predicate",
        |c| asking(c, true),
        |c| asking(c, false),
    ),
    // That none drifts where the versions are the same is the query's to tell: see the tests against servers.
    specimen(
        "collation-drift",
        |c| drifted(c, vec![10]),
        |c| c.database.collation = "de_DE.UTF-8".into(),
    ),
    specimen(
        "build-leftover",
        |c| second(c, "by_user_ccnew", false),
        |c| second(c, "by_user_ccnew", true),
    ),
    specimen(
        "cache-hit-ratio",
        |c| c.database.blocks_read = 300_000_000,
        |c| c.database.blocks_read = 9_000_000,
    ),
    specimen(
        "checkpoint-pressure",
        |c| checkpoints(c, 100, 300),
        |c| checkpoints(c, 2, 6),
    ),
    specimen(
        "concurrent-build-bug",
        |c| c.server.version_num = 140_003,
        |c| c.server.version_num = 140_004,
    ),
    specimen(
        "connection-saturation",
        |c| c.activity = (0..97).map(|pid| session(pid, "active", 5)).collect(),
        |c| c.activity = (0..50).map(|pid| session(pid, "active", 5)).collect(),
    ),
    specimen(
        "dead-tuples",
        |c| c.tables[0].counters.dead_tuples = 900_000,
        |c| {
            c.tables[0].counters.dead_tuples = 5_000;
        },
    ),
    specimen(
        "deadlocks",
        |c| c.database.deadlocks = 90,
        |c| c.database.deadlocks = 1,
    ),
    specimen(
        "disabled-trigger",
        |c| c.triggers.push(trigger(1, "audit", 'D')),
        |c| c.triggers.push(trigger(1, "audit", 'R')),
    ),
    specimen("duplicate-index", |c| twin(c, 0), |c| twin(c, 3)),
    specimen("host-cpu", |c| busy(c, 0.9), |c| busy(c, 0.8)),
    specimen("host-disk", |c| filled(c, 86), |c| filled(c, 85)),
    specimen("host-memory", |c| memory(c, 801), |c| memory(c, 800)),
    specimen(
        "host-throttled",
        |c| throttled(c, 0.5),
        |c| throttled(c, 0.01),
    ),
    specimen(
        "idle-in-transaction",
        |c| c.activity = vec![session(1, "idle in transaction", 600)],
        |c| c.activity = vec![session(1, "idle", 90_000)],
    ),
    specimen(
        "index-bloat",
        |c| wide_index(c, 27_450),
        |c| wide_index(c, 3_500),
    ),
    specimen(
        "int-key-exhaustion",
        |c| counted_key(c, INTEGER),
        |c| counted_key(c, BIGINT),
    ),
    specimen(
        "invalid-index",
        |c| second(c, "broken", false),
        |c| second(c, "broken", true),
    ),
    specimen(
        "long-transaction",
        |c| c.activity = vec![session(1, "active", 7_200)],
        |c| c.activity = vec![session(1, "active", 60)],
    ),
    specimen(
        "low-hot-ratio",
        |c| updated(c, 100_000),
        |c| updated(c, 900_000),
    ),
    specimen(
        "duplicate-fk",
        |c| {
            referring(c, 5);
            c.constraints.push(foreign_key(21, 1, &[2], 2));
        },
        |c| {
            referring(c, 5);
            c.constraints.push(foreign_key(21, 1, &[1], 2));
        },
    ),
    specimen(
        "fk-type-mismatch",
        |c| {
            referring(c, 5);
            c.columns[2].type_oid = BIGINT;
        },
        |c| referring(c, 5),
    ),
    specimen(
        "wal-archiving-failing",
        |c| archived(c, Some(600), 60),
        |c| archived(c, Some(60), 600),
    ),
    specimen(
        "missing-fk-index",
        |c| referring(c, 5),
        |c| {
            referring(c, 5);
            c.indexes.push(index(11, 1, "by_user", &[2]));
        },
    ),
    specimen(
        "multixact-wraparound",
        |c| c.neighbours[0].multixact_age = 1_600_000_000,
        |c| c.neighbours[0].multixact_age = 400_000_000,
    ),
    specimen(
        "never-analyzed",
        |c| {
            unanalysed(c);
            c.columns
                .iter_mut()
                .for_each(|column| column.statistics = None);
        },
        unanalysed,
    ),
    specimen(
        "no-primary-key",
        |c| c.tables.push(table(2, "events")),
        |c| {
            c.tables.push(table(2, "pages_of_a_view"));
            c.tables[1].kind = crate::catalog::TableKind::MaterializedView;
        },
    ),
    specimen(
        "not-valid-constraint",
        |c| {
            referring(c, 0);
            c.constraints[0].validated = false;
        },
        |c| referring(c, 0),
    ),
    specimen("null-heavy-index", |c| nulls(c, 0.95), |c| nulls(c, 0.5)),
    specimen(
        "pending-restart",
        |c| {
            c.settings
                .0
                .values_mut()
                .take(1)
                .for_each(|setting| setting.pending_restart = true)
        },
        |c| set(c, "shared_buffers", "1"),
    ),
    specimen(
        "prepared-transaction",
        |c| c.prepared = vec![prepared("left", 600)],
        |c| c.prepared = vec![prepared("fresh", 2)],
    ),
    specimen(
        "redundant-index",
        |c| {
            c.indexes
                .extend([index(11, 1, "short", &[2]), index(12, 1, "long", &[2, 1])])
        },
        |c| {
            c.indexes
                .extend([index(11, 1, "short", &[2]), index(12, 1, "other", &[1, 2])])
        },
    ),
    specimen(
        "replication-lag",
        |c| c.senders = vec![sender(8 << 30, 10.0)],
        |c| c.senders = vec![sender(8_192, 2.0)],
    ),
    specimen("seq-scan-heavy", |c| scanned(c, 5_000), |c| scanned(c, 5)),
    specimen(
        "sequence-exhaustion",
        |c| {
            c.sequences = vec![sequence(30, "tickets")];
            (c.sequences[0].maximum, c.sequences[0].last_value) = (1_000, Some(900));
        },
        |c| c.sequences = vec![sequence(30, "tickets")],
    ),
    specimen(
        "slot-retention",
        |c| c.slots = vec![slot("much", 20 << 30)],
        |c| {
            c.slots = vec![slot("little", 16 << 20)];
        },
    ),
    specimen(
        "slow-statement",
        |c| called(c, 150.0, 0),
        |c| called(c, 5.0, 0),
    ),
    specimen(
        "stale-statistics",
        |c| c.tables[0].counters.modified_since_analyze = 400_000,
        |c| c.tables[0].counters.modified_since_analyze = 200_000,
    ),
    specimen(
        "statement-eviction",
        |c| called(c, 1.0, 50),
        |c| called(c, 1.0, 3),
    ),
    specimen("table-bloat", |c| pages(c, 44_250), |c| pages(c, 4_500)),
    specimen("temp-spill", |c| spilled(c, 300), |c| spilled(c, 30)),
    specimen(
        "unsafe-setting",
        |c| set(c, "fsync", "off"),
        |c| set(c, "cluster_name", "fsync off"),
    ),
    specimen(
        "unused-index",
        |c| unread_index(c, false),
        |c| unread_index(c, true),
    ),
    specimen(
        "xid-wraparound",
        |c| c.neighbours.push(neighbour("late", 900_000_000)),
        |c| c.neighbours.push(neighbour("in_time", 190_000_000)),
    ),
];
