//! What `dbaudit config` shows.

use serde::Serialize;

use crate::{
    config::{Origin, Setting},
    render::{Block, Cell, Column, Document, Table, Tone},
};

/// Every setting and where it came from.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    schema_version: u32,
    command: &'static str,
    settings: Vec<Setting>,
}

impl Settings {
    /// In the order given.
    #[must_use]
    pub fn new(settings: Vec<Setting>) -> Self {
        Self {
            schema_version: 1,
            command: "config",
            settings,
        }
    }
}

impl Document for Settings {
    fn blocks(&self) -> Vec<Block> {
        let rows = self
            .settings
            .iter()
            .map(|Setting { key, value, origin }| {
                let value = match value {
                    Some(value) => Cell::from(value.clone()),
                    None => Cell::new("(unset)", Tone::Dim),
                };
                let tone = match origin {
                    Origin::Default => Tone::Dim,
                    _ => Tone::Plain,
                };
                vec![
                    Cell::from(key.clone()),
                    value,
                    Cell::new(origin.to_string(), tone),
                ]
            })
            .collect();
        vec![
            Block::Heading(1, "Configuration".to_owned()),
            Block::Table(Table {
                columns: vec![
                    Column::left("setting"),
                    Column::left("value"),
                    Column::left("from"),
                ],
                rows,
            }),
        ]
    }
}
