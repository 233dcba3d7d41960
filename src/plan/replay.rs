//! What the files ask for, statement by statement, over what the server and the history hold.
//!
//! The rule: whatever the grouping of files into deploys, the end is the state that psql would leave by running the
//! files' statements in order. Each statement is about one object, to which the server resolves its name. For each
//! object, the last CREATE or DROP decides what stands in the end; what comes before it is superseded. A statement that
//! the history has counts only through that end. One that it has not counts as psql would meet it: a CREATE over
//! another index of its name is refused, unless an unrecorded DROP before it says that the other shall go.

mod names;

use self::names::Names;
use super::{
    Action, DeployPolicy, Snapshot, Step,
    decide::{created, gone, rebuilt, step_without_table},
    record::{Recorded, RecordedStatement, StatementKind},
};
use crate::{
    catalog::{
        QualifiedName,
        index_state::{IndexHealth, IndexState},
    },
    migration::{Migration, Name, ReindexTarget, Statement},
};

/// A statement's place: its migration's in the folder, and its own in the file.
pub type StatementPosition = (usize, usize);

/// One statement, with the object that it is about.
#[derive(Debug)]
struct Entry<'a> {
    /// `None`: the history has it, and the folder has not.
    place: Option<StatementPosition>,
    version: i64,
    kind: StatementKind,
    /// As the file has it.
    statement: Option<&'a Statement>,
    /// The index; of a `REINDEX TABLE`, the table. The schema is empty where the table of a `CREATE` is not there.
    object: QualifiedName,
    recorded: bool,
}

/// All statements, in the order of their files.
pub(super) struct Replay<'a> {
    migrations: &'a [Migration],
    pub(super) seen: &'a Snapshot,
    pub(super) policy: &'a DeployPolicy,
    entries: Vec<Entry<'a>>,
}

