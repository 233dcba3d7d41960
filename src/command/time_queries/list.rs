//! `--list`: what would be timed.

use serde::Serialize;

use crate::{
    duration::{HumanDuration, in_ms},
    render::{Block, Cell, Column, Document, Table, Tone},
    workload::QueryFile,
};

/// The queries, without a server.
#[derive(Debug, Serialize)]
pub(super) struct QueryList {
    schema_version: u32,
    command: &'static str,
    queries: Vec<Listed>,
}

#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    file: String,
    description: Option<String>,
    budget_ms: f64,
    percentile: crate::stats::Percentile,
    tags: Vec<String>,
    skipped: Option<String>,
    #[serde(skip)]
    budget: String,
}

impl QueryList {
    pub(super) fn of(queries: &[QueryFile]) -> Self {
        let listed = queries.iter().map(|query| Listed {
            name: query.name.clone(),
            file: query.file.display().to_string(),
            description: query.description.clone(),
            budget_ms: in_ms(query.budget),
            percentile: query.percentile,
            tags: query.tags.clone(),
            skipped: query.skip.clone(),
            budget: format!("{} {}", HumanDuration(query.budget), query.percentile),
        });
        Self {
            schema_version: 1,
            command: "time-queries --list",
            queries: listed.collect(),
        }
    }
}

impl Document for QueryList {
    fn blocks(&self) -> Vec<Block> {
        let rows = self.queries.iter().map(|query| {
            let about = match &query.skipped {
                Some(reason) => Cell::new(format!("skipped: {reason}"), Tone::Dim),
                None => Cell::from(query.description.as_deref().unwrap_or_default()),
            };
            vec![
                Cell::new(&query.name, Tone::Strong),
                Cell::from(&query.budget),
                Cell::from(query.tags.join(", ")),
                Cell::from(&query.file),
                about,
            ]
        });
        vec![Block::Table(Table {
            columns: ["query", "budget", "tags", "file", "description"]
                .map(Column::left)
                .to_vec(),
            rows: rows.collect(),
        })]
    }
}
