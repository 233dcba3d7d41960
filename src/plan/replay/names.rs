//! How names without a schema are resolved.

use std::collections::{HashMap, HashSet};

use super::Entry;
use crate::{
    catalog::QualifiedName,
    migration::{Migration, Name, Statement},
    plan::{
        Snapshot,
        record::{RecordedStatement, StatementKind},
    },
};

/// To what a name without a schema leads at some point of the replay.
pub(super) struct Names<'a> {
    seen: &'a Snapshot,
    /// Those that stand as some file creates them: until it does, they were not there.
    of_files: HashSet<QualifiedName>,
    /// What the statements so far make of it: there, or not.
    changed: HashMap<QualifiedName, bool>,
}

impl<'a> Names<'a> {
    /// Before the first statement. An index that stands as a file creates it was not there before that file, whether the
    /// history has it or a run was killed before it could be recorded.
    pub(super) fn before(migrations: &[Migration], seen: &'a Snapshot) -> Self {
        let mut of_files = HashSet::new();
        for (place, definition) in &seen.definitions {
            let Some(migration) = migrations.get(place.0) else {
                continue;
            };
            if let Some(Statement::Create(create)) = migration.statements.get(place.1)
                && let Some(table) = seen.table(&create.table.quoted())
                && let Ok(definition) = definition
                && let Some(index) = table.indexes.iter().find(|index| index.name == create.name)
                && definition.matches(index)
            {
                of_files.insert(QualifiedName::new(&table.schema, &create.name));
            }
        }
        Self {
            seen,
            changed: of_files.iter().map(|name| (name.clone(), false)).collect(),
            of_files,
        }
    }

    pub(super) fn after(&mut self, entry: &Entry<'_>) {
        match entry.kind {
            StatementKind::Create => {
                self.changed.insert(entry.object.clone(), true);
            }
            // What is recorded as dropped, and stands, was made anew since: by hand, or by a later file.
            StatementKind::Drop if entry.recorded && !self.of_files.contains(&entry.object) => {
                self.changed.remove(&entry.object);
            }
            StatementKind::Drop => {
                self.changed.insert(entry.object.clone(), false);
            }
            _ => {}
        }
    }

    /// As the server does: the first schema on the search path that has such a relation. `recorded`: as it was
    /// resolved when the history got the statement, which holds as long as that schema is there.
    pub(super) fn resolve(
        &self,
        name: &Name,
        recorded: Option<&RecordedStatement>,
    ) -> QualifiedName {
        if let Some(schema) = &name.schema {
            return QualifiedName::new(schema, &name.name);
        }
        let path = &self.seen.catalog.search_path;
        if let Some(known) = recorded
            && path.contains(&known.schema)
        {
            return QualifiedName::new(&known.schema, &known.name);
        }
        let is_there = |object: &QualifiedName| match self.changed.get(object) {
            Some(there) => *there,
            None => self.seen.catalog.taken(object).is_some(),
        };
        path.iter()
            .map(|schema| QualifiedName::new(schema, &name.name))
            .find(is_there)
            .unwrap_or_else(|| self.gone(name))
    }

    /// The object of a statement that the history alone has. Where its schema was renamed since, a name without one
    /// leads to where it would now.
    pub(super) fn of_history(&self, statement: &RecordedStatement) -> QualifiedName {
        let path = &self.seen.catalog.search_path;
        let name = Name {
            schema: None,
            name: statement.name.clone(),
        };
        if !statement.bare || path.contains(&statement.schema) {
            QualifiedName::new(&statement.schema, &statement.name)
        } else if statement.kind == StatementKind::Create {
            self.in_default_schema(&name)
        } else {
            self.resolve(&name, None)
        }
    }

    /// Nothing has the name: an index that a statement before made and took away, or whose table is not there.
    fn gone(&self, name: &Name) -> QualifiedName {
        let known = self.changed.keys().filter(|known| known.name == name.name);
        let place = |known: &&QualifiedName| {
            let path = &self.seen.catalog.search_path;
            path.iter()
                .position(|schema| *schema == known.schema)
                .unwrap_or(usize::MAX)
        };
        known
            .filter(|known| known.schema.is_empty() || place(known) < usize::MAX)
            .min_by_key(place)
            .cloned()
            .unwrap_or_else(|| self.in_default_schema(name))
    }

    pub(super) fn in_default_schema(&self, name: &Name) -> QualifiedName {
        let schema = name.schema.clone().or_else(|| {
            let path = &self.seen.catalog.search_path;
            let is_own = |schema: &&String| !schema.starts_with("pg_");
            path.iter().find(is_own).cloned()
        });
        QualifiedName::new(schema.unwrap_or_default(), &name.name)
    }
}
