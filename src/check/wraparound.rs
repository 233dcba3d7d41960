//! What the two checks of counters that wrap around have in common.

use std::collections::HashSet;

use super::{CheckContext, Finding, Severity, Subject};
use crate::catalog::{Neighbour, Table};

/// A counter of 32 bits, of which half lies in the past.
pub(super) struct Counter {
    pub(super) what: &'static str,
    /// The setting at which autovacuum begins to freeze.
    pub(super) begins: &'static str,
    pub(super) of_database: fn(&Neighbour) -> u32,
    pub(super) of_table: fn(&Table) -> Option<u32>,
}

/// Where the server stops: 2^31.
const WRAPS_AT: i64 = i32::MAX as i64;
/// Tables named in a finding.
const NAMED: usize = 5;

/// A finding for each database that is too old, the oldest first.
pub(super) fn judge(case: &CheckContext<'_>, counter: &Counter) -> Vec<Finding> {
    let begins = case.catalog.settings.number(counter.begins);
    let error = case.threshold("error-age");
    let warning = case
        .threshold("warning-age")
        .max(begins.unwrap_or(0.0) * 1.1)
        .min(error);
    let mut found: Vec<(u32, Finding)> = case
        .catalog
        .neighbours
        .iter()
        .filter_map(|database| {
            let age = (counter.of_database)(database);
            if f64::from(age) < warning {
                return None;
            }
            let severity = if f64::from(age) >= error {
                Severity::Error
            } else {
                Severity::Warning
            };
            let finding = Finding::new(
                Subject::new("database", &database.name),
                format!(
                    "its oldest unfrozen {} are {:.0} million old; at {:.0} million the server stops",
                    counter.what,
                    f64::from(age) / 1e6,
                    WRAPS_AT as f64 / 1e6
                ),
            )
            .severity(severity)
            .evidence("age", age)
            .evidence("remaining", WRAPS_AT - i64::from(age))
            .evidence(counter.begins, begins);
            Some((
                age,
                if database.name == case.catalog.database.name {
                    with_tables(case, counter, finding)
                } else {
                    finding.confirm(format!("run the report in {}", database.name))
                },
            ))
        })
        .collect();
    found.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
    found.into_iter().map(|(_, finding)| finding).collect()
}

/// The oldest tables of this database, by name; a TOAST table is vacuumed with its own.
fn with_tables(case: &CheckContext<'_>, counter: &Counter, finding: Finding) -> Finding {
    let mut tables: Vec<(u32, &Table)> = case
        .catalog
        .tables
        .iter()
        .filter_map(|table| {
            let owner = case.catalog.main_of_toast(table.oid).unwrap_or(table);
            Some(((counter.of_table)(table)?, owner))
        })
        .filter(|(age, _)| f64::from(*age) >= case.threshold("warning-age"))
        .collect();
    tables.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
    // A table may be named twice, for itself and for its TOAST table, and others in between.
    let mut seen = HashSet::new();
    tables.retain(|(_, table)| seen.insert(table.oid));
    let named = &tables[..tables.len().min(NAMED)];
    let names: Vec<String> = named
        .iter()
        .map(|(_, t)| t.qualified().to_string())
        .collect();
    if names.is_empty() {
        return finding.confirm("the system catalogs, or tables that hold the horizon back");
    }
    let remedy: Vec<String> = named
        .iter()
        .map(|(_, table)| format!("VACUUM (FREEZE) {};", table.qualified().quoted()))
        .collect();
    finding
        .evidence("oldest_tables", names)
        .evidence("tables_as_old", tables.len())
        .remedy(remedy.join("\n"))
}
