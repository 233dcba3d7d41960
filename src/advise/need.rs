//! What a query needs of each table, read from the plan that the server makes when it may use no index: there
//! every condition, join and sort stands in the open.

mod condition;
mod order;

use std::collections::{BTreeMap, BTreeSet};

use self::order::without_direction;
use super::{ColumnUse, Key, Operand, TableFacts, expression::operand_of, terms};
use crate::{
    catalog::{QualifiedName, quote_identifier},
    explain::{Node, QueryPlan},
};

/// What one scan of a table needs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Need {
    /// The table; of a partition, the root of its tree.
    pub table: Option<QualifiedName>,
    /// The scan's name in the query.
    pub alias: String,
    /// Compared for equality with a parameter or constant.
    pub equal: Vec<Key>,
    pub listed: Vec<Key>,
    /// Compared for equality with another table's column.
    pub joined: Vec<Key>,
    /// Compared by `<`, `<=`, `>`, `>=`.
    pub range: Vec<Key>,
    /// Compared with a pattern that begins with known letters.
    pub prefix: Vec<Key>,
    /// Compared by an operator that no sorted index serves, as if the key stood on the left: `@>`, `&&`,
    /// `@@`, `~~` with a pattern that may match anywhere.
    pub within: Vec<(Key, String)>,
    /// Of what the nearest to something are wanted, and by which operator: `<->`.
    pub nearest: Vec<(Key, String)>,
    /// Conditions that hold whatever the parameters, as SQL, with the key that they fix, if they do.
    pub implied: Vec<(String, Option<Key>)>,
    /// What must hold in one of several cases: the equalities of each.
    pub arms: Vec<Vec<Key>>,
    /// What the rows are wanted sorted by.
    pub order: Vec<Key>,
    /// What they are grouped by, or of what the least or greatest is asked.
    pub grouped: Vec<Key>,
    /// Every column that the query reads.
    pub columns: BTreeSet<String>,
}

/// The needs of a plan without indexes. `tables`: every table and partition in it, by name. `patterns`: the
/// values that `$1`, `$2`, … take, to tell what a pattern begins with.
pub fn needs(
    plan: &QueryPlan,
    tables: &BTreeMap<QualifiedName, &TableFacts>,
    patterns: &[Vec<Option<String>>],
) -> Vec<Need> {
    let mut reader = Reader {
        tables,
        patterns,
        needs: BTreeMap::new(),
    };
    for node in plan.root.walk() {
        reader.find_scan(node);
    }
    for (at, node) in plan.root.walk().enumerate() {
        reader.read(node, at == 0);
    }
    reader.needs.into_values().collect()
}

/// Forgets the constants of which some queries, alike in all else, have one and some another: they are no kinds of rows
/// but values, one of each call.
pub fn forget_varying_kinds<'n>(all: impl Iterator<Item = &'n mut Vec<Need>>) {
    let mut needs: Vec<&mut Need> = all.flatten().collect();
    let shape = |need: &Need| Need {
        implied: Vec::new(),
        alias: String::new(),
        ..need.clone()
    };
    let shapes: Vec<Need> = needs.iter().map(|need| shape(need)).collect();
    let mut varying: Vec<BTreeSet<String>> = vec![BTreeSet::new(); needs.len()];
    for (at, one) in needs.iter().enumerate() {
        for (other_at, other) in needs.iter().enumerate() {
            if at == other_at || shapes.get(at) != shapes.get(other_at) {
                continue;
            }
            for (sql, key) in &one.implied {
                let differs = |(other_sql, other_key): &(String, Option<Key>)| {
                    key.is_some() && other_key == key && other_sql != sql
                };
                if other.implied.iter().any(differs)
                    && let Some(varying) = varying.get_mut(at)
                {
                    varying.insert(sql.clone());
                }
            }
        }
    }
    for (need, varying) in needs.iter_mut().zip(varying) {
        need.implied.retain(|(sql, _)| !varying.contains(sql));
    }
}

struct Reader<'a> {
    tables: &'a BTreeMap<QualifiedName, &'a TableFacts>,
    patterns: &'a [Vec<Option<String>>],
    /// By alias.
    needs: BTreeMap<String, Need>,
}

