//! Current activity: connections, sessions, vacuum.

use super::{short, titled};
use crate::{
    human::{counted, human_count, human_seconds},
    render::{
        Align::{Left, Right},
        Block, Cell, Tone,
    },
    report::{Blocker, DatabaseReport},
};

impl DatabaseReport {
    pub(crate) fn connection_blocks(&self) -> Vec<Block> {
        let connections = &self.connections;
        let max = connections
            .max
            .map_or_else(|| "an unknown maximum".to_owned(), |max| max.to_string());
        let states: Vec<String> = connections
            .by_state
            .iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        vec![
            Block::Heading(2, "Connections".into()),
            Block::Paragraph(vec![
                match connections.total {
                    Some(total) => format!(
                        "{total} of {max} ({} reserved): {}",
                        connections.reserved,
                        states.join(", ")
                    ),
                    None => format!("An unknown number of {max}: the sessions could not be read."),
                }
                .into(),
            ]),
        ]
    }

    pub(crate) fn session_blocks(&self) -> Vec<Block> {
        let sessions = &self.sessions;
        let mut blocks = Vec::new();
        if let Some(horizon) = &sessions.xmin_horizon {
            blocks.push(Block::Paragraph(vec![
                format!(
                    "The {} {} holds vacuum back the most, by {}.",
                    horizon.kind,
                    horizon.name,
                    counted(horizon.age, "transaction", "transactions")
                )
                .into(),
            ]));
        }
        let rows = sessions
            .transactions
            .iter()
            .take(self.view.limit)
            .map(|open| {
                vec![
                    open.pid.to_string().into(),
                    open.user.clone().unwrap_or_default().into(),
                    open.application.clone().unwrap_or_default().into(),
                    open.state.clone().unwrap_or_default().into(),
                    human_seconds(open.age_s).into(),
                    open.wait_event.clone().unwrap_or_default().into(),
                    short(open.query.as_ref()).into(),
                ]
            })
            .collect();
        blocks.extend(titled(
            "Open transactions",
            &[
                ("pid", Right),
                ("user", Left),
                ("application", Left),
                ("state", Left),
                ("age", Right),
                ("waits for", Left),
                ("query", Left),
            ],
            rows,
        ));
        if !sessions.blocking.is_empty() {
            let mut lines = Vec::new();
            for blocker in &sessions.blocking {
                draw(blocker, 0, &mut lines);
            }
            blocks.push(Block::Heading(2, "Blocking sessions".into()));
            blocks.push(Block::Code("text", lines.join("\n")));
        }
        blocks
    }

    pub(crate) fn vacuum_blocks(&self) -> Vec<Block> {
        let vacuum = &self.vacuum;
        let running = vacuum.running.iter().map(|one| {
            let state = if one.blocked_by.is_empty() {
                Cell::from(one.phase.as_str())
            } else {
                Cell::new(format!("waits for {:?}", one.blocked_by), Tone::Bad)
            };
            vec![
                one.table.as_str().into(),
                state,
                format!("{:.0} %", one.scanned * 100.0).into(),
            ]
        });
        let mut blocks = titled(
            "Running vacuums",
            &[("table", Left), ("phase", Left), ("scanned", Right)],
            running.collect(),
        );
        let due = vacuum.due.iter().take(self.view.limit).map(|due| {
            vec![
                due.table.as_str().into(),
                human_count(due.dead_tuples).into(),
                format!("{:.0}", due.threshold).into(),
                if due.autovacuum_off {
                    Cell::new("off", Tone::Bad)
                } else {
                    "on".into()
                },
            ]
        });
        blocks.extend(titled(
            "Due for vacuum",
            &[
                ("table", Left),
                ("dead rows", Right),
                ("autovacuum threshold", Right),
                ("autovacuum", Left),
            ],
            due.collect(),
        ));
        blocks
    }
}

fn draw(blocker: &Blocker, depth: usize, lines: &mut Vec<String>) {
    lines.push(format!(
        "{}{} {} ({}): {}",
        "    ".repeat(depth),
        blocker.pid,
        blocker.user.as_deref().unwrap_or("unknown"),
        blocker.state.as_deref().unwrap_or("unknown"),
        short(blocker.query.as_ref())
    ));
    for behind in &blocker.blocks {
        draw(behind, depth + 1, lines);
    }
}
