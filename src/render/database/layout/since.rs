//! What changed since an earlier snapshot.

use super::{short, titled};
use crate::{
    human::{counted, human_bytes, human_count, human_ms, human_seconds},
    render::{
        Align::{Left, Right},
        Block, Cell, Tone,
    },
    report::DatabaseReport,
};

impl DatabaseReport {
    pub(crate) fn change_blocks(&self) -> Vec<Block> {
        let Some(changes) = &self.changes else {
            return Vec::new();
        };
        let mut lines: Vec<Cell> = vec![
            format!(
                "{} since {}",
                human_seconds(changes.interval_s),
                changes.since.strftime("%Y-%m-%d %H:%M:%S UTC")
            )
            .into(),
            match changes.growth_bytes {
                0 => "the database size is unchanged".to_owned(),
                bytes if bytes < 0 => {
                    format!(
                        "the database shrank by {}",
                        human_bytes(bytes.unsigned_abs())
                    )
                }
                bytes => format!("the database grew by {}", human_bytes(bytes.unsigned_abs())),
            }
            .into(),
        ];
        if let Some(reason) = &changes.counters_reset {
            lines.push(Cell::new(
                format!("counters cannot be compared: {reason}"),
                Tone::Warn,
            ));
        }
        if let (Some(commits), Some(rate)) = (changes.commits, changes.commits_per_s) {
            let commits = counted(commits, "commit", "commits");
            lines.push(format!("{commits}, {rate:.1} a second").into());
        }
        if let (Some(bytes), Some(rate)) = (changes.wal_bytes, changes.wal_bytes_per_s) {
            lines.push(
                format!(
                    "{} of WAL, {:.1} kB a second",
                    human_bytes(bytes),
                    rate / 1024.0
                )
                .into(),
            );
        }
        let mut blocks = vec![Block::Heading(2, "Changes".into()), Block::Bullets(lines)];
        let figure = |figure: Option<u64>| figure.map_or_else(|| "unknown".to_owned(), human_count);
        let tables = changes.tables.iter().take(self.view.limit).map(|table| {
            vec![
                format!("{}.{}", table.schema, table.name).into(),
                table
                    .growth_bytes
                    .map_or_else(|| "unknown".to_owned(), signed_bytes)
                    .into(),
                figure(table.seq_scans).into(),
                figure(table.idx_scans).into(),
                figure(table.inserts).into(),
                figure(table.updates).into(),
                figure(table.deletes).into(),
            ]
        });
        blocks.extend(titled(
            "Tables that changed",
            &[
                ("table", Left),
                ("growth", Right),
                ("seq scans", Right),
                ("idx scans", Right),
                ("inserts", Right),
                ("updates", Right),
                ("deletes", Right),
            ],
            tables.collect(),
        ));
        let statements = changes
            .statements
            .iter()
            .take(self.view.limit)
            .map(|statement| {
                vec![
                    human_ms(statement.total_ms).into(),
                    human_ms(statement.mean_ms).into(),
                    human_count(statement.calls).into(),
                    short(statement.text.as_ref()).into(),
                ]
            });
        blocks.extend(titled(
            "Statements that ran",
            &[
                ("total", Right),
                ("mean", Right),
                ("calls", Right),
                ("statement", Left),
            ],
            statements.collect(),
        ));
        blocks
    }
}

fn signed_bytes(bytes: i64) -> String {
    let sign = if bytes < 0 { "-" } else { "" };
    format!("{sign}{}", human_bytes(bytes.unsigned_abs()))
}
