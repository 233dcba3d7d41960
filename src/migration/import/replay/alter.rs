//! ALTER TABLE and ALTER INDEX: new names, schemas and columns for what was taken.

use std::path::Path;

use super::{
    Place, Replay, Taken,
    text::{described, mentions, name_in, same, schemas_agree, with_column},
};
use crate::migration::{Name, Statement, parse::parse, parse::tokens::Tokens};

impl Replay {
    pub(super) fn alter(&mut self, place: &Place<'_>, opening: String, mut tokens: Tokens) {
        tokens.skip();
        let is_index = tokens.take("INDEX");
        let is_table = !is_index
            && (tokens.take("TABLE") || (tokens.take("MATERIALIZED") && tokens.take("VIEW")));
        if !is_index && !is_table {
            return self.other(place, opening);
        }
        if tokens.take("IF") {
            tokens.skip();
        }
        tokens.take("ONLY");
        let Ok(name) = tokens.name() else {
            return self.other(place, opening);
        };
        let name = self.in_path(name);
        let at = format!("{}:{}", place.file.display(), place.line);
        if is_index {
            self.alter_index(place.source, &at, &name, &mut tokens);
            return self.leave_out(
                place,
                format!("ALTER INDEX {name}"),
                "its effect is in the imported statements",
            );
        }
        tokens.take("*");
        self.alter_table(place.source, &at, &name, &mut tokens);
        self.other(place, opening);
    }

    pub(super) fn alter_index(
        &mut self,
        source: usize,
        at: &str,
        index: &Name,
        tokens: &mut Tokens,
    ) {
        if tokens.take("RENAME") && tokens.take("TO") {
            let Ok(new) = tokens.identifier() else { return };
            if let Some(at_plain) = self
                .plain
                .iter()
                .position(|plain| same(&plain.index, index))
            {
                let renamed = Name {
                    schema: index.schema.clone(),
                    name: new,
                };
                self.forget(&renamed, &format!("{at} gives its name to another index"));
                self.plain[at_plain].index.name = renamed.name;
            } else {
                self.rename_index(source, at, index, &new);
            }
        } else if tokens.take("ATTACH") {
            tokens.take("PARTITION");
            if let Ok(child) = tokens.name() {
                let child = self.in_path(child);
                self.give_back(&child, &format!("{at} attaches it to a partitioned index"));
            }
        }
    }

    /// It is built by its new name, where it gets it.
    pub(super) fn rename_index(&mut self, source: usize, at: &str, index: &Name, new: &str) {
        let Some(place) = self.alive(index) else {
            return;
        };
        for taken in self.move_to_the_end(source, place, index) {
            match &mut taken.statement {
                Statement::Create(create) => {
                    new.clone_into(&mut create.name);
                    taken
                        .notes
                        .push(format!("{} is {new}: {at} renames it", index.name));
                }
                Statement::Comment(comment) => new.clone_into(&mut comment.index.name),
                _ => {}
            }
        }
    }

    /// An index that gets another name, or another schema, comes behind what that name meant before. `place`: where it is
    /// built.
    pub(super) fn move_to_the_end(
        &mut self,
        source: usize,
        place: usize,
        index: &Name,
    ) -> &mut [Taken] {
        let is_about = |taken: &Taken| match &taken.statement {
            Statement::Create(create) => {
                create.name == index.name
                    && schemas_agree(create.table.schema.as_ref(), index.schema.as_ref())
            }
            Statement::Comment(comment) => same(&comment.index, index),
            _ => false,
        };
        let later = self.taken.split_off(place);
        let (own, others): (Vec<Taken>, Vec<Taken>) = later.into_iter().partition(is_about);
        self.taken.extend(others);
        let begin = self.taken.len();
        self.taken
            .extend(own.into_iter().map(|taken| Taken { source, ..taken }));
        &mut self.taken[begin..]
    }

