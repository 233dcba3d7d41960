//! The tables and the indexes.

use jiff::Timestamp;

use super::{rest, titled};
use crate::{
    catalog::Fact,
    human::{counted, human_bytes, human_count, human_seconds},
    render::{
        Align::{Left, Right},
        Block, Cell, Tone,
    },
    report::DatabaseReport,
};

impl DatabaseReport {
    pub(super) fn table_blocks(&self) -> Vec<Block> {
        if self.tables.is_empty() {
            let said = if self.catalog.knows(Fact::Tables) {
                "No tables."
            } else {
                "The tables could not be read."
            };
            return vec![Block::Paragraph(vec![said.into()])];
        }
        let rows = self
            .tables
            .iter()
            .take(self.view.limit)
            .map(|table| {
                let mut name = format!("{}.{}", table.schema, table.name);
                if table.partitions > 0 {
                    name.push_str(&format!(
                        " ({})",
                        counted(table.partitions, "partition", "partitions")
                    ));
                }
                let about = if table.size_estimated { "~" } else { "" };
                vec![
                    name.into(),
                    format!("{about}{}", human_bytes(table.total_bytes)).into(),
                    human_bytes(table.heap_bytes).into(),
                    human_bytes(table.index_bytes).into(),
                    human_bytes(table.toast_bytes).into(),
                    human_count(table.live_tuples).into(),
                    Cell::new(
                        human_count(table.dead_tuples),
                        if table.dead_tuples > table.live_tuples / 4 && table.dead_tuples > 1000 {
                            Tone::Warn
                        } else {
                            Tone::Plain
                        },
                    ),
                ]
            })
            .collect();
        let mut blocks = titled(
            &format!("Tables ({})", self.tables.len()),
            &[
                ("table", Left),
                ("total", Right),
                ("heap", Right),
                ("indexes", Right),
                ("toast", Right),
                ("live", Right),
                ("dead", Right),
            ],
            rows,
        );
        blocks.extend(rest(self.tables.len(), self.view.limit));
        blocks.extend(self.counter_blocks());
        blocks
    }

    /// What `pg_stat_user_tables` counts, a column for each.
    fn counter_blocks(&self) -> Vec<Block> {
        let ago = |at: Option<Timestamp>| -> Cell {
            at.map_or_else(
                || "never".to_owned(),
                |at| human_seconds(self.taken_at.duration_since(at).as_secs_f64().max(0.0)),
            )
            .into()
        };
        let rows = self.tables.iter().take(self.view.limit).map(|table| {
            #[expect(clippy::cast_precision_loss, reason = "a share in per cent")]
            let hot = (table.updates > 0)
                .then(|| table.hot_updates as f64 * 100.0 / table.updates as f64);
            vec![
                format!("{}.{}", table.schema, table.name).into(),
                human_count(table.seq_scans).into(),
                human_count(table.idx_scans).into(),
                human_count(table.inserts).into(),
                human_count(table.updates).into(),
                hot.map_or_else(|| "-".to_owned(), |hot| format!("{hot:.0} %"))
                    .into(),
                human_count(table.deletes).into(),
                ago(table.last_vacuum.max(table.last_autovacuum)),
                ago(table.last_analyze.max(table.last_autoanalyze)),
            ]
        });
        titled(
            "Table statistics",
            &[
                ("table", Left),
                ("seq scans", Right),
                ("idx scans", Right),
                ("inserts", Right),
                ("updates", Right),
                ("hot", Right),
                ("deletes", Right),
                ("vacuumed, ago", Right),
                ("analyzed, ago", Right),
            ],
            rows.collect(),
        )
    }

    pub(super) fn index_blocks(&self) -> Vec<Block> {
        let rows = self
            .indexes
            .iter()
            .take(self.view.limit)
            .map(|index| {
                let state = if index.valid {
                    Cell::new("valid", Tone::Plain)
                } else {
                    Cell::new("INVALID", Tone::Bad)
                };
                let about = if index.size_estimated { "~" } else { "" };
                vec![
                    format!("{}.{}", index.schema, index.name).into(),
                    index.table.as_str().into(),
                    format!("{about}{}", human_bytes(index.bytes)).into(),
                    human_count(index.scans).into(),
                    state,
                ]
            })
            .collect();
        let mut blocks = titled(
            &format!("Indexes ({})", self.indexes.len()),
            &[
                ("index", Left),
                ("table", Left),
                ("size", Right),
                ("scans", Right),
                ("state", Left),
            ],
            rows,
        );
        blocks.extend(rest(self.indexes.len(), self.view.limit));
        blocks
    }
}
