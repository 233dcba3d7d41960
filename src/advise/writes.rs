//! What indexes cost those who write: an entry in each for every row that is inserted, and for every update that does
//! not stay on its page. An update stays there (HOT) only as long as it changes no column of any index
//! (`HeapDetermineColumnsInfo` in heapam.c): one index on such a column makes it write into all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{IndexSpec, Method, RowCounters, TableFacts};
use crate::{catalog::QualifiedName, explain::QueryPlan, workload::tokens};

/// An entry in a sorted index, its log record included: measured on 15 with warm pages at 3 to 8 µs.
const ENTRY_MS: f64 = 0.005;
/// A dead entry that a later vacuum takes away, in entries.
const DELETED: f64 = 0.3;

/// The rows that one call of a statement writes into one table.
#[derive(Debug, Clone, PartialEq)]
struct Write {
    /// Its place among the queries.
    query: usize,
    rows: f64,
    /// How often it counts.
    weight: f64,
    kind: WriteKind,
}

#[derive(Debug, Clone, PartialEq)]
enum WriteKind {
    Insert,
    Delete,
    /// Of these columns.
    Update(BTreeSet<String>),
}

/// One table's.
#[derive(Debug, Clone, PartialEq, Default)]
struct TableWrites {
    all: Vec<Write>,
    counted: RowCounters,
    /// The columns of each index that is there.
    present: Vec<BTreeSet<String>>,
}

/// What a workload writes, by table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Writes {
    tables: BTreeMap<QualifiedName, TableWrites>,
}

/// What an index adds to the work of one statement.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteEffect {
    pub query: usize,
    /// Entries that a call writes more than without it.
    pub entries: f64,
    /// It changes a column of the index and of none that is there.
    pub loses_hot: bool,
    pub ms: f64,
}

impl Writes {
    /// Notes the rows that a query writes, as its plan tells.
    pub fn note(
        &mut self,
        query: usize,
        (sql, weight): (&str, f64),
        plan: &QueryPlan,
        tables: &BTreeMap<QualifiedName, TableFacts>,
    ) {
        let set = columns_set(sql);
        for node in plan.root.walk() {
            let Some(facts) = node.relation.as_ref().and_then(|name| tables.get(name)) else {
                continue;
            };
            let changed = || {
                let known = |column: &&String| facts.columns.contains_key(*column);
                WriteKind::Update(set.iter().filter(known).cloned().collect())
            };
            let kinds = match node.operation.as_deref() {
                Some("Insert") if node.updates_conflicts => vec![WriteKind::Insert, changed()],
                Some("Insert") => vec![WriteKind::Insert],
                Some("Update") => vec![changed()],
                Some("Delete") => vec![WriteKind::Delete],
                // Some of the rows come one way and some another: each way is counted with all.
                Some("Merge") => vec![WriteKind::Insert, changed()],
                _ => continue,
            };
            let rows = node.children.iter().map(|child| child.estimated_rows);
            let rows = rows.sum::<f64>().max(1.0);
            let table = self
                .tables
                .entry(facts.name())
                .or_insert_with(|| TableWrites {
                    all: Vec::new(),
                    counted: facts.written,
                    present: facts
                        .indexes
                        .iter()
                        .map(|index| {
                            let parts = index.keys.iter().chain(&index.predicate);
                            let named = parts.flat_map(|text| columns_in(text, facts));
                            named.chain(index.include.iter().cloned()).collect()
                        })
                        .collect(),
                });
            table.all.extend(kinds.into_iter().map(|kind| Write {
                query,
                rows,
                weight,
                kind,
            }));
        }
    }

    /// What a set of indexes adds to all that is written.
    pub fn cost_ms(&self, set: &[&IndexSpec]) -> f64 {
        let each = self.tables.iter().map(|(name, table)| {
            let own: Vec<&IndexSpec> = set
                .iter()
                .copied()
                .filter(|spec| spec.table == *name)
                .collect();
            let writes = table.all.iter();
            writes
                .map(|write| write.weight * table.entries(write, &own).0 * ENTRY_MS)
                .sum::<f64>()
        });
        each.sum()
    }

