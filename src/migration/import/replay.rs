//! The statements of all files, in order: which are taken, and what the others do to those.

mod alter;
mod standing;
mod tables_and_indexes;
mod text;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub(super) use self::text::described;
use self::text::{first_word, name_in, same};

use super::{
    File, Tool,
    default_name::named,
    folder::Source,
    pieces::{Piece, pieces, shortened},
};
use crate::migration::{
    Name, Statement,
    parse::{parse, tokens::Tokens},
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
