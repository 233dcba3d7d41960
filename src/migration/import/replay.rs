//! The statements of all files, in order: which are taken, and what the others do to those.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    File, Tool,
    default_name::named,
    folder::Source,
    pieces::{Piece, pieces, shortened},
};
use crate::{
    migration::{
        CreateIndex, Name, Statement,
        parse::{parse, tokens::Tokens},
    },
    sql::quote_identifier,
};

/// A statement (or a whole file) that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    pub file: PathBuf,
    /// The line that it begins on; `None`: the whole file.
    pub line: Option<usize>,
    /// Its first words, and the index where it is one's.
    pub statement: String,
    pub reason: String,
}

/// A statement that is taken.
#[derive(Debug)]
struct Taken {
    /// The file, by its place.
    source: usize,
    line: usize,
    statement: Statement,
    /// The table of an index that is dropped or commented on, where the files tell it.
    table: Option<Name>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Plain {
    index: Name,
    table: Option<Name>,
}

/// Follows the files.
#[derive(Debug)]
pub(super) struct Replay {
    tool: Tool,
    files: Vec<PathBuf>,
    taken: Vec<Taken>,
    /// Indexes that are there, and were not built concurrently.
    plain: Vec<Plain>,
    /// Parent and partition.
    partitions: Vec<(Name, Name)>,
    left_out: Vec<LeftOut>,
    lost: Vec<LeftOut>,
    path: SearchPath,
}

/// What unqualified names mean in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SearchPath {
    /// The session's own.
    Own,
    One(String),
    Several,
}

/// Where a statement stands.
struct Place<'a> {
    source: usize,
    file: &'a Path,
    line: usize,
}

const OF_A_TRANSACTION: &str = "a concurrent build cannot run in a transaction";

impl Replay {
    pub(super) fn new(tool: Tool) -> Self {
        Self {
            tool,
            files: Vec::new(),
            taken: Vec::new(),
            plain: Vec::new(),
            partitions: Vec::new(),
            left_out: Vec::new(),
            lost: Vec::new(),
            path: SearchPath::Own,
        }
    }

    pub(super) fn skip_file(&mut self, file: PathBuf, reason: &str) {
        self.left_out.push(LeftOut {
            file,
            line: None,
            statement: "the whole file".to_owned(),
            reason: reason.to_owned(),
        });
    }

    pub(super) fn file(&mut self, source: &Source) {
        let number = self.files.len();
        self.files.push(source.path.clone());
        self.path = SearchPath::Own;
        for piece in pieces(&source.text) {
            let place = Place {
                source: number,
                file: &source.path,
                line: piece.line,
            };
            if piece.is_down {
                self.leave_out(&place, piece.tokens().opening(), "it is in a Down section");
            } else {
                self.piece(&place, &piece);
            }
        }
    }

    /// By file: its statements with what is to be said of them. And what is not taken.
    pub(super) fn end(self) -> (Vec<File>, Vec<LeftOut>, Vec<LeftOut>) {
        let mut files: Vec<File> = Vec::new();
        for taken in self.taken {
            match files.last_mut() {
                Some((source, statements, notes)) if *source == taken.source => {
                    statements.push(taken.statement);
                    notes.extend(taken.notes);
                }
                _ => files.push((taken.source, vec![taken.statement], taken.notes)),
            }
        }
        (files, self.left_out, self.lost)
    }

    fn leave_out(&mut self, place: &Place<'_>, statement: String, reason: impl Into<String>) {
        self.left_out.push(place.left_out(statement, reason));
    }

    fn piece(&mut self, place: &Place<'_>, piece: &Piece) {
        let mut tokens = piece.tokens();
        let opening = tokens.opening();
        match first_word(&opening).as_str() {
            "CREATE" => {
                tokens.skip();
                tokens.take("UNIQUE");
                if !tokens.take("INDEX") {
                    self.create_table(place, tokens);
                    return self.other(place, opening);
                }
                if tokens.take("CONCURRENTLY") {
                    self.take(place, piece);
                } else {
                    self.plain_create(place, tokens);
                }
            }
            "DROP" => self.drop(place, piece, tokens),
            "REINDEX" => {
                let reason = "a rebuild does not change an index's definition";
                self.leave_out(place, opening, reason);
            }
            "COMMENT" if opening == "COMMENT ON" => {
                tokens.skip();
                tokens.skip();
                if tokens.take("INDEX") {
                    self.comment(place, piece, tokens);
                } else {
                    self.other(place, opening);
                }
            }
            "ALTER" => self.alter(place, opening, tokens),
            "SET" => self.set(place, piece, tokens),
            "SELECT" if tokens.contains("set_config") => {
                self.set_config(place, opening, &piece.text)
            }
            "RESET" => {
                if tokens.contains("search_path") || tokens.contains("ALL") {
                    self.path = SearchPath::Own;
                }
                self.other(place, opening);
            }
            "BEGIN" | "COMMIT" | "START" | "END" | "ROLLBACK" => {
                self.leave_out(place, first_word(&opening), OF_A_TRANSACTION);
            }
            _ if tokens.contains("INDEX") && tokens.contains("CONCURRENTLY") => {
                let reason =
                    "it could not be parsed, and it names an index that is built concurrently";
                self.lost.push(place.left_out(opening, reason));
            }
            _ => self.other(place, opening),
        }
    }

