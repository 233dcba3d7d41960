//! The whole server: statements, replication, writes, settings.

use super::{short, titled};
use crate::{
    catalog::Statement,
    human::{counted, human_bytes, human_count, human_ms},
    render::{
        Align::{Left, Right},
        Block, Cell, Tone,
    },
    report::{DatabaseReport, StatementSummary},
};

impl DatabaseReport {
    pub(super) fn statement_blocks(&self) -> Vec<Block> {
        let Some(statements) = &self.statements else {
            return Vec::new();
        };
        let row = |statement: &Statement| -> Vec<Cell> {
            let share = statement.total_ms * 100.0 / statements.total_ms.max(f64::MIN_POSITIVE);
            vec![
                human_ms(statement.total_ms).into(),
                format!("{share:.0} %").into(),
                Cell::new(
                    human_ms(statement.mean_ms),
                    if statement.mean_ms > StatementSummary::BUDGET_MS {
                        Tone::Warn
                    } else {
                        Tone::Plain
                    },
                ),
                human_ms(statement.max_ms).into(),
                human_count(statement.calls).into(),
                short(statement.text.as_ref()).into(),
            ]
        };
        let columns = [
            ("total", Right),
            ("share", Right),
            ("mean", Right),
            ("max", Right),
            ("calls", Right),
            ("statement", Left),
        ];
        // Those that cost most, and then those that are slow besides.
        let listed = |one: &&Statement| {
            let same = |other: &Statement| {
                (other.query_id, other.user, other.toplevel)
                    == (one.query_id, one.user, one.toplevel)
            };
            statements.by_total.iter().any(same)
        };
        let slow = statements
            .by_mean
            .iter()
            .filter(|one| one.mean_ms > StatementSummary::BUDGET_MS && !listed(one));
        let rows = statements.by_total.iter().chain(slow).map(row);
        let mut blocks = titled("Statements", &columns, rows.collect());
        if statements.over_100_ms > 0 {
            blocks.push(Block::Paragraph(vec![Cell::new(
                format!(
                    "{} more than 100 ms on average.",
                    counted(statements.over_100_ms, "statement takes", "statements take")
                ),
                Tone::Warn,
            )]));
        }
        blocks
    }

    pub(crate) fn replication_blocks(&self) -> Vec<Block> {
        let replication = &self.replication;
        let slots = replication.slots.iter().map(|slot| {
            vec![
                slot.name.as_str().into(),
                slot.kind.as_str().into(),
                if slot.active {
                    "yes".into()
                } else {
                    Cell::new("no", Tone::Warn)
                },
                slot.retained_bytes
                    .map_or_else(String::new, human_bytes)
                    .into(),
                slot.wal_status.clone().unwrap_or_default().into(),
            ]
        });
        let mut blocks = titled(
            "Replication slots",
            &[
                ("slot", Left),
                ("kind", Left),
                ("active", Left),
                ("keeps", Right),
                ("WAL", Left),
            ],
            slots.collect(),
        );
        let standbys = replication.standbys.iter().map(|standby| {
            vec![
                standby.application.clone().unwrap_or_default().into(),
                standby
                    .client
                    .clone()
                    .unwrap_or_else(|| "local".into())
                    .into(),
                standby.state.clone().unwrap_or_default().into(),
                standby.sync_state.clone().unwrap_or_default().into(),
                standby
                    .replay_lag_bytes
                    .map_or_else(String::new, human_bytes)
                    .into(),
                standby
                    .replay_lag_ms
                    .map_or_else(String::new, human_ms)
                    .into(),
            ]
        });
        blocks.extend(titled(
            "Standbys",
            &[
                ("name", Left),
                ("address", Left),
                ("state", Left),
                ("sync", Left),
                ("behind", Right),
                ("by time", Right),
            ],
            standbys.collect(),
        ));
        let prepared = replication.prepared_transactions.iter().map(|one| {
            vec![
                one.name.as_str().into(),
                one.owner.as_str().into(),
                one.database.as_str().into(),
                one.prepared_at
                    .strftime("%Y-%m-%d %H:%M UTC")
                    .to_string()
                    .into(),
            ]
        });
        blocks.extend(titled(
            "Prepared transactions",
            &[
                ("name", Left),
                ("owner", Left),
                ("database", Left),
                ("since", Left),
            ],
            prepared.collect(),
        ));
        blocks
    }

    pub(crate) fn write_blocks(&self) -> Vec<Block> {
        let writes = &self.writes;
        let mut lines: Vec<Cell> = Vec::new();
        if let Some(wal) = &writes.wal {
            lines.push(
                format!(
                    "{} of WAL, {}",
                    human_bytes(wal.bytes),
                    counted(wal.full_page_images, "full page image", "full page images")
                )
                .into(),
            );
        }
        if let Some(checkpoints) = &writes.checkpoints {
            lines.push(
                format!(
                    "{} on time, {} on request; {} written",
                    counted(checkpoints.timed, "checkpoint", "checkpoints"),
                    checkpoints.requested,
                    human_bytes(checkpoints.buffers_checkpoint * 8192)
                )
                .into(),
            );
        }
        if let Some(archiver) = writes
            .archiver
            .as_ref()
            .filter(|a| a.archived + a.failed > 0)
        {
            lines.push(
                format!(
                    "{} archived, {} failed",
                    counted(archiver.archived, "file", "files"),
                    archiver.failed
                )
                .into(),
            );
        }
        let mut blocks = Vec::new();
        if !lines.is_empty() {
            blocks.push(Block::Heading(
                2,
                "WAL and checkpoints (whole server)".into(),
            ));
            blocks.push(Block::Bullets(lines));
        }
        let io = writes.io.iter().map(|io| {
            vec![
                io.backend_type.as_str().into(),
                io.object.as_str().into(),
                io.context.as_str().into(),
                human_count(io.reads).into(),
                human_count(io.writes).into(),
                human_count(io.extends).into(),
                human_count(io.hits).into(),
                human_count(io.evictions).into(),
            ]
        });
        blocks.extend(titled(
            "I/O (whole server)",
            &[
                ("by", Left),
                ("object", Left),
                ("context", Left),
                ("reads", Right),
                ("writes", Right),
                ("extends", Right),
                ("hits", Right),
                ("evictions", Right),
            ],
            io.collect(),
        ));
        blocks
    }

    pub(crate) fn setting_blocks(&self) -> Vec<Block> {
        let places = [
            "port",
            "unix_socket_directories",
            "TimeZone",
            "log_timezone",
        ];
        let matters = self.settings.iter().filter(|setting| {
            setting.pending_restart
                || !(setting.name.starts_with("lc_") || places.contains(&setting.name.as_str()))
        });
        let settings = &self.catalog.settings;
        let rows = matters.map(|setting| {
            let value = settings
                .bytes(&setting.name)
                .map(human_bytes)
                .or_else(|| settings.milliseconds(&setting.name).map(human_ms))
                .unwrap_or_else(|| setting.value.clone());
            vec![
                setting.name.as_str().into(),
                value.into(),
                if setting.pending_restart {
                    Cell::new("pending restart", Tone::Warn)
                } else {
                    setting.source.as_str().into()
                },
            ]
        });
        titled(
            "Changed settings",
            &[("setting", Left), ("value", Left), ("from", Left)],
            rows.collect(),
        )
    }
}
