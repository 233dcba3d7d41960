//! The tables that queries read, with what an advisor wants to know of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{ClassFacts, ColumnFacts, PresentIndex, QualifiedName, TableFacts};
use crate::{Error, Result, db::Session};

/// Reads the facts of the tables and partitions named. Keys of the answer: each name asked for that is a table
/// or a partition, each root and each leaf; a partition's facts are those of its root.
pub async fn load_table_facts(
    session: &Session,
    names: &BTreeSet<QualifiedName>,
) -> Result<BTreeMap<QualifiedName, TableFacts>> {
    let (schemas, tables) = split(names.iter());
    let rows = session
        .query(
            &crate::sql::marked(include_str!("advise_tables.sql")),
            &[&schemas, &tables],
        )
        .await
        .map_err(Error::server("reading the tables of the queries"))?;
    let mut roots: BTreeMap<QualifiedName, TableFacts> = BTreeMap::new();
    let mut root_of: BTreeMap<QualifiedName, QualifiedName> = BTreeMap::new();
    let mut seen: BTreeSet<(QualifiedName, QualifiedName)> = BTreeSet::new();
    for row in &rows {
        let name =
            |at: usize| QualifiedName::new(row.get::<_, String>(at), row.get::<_, String>(at + 1));
        let (asked, root, leaf) = (name(0), name(2), name(6));
        root_of.insert(asked, root.clone());
        root_of.insert(root.clone(), root.clone());
        root_of.insert(leaf.clone(), root.clone());
        let facts = roots.entry(root.clone()).or_insert_with(|| TableFacts {
            table: Some(root.clone()),
            owned: row.get(5),
            ..TableFacts::default()
        });
        if seen.insert((root, leaf.clone())) {
            facts.rows += row.get::<_, f64>(8);
            facts.pages += row.get::<_, f64>(9);
            facts.all_visible += row.get::<_, f64>(14);
            facts.written.inserted += row.get::<_, f64>(10);
            facts.written.updated += row.get::<_, f64>(11);
            facts.written.hot += row.get::<_, f64>(12);
            facts.written.deleted += row.get::<_, f64>(13);
            if row.get::<_, String>(4) == "p" {
                facts.leaves.push(leaf);
            }
        }
    }
    load_columns(session, &mut roots).await?;
    load_indexes(session, &mut roots).await?;
    Ok(root_of
        .into_iter()
        .filter_map(|(name, root)| Some((name, roots.get(&root)?.clone())))
        .collect())
}

fn split<'n>(names: impl Iterator<Item = &'n QualifiedName>) -> (Vec<&'n str>, Vec<&'n str>) {
    names
        .map(|name| (name.schema.as_str(), name.name.as_str()))
        .unzip()
}

async fn load_columns(
    session: &Session,
    roots: &mut BTreeMap<QualifiedName, TableFacts>,
) -> Result<()> {
    let names: Vec<QualifiedName> = roots.keys().cloned().collect();
    let (schemas, tables) = split(names.iter());
    let rows = session
        .query(
            &crate::sql::marked(include_str!("advise_columns.sql")),
            &[&schemas, &tables],
        )
        .await
        .map_err(Error::server("reading the columns of the queries' tables"))?;
    let mut types: Vec<u32> = rows.iter().map(|row| row.get(13)).collect();
    types.sort_unstable();
    types.dedup();
    let classes = load_classes(session, &types).await?;
    for row in &rows {
        let table = QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        let Some(facts) = roots.get_mut(&table) else {
            continue;
        };
        let base: u32 = row.get(13);
        let length: i32 = row.get(4);
        let align: i32 = row.get(5);
        let distinct: Option<f64> = row.get(11);
        let rows = facts.rows;
        facts.columns.insert(
            row.get(2),
            ColumnFacts {
                type_name: row.get(3),
                length,
                align: u32::try_from(align).unwrap_or(8),
                width: row
                    .get::<_, Option<f64>>(9)
                    .unwrap_or_else(|| f64::from(length.max(32))),
                null_fraction: row.get::<_, Option<f64>>(10).unwrap_or(0.0),
                // Negative: a share of the rows.
                distinct: distinct
                    .filter(|n| *n != 0.0)
                    .map(|n| if n < 0.0 { -n * rows } else { n }),
                correlation: row.get::<_, Option<f64>>(12).unwrap_or(0.0),
                not_null: row.get(6),
                deduplicates: row.get(7),
                collated: row.get(8),
                relabels: row.get(14),
                classes: classes.get(&base).cloned().unwrap_or_default(),
            },
        );
    }
    Ok(())
}

/// The operator classes of each type.
async fn load_classes(session: &Session, types: &[u32]) -> Result<BTreeMap<u32, Vec<ClassFacts>>> {
    let rows = session
        .query(
            &crate::sql::marked(include_str!("advise_classes.sql")),
            &[&types],
        )
        .await
        .map_err(Error::server("reading the operator classes of the columns"))?;
    let mut classes: BTreeMap<u32, Vec<ClassFacts>> = BTreeMap::new();
    for row in &rows {
        classes.entry(row.get(0)).or_default().push(ClassFacts {
            method: row.get(1),
            name: row.get(2),
            default: row.get(3),
            exact: row.get(4),
            searches: row.get::<_, Vec<String>>(5).into_iter().collect(),
            sorts: row.get::<_, Vec<String>>(6).into_iter().collect(),
        });
    }
    Ok(classes)
}

async fn load_indexes(
    session: &Session,
    roots: &mut BTreeMap<QualifiedName, TableFacts>,
) -> Result<()> {
    let names: Vec<QualifiedName> = roots.keys().cloned().collect();
    let (schemas, tables) = split(names.iter());
    let rows = session
        .query(
            &crate::sql::marked(include_str!("advise_indexes.sql")),
            &[&schemas, &tables],
        )
        .await
        .map_err(Error::server("reading the indexes of the queries' tables"))?;
    for row in &rows {
        let table = QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        let Some(facts) = roots.get_mut(&table) else {
            continue;
        };
        facts.indexes.push(PresentIndex {
            name: row.get(2),
            method: row.get(3),
            keys: row.get(4),
            include: row.get(5),
            predicate: row.get(6),
            enforces: row.get(7),
            valid: row.get(8),
            scans: row.get(9),
            bytes: u64::try_from(row.get::<_, i64>(10)).unwrap_or(0),
        });
    }
    Ok(())
}
