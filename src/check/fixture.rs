//! Small catalogs for the checks' tests: a server that is well, to which a test adds what it is about.

mod server;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

pub(super) use self::server::{prepared, sender, session, slot, statement, statements};
use super::{Finding, judge::judge_with, registry::find};
use crate::catalog::{
    Catalog, Checkpoints, Column, ColumnStatistics, Constraint, ConstraintKind, Database, Index,
    Neighbour, OperatorClass, Role, Sequence, Server, Setting, StorageOptions, Table,
    TableCounters, TableKind, TableSize, Trigger,
};

/// `pg_type.oid`s.
pub(super) const BIGINT: u32 = 20;
pub(super) const SMALLINT: u32 = 21;
pub(super) const INTEGER: u32 = 23;
pub(super) const TEXT: u32 = 25;
/// B-tree operator classes' oids, and the default collation's.
pub(super) const INT_OPS: u32 = 1978;
pub(super) const TEXT_OPS: u32 = 3126;
pub(super) const TEXT_PATTERN_OPS: u32 = 4217;
pub(super) const ARRAY_OPS: u32 = 10_000;

/// The time at which every fixture was read.
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

/// So long before it.
pub(super) fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

pub(super) const DAY: i64 = 86_400;

/// PostgreSQL 15, a superuser, counters of 30 days, and nothing in the database.
pub(super) fn catalog() -> Catalog {
    let class = |name: &str, default, family, input_type| OperatorClass {
        name: name.into(),
        default,
        family,
        input_type,
    };
    let server = Server {
        version: "15.18".into(),
        version_num: 150_018,
        taken_at: now(),
        started_at: ago(40 * DAY),
        in_recovery: false,
        role: Role {
            name: "postgres".into(),
            superuser: true,
            monitor: true,
            read_all_stats: true,
            read_all_settings: true,
            read_statistic: true,
        },
    };
    let database = Database {
        oid: 16_000,
        name: "app".into(),
        size_bytes: 10 << 30,
        size_estimated: false,
        encoding: "UTF8".into(),
        collation: "C.UTF-8".into(),
        xid_age: 50_000_000,
        multixact_age: 1_000,
        connection_limit: None,
        commits: 100_000_000,
        rollbacks: 1_000,
        blocks_read: 1_000_000,
        blocks_hit: 999_000_000,
        deadlocks: 0,
        conflicts: 0,
        temp_files: 0,
        temp_bytes: 0,
        checksum_failures: None,
        read_ms: 0.0,
        write_ms: 0.0,
        stats_reset: Some(ago(30 * DAY)),
        rows_returned: 0,
        rows_fetched: 0,
        rows_inserted: 0,
        rows_updated: 0,
        rows_deleted: 0,
        locks: std::collections::BTreeMap::new(),
    };
    let mut catalog = Catalog::bare(server, database);
    catalog.settings = [
        ("max_connections", "100", None),
        ("superuser_reserved_connections", "3", None),
        ("shared_buffers", "131072", Some("8kB")),
        ("autovacuum", "on", None),
        ("autovacuum_freeze_max_age", "200000000", None),
        ("autovacuum_multixact_freeze_max_age", "400000000", None),
        ("autovacuum_vacuum_threshold", "50", None),
        ("autovacuum_vacuum_scale_factor", "0.2", None),
        ("autovacuum_vacuum_insert_threshold", "1000", None),
        ("autovacuum_vacuum_insert_scale_factor", "0.2", None),
        ("autovacuum_analyze_threshold", "50", None),
        ("autovacuum_analyze_scale_factor", "0.1", None),
        ("max_wal_size", "1024", Some("MB")),
        ("work_mem", "4096", Some("kB")),
        ("fsync", "on", None),
        ("full_page_writes", "on", None),
        ("track_counts", "on", None),
        ("synchronous_commit", "on", None),
        ("pg_stat_statements.max", "5000", None),
    ]
    .into_iter()
    .map(|(name, value, unit)| setting(name, value, unit))
    .collect();
    catalog.neighbours = vec![
        neighbour("app", 50_000_000),
        neighbour("postgres", 60_000_000),
    ];
    catalog.checkpoints = Some(Checkpoints {
        timed: 8_000,
        requested: 100,
        write_ms: 1_000.0,
        sync_ms: 10.0,
        buffers_checkpoint: 1_000_000,
        buffers_clean: 1_000,
        maxwritten_clean: 0,
        buffers_backend: Some(10_000),
        stats_reset: Some(ago(30 * DAY)),
    });
    catalog.operator_classes = [
        (INT_OPS, class("int4_ops", true, 1976, INTEGER)),
        (ARRAY_OPS, class("array_ops", true, 397, 2277)),
        (TEXT_OPS, class("text_ops", true, 1994, TEXT)),
        (
            TEXT_PATTERN_OPS,
            class("text_pattern_ops", false, 2095, TEXT),
        ),
    ]
    .into_iter()
    .collect();
    catalog.collations = [(950, "\"C\"".to_owned())].into_iter().collect();
    catalog
}