    /// What an index adds to each statement, beside the others of a set.
    pub fn effects(&self, index: &IndexSpec, others: &[&IndexSpec]) -> Vec<WriteEffect> {
        let Some(table) = self.tables.get(&index.table) else {
            return Vec::new();
        };
        let others: Vec<&IndexSpec> = others
            .iter()
            .copied()
            .filter(|spec| spec.table == index.table && *spec != index)
            .collect();
        let mut with = others.clone();
        with.push(index);
        let writes = table.all.iter().map(|write| {
            let (before, _) = table.entries(write, &others);
            let (after, loses_hot) = table.entries(write, &with);
            let is_touched =
                matches!(&write.kind, WriteKind::Update(columns) if touches(index, columns));
            WriteEffect {
                query: write.query,
                entries: after - before,
                loses_hot: loses_hot && is_touched,
                ms: (after - before) * ENTRY_MS,
            }
        });
        writes.filter(|effect| effect.entries > 0.0).collect()
    }
}

impl TableWrites {
    /// The entries that a call writes more with these new indexes than without, and whether its updates were HOT and are
    /// so no more.
    fn entries(&self, write: &Write, new: &[&IndexSpec]) -> (f64, bool) {
        let own: f64 = new.iter().map(|spec| effort(spec.method)).sum();
        #[expect(clippy::cast_precision_loss, reason = "a number of indexes")]
        let present = self.present.len() as f64;
        match &write.kind {
            WriteKind::Insert => (write.rows * own, false),
            WriteKind::Delete => (write.rows * own * DELETED, false),
            WriteKind::Update(columns) => {
                let was_hot = self.present.iter().all(|known| known.is_disjoint(columns));
                let hot = self.counted.hot_share();
                match was_hot {
                    false => (write.rows * own, false),
                    true if new.iter().any(|spec| touches(spec, columns)) => {
                        (write.rows * (own + present * hot), true)
                    }
                    true => (write.rows * own * (1.0 - hot), false),
                }
            }
        }
    }
}

/// What an index adds to the writes that the server counted: in entries, and in milliseconds.
pub fn counted_entries(index: &IndexSpec, counted: RowCounters) -> (f64, f64) {
    let rows = counted.inserted + (counted.updated - counted.hot).max(0.0);
    let entries = rows + counted.deleted * DELETED;
    (rows, entries * effort(index.method) * ENTRY_MS)
}

/// Of one row, in entries of a sorted index.
fn effort(method: Method) -> f64 {
    match method {
        Method::Btree | Method::Hash => 1.0,
        Method::Gist | Method::Spgist => 4.0,
        // One for each element or word, gathered at first.
        Method::Gin => 5.0,
        Method::Brin => 0.1,
    }
}

/// An update of these columns has to write into the index.
fn touches(index: &IndexSpec, columns: &BTreeSet<String>) -> bool {
    let in_predicate = || {
        let text = index.predicate.as_deref().unwrap_or_default();
        words(text).any(|word| columns.contains(&word))
    };
    index
        .columns()
        .iter()
        .any(|column| columns.contains(column))
        || in_predicate()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    tokens(text).filter_map(|token| token.name())
}

fn columns_in(text: &str, facts: &TableFacts) -> Vec<String> {
    words(text)
        .filter(|word| facts.columns.contains_key(word))
        .collect()
}