    fn other(&mut self, place: &Place<'_>, opening: String) {
        let reason = match self.tool {
            Tool::Sql => "it is not about an index, and stays where it is".to_owned(),
            tool => format!("it is not about an index, and stays with {tool}"),
        };
        self.leave_out(place, opening, reason);
    }

    /// A concurrent index statement, or a comment on an index.
    fn take(&mut self, place: &Place<'_>, piece: &Piece) {
        let what = described(&piece.text);
        let (mut text, cut) = shortened(&piece.text);
        let mut notes: Vec<String> = cut
            .iter()
            .map(|(long, short)| format!("{long} is {short}: Postgres keeps 63 bytes of a name"))
            .collect();
        if let Some((named, name)) = named(&text, |index| self.has_index(index)) {
            notes.push(format!("{name}: the name that Postgres gives it"));
            text = named;
        }
        let mut statement = match parse(place.file, &text) {
            Ok(parsed) => match parsed.statements.into_iter().next() {
                Some(statement) => statement,
                None => return,
            },
            Err(problems) => {
                let reason = problems.first().map_or_else(String::new, |problem| {
                    format!("{}; {}", problem.message, problem.hint)
                });
                self.lost.push(place.left_out(what, reason));
                return;
            }
        };
        if statement.schema().is_none() {
            match self.path.clone() {
                SearchPath::Own => {}
                SearchPath::One(schema) => name_in(&mut statement).schema = Some(schema),
                SearchPath::Several => {
                    let reason = "the file sets a search_path of several schemas; write the schema before the name";
                    self.lost.push(place.left_out(what, reason));
                    return;
                }
            }
        }
        let table = match &statement {
            Statement::Drop(drop) => self.table_of(&drop.index),
            Statement::Comment(comment) => self.table_of(&comment.index),
            Statement::Create(_) | Statement::Reindex(_) => None,
        };
        match &statement {
            Statement::Create(create) => {
                let index = Name {
                    schema: create.table.schema.clone(),
                    name: create.name.clone(),
                };
                let unless_there = piece.tokens().contains("EXISTS");
                if let Some(at) = self.alive(&index) {
                    if unless_there {
                        let reason = format!("{} already builds it", self.place_of(at));
                        return self.leave_out(place, what, reason);
                    }
                    let reason = format!("{}:{} builds it again", place.file.display(), place.line);
                    self.cancel(at, &reason);
                } else if self.plain.iter().any(|plain| same(&plain.index, &index)) {
                    if unless_there {
                        let reason = "an index of this name already exists, built by a statement that is not \
                                      concurrent";
                        return self.leave_out(place, what, reason);
                    }
                    self.plain.retain(|plain| !same(&plain.index, &index));
                }
            }
            Statement::Drop(drop) => {
                self.plain.retain(|plain| !same(&plain.index, &drop.index));
                if let Some(at) = self.alive(&drop.index)
                    && self.taken[at].source == place.source
                {
                    let reason = "the same file builds and drops it";
                    self.cancel(at, reason);
                    return self.leave_out(place, what, reason);
                }
            }
            Statement::Reindex(_) | Statement::Comment(_) => {}
        }
        self.taken.push(Taken {
            source: place.source,
            line: place.line,
            statement,
            table,
            notes,
        });
    }

    fn comment(&mut self, place: &Place<'_>, piece: &Piece, mut tokens: Tokens) {
        let index = tokens.name().ok().map(|name| self.in_path(name));
        if index.is_some_and(|index| self.alive(&index).is_some()) {
            self.take(place, piece);
        } else {
            let reason = "it is about an index that is not imported";
            self.leave_out(place, "COMMENT ON INDEX".to_owned(), reason);
        }
    }