/// What is asked of an index that shall stand.
#[derive(Debug, Clone)]
pub(super) struct DesiredState {
    /// The comment that the files give it: `Some(None)` for none at all.
    pub(super) comment: Option<Option<String>>,
    /// The history has this very statement.
    pub(super) recorded: bool,
    /// An unrecorded `DROP` before it: whatever stands under the name is to be replaced.
    pub(super) replaces: bool,
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        migrations: &'a [Migration],
        seen: &'a Snapshot,
        policy: &'a DeployPolicy,
    ) -> Self {
        let mut replay = Self {
            migrations,
            seen,
            policy,
            entries: Vec::new(),
        };
        let mut names = Names::before(migrations, seen);
        for source in sources(migrations, &seen.recorded) {
            match source {
                StatementSource::Folder(at, migration) => {
                    for (number, statement) in migration.statements.iter().enumerate() {
                        let entry = entry((at, number), migration, statement, seen, &names);
                        names.after(&entry);
                        replay.entries.push(entry);
                    }
                }
                StatementSource::History(version, statements) => {
                    for statement in statements {
                        let entry = Entry {
                            place: None,
                            version,
                            kind: statement.kind,
                            statement: None,
                            object: names.of_history(statement),
                            recorded: true,
                        };
                        names.after(&entry);
                        replay.entries.push(entry);
                    }
                }
            }
        }
        replay
    }

    fn at(&self, place: StatementPosition) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.place == Some(place))
    }

    /// The statement that decides about the object of the one there, where that is another one: its place, or `None` for
    /// one that the history alone has.
    pub(super) fn superseded_by(
        &self,
        place: StatementPosition,
    ) -> Option<Option<StatementPosition>> {
        let at = self.at(place)?;
        let last = self.last_word(&self.entries[at].object)?;
        (last != at).then(|| self.entries[last].place)
    }

    /// The last `CREATE` or `DROP` of an index.
    fn last_word(&self, object: &QualifiedName) -> Option<usize> {
        self.entries
            .iter()
            .rposition(|entry| entry.object == *object && entry.kind.decides())
    }

    /// The index that stands under a name.
    pub(super) fn standing(&self, object: &QualifiedName) -> Option<&'a IndexState> {
        self.seen.catalog.index(object)
    }

    /// What is to be done about the statement there. A comment belongs to its index's step: `None`.
    pub(super) fn step(&self, place: StatementPosition) -> Option<Step> {
        let at = self.at(place)?;
        let entry = &self.entries[at];
        let mut step = match entry.statement? {
            Statement::Comment(_) => return None,
            Statement::Reindex(reindex) => {
                let built_later = reindex.target == ReindexTarget::Index
                    && self.entries[at + 1..]
                        .iter()
                        .any(|later| later.object == entry.object && later.kind.decides());
                let built_here = self.entries[..at].iter().any(|earlier| {
                    earlier.object == entry.object && earlier.kind == StatementKind::Create
                });
                if entry.recorded {
                    step_without_table(
                        Action::Keep,
                        &entry.object.to_string(),
                        "",
                        "rebuilt once, as this migration asks".into(),
                    )
                } else if built_later {
                    step_without_table(
                        Action::Keep,
                        &entry.object.to_string(),
                        "",
                        "a later migration defines or drops it".into(),
                    )
                } else {
                    rebuilt::decide(self, reindex, &entry.object, built_here)
                }
            }
            Statement::Create(_) | Statement::Drop(_) => self.about_index(at)?,
        };
        step.place = place;
        Some(step)
    }

    fn about_index(&self, at: usize) -> Option<Step> {
        let entry = &self.entries[at];
        let last = self.last_word(&entry.object)?;
        let asked = self.asked(last);
        if let Some(conflict) = self.conflict(&entry.object, last) {
            return Some(conflict);
        }
        if let Some(undone) = self.undone_at_once(&entry.object) {
            return Some(undone);
        }
        if last != at {
            let by = &self.entries[last];
            let verb = match by.kind {
                StatementKind::Drop => "drops",
                _ => "defines",
            };
            let mut step = step_without_table(
                Action::Keep,
                &entry.object.to_string(),
                "",
                format!("version {} {verb} it", by.version),
            );
            step.holds = self.holds(at);
            return Some(step);
        }
        Some(match entry.statement? {
            Statement::Create(create) => {
                created::decide(self, entry.place?, create, &entry.object, &asked)
            }
            Statement::Drop(drop) => match self.twin(at, &drop.index) {
                Some(twin) => step_without_table(
                    Action::Refuse,
                    &entry.object.to_string(),
                    "",
                    format!(
                        "`{}` may mean {} or {twin}, depending on the search path: after a killed run, the \
                         next one could drop the wrong one; write the schema before the name",
                        drop.index, entry.object
                    ),
                ),
                None => gone::decide(self, &entry.object, entry.recorded),
            },
            _ => return None,
        })
    }

    /// What is asked of the index of the statement at `last`.
    fn asked(&self, last: usize) -> DesiredState {
        let entry = &self.entries[last];
        let comment = self.entries[last..]
            .iter()
            .filter(|later| later.object == entry.object)
            .filter_map(|later| match later.statement {
                Some(Statement::Comment(comment)) => Some(comment.text.clone()),
                _ => None,
            })
            .next_back();
        let replaces = entry.kind == StatementKind::Create
            && !entry.recorded
            && self
                .unrecorded_before(&entry.object, last)
                .any(|at| self.entries[at].kind == StatementKind::Drop);
        DesiredState {
            // With the index that was dropped went its comment, though the new one may read the same.
            comment: comment.or(replaces.then_some(None)),
            recorded: entry.recorded,
            replaces,
        }
    }

    /// The places of what the history lacks of an object's `CREATE`s and `DROP`s up to `last`.
    fn unrecorded_before<'s>(
        &'s self,
        object: &'s QualifiedName,
        last: usize,
    ) -> impl Iterator<Item = usize> + 's {
        (0..last).filter(move |at| {
            let entry = &self.entries[*at];
            entry.object == *object && entry.kind.decides() && !entry.recorded
        })
    }

    /// psql would meet another index of the name, at a `CREATE` that no `DROP` comes before.
    fn conflict(&self, object: &QualifiedName, last: usize) -> Option<Step> {
        if self.policy.replace || self.entries[last].recorded {
            return None;
        }
        let stands = self
            .standing(object)
            .filter(|index| index.health() == IndexHealth::Valid)?;
        let first = self.unrecorded_before(object, last).next()?;
        let creates = self
            .entries
            .iter()
            .filter(|entry| entry.object == *object && entry.kind == StatementKind::Create);
        // What a killed run built of these files is theirs, whichever of them it is.
        let is_theirs = creates.into_iter().any(|entry| {
            let definition = entry
                .place
                .and_then(|place| self.seen.definitions.get(&place));
            definition.is_some_and(|known| known.as_ref().is_ok_and(|known| known.matches(stands)))
        });
        if self.entries[first].kind != StatementKind::Create || is_theirs {
            return None;
        }
        let mut step = step_without_table(
            Action::Refuse,
            &object.to_string(),
            "",
            format!(
                "when version {} creates this index, another one has its name: `{}`; --replace replaces it, \
                 and so does a DROP INDEX CONCURRENTLY before it",
                self.entries[first].version, stands.definition
            ),
        );
        step.table_oid = self
            .seen
            .catalog
            .table_of(stands.oid)
            .map(|table| table.root);
        Some(step)
    }

    /// An unrecorded file that drops what it creates: one with a Down part that nothing marks.
    fn undone_at_once(&self, object: &QualifiedName) -> Option<Step> {
        let own = || {
            let own = self
                .entries
                .iter()
                .filter(|e| e.object == *object && !e.recorded);
            own.filter_map(|entry| Some((entry.place?, entry.kind)))
        };
        let undone = |((file, number), kind): &(StatementPosition, StatementKind)| {
            *kind == StatementKind::Drop
                && own().any(|((other, before), kind)| {
                    kind == StatementKind::Create && other == *file && before < *number
                })
        };
        let ((file, _), _) = own().find(undone)?;
        let reason = format!(
            "{} creates this index and drops it again: if the end of the file is a Down section, mark it as \
             its tool does (-- +goose Down, -- migrate:down), or remove it",
            self.migrations.get(file)?.file.display()
        );
        Some(step_without_table(
            Action::Refuse,
            &object.to_string(),
            "",
            reason,
        ))
    }

    /// Another index that a name without a schema would lead to once this one is gone: no file created it, so that after
    /// a drop which could not be recorded nothing would tell the two apart.
    fn twin(&self, at: usize, name: &Name) -> Option<QualifiedName> {
        let entry = &self.entries[at];
        let is_of_a_file = self.entries[..at]
            .iter()
            .any(|earlier| earlier.object == entry.object && earlier.kind == StatementKind::Create);
        if entry.recorded || is_of_a_file || name.schema.is_some() {
            return None;
        }
        self.standing(&entry.object)?;
        let path = self.seen.catalog.search_path.iter();
        path.map(|schema| QualifiedName::new(schema, &name.name))
            .find(|other| *other != entry.object && self.standing(other).is_some())
    }

    /// Whether a superseded statement's own effect holds as things stand.
    fn holds(&self, at: usize) -> bool {
        let entry = &self.entries[at];
        let stands = self.standing(&entry.object);
        match entry.kind {
            StatementKind::Drop => stands.is_none(),
            StatementKind::Create => {
                let definition = entry
                    .place
                    .and_then(|place| self.seen.definitions.get(&place));
                stands.is_some_and(|index| {
                    index.health() == IndexHealth::Valid
                        && definition.is_some_and(|known| {
                            known.as_ref().is_ok_and(|known| known.matches(index))
                        })
                })
            }
            _ => true,
        }
    }

    /// Whether an index is to go: dropped in the end by a statement that the history lacks, or replaced by another one.
    pub(super) fn is_doomed(&self, index: &IndexState) -> bool {
        let Some(last) = self.last_word(&index.qualified()) else {
            return false;
        };
        let entry = &self.entries[last];
        if entry.kind == StatementKind::Drop {
            return !entry.recorded;
        }
        let definition = entry
            .place
            .and_then(|place| self.seen.definitions.get(&place));
        let is_as_written = definition.is_none_or(|known| match known {
            Ok(known) => known.matches(index),
            Err(_) => true,
        });
        !is_as_written && (self.policy.replace || self.asked(last).replaces)
    }

    /// Whether a step of its own sees to an index: it shall stand, or is still to go.
    pub(super) fn is_seen_to(&self, index: &QualifiedName) -> bool {
        let last = self.last_word(index).map(|last| &self.entries[last]);
        last.is_some_and(|last| {
            last.place.is_some() && (last.kind == StatementKind::Create || !last.recorded)
        })
    }

    /// The statements of a migration as the history keeps them. `seen`: once its effects hold.
    pub(super) fn to_record(&self, migration: usize) -> Vec<RecordedStatement> {
        let of = |entry: &Entry<'_>| {
            let statement = entry.statement?;
            let standing = self
                .standing(&entry.object)
                .filter(|_| entry.kind == StatementKind::Create && self.is_last(entry));
            let table = match statement {
                Statement::Create(create) => self.seen.table(&create.table.quoted()),
                _ => None,
            };
            Some(RecordedStatement {
                kind: entry.kind,
                schema: entry.object.schema.clone(),
                name: entry.object.name.clone(),
                bare: statement.schema().is_none(),
                table: table.map(|table| table.name.clone()),
                sql: statement.sql(),
                printed: standing.map(|index| index.tail.clone()),
                tablespace: standing.and_then(|index| index.tablespace.clone()),
            })
        };
        self.entries
            .iter()
            .filter(|entry| entry.place.is_some_and(|(at, _)| at == migration))
            .filter_map(of)
            .collect()
    }

    fn is_last(&self, entry: &Entry<'_>) -> bool {
        self.last_word(&entry.object)
            .is_some_and(|last| self.entries[last].place == entry.place)
    }

    /// A version after that of the statement there, which the folder lacks and of which the history does not say what
    /// it did.
    pub(super) fn silent_after(&self, place: StatementPosition) -> Option<i64> {
        let version = self.migrations.get(place.0)?.version;
        self.seen.recorded.silent_after(version, self.migrations)
    }
}

