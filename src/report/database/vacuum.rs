//! Vacuum: what runs, what is due, how far wraparound is.

use serde::Serialize;

use crate::catalog::{Catalog, Settings, Table};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VacuumSummary {
    pub running: Vec<RunningVacuum>,
    /// Tables with more changes than autovacuum waits for, those furthest behind first.
    pub due: Vec<DueVacuum>,
    /// `autovacuum_freeze_max_age`.
    pub freeze_max_age: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunningVacuum {
    pub pid: i32,
    pub table: String,
    pub phase: String,
    /// Of the heap, 0 to 1.
    pub scanned: f64,
    pub blocked_by: Vec<i32>,
}

/// A table that autovacuum should come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DueVacuum {
    pub table: String,
    pub dead_tuples: u64,
    /// Dead rows that autovacuum waits for.
    pub threshold: f64,
    pub autovacuum_off: bool,
}

#[expect(clippy::cast_precision_loss, reason = "shares and thresholds")]
pub(super) fn summary(catalog: &Catalog) -> VacuumSummary {
    let name = |oid: u32| {
        catalog
            .table(oid)
            .map_or_else(|| oid.to_string(), |table| table.qualified().to_string())
    };
    let running = catalog
        .vacuums
        .iter()
        .map(|vacuum| RunningVacuum {
            pid: vacuum.pid,
            table: name(vacuum.table),
            phase: vacuum.phase.clone(),
            scanned: vacuum.blocks_scanned as f64 / vacuum.blocks_total.max(1) as f64,
            blocked_by: catalog
                .activity
                .iter()
                .find(|session| session.pid == vacuum.pid)
                .map(|session| session.blocked_by.clone())
                .unwrap_or_default(),
        })
        .collect();
    let mut due: Vec<DueVacuum> = catalog
        .stored_tables()
        .filter_map(|table| {
            let threshold = threshold(table, &catalog.settings)?;
            (table.counters.dead_tuples as f64 > threshold).then(|| DueVacuum {
                table: table.qualified().to_string(),
                dead_tuples: table.counters.dead_tuples,
                threshold,
                autovacuum_off: table.options.is_off("autovacuum_enabled"),
            })
        })
        .collect();
    due.sort_by(|a, b| {
        let behind = |due: &DueVacuum| due.dead_tuples as f64 / due.threshold.max(1.0);
        behind(b).total_cmp(&behind(a))
    });
    VacuumSummary {
        running,
        due,
        freeze_max_age: catalog.settings.number("autovacuum_freeze_max_age"),
    }
}

/// Dead rows beyond which autovacuum comes: threshold + scale factor × rows, capped from 18 on. The
/// table's own parameters win. Source: relation_needs_vacanalyze in autovacuum.c.
fn threshold(table: &Table, settings: &Settings) -> Option<f64> {
    let of = |name: &str| table.options.number(name).or_else(|| settings.number(name));
    let wanted = of("autovacuum_vacuum_threshold")?
        + of("autovacuum_vacuum_scale_factor")? * table.estimated_rows.unwrap_or(0.0);
    Some(match of("autovacuum_vacuum_max_threshold") {
        Some(most) if most >= 0.0 => wanted.min(most),
        _ => wanted,
    })
}