impl Reader<'_> {
    fn find_scan(&mut self, node: &Node) {
        if let Some((alias, table)) = self.scan(node) {
            self.needs.entry(alias.clone()).or_insert_with(|| Need {
                table: Some(table),
                alias,
                ..Need::default()
            });
        }
    }

    /// The alias and table of a scan; a partition's alias is its parent's.
    fn scan(&self, node: &Node) -> Option<(String, QualifiedName)> {
        if node.kind == "ModifyTable" || node.kind == "Foreign Scan" {
            return None;
        }
        let relation = node.relation.as_ref()?;
        let facts = self.tables.get(relation)?;
        let alias = node.alias.as_ref().unwrap_or(&relation.name);
        Some((self.canonical(alias, facts), facts.name()))
    }

    fn canonical(&self, alias: &str, facts: &TableFacts) -> String {
        let trimmed = alias.trim_end_matches(|c: char| c.is_ascii_digit());
        match trimmed.strip_suffix('_') {
            Some(parent) if !facts.leaves.is_empty() => parent.to_owned(),
            _ => alias.to_owned(),
        }
    }

    /// The one whose column this is; a column without an alias belongs to the only table there is.
    fn need(&mut self, column: &ColumnUse) -> Option<&mut Need> {
        if column.alias.is_empty() {
            return match self.needs.len() {
                1 => self.needs.values_mut().next(),
                _ => None,
            };
        }
        if self.needs.contains_key(&column.alias) {
            return self.needs.get_mut(&column.alias);
        }
        // A partition's condition, or a column of the parent.
        let trimmed = column.alias.trim_end_matches(|c: char| c.is_ascii_digit());
        self.needs.get_mut(trimmed.strip_suffix('_')?)
    }

    fn read(&mut self, node: &Node, is_root: bool) {
        for term in node.conditions.iter().flat_map(|(_, text)| terms(text)) {
            self.note_columns(&term);
            self.note(&term);
        }
        match node.kind.as_str() {
            "Sort" | "Incremental Sort" => self.note_order(&node.sort_key),
            "Aggregate" | "Group" => self.note_groups(&node.group_key, &node.output),
            _ => {}
        }
        for text in node.sort_key.iter().chain(&node.group_key) {
            self.use_columns(&operand_of(without_direction(text).0).columns);
        }
        // Below another node a scan hands over whole rows where that is cheaper than picking columns.
        if is_root || self.scan(node).is_none() {
            for text in &node.output {
                self.use_columns(&operand_of(text).columns);
                self.use_words(text);
            }
        }
    }

    fn use_columns(&mut self, columns: &[ColumnUse]) {
        for column in columns {
            if let Some(need) = self.need(column) {
                need.columns.insert(column.column.clone());
            }
        }
    }

    /// With one table alone the server leaves its name out: `sum(amount)`.
    fn use_words(&mut self, text: &str) {
        let facts = |need: &Need| {
            let mut tables = self.tables.values();
            tables
                .find(|facts| Some(facts.name()) == need.table)
                .copied()
        };
        let Some(facts) = self.needs.values().next().and_then(facts) else {
            return;
        };
        if self.needs.len() == 1
            && let Some(need) = self.needs.values_mut().next()
        {
            let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            let known = words.filter(|word| facts.columns.contains_key(*word));
            need.columns.extend(known.map(str::to_owned));
        }
    }

    /// The operand as a key of an index on its table.
    fn key(&mut self, operand: &Operand) -> Option<Key> {
        let column = operand.columns.first()?;
        if operand.varies {
            return None;
        }
        let table = self.need(column)?.table.clone()?;
        let facts = self.tables.values().find(|facts| facts.name() == table)?;
        let known = |column: &ColumnUse| facts.columns.contains_key(&column.column);
        if !operand.columns.iter().all(known) {
            return None;
        }
        // varchar is compared as text, a domain as what it is made of: by the same bytes.
        let plain = match &operand.bare {
            Some(None) => true,
            Some(Some(cast)) => facts.columns.get(&column.column)?.relabels.contains(cast),
            None => false,
        };
        if !plain && operand.fitted {
            return None;
        }
        Some(Key {
            sql: if plain {
                quote_identifier(&column.column)
            } else {
                operand.sql.clone()
            },
            columns: operand
                .columns
                .iter()
                .map(|column| column.column.clone())
                .collect(),
            expression: !plain,
            order: String::new(),
        })
    }
}

fn push<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn one_alias(operand: &Operand) -> bool {
    let mut columns = operand.columns.iter();
    let first = columns.next();
    first.is_some_and(|first| columns.all(|column| column.alias == first.alias))
}
