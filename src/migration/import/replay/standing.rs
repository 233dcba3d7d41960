//! What is taken so far, and which indexes are there.

use std::path::{Path, PathBuf};

use super::{
    Place, Replay, Taken,
    text::{described, same, schemas_agree},
};
use crate::migration::{CreateIndex, Name, Statement};

impl Replay {
    pub(super) fn has_index(&self, index: &Name) -> bool {
        let index = self.in_path(index.clone());
        self.alive(&index).is_some() || self.plain.iter().any(|plain| same(&plain.index, &index))
    }

    pub(super) fn table_of(&self, index: &Name) -> Option<Name> {
        let built = self
            .alive(index)
            .and_then(|at| match &self.taken[at].statement {
                Statement::Create(create) => Some(create.table.clone()),
                _ => None,
            });
        let plain = || {
            self.plain
                .iter()
                .find(|plain| same(&plain.index, index))?
                .table
                .clone()
        };
        built.or_else(plain)
    }

    /// Which statement builds the index that is there now.
    pub(super) fn alive(&self, index: &Name) -> Option<usize> {
        let last = self
            .taken
            .iter()
            .rposition(|taken| match &taken.statement {
                Statement::Create(create) => {
                    create.name == index.name
                        && schemas_agree(create.table.schema.as_ref(), index.schema.as_ref())
                }
                Statement::Drop(drop) => same(&drop.index, index),
                _ => false,
            })?;
        matches!(self.taken[last].statement, Statement::Create(_)).then_some(last)
    }

    /// The indexes of a table that are alive, in order.
    pub(super) fn alive_on(&self, table: &Name) -> Vec<Name> {
        let taken = self.taken.iter().enumerate();
        taken
            .filter_map(|(at, taken)| match &taken.statement {
                Statement::Create(create) if same(&create.table, table) => {
                    let index = Name {
                        schema: create.table.schema.clone(),
                        name: create.name.clone(),
                    };
                    (self.alive(&index) == Some(at)).then_some(index)
                }
                _ => None,
            })
            .collect()
    }

    pub(super) fn place_of(&self, at: usize) -> String {
        let taken = &self.taken[at];
        let file = self
            .files
            .get(taken.source)
            .map(|file| file.display().to_string());
        format!("{}:{}", file.unwrap_or_default(), taken.line)
    }

    pub(super) fn was_at(&self, taken: &Taken) -> Place<'_> {
        Place {
            source: taken.source,
            file: self
                .files
                .get(taken.source)
                .map_or(Path::new(""), PathBuf::as_path),
            line: taken.line,
        }
    }

    /// It is not taken after all, with what is said about it.
    pub(super) fn cancel(&mut self, at: usize, reason: &str) {
        let taken = self.taken.remove(at);
        if let Statement::Create(create) = &taken.statement {
            let index = Name {
                schema: create.table.schema.clone(),
                name: create.name.clone(),
            };
            let mut place = at;
            while let Some(later) = self.taken.get(place) {
                match &later.statement {
                    Statement::Comment(comment) if same(&comment.index, &index) => {
                        self.taken.remove(place);
                    }
                    Statement::Create(again)
                        if again.name == index.name
                            && schemas_agree(
                                again.table.schema.as_ref(),
                                index.schema.as_ref(),
                            ) =>
                    {
                        break;
                    }
                    _ => place += 1,
                }
            }
        }
        let entry = self
            .was_at(&taken)
            .left_out(described(&taken.statement.sql()), reason);
        self.left_out.push(entry);
    }

    /// The name is another index's from now on: nothing that was said of it is taken.
    pub(super) fn forget(&mut self, index: &Name, reason: &str) {
        while let Some(at) = self.taken.iter().position(|taken| match &taken.statement {
            Statement::Create(create) => {
                create.name == index.name
                    && schemas_agree(create.table.schema.as_ref(), index.schema.as_ref())
            }
            Statement::Drop(drop) => same(&drop.index, index),
            _ => false,
        }) {
            self.cancel(at, reason);
        }
    }

    pub(super) fn cancel_where(&mut self, reason: &str, is_it: impl Fn(&CreateIndex) -> bool) {
        while let Some(at) = self.taken.iter().position(
            |taken| matches!(&taken.statement, Statement::Create(create) if is_it(create)),
        ) {
            self.cancel(at, reason);
        }
    }

    pub(super) fn give_back(&mut self, index: &Name, reason: &str) {
        if let Some(at) = self.alive(index) {
            let reason = format!("{reason}, so it stays with the table's migrations");
            self.cancel(at, &reason);
        }
    }
}
