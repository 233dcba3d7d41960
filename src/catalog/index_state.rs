//! The state of the indexes that migrations name: everything that `apply-indexes` bases its decisions on.

mod definition;
mod load;

use std::collections::HashSet;

use serde::Deserialize;

pub use self::{
    definition::{Definition, NoDefinition},
    load::{load, load_details, load_others, load_partitions},
};
use super::QualifiedName;

pub type Oid = u32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexCatalog {
    pub in_recovery: bool,
    /// `server_version_num`
    pub version_num: u32,
    pub user: String,
    pub database: String,
    /// The role may create temporary tables.
    pub may_create_temporary: bool,
    /// The history table, where it is there.
    pub history: Option<HistoryTable>,
    /// The schema that a new history table would be made in, where there is such a schema.
    pub history_schema: Option<String>,
    /// The current role may make it there.
    pub may_make_history: bool,
    /// The schemas that a name without one is looked for in, in order; `pg_catalog` among them.
    pub search_path: Vec<String>,
    /// The tables asked for; `oid` is `None` where there is no such table.
    pub tables: Vec<TableLookup>,
    /// What stands under the names of indexes asked for, in the schemas that may be meant.
    pub taken: Vec<Namesake>,
    /// The tables asked for, those of the indexes asked for, and below partitioned ones every partition.
    pub relations: Vec<Relation>,
    /// Every name taken in the partitions' schemas, with the schema. Read apart ([`load_details`]), where something is
    /// not as desired.
    pub names: HashSet<(String, String)>,
}

impl IndexCatalog {
    pub fn index(&self, name: &QualifiedName) -> Option<&IndexState> {
        let oid = self.taken(name)?.oid;
        self.table_of(oid)?
            .indexes
            .iter()
            .find(|index| index.oid == oid)
    }

    /// The table that an index is on.
    pub fn table_of(&self, index: Oid) -> Option<&Relation> {
        let table = self.taken.iter().find(|taken| taken.oid == index);
        let is_it = |relation: &&Relation| match table {
            Some(taken) => taken.table == Some(relation.oid),
            None => relation.indexes.iter().any(|known| known.oid == index),
        };
        self.relations.iter().find(is_it)
    }

    /// The tables, which are not asked for, of indexes under names that are.
    pub fn tables_of_others(&self) -> impl Iterator<Item = Oid> {
        let known = |oid: &Oid| self.relations.iter().any(|r| r.oid == *oid);
        let tables: HashSet<Oid> = self.taken.iter().filter_map(|taken| taken.table).collect();
        tables.into_iter().filter(move |oid| !known(oid))
    }

    /// The table asked for by this quoted name.
    pub fn table_oid(&self, quoted: &str) -> Option<Oid> {
        self.tables.iter().find(|table| table.asked == quoted)?.oid
    }

    /// What has this name, of the names asked for.
    pub fn taken(&self, name: &QualifiedName) -> Option<&Namesake> {
        self.taken
            .iter()
            .find(|taken| taken.name == name.name && taken.schema == name.schema)
    }
}

/// Where the history table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryTable {
    pub schema: String,
    pub name: String,
    /// The current role may read and write it.
    pub may_write: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLookup {
    /// As it was asked for, quoted.
    pub asked: String,
    /// `None`: there is no such table on the search path.
    pub oid: Option<Oid>,
}

/// A relation that stands under a wanted index's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namesake {
    pub oid: Oid,
    /// `pg_class.relkind`.
    pub kind: String,
    pub schema: String,
    pub name: String,
    /// Of an index: its table.
    pub table: Option<Oid>,
    /// Of an index: its table's name.
    pub table_name: Option<String>,
}

impl Namesake {
    /// What it is, in words.
    pub fn describe(&self) -> String {
        let what = match (&self.table_name, self.kind.as_str()) {
            (Some(table), _) => return format!("an index of {}.{table}", self.schema),
            (None, "r" | "p") => "a table",
            (None, "S") => "a sequence",
            (None, "v") => "a view",
            (None, "m") => "a materialized view",
            (None, "c") => "a type",
            (None, "f") => "a foreign table",
            (None, _) => "a relation that is not an index",
        };
        what.to_owned()
    }
}