pub(super) fn setting(name: &str, value: &str, unit: Option<&str>) -> Setting {
    Setting {
        name: name.into(),
        value: value.into(),
        unit: unit.map(Into::into),
        source: "configuration file".into(),
        pending_restart: false,
        boot_value: Some(value.into()),
    }
}

pub(super) fn set(catalog: &mut Catalog, name: &str, value: &str) {
    let unit = catalog.settings.0.get(name).and_then(|s| s.unit.clone());
    catalog
        .settings
        .0
        .insert(name.into(), setting(name, value, unit.as_deref()));
}

pub(super) fn neighbour(name: &str, xid_age: u32) -> Neighbour {
    Neighbour {
        name: name.into(),
        connectable: true,
        xid_age,
        multixact_age: 1_000,
        sessions: 0,
    }
}

/// A table of 1,000,000 rows and 100 MB, vacuumed and analysed.
pub(super) fn table(oid: u32, name: &str) -> Table {
    Table {
        oid,
        schema: "public".into(),
        name: name.into(),
        kind: TableKind::Ordinary,
        unlogged: false,
        owner: "app".into(),
        parent: None,
        pages: Some(12_800),
        estimated_rows: Some(1_000_000.0),
        all_visible_pages: 12_800,
        toast: None,
        xid_age: Some(50_000_000),
        multixact_age: Some(1_000),
        row_xid_age: Some(40_000_000),
        options: StorageOptions::default(),
        replica_identity: 'd',
        readable: true,
        locked: false,
        size: TableSize {
            heap_bytes: 100 << 20,
            ..TableSize::default()
        },
        counters: TableCounters {
            live_tuples: 1_000_000,
            inserts: 1_000_000,
            idx_scans: 1_000_000,
            last_autovacuum: Some(ago(DAY)),
            last_autoanalyze: Some(ago(DAY)),
            autovacuums: 10,
            autoanalyzes: 10,
            ..TableCounters::default()
        },
    }
}

/// A column without nulls, with statistics.
pub(super) fn column(table: u32, number: i16, name: &str, type_oid: u32) -> Column {
    let (length, align) = match type_oid {
        BIGINT => (8, 'd'),
        INTEGER => (4, 'i'),
        SMALLINT => (2, 's'),
        _ => (-1, 'i'),
    };
    Column {
        table,
        number,
        name: name.into(),
        type_oid,
        domain_over: None,
        length,
        align,
        storage: if length < 0 { 'x' } else { 'p' },
        not_null: true,
        collation: if type_oid == TEXT { 100 } else { 0 },
        statistics_target: None,
        identity: None,
        statistics: Some(ColumnStatistics {
            null_fraction: 0.0,
            average_bytes: u32::try_from(length).unwrap_or(32),
            distinct: -1.0,
            correlation: Some(0.0),
        }),
    }
}

