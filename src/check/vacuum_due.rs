//! When the server itself would vacuum or analyse a table: `relation_needs_vacanalyze()` in
//! src/backend/postmaster/autovacuum.c.

use crate::catalog::{Settings, Table};

/// The dead rows from which on it vacuums.
pub(super) fn vacuum_due(settings: &Settings, table: &Table) -> Option<f64> {
    let due = due(settings, table, "vacuum_threshold", "vacuum_scale_factor")?;
    // From 18 on there is an upper limit; -1 is none.
    let most = value(settings, table, "vacuum_max_threshold").filter(|most| *most >= 0.0);
    Some(most.map_or(due, |most| due.min(most)))
}

/// The rows inserted from which on it vacuums; `None`: never for that reason.
pub(super) fn vacuum_due_by_inserts(settings: &Settings, table: &Table) -> Option<f64> {
    value(settings, table, "vacuum_insert_threshold").filter(|threshold| *threshold >= 0.0)?;
    due(
        settings,
        table,
        "vacuum_insert_threshold",
        "vacuum_insert_scale_factor",
    )
}

/// The rows changed from which on it analyses.
pub(super) fn analyze_due(settings: &Settings, table: &Table) -> Option<f64> {
    due(settings, table, "analyze_threshold", "analyze_scale_factor")
}

/// Whether the server vacuums it by itself at all.
pub(super) fn is_on(settings: &Settings, table: &Table) -> bool {
    settings.is_on("autovacuum") != Some(false) && !table.options.is_off("autovacuum_enabled")
}

fn due(settings: &Settings, table: &Table, threshold: &str, scale: &str) -> Option<f64> {
    let rows = table.estimated_rows.unwrap_or(0.0);
    Some(value(settings, table, threshold)? + value(settings, table, scale)? * rows)
}

/// The table's own value, or the server's.
fn value(settings: &Settings, table: &Table, name: &str) -> Option<f64> {
    let name = format!("autovacuum_{name}");
    table
        .options
        .number(&name)
        .or_else(|| settings.number(&name))
}
