//! What `dbaudit config` shows, for people.

use super::{Block, Cell, Column, Document, Table, Tone};
use crate::report::{Origin, Setting, Settings};

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
