//! CSV (RFC 4180), one section at a time: the keys of the JSON contract are the columns.

use serde::Serialize;
use serde_json::Value;

use crate::report::{DatabaseReport, Section};

pub(super) fn render(reports: &[DatabaseReport]) -> String {
    let mut text = String::new();
    let mut header: Vec<String> = Vec::new();
    for report in reports {
        for row in rows(report) {
            let Value::Object(fields) = row else { continue };
            if header.is_empty() {
                header = fields.keys().cloned().collect();
                write_record(
                    &mut text,
                    std::iter::once("database").chain(header.iter().map(String::as_str)),
                );
            }
            let cells: Vec<String> = header
                .iter()
                .map(|key| fields.get(key).map_or_else(String::new, cell))
                .collect();
            let database = report.database.name.as_str();
            write_record(
                &mut text,
                std::iter::once(database).chain(cells.iter().map(String::as_str)),
            );
        }
    }
    text
}

fn rows(report: &DatabaseReport) -> Vec<Value> {
    match report.view.section {
        Section::Tables => values(&report.tables),
        Section::Indexes => values(&report.indexes),
        Section::Findings => values(&report.findings)
            .into_iter()
            .map(|mut row| {
                // The same columns for every finding, whatever it has.
                if let Value::Object(fields) = &mut row {
                    for key in ["undo", "confirm", "known"] {
                        fields.entry(key).or_insert(Value::Null);
                    }
                }
                row
            })
            .collect(),
        Section::Skipped => values(&report.skipped),
        Section::Statements => report
            .catalog
            .statements
            .as_ref()
            .map(|statements| values(&statements.list))
            .unwrap_or_default(),
        Section::Sessions => values(&report.catalog.activity),
        Section::Settings => values(&report.catalog.settings.0.values().collect::<Vec<_>>()),
    }
}

fn values<T: Serialize>(rows: &[T]) -> Vec<Value> {
    // What cannot be serialised does not exist here: every row is a struct of plain values.
    rows.iter()
        .filter_map(|row| serde_json::to_value(row).ok())
        .collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn write_record<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            text.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    text.push_str("\r\n");
}
