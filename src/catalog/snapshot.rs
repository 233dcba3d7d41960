//! Everything that the report judges: raw facts of one database, joined, from one snapshot.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    Activity, Archiver, Births, Checkpoints, CollationDrift, Column, Constraint, Cost, Database,
    ExactBloat, ExclusiveLock, Extension, Fact, Index, IndexProgress, Io, Neighbour, OperatorClass,
    PreparedTransaction, ReplicationSender, ReplicationSlot, Sequence, Server, Settings, Standby,
    Statements, Table, TableKind, Trigger, UnreadFact, VacuumProgress, Wal,
};

/// The facts. A list is empty and an option `None` also where the fact was not read: `unread` tells,
/// and the registry of checks does not run a check whose facts are missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    pub server: Server,
    pub database: Database,
    pub settings: Settings,
    pub neighbours: Vec<Neighbour>,
    pub extensions: Vec<Extension>,
    pub activity: Vec<Activity>,
    /// Exclusive locks on relations, of other sessions.
    pub locks: Vec<ExclusiveLock>,
    pub prepared: Vec<PreparedTransaction>,
    pub slots: Vec<ReplicationSlot>,
    pub senders: Vec<ReplicationSender>,
    /// The standby's own view, where this is one.
    pub standby: Option<Standby>,
    /// Tables of every kind, TOAST tables too, by schema and name.
    pub tables: Vec<Table>,
    /// Columns, by table and number.
    pub columns: Vec<Column>,
    /// Indexes, by schema and name.
    pub indexes: Vec<Index>,
    pub constraints: Vec<Constraint>,
    /// Triggers that do not fire as usual.
    pub triggers: Vec<Trigger>,
    /// Sequences, by schema and name.
    pub sequences: Vec<Sequence>,
    /// `pg_stat_statements`, where it is there.
    pub statements: Option<Statements>,
    /// `pg_stat_wal`, from 14 on.
    pub wal: Option<Wal>,
    pub checkpoints: Option<Checkpoints>,
    pub archiver: Option<Archiver>,
    /// `pg_stat_io`, from 16 on.
    pub io: Vec<Io>,
    pub vacuums: Vec<VacuumProgress>,
    pub builds: Vec<IndexProgress>,
    /// What pgstattuple measured, where it was asked to.
    pub exact_bloat: Vec<ExactBloat>,
    /// Operator classes that indexes use, by oid.
    pub operator_classes: HashMap<u32, OperatorClass>,
    /// Names of collations that indexes use, by oid, quoted where needed.
    pub collations: HashMap<u32, String>,
    /// Collations whose version changed under their indexes.
    #[serde(default)]
    pub collation_drifts: Vec<CollationDrift>,
    /// How old the database and its tables can be.
    #[serde(default)]
    pub births: Births,
    /// The machine or container, where it is the server's and can be seen.
    #[serde(default)]
    pub host: Option<super::host::Host>,
    /// What could not be read.
    pub unread: Vec<UnreadFact>,
    pub cost: Cost,
    #[serde(skip)]
    pub(super) lookup: Lookup,
}

/// Positions by oid; rebuilt after deserialising.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lookup {
    tables: HashMap<u32, usize>,
    indexes: HashMap<u32, usize>,
    indexes_of: HashMap<u32, Vec<usize>>,
    attached_to: HashMap<u32, Vec<usize>>,
    columns_of: HashMap<u32, (usize, usize)>,
    constraint_of_index: HashMap<u32, usize>,
    constraints_of: HashMap<u32, Vec<usize>>,
    foreign_keys_to: HashMap<u32, Vec<usize>>,
    partitions_of: HashMap<u32, Vec<usize>>,
    main_of_toast: HashMap<u32, usize>,
}

impl Catalog {
    /// Sorts what is looked up by position, and builds the maps. To be called after filling the lists.
    pub fn arrange(&mut self) {
        self.tables
            .sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        self.indexes
            .sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        self.sequences
            .sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        self.columns
            .sort_by_key(|column| (column.table, column.number));
        let mut lookup = Lookup::default();
        for (at, table) in self.tables.iter().enumerate() {
            lookup.tables.insert(table.oid, at);
            if let Some(toast) = table.toast {
                lookup.main_of_toast.insert(toast, at);
            }
            if let Some(parent) = table.parent {
                lookup.partitions_of.entry(parent).or_default().push(at);
            }
        }
        for (at, index) in self.indexes.iter().enumerate() {
            lookup.indexes.insert(index.oid, at);
            lookup.indexes_of.entry(index.table).or_default().push(at);
            if let Some(parent) = index.parent {
                lookup.attached_to.entry(parent).or_default().push(at);
            }
        }
        for (at, column) in self.columns.iter().enumerate() {
            lookup.columns_of.entry(column.table).or_insert((at, at)).1 = at + 1;
        }
        for (at, constraint) in self.constraints.iter().enumerate() {
            lookup
                .constraints_of
                .entry(constraint.table)
                .or_default()
                .push(at);
            if let Some(referenced) = constraint.referenced_table {
                let keys = lookup.foreign_keys_to.entry(referenced).or_default();
                keys.push(at);
            }
            let owns = !matches!(
                constraint.kind,
                super::ConstraintKind::ForeignKey
                    | super::ConstraintKind::Check
                    | super::ConstraintKind::NotNull
            );
            if let Some(index) = constraint.index.filter(|_| owns) {
                lookup.constraint_of_index.insert(index, at);
            }
        }
        self.lookup = lookup;
    }

