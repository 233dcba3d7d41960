//! The fold of all migration files: what they leave standing.

use super::{Comment, CreateIndex, Migration, Name, Reindex, ReindexTarget, Statement};

/// What one statement, seen from the end of all files, asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// The index shall stand, as written.
    Index(DesiredIndex),
    /// The index shall be gone. Carried out while its migration is not recorded: an index that somebody
    /// makes anew later is not ours to drop.
    Gone(Name),
    /// Rebuilt once, while its migration is not recorded.
    Rebuilt(Reindex),
}

/// An index that shall stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredIndex {
    /// Its definition.
    pub create: CreateIndex,
    /// Its comment, where some file gives one: `Some(None)` for none at all.
    pub comment: Option<Option<String>>,
}

/// One migration's part of the desired state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Its place in the migrations.
    pub migration: usize,
    /// What it asks for.
    pub intent: Intent,
}

/// Folds the migrations in order. A later drop takes an earlier index out; a later index of a dropped name
/// takes the drop out; a rebuild or comment of an index that is dropped later is nothing.
#[must_use]
pub fn fold(migrations: &[Migration]) -> Vec<Desired> {
    let mut desired: Vec<Desired> = Vec::new();
    for (migration, file) in migrations.iter().enumerate() {
        for statement in &file.statements {
            let intent = match statement {
                Statement::Create(create) => {
                    let name = index_name(create);
                    // The same name on the same table, once with its schema and once without, may be two indexes
                    // in two schemas: the server knows (plan::decide).
                    desired.retain(|known| match &known.intent {
                        Intent::Index(wanted) => index_name(&wanted.create) != name,
                        other => !concerns(other, &name),
                    });
                    Intent::Index(DesiredIndex {
                        create: create.clone(),
                        comment: None,
                    })
                }
                Statement::Drop(drop) => {
                    desired.retain(|known| !concerns(&known.intent, &drop.index));
                    Intent::Gone(drop.index.clone())
                }
                Statement::Reindex(reindex) => Intent::Rebuilt(reindex.clone()),
                Statement::Comment(Comment { index, text }) => {
                    for known in &mut desired {
                        if concerns(&known.intent, index)
                            && let Intent::Index(wanted) = &mut known.intent
                        {
                            wanted.comment = Some(text.clone());
                        }
                    }
                    continue;
                }
            };
            desired.push(Desired { migration, intent });
        }
    }
    desired
}

fn index_name(create: &CreateIndex) -> Name {
    Name {
        schema: create.table.schema.clone(),
        name: create.name.clone(),
    }
}

/// Whether the intent is about the index of that name. A schema left out on either side matches.
fn concerns(intent: &Intent, name: &Name) -> bool {
    let same = |other: &Name| {
        other.name == name.name
            && (other.schema.is_none() || name.schema.is_none() || other.schema == name.schema)
    };
    match intent {
        Intent::Index(wanted) => same(&index_name(&wanted.create)),
        Intent::Gone(gone) => same(gone),
        Intent::Rebuilt(reindex) => reindex.target == ReindexTarget::Index && same(&reindex.name),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::migration::parse::parse;

    fn folded(files: &[&str]) -> Vec<(usize, String)> {
        let migrations: Vec<Migration> = files
            .iter()
            .map(|text| Migration {
                version: 1,
                name: "x".into(),
                file: "x".into(),
                statements: parse(Path::new("x"), text).unwrap(),
                text: (*text).to_owned(),
                checksum: 0,
            })
            .collect();
        fold(&migrations)
            .into_iter()
            .map(|d| {
                let text = match d.intent {
                    Intent::Index(i) => format!("index {} {:?}", i.create.name, i.comment),
                    Intent::Gone(name) => format!("gone {name}"),
                    Intent::Rebuilt(r) => format!("rebuilt {}", r.name),
                };
                (d.migration, text)
            })
            .collect()
    }

    #[test]
    fn later_files_have_the_last_word() {
        let a = "CREATE INDEX CONCURRENTLY a ON t (x);";
        let drop_a = "DROP INDEX CONCURRENTLY public.a;";
        assert_eq!(folded(&[a, drop_a]), [(1, "gone public.a".into())]);
        assert_eq!(folded(&[a, drop_a, a]), [(2, "index a None".into())]);
        assert_eq!(
            folded(&[
                a,
                "REINDEX INDEX CONCURRENTLY a;",
                "COMMENT ON INDEX a IS 'why';"
            ]),
            [
                (0, "index a Some(Some(\"why\"))".into()),
                (1, "rebuilt a".into())
            ]
        );
        assert_eq!(
            folded(&[a, "REINDEX INDEX CONCURRENTLY a;", drop_a]),
            [(2, "gone public.a".into())]
        );
    }
}
