//! The texts of index expressions and predicates. Asking for one opens its table: on thousands of tables
//! that takes longer than everything else together.

use std::collections::{HashMap, HashSet};

use tokio_postgres::types::Type;

use super::{
    Catalog, ConstraintKind, Fact, Index, UnreadFact,
    reader::{Fields, Reader},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexTexts {
    /// All: every definition is to be shown or saved.
    All,
    /// Those that a judgement hangs on: where indexes of one table could be equal, or one could serve a
    /// foreign key.
    Judged,
}

pub(super) type Texts = (Option<String>, Option<String>, Option<String>);

/// Reads them, by index. Those on tables that others hold exclusively are left out, and noted.
pub(super) async fn read(
    reader: &Reader<'_>,
    catalog: &Catalog,
    which: IndexTexts,
) -> HashMap<u32, Texts> {
    let (wanted, hidden) = wanted(catalog, which);
    if hidden > 0 {
        reader.skip(UnreadFact {
            fact: Fact::IndexExpressions,
            reason: format!(
                "another session holds an exclusive lock on the table of these indexes: {hidden}"
            ),
            grant: None,
            partial: true,
        });
    }
    if wanted.is_empty() {
        return HashMap::new();
    }
    let odd: Vec<bool> = wanted.iter().map(|index| index.needs_server()).collect();
    let wanted: Vec<u32> = wanted.iter().map(|index| index.oid).collect();
    let row = |row: &mut Fields<'_>| Ok((row.get()?, (row.get()?, row.get()?, row.get()?)));
    let sql = include_str!("index_text.sql");
    let params = [
        (&wanted as _, Type::OID_ARRAY),
        (&odd as _, Type::BOOL_ARRAY),
    ];
    let rows = reader.rows_or_note(Fact::IndexExpressions, sql, &params, row);
    rows.await.into_iter().collect()
}

pub(super) fn apply(catalog: &mut Catalog, mut texts: HashMap<u32, Texts>) {
    for index in &mut catalog.indexes {
        if let Some(texts) = texts.remove(&index.oid) {
            (index.expressions, index.predicate, index.definition) = texts;
        }
    }
}

/// The indexes to ask about, and how many more are locked away.
fn wanted(catalog: &Catalog, which: IndexTexts) -> (Vec<&Index>, usize) {
    let has_text = |index: &&Index| index.has_predicate || index.needs_server();
    let locked = |index: &Index| catalog.table(index.table).is_some_and(|table| table.locked);
    let (hidden, open): (Vec<&Index>, Vec<&Index>) = catalog
        .indexes
        .iter()
        .filter(has_text)
        .partition(|index| locked(index));
    let hidden = hidden.len();
    if which == IndexTexts::All {
        return (open, hidden);
    }
    let of_keys: HashSet<(u32, i16)> = catalog
        .constraints
        .iter()
        .filter(|constraint| constraint.kind == ConstraintKind::ForeignKey)
        .flat_map(|key| key.columns.iter().map(|column| (key.table, *column)))
        .collect();
    let judged = |index: &&Index| {
        let first = index.keys().first();
        let has_rival = || {
            catalog.indexes_of(index.table).any(|other| {
                other.oid != index.oid
                    && other.method == index.method
                    && other.keys().first() == first
            })
        };
        first.is_some_and(|column| of_keys.contains(&(index.table, *column))) || has_rival()
    };
    (open.into_iter().filter(judged).collect(), hidden)
}