    /// A table may copy the indexes of another, or go when its parent goes.
    fn create_table(&mut self, place: &Place<'_>, mut tokens: Tokens) {
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

    fn plain_create(&mut self, place: &Place<'_>, mut tokens: Tokens) {
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

    fn drop(&mut self, place: &Place<'_>, piece: &Piece, mut tokens: Tokens) {
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
    fn plain_drop(&mut self, place: &Place<'_>, index: &Name) {
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

    fn alter(&mut self, place: &Place<'_>, opening: String, mut tokens: Tokens) {
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

    fn alter_index(&mut self, source: usize, at: &str, index: &Name, tokens: &mut Tokens) {
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
    fn rename_index(&mut self, source: usize, at: &str, index: &Name, new: &str) {
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
    fn move_to_the_end(&mut self, source: usize, place: usize, index: &Name) -> &mut [Taken] {
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

    fn alter_table(&mut self, source: usize, at: &str, table: &Name, tokens: &mut Tokens) {
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

    fn rename_column(&mut self, at: &str, table: &Name, old: &str, new: &str) {
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

    fn change_table(&mut self, table: &Name, note: &str, change: impl Fn(&mut Name)) {
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

    fn set(&mut self, place: &Place<'_>, piece: &Piece, mut tokens: Tokens) {
        tokens.skip();
        let _ = tokens.take("SESSION") || tokens.take("LOCAL");
        let Ok(setting) = tokens.identifier() else {
            return self.other(place, "SET".to_owned());
        };
        let what = format!("SET {setting}");
        let reason = match setting.as_str() {
            "search_path" => {
                let _ = tokens.take("=") || tokens.take("TO");
                let behind = tokens.offset();
                let (text, _) = shortened(&piece.text);
                self.path = search_path(text.get(behind..).unwrap_or_default());
                "the schema is written before the names instead"
            }
            "lock_timeout"
            | "statement_timeout"
            | "idle_in_transaction_session_timeout"
            | "transaction_timeout" => {
                "dbaudit has time limits of its own: --lock-timeout, --drain-timeout and --deadline"
            }
            "maintenance_work_mem" => "use --maintenance-work-mem instead",
            "max_parallel_maintenance_workers" => "use --parallel-workers instead",
            "default_tablespace" => {
                "it is ignored; write TABLESPACE into the statements where it matters"
            }
            _ => return self.other(place, what),
        };
        self.leave_out(place, what, reason);
    }

    fn set_config(&mut self, place: &Place<'_>, opening: String, text: &str) {
        // `SELECT pg_catalog.set_config('search_path', '', false)`, as pg_dump writes it.
        let mut parts = text.split('\'').skip(1).step_by(2);
        if parts.next() == Some("search_path") {
            self.path = parts.next().map_or(SearchPath::Several, search_path);
        }
        self.other(place, opening);
    }

    /// The name, in the schema that the file's search_path says.
    fn in_path(&self, name: Name) -> Name {
        match (&name.schema, &self.path) {
            (None, SearchPath::One(schema)) => Name {
                schema: Some(schema.clone()),
                name: name.name,
            },
            _ => name,
        }
    }

    fn has_index(&self, index: &Name) -> bool {
        let index = self.in_path(index.clone());
        self.alive(&index).is_some() || self.plain.iter().any(|plain| same(&plain.index, &index))
    }

    fn table_of(&self, index: &Name) -> Option<Name> {
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
    fn alive(&self, index: &Name) -> Option<usize> {
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
    fn alive_on(&self, table: &Name) -> Vec<Name> {
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

    fn place_of(&self, at: usize) -> String {
        let taken = &self.taken[at];
        let file = self
            .files
            .get(taken.source)
            .map(|file| file.display().to_string());
        format!("{}:{}", file.unwrap_or_default(), taken.line)
    }

    fn was_at(&self, taken: &Taken) -> Place<'_> {
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
    fn cancel(&mut self, at: usize, reason: &str) {
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
    fn forget(&mut self, index: &Name, reason: &str) {
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

    fn cancel_where(&mut self, reason: &str, is_it: impl Fn(&CreateIndex) -> bool) {
        while let Some(at) = self.taken.iter().position(
            |taken| matches!(&taken.statement, Statement::Create(create) if is_it(create)),
        ) {
            self.cancel(at, reason);
        }
    }

    fn give_back(&mut self, index: &Name, reason: &str) {
        if let Some(at) = self.alive(index) {
            let reason = format!("{reason}, so it stays with the table's migrations");
            self.cancel(at, &reason);
        }
    }
}

impl Place<'_> {
    fn left_out(&self, statement: String, reason: impl Into<String>) -> LeftOut {
        LeftOut {
            file: self.file.to_owned(),
            line: Some(self.line),
            statement,
            reason: reason.into(),
        }
    }
}

/// The name in a statement that may have a schema: the table's, or the index's.
fn name_in(statement: &mut Statement) -> &mut Name {
    match statement {
        Statement::Create(create) => &mut create.table,
        Statement::Drop(drop) => &mut drop.index,
        Statement::Reindex(reindex) => &mut reindex.name,
        Statement::Comment(comment) => &mut comment.index,
    }
}

/// Names parted by commas, behind an IF EXISTS or without.
fn names(tokens: &mut Tokens) -> Vec<Name> {
    if tokens.take("IF") {
        tokens.skip();
    }
    let mut names = Vec::new();
    while let Ok(name) = tokens.name() {
        names.push(name);
        if !tokens.take(",") {
            break;
        }
    }
    names
}

/// One and the same, as far as the files tell.
fn same(one: &Name, other: &Name) -> bool {
    one.name == other.name && schemas_agree(one.schema.as_ref(), other.schema.as_ref())
}

/// No schema is public: that is where unqualified names are looked for.
fn schemas_agree(one: Option<&String>, other: Option<&String>) -> bool {
    let schema = |own: Option<&String>| own.map_or("public".to_owned(), Clone::clone);
    schema(one) == schema(other)
}

/// The name of a search_path's only schema; `"$user", public` is what a session has anyway.
fn search_path(text: &str) -> SearchPath {
    let schemas: Vec<String> = text
        .trim_end_matches([';', ' ', '\n', '\r', '\t'])
        .split(',')
        .map(|schema| schema.trim().trim_matches(['"', '\'']).to_owned())
        .filter(|schema| !schema.is_empty() && schema != "$user" && schema != "pg_catalog")
        .collect();
    match schemas.as_slice() {
        [] => SearchPath::Own,
        [one] if one.eq_ignore_ascii_case("default") => SearchPath::Own,
        [one] => SearchPath::One(one.clone()),
        // What stands behind public holds extensions as a rule.
        [first, ..] if first == "public" => SearchPath::One(first.clone()),
        _ => SearchPath::Several,
    }
}

/// Whether a definition names the column.
fn mentions(definition: &str, column: &str) -> bool {
    let sql = format!("CREATE INDEX CONCURRENTLY i ON t {definition}");
    with_column(&sql, column, "another name") != sql
}

/// The statement with a column's new name. What stands before a parenthesis is a function's.
fn with_column(sql: &str, old: &str, new: &str) -> String {
    let new = quote_identifier(new);
    let mut tokens = Tokens::of(&squawk_syntax::SourceFile::parse(sql).syntax_node());
    // Index and table have names of their own.
    while !tokens.is_at_end() && !tokens.take("ON") {
        tokens.skip();
    }
    let _ = tokens.name();
    let (mut text, mut from) = (String::with_capacity(sql.len()), 0);
    while !tokens.is_at_end() {
        let at = tokens.offset();
        let is_name = tokens.identifier().is_ok_and(|name| name == old);
        if is_name && !tokens.peek("(") {
            text.push_str(sql.get(from..at).unwrap_or_default());
            text.push_str(&new);
            let written = sql.get(at..).unwrap_or_default();
            from = at + length_of_name(written);
        }
    }
    text.push_str(sql.get(from..).unwrap_or_default());
    text
}

/// How long the name at the beginning of a text is written.
fn length_of_name(text: &str) -> usize {
    let quoted = text.starts_with('"');
    let mut characters = text.char_indices().skip(usize::from(quoted)).peekable();
    while let Some((at, c)) = characters.next() {
        if quoted && c == '"' {
            if characters.peek().is_none_or(|(_, next)| *next != '"') {
                return at + 1;
            }
            characters.next();
        } else if !(quoted || c.is_alphanumeric() || matches!(c, '_' | '$')) {
            return at;
        }
    }
    text.len()
}

/// The first words of an index statement, with the index.
pub(super) fn described(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut said = Vec::new();
    for word in words.by_ref() {
        let upper = word.to_ascii_uppercase();
        let is_keyword = [
            "CREATE",
            "UNIQUE",
            "DROP",
            "INDEX",
            "CONCURRENTLY",
            "IF",
            "NOT",
            "EXISTS",
        ]
        .contains(&upper.as_str());
        said.push(word.trim_end_matches(';').to_owned());
        if !is_keyword || said.len() > 8 {
            break;
        }
    }
    said.retain(|word| !["IF", "NOT", "EXISTS"].contains(&word.to_ascii_uppercase().as_str()));
    said.join(" ")
}

fn first_word(text: &str) -> String {
    text.split(' ').next().unwrap_or_default().to_owned()
}