/// A plain valid B-tree on integer columns, much scanned, of 20 MB.
pub(super) fn index(oid: u32, table: u32, name: &str, columns: &[i16]) -> Index {
    Index {
        oid,
        schema: "public".into(),
        name: name.into(),
        table,
        partitioned: false,
        parent: None,
        method: "btree".into(),
        owner: "app".into(),
        tablespace: None,
        pages: 2_560,
        estimated_rows: Some(1_000_000.0),
        row_xid_age: Some(40_000_000),
        options: StorageOptions::default(),
        key_count: columns.len(),
        columns: columns.to_vec(),
        operator_classes: vec![INT_OPS; columns.len()],
        collations: vec![0; columns.len()],
        orders: vec![0; columns.len()],
        unique: false,
        primary: false,
        exclusion: false,
        immediate: true,
        valid: true,
        ready: true,
        live: true,
        replica_identity: false,
        clustered: false,
        nulls_not_distinct: false,
        has_expressions: false,
        has_predicate: false,
        asks_not_null: None,
        expressions: None,
        predicate: None,
        definition: None,
        bytes: 20 << 20,
        size_estimated: false,
        scans: 1_000,
        rows_read: 1_000,
        rows_fetched: 1_000,
        last_scan: None,
        blocks_read: 0,
        blocks_hit: 1_000,
    }
}

pub(super) fn constraint(
    oid: u32,
    kind: ConstraintKind,
    table: u32,
    columns: &[i16],
) -> Constraint {
    Constraint {
        oid,
        name: format!("constraint_{oid}"),
        kind,
        table,
        index: None,
        referenced_table: None,
        columns: columns.to_vec(),
        referenced_columns: Vec::new(),
        validated: true,
        parent: None,
        enforced: true,
        local: true,
    }
}

/// A foreign key to another table's first column.
pub(super) fn foreign_key(oid: u32, table: u32, columns: &[i16], to: u32) -> Constraint {
    Constraint {
        referenced_table: Some(to),
        referenced_columns: (1..).take(columns.len()).collect(),
        ..constraint(oid, ConstraintKind::ForeignKey, table, columns)
    }
}

/// A bigint sequence that nobody owns, at 1,000.
pub(super) fn sequence(oid: u32, name: &str) -> Sequence {
    Sequence {
        oid,
        schema: "public".into(),
        name: name.into(),
        type_oid: BIGINT,
        start: 1,
        increment: 1,
        maximum: i64::MAX,
        minimum: 1,
        cycles: false,
        owner_table: None,
        owner_column: None,
        readable: true,
        last_value: Some(1_000),
        value_read: true,
    }
}

pub(super) fn trigger(table: u32, name: &str, enabled: char) -> Trigger {
    Trigger {
        table,
        name: name.into(),
        enabled,
        internal: false,
        constraint: None,
    }
}

pub(super) fn findings(code: &str, catalog: &Catalog) -> Vec<Finding> {
    findings_with(code, catalog, &[], &[])
}

/// What one check finds, with the standbys' facts and thresholds of the user's.
pub(super) fn findings_with(
    code: &str,
    catalog: &Catalog,
    replicas: &[Catalog],
    thresholds: &[(&str, f64)],
) -> Vec<Finding> {
    let arranged = |catalog: &Catalog| {
        let mut catalog = catalog.clone();
        catalog.arrange();
        catalog
    };
    let replicas: Vec<Catalog> = replicas.iter().map(arranged).collect();
    let of: BTreeMap<String, f64> = thresholds
        .iter()
        .map(|(key, value)| ((*key).to_owned(), *value))
        .collect();
    let policy = super::Policy {
        thresholds: [(code.to_owned(), of)].into_iter().collect(),
        ignore: Vec::new(),
    };
    let check = find(code).unwrap_or_else(|| panic!("no check {code}"));
    judge_with(&[check], &arranged(catalog), &replicas, &policy).findings
}

/// The names of what it finds.
pub(super) fn subjects(code: &str, catalog: &Catalog) -> Vec<String> {
    findings(code, catalog)
        .iter()
        .map(|finding| finding.subject.name.clone())
        .collect()
}
