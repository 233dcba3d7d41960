//! What a report has figures of, and under which names.

use jiff::Timestamp;

use crate::{
    catalog::{Catalog, Index},
    render::exposition::{Metric, count, counter, gauge},
    report::{DatabaseReport, TableRow},
};

/// Of a whole database.
pub(super) const DATABASE: &[Metric<DatabaseReport>] = &[
    gauge(
        "report_timestamp_seconds",
        "Time at which the report was taken.",
        |r| moment(r.taken_at),
    ),
    gauge("database_size_bytes", "Size of the database.", |r| {
        count(r.database.size_bytes)
    }),
    counter("database_commits_total", "Transactions committed.", |r| {
        count(r.database.commits)
    }),
    counter(
        "database_rollbacks_total",
        "Transactions rolled back.",
        |r| count(r.database.rollbacks),
    ),
    counter("database_deadlocks_total", "Deadlocks.", |r| {
        count(r.database.deadlocks)
    }),
    counter(
        "database_conflicts_total",
        "Queries cancelled because of a conflict with recovery, on a standby.",
        |r| count(r.catalog.database.conflicts),
    ),
    counter(
        "database_temp_files_total",
        "Temporary files written.",
        |r| count(r.database.temp_files),
    ),
    counter(
        "database_temp_bytes_total",
        "Bytes written to temporary files.",
        |r| count(r.database.temp_bytes),
    ),
    counter(
        "database_blocks_hit_total",
        "Blocks found in shared buffers.",
        |r| count(r.catalog.database.blocks_hit),
    ),
    counter(
        "database_blocks_read_total",
        "Blocks read from outside shared buffers.",
        |r| count(r.catalog.database.blocks_read),
    ),
    gauge(
        "database_cache_hit_ratio",
        "Share of block reads found in shared buffers.",
        |r| r.database.cache_hit_ratio,
    ),
    counter("database_rows_returned_total", "Rows read by scans.", |r| {
        count(r.catalog.database.rows_returned)
    }),
    counter(
        "database_rows_fetched_total",
        "Rows fetched by index scans.",
        |r| count(r.catalog.database.rows_fetched),
    ),
    counter("database_rows_inserted_total", "Rows inserted.", |r| {
        count(r.catalog.database.rows_inserted)
    }),
    counter("database_rows_updated_total", "Rows updated.", |r| {
        count(r.catalog.database.rows_updated)
    }),
    counter("database_rows_deleted_total", "Rows deleted.", |r| {
        count(r.catalog.database.rows_deleted)
    }),
    gauge(
        "database_stats_reset_timestamp_seconds",
        "Start time of the database's counters; absent if unknown.",
        |r| moment(r.database.stats_reset?),
    ),
    gauge(
        "database_xid_age",
        "Age of the oldest unfrozen transaction ID, in transactions.",
        |r| Some(f64::from(r.database.xid_age)),
    ),
    gauge("connections_max", "max_connections.", |r| {
        count(u64::try_from(r.connections.max?).ok()?)
    }),
    gauge(
        "longest_transaction_seconds",
        "Age of the oldest open transaction in the database.",
        |r| Some(longest_transaction_s(&r.catalog)),
    ),
];

