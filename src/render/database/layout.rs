//! The report as people read it.

mod findings;
mod host;
mod now;
mod relations;
mod server;
mod since;

use crate::{
    catalog::Fact,
    human::{counted, human_bytes, human_seconds, shortened},
    render::{Align, Block, Cell, Column, Table, Tone},
    report::DatabaseReport,
};

impl DatabaseReport {
    pub(super) fn all_blocks(&self) -> Vec<Block> {
        let mut blocks = vec![Block::Heading(
            1,
            format!("Report on {}", self.database.name),
        )];
        blocks.extend(self.summary());
        blocks.extend(self.findings_blocks());
        blocks.extend(self.change_blocks());
        blocks.extend(self.host_blocks());
        blocks.extend(self.connection_blocks());
        blocks.extend(self.session_blocks());
        blocks.extend(self.table_blocks());
        blocks.extend(self.index_blocks());
        blocks.extend(self.statement_blocks());
        blocks.extend(self.vacuum_blocks());
        blocks.extend(self.replication_blocks());
        blocks.extend(self.write_blocks());
        blocks.extend(self.setting_blocks());
        blocks.extend(self.skipped_blocks());
        blocks
    }

    /// `3 tables`, or that nobody knows.
    fn known(&self, fact: Fact, count: usize, [one, many]: [&str; 2]) -> String {
        if self.catalog.knows(fact) {
            counted(count, one, many)
        } else {
            format!("an unknown number of {many}")
        }
    }

    fn summary(&self) -> Vec<Block> {
        let (server, database) = (&self.server, &self.database);
        let since = database.stats_reset.map_or_else(
            || "counters since an unknown time".to_owned(),
            |at| format!("counters since {}", at.strftime("%Y-%m-%d %H:%M UTC")),
        );
        let hit = database.cache_hit_ratio.map_or_else(
            || "no reads".to_owned(),
            |ratio| format!("{:.1} % cache hits", ratio * 100.0),
        );
        vec![Block::Bullets(vec![
            format!(
                "PostgreSQL {}, {}, up {}",
                server.version,
                if server.in_recovery {
                    "standby"
                } else {
                    "primary"
                },
                human_seconds(
                    self.taken_at
                        .duration_since(server.started_at)
                        .as_secs_f64()
                )
            )
            .into(),
            format!(
                "{} in {} and {}",
                human_bytes(database.size_bytes),
                self.known(Fact::Tables, self.tables.len(), ["table", "tables"]),
                self.known(Fact::Indexes, self.indexes.len(), ["index", "indexes"]),
            )
            .into(),
            format!(
                "{hit}, {}, {}, {}, {} of temporary files",
                counted(database.commits, "commit", "commits"),
                counted(database.rollbacks, "rollback", "rollbacks"),
                counted(database.deadlocks, "deadlock", "deadlocks"),
                human_bytes(database.temp_bytes)
            )
            .into(),
            Cell::new(since, Tone::Dim),
        ])]
    }

    fn skipped_blocks(&self) -> Vec<Block> {
        let rows = self.skipped.iter().map(|skipped| {
            let how = if skipped.partial { "in part" } else { "wholly" };
            vec![
                skipped.check.as_str().into(),
                how.into(),
                skipped.reason.as_str().into(),
                skipped.grant.as_deref().unwrap_or_default().into(),
            ]
        });
        let columns = ["check", "skipped", "reason", "what would help"];
        titled(
            &format!("Not judged ({})", self.skipped.len()),
            &columns.map(|column| (column, Align::Left)),
            rows.collect(),
        )
    }
}

fn rest(all: usize, limit: usize) -> Option<Block> {
    (all > limit).then(|| {
        Block::Paragraph(vec![Cell::new(
            format!(
                "… and {} more (--limit shows more, --format json shows all)",
                all - limit
            ),
            Tone::Dim,
        )])
    })
}

/// A heading with a table under it; nothing without rows.
fn titled(title: &str, columns: &[(&str, Align)], rows: Vec<Vec<Cell>>) -> Vec<Block> {
    if rows.is_empty() {
        return Vec::new();
    }
    let columns = columns
        .iter()
        .map(|(header, align)| Column {
            header: (*header).to_owned(),
            align: *align,
        })
        .collect();
    vec![
        Block::Heading(2, title.to_owned()),
        Block::Table(Table { columns, rows }),
    ]
}

/// The first line or two of a query.
fn short(query: Option<&String>) -> String {
    query.map_or_else(|| "(not visible)".into(), |query| shortened(query, 160))
}
