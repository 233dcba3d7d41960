//! How the result of `apply-indexes` and `status` is shown.

use super::{Block, Cell, Column, Document, Table, Tone};
use crate::{
    human::{human_bytes, human_ms},
    plan::Action,
    report::apply::{ApplyOutcome, ApplyResult, MigrationResult, MigrationStatus},
};

/// What is longer does not fit into a column beside the others.
const SHORT: usize = 40;

impl Document for ApplyResult {
    fn blocks(&self) -> Vec<Block> {
        let planned = self.outcome == ApplyOutcome::Planned;
        let mut columns = vec![
            Column::left("migration"),
            Column::left("status"),
            Column::left("index"),
            Column::left(if self.command == "status" {
                "state"
            } else {
                "action"
            }),
            Column::right(if planned { "table" } else { "size" }),
        ];
        if !planned {
            columns.push(Column::right("time"));
        }
        columns.push(Column::left("reason"));
        let (mut rows, mut failures) = (Vec::new(), Vec::new());
        for migration in &self.migrations {
            for (at, step) in migration.steps.iter().enumerate() {
                let (label, status) = if at == 0 {
                    (
                        format!("V{} {}", migration.version, migration.name),
                        status_cell(migration.status),
                    )
                } else {
                    (String::new(), "".into())
                };
                let size = if planned {
                    step.table_bytes
                } else {
                    step.size_bytes
                };
                let mut row = vec![
                    label.into(),
                    status,
                    step.index.clone().into(),
                    Cell::new(
                        if self.command == "status" {
                            step.state.to_owned()
                        } else {
                            step.action.to_string()
                        },
                        if step.action == Action::Refuse {
                            Tone::Bad
                        } else {
                            Tone::Plain
                        },
                    ),
                    if size == 0 {
                        "".into()
                    } else {
                        human_bytes(size).into()
                    },
                ];
                if !planned {
                    row.push(if step.attempts == 0 {
                        "".into()
                    } else {
                        human_ms(step.duration_ms).into()
                    });
                }
                row.push(match &step.error {
                    Some(error) if error.chars().count() > SHORT => {
                        failures.push(Block::Paragraph(vec![
                            Cell::new(format!("{}:", step.index), Tone::Bad),
                            error.as_str().into(),
                        ]));
                        Cell::new("see below", Tone::Bad)
                    }
                    Some(error) => Cell::new(error, Tone::Bad),
                    None => Cell::new(&step.reason, Tone::Dim),
                });
                rows.push(row);
            }
        }
        let mut blocks = vec![Block::Table(Table { columns, rows })];
        blocks.extend(failures);
        if planned {
            self.add_statements(&mut blocks);
        }
        for warning in &self.warnings {
            blocks.push(Block::Paragraph(vec![
                Cell::new("warning:", Tone::Warn),
                warning.as_str().into(),
            ]));
        }
        for note in &self.notes {
            blocks.push(Block::Paragraph(vec![
                Cell::new("note:", Tone::Dim),
                note.as_str().into(),
            ]));
        }
        blocks.push(Block::Paragraph(vec![self.conclusion()]));
        blocks
    }
}

impl ApplyResult {
    fn add_statements(&self, blocks: &mut Vec<Block>) {
        let steps = || self.migrations.iter().flat_map(|m| &m.steps);
        let statements: Vec<String> = steps()
            .flat_map(|step| &step.statements)
            .map(|sql| format!("{sql};"))
            .collect();
        if statements.is_empty() {
            return;
        }
        blocks.push(Block::Heading(2, "Statements".into()));
        blocks.push(Block::Code("sql", statements.join("\n")));
        let mut locks: Vec<&str> = steps()
            .flat_map(|step| step.locks.iter().copied())
            .collect();
        locks.sort_unstable();
        locks.dedup();
        blocks.push(Block::Heading(2, "Locks".into()));
        blocks.push(Block::Bullets(locks.into_iter().map(Cell::from).collect()));
        blocks.push(Block::Heading(2, "Sessions that would block it now".into()));
        if self.held_up_by.is_empty() {
            blocks.push(Block::Paragraph(vec!["nobody".into()]));
        } else {
            let all = self
                .held_up_by
                .iter()
                .map(|blocker| Cell::new(blocker.to_string(), Tone::Warn));
            blocks.push(Block::Bullets(all.collect()));
        }
    }

    fn conclusion(&self) -> Cell {
        let count = |status: MigrationStatus| {
            self.migrations
                .iter()
                .filter(|m| m.status == status)
                .count()
        };
        let total = self.migrations.len();
        match self.outcome {
            ApplyOutcome::NothingToDo => Cell::new(
                format!(
                    "nothing to do: all {total} migrations are applied, and their indexes are valid and as \
                     written"
                ),
                Tone::Good,
            ),
            ApplyOutcome::Applied => Cell::new(
                format!(
                    "applied {} of {total} migrations in {}; every index is valid and as written",
                    count(MigrationStatus::Applied),
                    human_ms(self.duration_ms)
                ),
                Tone::Good,
            ),
            ApplyOutcome::Planned
                if self
                    .migrations
                    .iter()
                    .all(|m| m.status == MigrationStatus::AlreadyApplied) =>
            {
                Cell::new(
                    format!(
                        "all {total} migrations are applied, and their indexes are valid and as written"
                    ),
                    Tone::Good,
                )
            }
            ApplyOutcome::Planned => {
                // Their indexes stand; the history lacks them.
                let is_to_record = |m: &&MigrationResult| {
                    m.status == MigrationStatus::Pending
                        && m.steps
                            .iter()
                            .all(|step| step.statements.is_empty() && step.action == Action::Keep)
                };
                let to_record = self.migrations.iter().filter(is_to_record).count();
                let mut counts = vec![
                    (count(MigrationStatus::Pending) - to_record, "pending"),
                    (count(MigrationStatus::Failed), "refused"),
                    (count(MigrationStatus::AlreadyApplied), "applied"),
                ];
                if to_record > 0 {
                    counts.insert(1, (to_record, "as desired, but not recorded"));
                }
                let counts: Vec<String> = counts
                    .iter()
                    .map(|(n, what)| format!("{n} {what}"))
                    .collect();
                Cell::new(
                    format!("{}; nothing was changed", counts.join(", ")),
                    Tone::Strong,
                )
            }
            ApplyOutcome::Failed => Cell::new(
                format!(
                    "{} of {total} migrations failed, {} skipped; completed steps remain, and the next run \
                     continues from here",
                    count(MigrationStatus::Failed),
                    count(MigrationStatus::Skipped)
                ),
                Tone::Bad,
            ),
            ApplyOutcome::ServerGone => Cell::new(
                "the server is no longer reachable; completed steps remain, and the next run continues from \
                 here",
                Tone::Bad,
            ),
            ApplyOutcome::Interrupted => Cell::new(
                "interrupted; completed steps remain, and the next run continues from here",
                Tone::Warn,
            ),
        }
    }
}

fn status_cell(status: MigrationStatus) -> Cell {
    match status {
        MigrationStatus::Applied => Cell::new("applied", Tone::Good),
        MigrationStatus::AlreadyApplied => Cell::new("already applied", Tone::Good),
        MigrationStatus::Pending => Cell::new("pending", Tone::Warn),
        MigrationStatus::Failed => Cell::new("failed", Tone::Bad),
        MigrationStatus::Skipped => Cell::new("skipped", Tone::Warn),
    }
}