/// Of a server.
pub(super) const SERVER: &[Metric<DatabaseReport>] = &[
    counter(
        "checkpoints_timed_total",
        "Checkpoints started by checkpoint_timeout.",
        |r| count(r.writes.checkpoints.as_ref()?.timed),
    ),
    counter(
        "checkpoints_requested_total",
        "Checkpoints started by max_wal_size or on request.",
        |r| count(r.writes.checkpoints.as_ref()?.requested),
    ),
    counter(
        "checkpoint_write_seconds_total",
        "Time that checkpoints spent writing files.",
        |r| Some(r.writes.checkpoints.as_ref()?.write_ms / 1000.0),
    ),
    counter(
        "checkpoint_sync_seconds_total",
        "Time that checkpoints spent syncing files.",
        |r| Some(r.writes.checkpoints.as_ref()?.sync_ms / 1000.0),
    ),
    counter(
        "checkpoint_buffers_total",
        "Buffers written by checkpoints.",
        |r| count(r.writes.checkpoints.as_ref()?.buffers_checkpoint),
    ),
    counter(
        "bgwriter_buffers_total",
        "Buffers written by the background writer.",
        |r| count(r.writes.checkpoints.as_ref()?.buffers_clean),
    ),
    counter(
        "bgwriter_maxwritten_total",
        "Times the background writer stopped because of bgwriter_lru_maxpages.",
        |r| count(r.writes.checkpoints.as_ref()?.maxwritten_clean),
    ),
    counter(
        "backend_buffers_total",
        "Buffers written directly by backends; up to server version 16.",
        |r| count(r.writes.checkpoints.as_ref()?.buffers_backend?),
    ),
    gauge(
        "checkpoints_stats_reset_timestamp_seconds",
        "Start time of the checkpoint counters.",
        |r| moment(r.writes.checkpoints.as_ref()?.stats_reset?),
    ),
    counter("archiver_archived_total", "WAL files archived.", |r| {
        count(r.writes.archiver.as_ref()?.archived)
    }),
    counter(
        "archiver_failed_total",
        "Failed attempts to archive a WAL file.",
        |r| count(r.writes.archiver.as_ref()?.failed),
    ),
    gauge(
        "archiver_last_archived_timestamp_seconds",
        "Time of the last successful WAL archiving.",
        |r| moment(r.writes.archiver.as_ref()?.last_archived_at?),
    ),
    gauge(
        "archiver_last_failed_timestamp_seconds",
        "Time of the last failed WAL archiving.",
        |r| moment(r.writes.archiver.as_ref()?.last_failed_at?),
    ),
    gauge(
        "archiver_stats_reset_timestamp_seconds",
        "Start time of the archiver counters.",
        |r| moment(r.writes.archiver.as_ref()?.stats_reset?),
    ),
    counter(
        "wal_bytes_total",
        "WAL written; from server version 14.",
        |r| count(r.writes.wal.as_ref()?.bytes),
    ),
    gauge(
        "server_start_timestamp_seconds",
        "Time at which the server was started.",
        |r| moment(r.server.started_at),
    ),
];

pub(super) const TABLE: &[Metric<TableRow>] = &[
    gauge("table_heap_bytes", "Size of the table's main data.", |t| {
        count(t.heap_bytes)
    }),
    gauge("table_index_bytes", "Size of the indexes.", |t| {
        count(t.index_bytes)
    }),
    gauge("table_toast_bytes", "Size of the TOAST table.", |t| {
        count(t.toast_bytes)
    }),
    gauge("table_live_rows", "Live rows, estimated.", |t| {
        count(t.live_tuples)
    }),
    gauge("table_dead_rows", "Dead rows, estimated.", |t| {
        count(t.dead_tuples)
    }),
    counter("table_inserts_total", "Rows inserted.", |t| {
        count(t.inserts)
    }),
    counter("table_updates_total", "Rows updated.", |t| count(t.updates)),
    counter(
        "table_hot_updates_total",
        "Updates that changed no index (HOT).",
        |t| count(t.hot_updates),
    ),
    counter("table_deletes_total", "Rows deleted.", |t| count(t.deletes)),
    counter("table_seq_scans_total", "Sequential scans.", |t| {
        count(t.seq_scans)
    }),
    counter("table_idx_scans_total", "Index scans.", |t| {
        count(t.idx_scans)
    }),
];

pub(super) const INDEX: &[Metric<Index>] = &[
    gauge("index_size_bytes", "Size of the index.", |i| count(i.bytes)),
    counter("index_scans_total", "Scans of the index.", |i| {
        count(i.scans)
    }),
    gauge("index_valid", "1 if queries can use the index.", |i| {
        count(u64::from(i.valid))
    }),
];

#[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
fn moment(at: Timestamp) -> Option<f64> {
    Some(at.as_second() as f64)
}

fn longest_transaction_s(catalog: &Catalog) -> f64 {
    let now = catalog.server.taken_at;
    catalog
        .activity
        .iter()
        .filter(|one| !one.own && one.database.as_deref() == Some(&*catalog.database.name))
        .filter_map(|one| Some(now.duration_since(one.transaction_began?).as_secs_f64()))
        .fold(0.0, f64::max)
}