/// A table, materialized view or partition, with its indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    pub oid: Oid,
    /// Of a partition (in this tree): the table it is a partition of.
    pub parent: Option<Oid>,
    /// The table of the tree that was asked for; its own OID outside a tree.
    pub root: Oid,
    /// `pg_class.relkind`: r table, p partitioned table, m materialized view, f foreign table, v view.
    pub kind: String,
    pub schema: String,
    pub name: String,
    /// The current role has the owner's rights.
    pub owned: bool,
    pub owner: String,
    /// The current role may become the owner by `SET ROLE`, whether or not it has the owner's rights as it is.
    pub may_become_owner: bool,
    /// The current role may create in the schema.
    pub may_create: bool,
    /// `relpages` in bytes: an estimate, taken without a lock.
    pub bytes: u64,
    pub indexes: Vec<IndexState>,
    /// Other sessions that hold a `SHARE UPDATE EXCLUSIVE` lock on it, as a concurrent build does. Read apart
    /// ([`load_details`]), where something is not as desired.
    pub holders: Vec<LockHolder>,
}

impl Relation {
    pub fn qualified(&self) -> QualifiedName {
        QualifiedName::new(&self.schema, &self.name)
    }

    pub fn is_partitioned(&self) -> bool {
        self.kind == "p"
    }

    /// A session that may be building an index here: any holder that is not known to be at something else
    /// (role and server decide how much is known). Of several, the one known to build `index` goes first.
    pub fn builder(&self, index: Option<Oid>) -> Option<&LockHolder> {
        self.holders
            .iter()
            .filter(|holder| holder.maintenance != Some(true))
            .min_by_key(|holder| holder.building.is_none() || holder.building != index)
    }
}

/// Whether an index can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexHealth {
    /// Valid and ready: queries use it.
    Valid,
    /// Not to be used by queries; it may still cost writes and reject duplicates.
    Invalid,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexState {
    pub oid: Oid,
    pub schema: String,
    pub name: String,
    /// It is of a partitioned table, and holds no rows itself.
    pub partitioned: bool,
    /// `indisvalid`
    pub valid: bool,
    /// `indisready`
    pub ready: bool,
    /// `indislive`
    pub live: bool,
    /// `indisunique`
    pub unique: bool,
    /// `indisreplident`
    pub replica_identity: bool,
    /// The partitioned index it is attached to.
    pub attached_to: Option<Oid>,
    /// The PRIMARY KEY, UNIQUE or EXCLUDE constraint that stands on it. Read apart ([`load_details`]), as are the foreign
    /// key, the comment, the extensions and the statistics below.
    pub constraint: Option<String>,
    pub comment: Option<String>,
    /// A foreign key that refers to the table through it.
    pub referenced_by: Option<String>,
    /// `CLUSTER` goes by it.
    pub clustered: bool,
    /// The extensions it is marked to depend on.
    pub extensions: Vec<String>,
    /// Its expressions that have a statistics target of their own, as SQL, with that target.
    pub statistics: Vec<(String, i32)>,
    /// Its tablespace, where it is not the database's default.
    pub tablespace: Option<String>,
    /// `relpages` in bytes.
    pub bytes: u64,
    /// `pg_get_indexdef`
    pub definition: String,
    /// `pg_get_indexdef` from behind the table's name: `USING btree (a)`.
    pub tail: String,
}

impl IndexState {
    pub fn qualified(&self) -> QualifiedName {
        QualifiedName::new(&self.schema, &self.name)
    }

    pub fn health(&self) -> IndexHealth {
        if self.valid && self.ready && self.live {
            IndexHealth::Valid
        } else {
            IndexHealth::Invalid
        }
    }
}

/// A session that holds the lock a concurrent build holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LockHolder {
    /// Its process; `None`: a prepared transaction.
    pub pid: Option<i32>,
    pub user: Option<String>,
    pub application: Option<String>,
    /// As `pg_stat_activity` has it.
    pub backend_type: Option<String>,
    /// As `pg_stat_activity` has it.
    pub state: Option<String>,
    pub query: Option<String>,
    /// Milliseconds since its transaction began.
    pub since_ms: Option<i64>,
    /// The index it is known to build.
    pub building: Option<Oid>,
    /// It is known to vacuum or analyze.
    pub maintenance: Option<bool>,
}

impl std::fmt::Display for LockHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(pid) = self.pid else {
            return f.write_str("a prepared transaction");
        };
        write!(f, "pid {pid}")?;
        let who: Vec<&str> = [self.user.as_deref(), self.application.as_deref()]
            .into_iter()
            .flatten()
            .filter(|text| !text.is_empty())
            .collect();
        if !who.is_empty() {
            write!(f, " ({})", who.join(", "))?;
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Default)]
pub struct IndexQuery {
    /// Tables, quoted, without repetition.
    pub tables: Vec<String>,
    /// Tables by their OIDs, whatever their names are by now.
    pub oids: Vec<Oid>,
    pub names: Vec<String>,
    /// The schemas of such names where a file says one, unquoted.
    pub schemas: Vec<String>,
    pub history: String,
    /// The history table's schema, unquoted, where one is given.
    pub history_schema: Option<String>,
}