/// What stands left of `=` behind SET: `UPDATE t SET a = 1, (b, c) = (2, 3)`.
fn columns_set(sql: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // How deep in parentheses the list of a SET is, and whether a column is next.
    let mut depth = 0_usize;
    let mut open: Option<(usize, bool)> = None;
    for token in tokens(sql) {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => {
                depth = depth.saturating_sub(1);
                open = open.filter(|(at, _)| depth >= *at);
            }
            "," => open = open.map(|(at, next)| (at, next || depth == at)),
            "=" => open = open.map(|(at, next)| (at, next && depth > at)),
            _ if token.is("case") => depth += 1,
            _ if token.is("end") => depth = depth.saturating_sub(1),
            _ if token.is("set") => open = Some((depth, true)),
            _ if ["from", "where", "returning", "when"]
                .iter()
                .any(|word| token.is(word)) =>
            {
                open = open.filter(|(at, _)| depth > *at);
            }
            _ => {
                if open.is_some_and(|(_, next)| next) {
                    found.extend(token.name());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Key, PresentIndex},
        *,
    };

    #[test]
    fn the_columns_that_an_update_sets_are_read_from_its_text() {
        for (sql, wanted) in [
            ("UPDATE t SET a = $1, \"B\" = f(c, d) WHERE e = 2", "B a"),
            (
                "UPDATE ONLY t AS x SET (a, b) = (1, (SELECT c FROM u)), d[1] = 3 FROM v WHERE f = 1",
                "a b d",
            ),
            (
                "INSERT INTO t (a, b) VALUES (1, 2) ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING c",
                "b",
            ),
            (
                "WITH x AS (UPDATE t SET a = 1 RETURNING b) SELECT c, d FROM x",
                "a",
            ),
            (
                "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET a = u.a WHEN NOT MATCHED THEN INSERT (b) VALUES (1)",
                "a",
            ),
            ("UPDATE t SET a = CASE WHEN c THEN 1 END, b = 2", "a b"),
            ("SELECT a FROM t", ""),
        ] {
            let found: Vec<String> = columns_set(sql).into_iter().collect();
            assert_eq!(found.join(" "), wanted, "{sql}");
        }
    }

    fn spec(keys: &[&str], predicate: Option<&str>) -> IndexSpec {
        IndexSpec {
            table: QualifiedName::new("public", "t"),
            method: Method::Btree,
            keys: keys.iter().map(|key| Key::column(key)).collect(),
            include: Vec::new(),
            predicate: predicate.map(str::to_owned),
        }
    }

    #[test]
    fn an_index_on_a_column_that_is_updated_takes_hot_from_all_and_another_costs_nothing() {
        let plan = serde_json::json!([{"Plan": {"Node Type": "ModifyTable", "Operation": "Update", "Schema": "public",
            "Relation Name": "t", "Plans": [{"Node Type": "Seq Scan", "Plan Rows": 10.0}]}}]);
        let plan = QueryPlan::parse(&plan).unwrap();
        let column = || super::super::ColumnFacts {
            type_name: "int4".into(),
            length: 4,
            align: 4,
            width: 4.0,
            null_fraction: 0.0,
            distinct: None,
            correlation: 0.0,
            not_null: false,
            deduplicates: true,
            collated: false,
            relabels: Vec::new(),
            classes: Vec::new(),
        };
        let facts = TableFacts {
            table: Some(QualifiedName::new("public", "t")),
            columns: ["a", "b", "c"]
                .map(|name| (name.to_owned(), column()))
                .into(),
            indexes: vec![PresentIndex {
                name: "t_pkey".into(),
                method: "btree".into(),
                keys: vec!["a".into()],
                include: Vec::new(),
                predicate: None,
                enforces: true,
                valid: true,
                scans: 0,
                bytes: 0,
            }],
            ..TableFacts::default()
        };
        let tables = BTreeMap::from([(facts.name(), facts)]);
        let mut writes = Writes::default();
        writes.note(3, ("UPDATE t SET b = 1", 1.0), &plan, &tables);
        let entries = |writes: &Writes, keys: &[&str], predicate| {
            let effects = writes.effects(&spec(keys, predicate), &[]);
            effects.first().map(|one| (one.entries, one.loses_hot))
        };
        // Ten rows: an entry in it and one in the primary key's.
        assert_eq!(entries(&writes, &["b"], None), Some((20.0, true)));
        assert_eq!(
            entries(&writes, &["c"], Some("(b = 1)")),
            Some((20.0, true))
        );
        assert_eq!(entries(&writes, &["c"], None), None);
        assert!(writes.cost_ms(&[&spec(&["b"], None)]) > writes.cost_ms(&[&spec(&["c"], None)]));
        writes.note(4, ("UPDATE t SET a = 1", 1.0), &plan, &tables);
        assert_eq!(
            entries(&writes, &["c"], None),
            Some((10.0, false)),
            "never HOT, whatever is added"
        );
    }
}