    pub fn table(&self, oid: u32) -> Option<&Table> {
        self.lookup.tables.get(&oid).map(|at| &self.tables[*at])
    }

    pub fn index(&self, oid: u32) -> Option<&Index> {
        self.lookup.indexes.get(&oid).map(|at| &self.indexes[*at])
    }

    /// The table's indexes, by name.
    pub fn indexes_of(&self, table: u32) -> impl Iterator<Item = &Index> {
        let found = self.lookup.indexes_of.get(&table);
        found.into_iter().flatten().map(|at| &self.indexes[*at])
    }

    /// The index and everything attached to it, at any depth: one tree, of which no part can be dropped alone.
    pub fn tree_of<'a>(&'a self, index: &'a Index) -> Vec<&'a Index> {
        let mut tree = vec![index];
        let mut at = 0;
        while let Some(index) = tree.get(at) {
            let attached = self.lookup.attached_to.get(&index.oid);
            tree.extend(attached.into_iter().flatten().map(|at| &self.indexes[*at]));
            at += 1;
        }
        tree
    }

    /// The size of [`Self::tree_of`] the index.
    pub fn tree_bytes(&self, index: &Index) -> u64 {
        self.tree_of(index).iter().map(|index| index.bytes).sum()
    }

    /// The table's columns, by number.
    pub fn columns_of(&self, table: u32) -> &[Column] {
        self.lookup
            .columns_of
            .get(&table)
            .map_or(&[], |(from, to)| &self.columns[*from..*to])
    }

    pub fn column(&self, table: u32, number: i16) -> Option<&Column> {
        let columns = self.columns_of(table);
        columns
            .binary_search_by_key(&number, |column| column.number)
            .ok()
            .map(|at| &columns[at])
    }

    /// The names of these columns; an expression (number 0) is `(expression)`.
    pub fn column_names(&self, table: u32, numbers: &[i16]) -> Vec<&str> {
        numbers
            .iter()
            .map(|number| {
                self.column(table, *number)
                    .map_or("(expression)", |column| column.name.as_str())
            })
            .collect()
    }

    pub fn constraints_of(&self, table: u32) -> impl Iterator<Item = &Constraint> {
        let found = self.lookup.constraints_of.get(&table);
        found.into_iter().flatten().map(|at| &self.constraints[*at])
    }

    /// The foreign keys that refer to the table.
    pub fn foreign_keys_to(&self, table: u32) -> impl Iterator<Item = &Constraint> {
        let found = self.lookup.foreign_keys_to.get(&table);
        found.into_iter().flatten().map(|at| &self.constraints[*at])
    }

    /// Whether a table, index or sequence has this name.
    pub fn has_relation(&self, schema: &str, name: &str) -> bool {
        let wanted = (schema, name);
        let order = |schema: &str, name: &str| (schema, name).cmp(&wanted);
        self.tables
            .binary_search_by(|table| order(&table.schema, &table.name))
            .is_ok()
            || self
                .indexes
                .binary_search_by(|index| order(&index.schema, &index.name))
                .is_ok()
            || self
                .sequences
                .binary_search_by(|sequence| order(&sequence.schema, &sequence.name))
                .is_ok()
    }

    /// The PRIMARY KEY, UNIQUE or EXCLUDE constraint that the index is behind.
    pub fn constraint_of_index(&self, index: u32) -> Option<&Constraint> {
        self.lookup
            .constraint_of_index
            .get(&index)
            .map(|at| &self.constraints[*at])
    }

    pub fn partitions_of(&self, table: u32) -> impl Iterator<Item = &Table> {
        let found = self.lookup.partitions_of.get(&table);
        found.into_iter().flatten().map(|at| &self.tables[*at])
    }

    /// The table whose TOAST table this is.
    pub fn main_of_toast(&self, toast: u32) -> Option<&Table> {
        self.lookup
            .main_of_toast
            .get(&toast)
            .map(|at| &self.tables[*at])
    }

    /// Tables that store rows, without TOAST tables: ordinary ones, partitions, materialized views.
    pub fn stored_tables(&self) -> impl Iterator<Item = &Table> {
        self.tables
            .iter()
            .filter(|table| table.has_storage() && table.kind != TableKind::Toast)
    }

    /// Connected standbys: receivers that only copy the WAL, and those of a logical slot, are none.
    pub fn standbys(&self) -> impl Iterator<Item = &ReplicationSender> {
        let logical = |pid: i32| {
            let mut slots = self.slots.iter();
            slots.any(|slot| slot.active_pid == Some(pid) && slot.kind == "logical")
        };
        self.senders.iter().filter(move |sender| {
            let copies = ["pg_basebackup", "pg_receivewal", "barman_receive_wal"];
            let name = sender.application.as_deref().unwrap_or_default();
            !copies.contains(&name)
                && sender.state.as_deref() != Some("backup")
                && !logical(sender.pid)
        })
    }

    /// Whether the fact was read, at least in part: else an empty list means nothing.
    pub fn knows(&self, fact: Fact) -> bool {
        self.unread
            .iter()
            .all(|unread| unread.fact != fact || unread.partial)
    }

    /// The extension, where it is installed.
    pub fn extension(&self, name: &str) -> Option<&Extension> {
        self.extensions
            .iter()
            .find(|extension| extension.name == name)
    }

    /// Days since the counters began; `None`: unknown.
    pub fn statistics_days(&self) -> Option<f64> {
        let since = self.database.stats_reset?;
        Some(self.server.taken_at.duration_since(since).as_secs_f64() / 86_400.0)
    }
}