    pub(super) fn alter_table(
        &mut self,
        source: usize,
        at: &str,
        table: &Name,
        tokens: &mut Tokens,
    ) {
        if tokens.take("RENAME") {
            if tokens.take("TO") {
                let Ok(new) = tokens.identifier() else { return };
                self.change_table(
                    table,
                    &format!("{} is {new}: {at} renames it", table.name),
                    |own| {
                        new.clone_into(&mut own.name);
                    },
                );
                return;
            }
            tokens.take("COLUMN");
            let (Ok(old), true, Ok(new)) =
                (tokens.identifier(), tokens.take("TO"), tokens.identifier())
            else {
                return;
            };
            return self.rename_column(at, table, &old, &new);
        }
        if tokens.take("SET") && tokens.take("SCHEMA") {
            let Ok(new) = tokens.identifier() else { return };
            for index in self.alive_on(table) {
                if let Some(place) = self.alive(&index) {
                    self.move_to_the_end(source, place, &index);
                }
            }
            self.change_table(
                table,
                &format!("{} is in {new}: {at} moves it", table.name),
                |own| {
                    own.schema = Some(new.clone());
                },
            );
            return;
        }
        // Actions, parted by commas outside of parentheses.
        let (mut begins, mut depth) = (true, 0_usize);
        while !tokens.is_at_end() {
            if begins && tokens.take("DROP") {
                tokens.take("COLUMN");
                if tokens.take("IF") {
                    tokens.skip();
                }
                if !tokens.peek("CONSTRAINT")
                    && let Ok(column) = tokens.identifier()
                {
                    let reason = format!("{at} drops its column {column}");
                    self.cancel_where(&reason, |create| {
                        same(&create.table, table) && mentions(&create.definition, &column)
                    });
                }
                begins = false;
            } else if tokens.take("USING") && tokens.take("INDEX") {
                if let Ok(index) = tokens.name() {
                    let index = self.in_path(index);
                    self.give_back(
                        &index,
                        &format!("{at} makes it part of a constraint or the replica identity"),
                    );
                }
            } else {
                depth += usize::from(tokens.peek("("));
                depth -= usize::from(tokens.peek(")") && depth > 0);
                begins = depth == 0 && tokens.peek(",");
                tokens.skip();
            }
        }
    }

    pub(super) fn rename_column(&mut self, at: &str, table: &Name, old: &str, new: &str) {
        let mut unreadable = Vec::new();
        for (place, taken) in self.taken.iter_mut().enumerate() {
            let Statement::Create(create) = &mut taken.statement else {
                continue;
            };
            if !same(&create.table, table) || !mentions(&create.definition, old) {
                continue;
            }
            let sql = with_column(&Statement::Create(create.clone()).sql(), old, new);
            match parse(Path::new("a renamed column"), &sql) {
                Ok(parsed) => {
                    if let Some(Statement::Create(changed)) = parsed.statements.into_iter().next() {
                        *create = changed;
                        taken
                            .notes
                            .push(format!("column {old} is {new}: {at} renames it"));
                    }
                }
                Err(_) => unreadable.push(place),
            }
        }
        for place in unreadable.into_iter().rev() {
            let taken = self.taken.remove(place);
            let reason = format!("{at} renames its column {old}; write it with {new}");
            let what = described(&taken.statement.sql());
            let entry = self.was_at(&taken).left_out(what, reason);
            self.lost.push(entry);
        }
    }

    pub(super) fn change_table(&mut self, table: &Name, note: &str, change: impl Fn(&mut Name)) {
        for taken in &mut self.taken {
            if let Statement::Create(create) = &mut taken.statement
                && same(&create.table, table)
            {
                change(&mut create.table);
                taken.notes.push(note.to_owned());
            }
            // What is said of its indexes goes to where these are.
            if let Some(own) = taken.table.as_mut().filter(|own| same(own, table)) {
                change(own);
                name_in(&mut taken.statement).schema.clone_from(&own.schema);
            }
        }
        for plain in &mut self.plain {
            if let Some(own) = plain.table.as_mut().filter(|own| same(own, table)) {
                change(own);
                plain.index.schema.clone_from(&own.schema);
            }
        }
    }
}