/// Where statements come from.
enum StatementSource<'a> {
    Folder(usize, &'a Migration),
    /// Recorded by a newer release, or taken out of the folder since.
    History(i64, &'a [RecordedStatement]),
}

/// The folder's files, and what the history has beside them, in the order of their versions.
fn sources<'a>(migrations: &'a [Migration], recorded: &'a Recorded) -> Vec<StatementSource<'a>> {
    let folder = migrations
        .iter()
        .enumerate()
        .map(|(at, migration)| (migration.version, StatementSource::Folder(at, migration)));
    let is_there = |version: i64| migrations.iter().any(|m| m.version == version);
    let history = recorded
        .0
        .iter()
        .filter(|(version, _)| !is_there(**version));
    let history = history.map(|(version, row)| {
        let statements = row.statements.as_deref().unwrap_or_default();
        (*version, StatementSource::History(*version, statements))
    });
    let mut all: Vec<(i64, StatementSource<'a>)> = folder.chain(history).collect();
    all.sort_by_key(|(version, _)| *version);
    all.into_iter().map(|(_, source)| source).collect()
}

fn entry<'a>(
    place: StatementPosition,
    migration: &Migration,
    statement: &'a Statement,
    seen: &Snapshot,
    names: &Names<'_>,
) -> Entry<'a> {
    let known = seen.recorded.statement(migration, place.1);
    let recorded = known.is_some();
    let by_name = |name: &Name| names.resolve(name, known.flatten());
    let (kind, object) = match statement {
        Statement::Create(create) => {
            let table = seen.table(&create.table.quoted());
            let schema = match table {
                Some(table) => table.schema.clone(),
                None => create.table.schema.clone().unwrap_or_default(),
            };
            let object = QualifiedName::new(schema, &create.name);
            (StatementKind::Create, object)
        }
        Statement::Drop(drop) => (StatementKind::Drop, by_name(&drop.index)),
        Statement::Comment(comment) => (StatementKind::Comment, by_name(&comment.index)),
        Statement::Reindex(reindex) if reindex.target == ReindexTarget::Index => {
            (StatementKind::Reindex, by_name(&reindex.name))
        }
        Statement::Reindex(reindex) => {
            let table = seen.table(&reindex.name.quoted());
            let object = match table {
                Some(table) => table.qualified(),
                None => names.in_default_schema(&reindex.name),
            };
            (StatementKind::ReindexTable, object)
        }
    };
    Entry {
        place: Some(place),
        version: migration.version,
        kind,
        statement: Some(statement),
        object,
        recorded,
    }
}
