//! What is built, dropped and commented on.

use super::{
    Place, Plain, Replay, Taken,
    text::{described, names, same},
};
use crate::migration::{
    Name, Statement,
    import::pieces::{Piece, shortened},
    parse::parse,
    parse::tokens::Tokens,
};

impl Replay {
    pub(super) fn comment(&mut self, place: &Place<'_>, piece: &Piece, mut tokens: Tokens) {
        let index = tokens.name().ok().map(|name| self.in_path(name));
        if index.is_some_and(|index| self.alive(&index).is_some()) {
            self.take(place, piece);
        } else {
            let reason = "it is about an index that is not imported";
            self.leave_out(place, "COMMENT ON INDEX".to_owned(), reason);
        }
    }

    /// A table may copy the indexes of another, or go when its parent goes.
    pub(super) fn create_table(&mut self, place: &Place<'_>, mut tokens: Tokens) {
        let mut table = None;
        let mut copied = Vec::new();
        let copies =
            tokens.contains("INCLUDING") && (tokens.contains("INDEXES") || tokens.contains("ALL"));
        while !tokens.is_at_end() {
            if table.is_none() && tokens.take("TABLE") {
                if tokens.take("IF") {
                    tokens.skip();
                    tokens.skip();
                }
                table = tokens.name().ok().map(|name| self.in_path(name));
            } else if tokens.take("PARTITION") && tokens.take("OF") {
                let parent = tokens.name().ok().map(|name| self.in_path(name));
                self.partitions.extend(parent.zip(table.clone()));
            } else if copies && tokens.take("LIKE") {
                copied.extend(tokens.name().ok().map(|name| self.in_path(name)));
            } else {
                tokens.skip();
            }
        }
        for taken in &self.taken {
            if let Statement::Create(create) = &taken.statement
                && copied.iter().any(|table| same(table, &create.table))
            {
                let what = described(&taken.statement.sql());
                let reason =
                    "the new table copies this index too, under a name that Postgres chooses";
                self.lost.push(place.left_out(what, reason));
            }
        }
    }

    pub(super) fn plain_create(&mut self, place: &Place<'_>, mut tokens: Tokens) {
        let unless_there = tokens.take("IF");
        if unless_there {
            tokens.skip();
            tokens.skip();
        }
        let mut what = "CREATE INDEX".to_owned();
        if !tokens.peek("ON")
            && let Ok(index) = tokens.name()
            && tokens.take("ON")
        {
            tokens.take("ONLY");
            let table = tokens.name().ok().map(|table| self.in_path(table));
            what = format!("CREATE INDEX {index}");
            let index = Name {
                schema: table.as_ref().and_then(|table| table.schema.clone()),
                name: index.name,
            };
            if !(unless_there && self.alive(&index).is_some()) {
                self.forget(
                    &index,
                    &format!("{}:{} builds it again", place.file.display(), place.line),
                );
                self.plain.push(Plain { index, table });
            }
        }
        let reason = "it is not concurrent; it belongs to the migration that creates its table";
        self.leave_out(place, what, reason);
    }

    pub(super) fn drop(&mut self, place: &Place<'_>, piece: &Piece, mut tokens: Tokens) {
        let opening = tokens.opening();
        tokens.skip();
        if tokens.take("INDEX") {
            if tokens.take("CONCURRENTLY") {
                return self.take(place, piece);
            }
            for index in names(&mut tokens) {
                let index = self.in_path(index);
                self.plain_drop(place, &index);
            }
        } else if tokens.take("TABLE") || (tokens.take("MATERIALIZED") && tokens.take("VIEW")) {
            let reason = format!("{}:{} drops its table", place.file.display(), place.line);
            let mut gone: Vec<Name> = names(&mut tokens)
                .into_iter()
                .map(|table| self.in_path(table))
                .collect();
            // Partitions go with their parents, and theirs with them.
            let mut at = 0;
            while let Some(table) = gone.get(at).cloned() {
                let parts = self
                    .partitions
                    .iter()
                    .filter(|(parent, _)| same(parent, &table));
                gone.extend(parts.map(|(_, part)| part.clone()));
                self.partitions.retain(|(parent, _)| !same(parent, &table));
                at += 1;
            }
            for table in gone {
                self.plain
                    .retain(|plain| plain.table.as_ref().is_none_or(|own| !same(own, &table)));
                self.cancel_where(&reason, |create| same(&create.table, &table));
            }
            self.other(place, opening);
        } else if tokens.take("SCHEMA") {
            let reason = format!("{}:{} drops its schema", place.file.display(), place.line);
            for schema in names(&mut tokens) {
                self.cancel_where(&reason, |create| {
                    create.table.schema.as_ref() == Some(&schema.name)
                });
            }
            self.other(place, opening);
        } else {
            self.other(place, opening);
        }
    }

    /// A drop that is not concurrent, of an index that is taken or not.
    pub(super) fn plain_drop(&mut self, place: &Place<'_>, index: &Name) {
        let what = format!("DROP INDEX {index}");
        self.plain.retain(|plain| !same(&plain.index, index));
        let Some(at) = self.alive(index) else {
            return self.leave_out(
                place,
                what,
                "it is not concurrent, and its index is not imported",
            );
        };
        if self.taken[at].source == place.source {
            let reason = "the same file builds and drops it";
            self.cancel(at, reason);
            return self.leave_out(place, what, reason);
        }
        let (text, _) = shortened(&format!("DROP INDEX CONCURRENTLY {}", index.quoted()));
        let dropped = parse(place.file, &text);
        let Some(statement) = dropped
            .ok()
            .and_then(|parsed| parsed.statements.into_iter().next())
        else {
            return;
        };
        let table = self.table_of(index);
        self.taken.push(Taken {
            source: place.source,
            line: place.line,
            statement,
            table,
            notes: vec![format!(
                "{index} is dropped concurrently here, but did not exist"
            )],
        });
    }
}
