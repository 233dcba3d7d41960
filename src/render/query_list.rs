//! What `time-queries --list` shows, for people.

use super::{Block, Cell, Column, Document, Table, Tone};
use crate::report::QueryList;

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
