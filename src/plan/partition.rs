//! The index of a partitioned table: `ON ONLY` the parent, each partition's concurrently, attached.
//!
//! Postgres has no concurrent build for a partitioned table. `CREATE INDEX … ON ONLY` makes the parent's index,
//! invalid until every partition has a valid one attached. `ATTACH PARTITION` silently takes an invalid index; such
//! a one is reindexed concurrently and attached again, which is idempotent and validates the parent.
//! A partition that is attached to the table meanwhile gets its index from Postgres itself.

use std::collections::HashSet;

use super::{
    Action, DeployPolicy, Snapshot, SqlStatement, Step,
    decide::{
        StepBuilder,
        created::{WantedIndex, comment},
    },
    leftover::{is_partition_index_name, is_reindex_leftover, partition_index_name},
};
use crate::{
    catalog::{
        QualifiedName,
        index_state::{Definition, IndexHealth, IndexState, LockHolder, Relation},
    },
    migration::{CreateIndex, ReindexTarget},
};

/// From this version on, attaching an index that is attached already makes the server look whether the parent
/// has become valid. Source: `ATExecAttachPartitionIdx` in tablecmds.c; tried out on 13.23 to 18.4.
const VALIDATES_SINCE: u32 = 140_000;

/// Walks the tree and gathers what is to be sent.
struct Walk<'a> {
    seen: &'a Snapshot,
    wanted: &'a CreateIndex,
    definition: &'a Definition,
    policy: &'a DeployPolicy,
    sends: Vec<SqlStatement>,
    /// The names given in this walk, by schema.
    given: HashSet<QualifiedName>,
    leftovers: Vec<QualifiedName>,
    bytes: u64,
    partitions: usize,
    /// Why it cannot be done, or whom to wait for first.
    stop: Option<Obstacle>,
}

enum Obstacle {
    Refuse(String),
    Wait(LockHolder, QualifiedName),
}

pub(super) fn decide(
    about: &StepBuilder<'_>,
    wanted: &WantedIndex<'_>,
    definition: &Definition,
) -> Step {
    let (root, seen, policy) = (about.relation, wanted.replay.seen, wanted.replay.policy);
    let own = root
        .indexes
        .iter()
        .find(|index| index.name == about.index.name);
    if let Some(index) = own
        && !definition.matches(index)
    {
        let reason = format!(
            "another index has this name: found `{}`, expected `{}`; an index on a partitioned table is not \
             replaced in place: give the new one its own name",
            index.tail, definition.tail
        );
        return about.step(Action::Refuse, reason, Vec::new());
    }
    if let Some(index) = own
        && let Some(parent) = index.attached_to
        && !seen
            .catalog
            .relations
            .iter()
            .any(|r| r.indexes.iter().any(|i| i.oid == parent))
    {
        // The table asked for is itself a partition: its parent's index is somebody else's matter.
        return about.step(
            Action::Keep,
            "it is part of the parent table's index",
            Vec::new(),
        );
    }
    let mut walk = Walk {
        seen,
        wanted: wanted.create,
        definition,
        policy,
        sends: Vec::new(),
        given: HashSet::new(),
        leftovers: Vec::new(),
        bytes: root.bytes,
        partitions: 0,
        stop: None,
    };
    walk.node(root, own, &about.index.name);
    let partitions = walk.partitions;
    let mut step = match (walk.stop, own, walk.sends.is_empty()) {
        (Some(Obstacle::Refuse(reason)), ..) => about.step(Action::Refuse, reason, Vec::new()),
        (Some(Obstacle::Wait(holder, index)), ..) => {
            let reason =
                format!("{holder} may be building {index}: wait until it finishes, then run again");
            let mut step = about.step(Action::Adopt, reason, Vec::new());
            step.wait_for = Some(holder);
            step
        }
        (None, Some(_), true) if !walk.leftovers.is_empty() => {
            let names: Vec<String> = walk.leftovers.iter().map(ToString::to_string).collect();
            let reason = format!(
                "it is as desired; {} remains from an interrupted run",
                names.join(", ")
            );
            let drops = walk
                .leftovers
                .into_iter()
                .map(|index| SqlStatement::Drop { index });
            about.step(Action::Drop, reason, drops.collect())
        }
        (None, Some(index), true) => comment(about, wanted, index),
        (None, Some(_), false) => about.step(
            Action::Rebuild,
            "not every partition has its part of the index",
            walk.sends,
        ),
        (None, None, _) => {
            let reason = format!("it does not exist; the table has {partitions} partitions");
            about.step(Action::Create, reason, walk.sends)
        }
    };
    step.table_bytes = walk.bytes;
    step
}

impl Walk<'_> {
    /// A partitioned table, with the index that stands for it so far.
    fn node(&mut self, table: &Relation, own: Option<&IndexState>, name: &str) {
        let before = self.sends.len();
        let parent = QualifiedName::new(&table.schema, own.map_or(name, |index| &index.name));
        if own.is_none() {
            self.sends.push(SqlStatement::CreateOnly {
                unique: self.wanted.unique,
                name: name.to_owned(),
                table: table.qualified(),
                definition: self.wanted.definition.clone(),
                lock_timeout: self.policy.brief_lock_timeout,
            });
        }
        let seen = self.seen;
        let children = || {
            seen.catalog
                .relations
                .iter()
                .filter(|r| r.parent == Some(table.oid) && r.root == table.root)
        };
        for child in children() {
            self.partitions += 1;
            self.bytes += child.bytes;
            self.child(child, own, &parent);
            if self.stop.is_some() {
                return;
            }
        }
        if own.is_some_and(|index| index.health() == IndexHealth::Invalid)
            && self.sends.len() == before
        {
            // Every part is there; attaching one of them again makes the server look and validate.
            let part = children().find_map(|child| attached(child, own));
            match part {
                Some(_) if seen.catalog.version_num < VALIDATES_SINCE => {
                    self.stop = Some(Obstacle::Refuse(format!(
                        "every part of {parent} exists and is valid, but PostgreSQL 13 cannot be made to check again \
                            and mark it valid; in a quiet moment, run: SET lock_timeout = '1s'; DROP INDEX {}; then \
                            run again",
                        parent.quoted()
                    )));
                }
                Some(part) => self.attach(&parent, &part.qualified()),
                None => {
                    self.stop = Some(Obstacle::Refuse(format!(
                        "{parent} is not valid, and its table has no partition left that could make it valid; drop \
                            it, and run again"
                    )));
                }
            }
        }
    }

    fn child(
        &mut self,
        table: &Relation,
        parent_index: Option<&IndexState>,
        parent: &QualifiedName,
    ) {
        if table.kind == "f" {
            self.stop = Some(Obstacle::Refuse(format!(
                "partition {} is a foreign table and cannot have an index, so an index on the whole table never \
                    becomes valid; detach that partition, or index each of the others with its own migration",
                table.qualified()
            )));
            return;
        }
        let part = attached(table, parent_index);
        if table.is_partitioned() {
            let candidate = part.or_else(|| self.candidate(table));
            let name = candidate.map_or_else(|| self.free_name(table), |index| index.name.clone());
            if candidate.is_none() {
                self.given.insert(QualifiedName::new(&table.schema, &name));
            }
            self.node(table, candidate, &name);
            if part.is_none() && self.stop.is_none() {
                self.attach(parent, &QualifiedName::new(&table.schema, name));
            }
            return;
        }
        match part.or_else(|| self.candidate(table)) {
            Some(index) if index.health() == IndexHealth::Valid => {
                let is_left = |other: &&IndexState| {
                    is_reindex_leftover(other, &index.name)
                        || self.is_discarded(other, index, table)
                };
                if table.builder(None).is_none() {
                    let left = table.indexes.iter().filter(is_left);
                    let left: Vec<QualifiedName> = left.map(IndexState::qualified).collect();
                    self.leftovers.extend(left);
                }
                if part.is_none() {
                    self.attach(parent, &index.qualified());
                }
            }
            Some(index) => {
                if let Some(holder) = table.builder(Some(index.oid)) {
                    self.stop = Some(Obstacle::Wait(holder.clone(), index.qualified()));
                    return;
                }
                if part.is_some() {
                    let name = index.qualified();
                    self.sends.push(SqlStatement::Reindex {
                        target: ReindexTarget::Index,
                        name,
                        tablespace: None,
                    });
                } else {
                    self.sends.push(SqlStatement::Drop {
                        index: index.qualified(),
                    });
                    self.create(table, &index.name);
                }
                self.attach(parent, &index.qualified());
            }
            None => {
                let name = self.free_name(table);
                self.create(table, &name);
                self.attach(parent, &QualifiedName::new(&table.schema, name));
            }
        }
    }

    /// An index of the partition that can be attached: valid and as desired under any name, or not valid under
    /// the name that this walk gives.
    fn candidate<'r>(&self, table: &'r Relation) -> Option<&'r IndexState> {
        let is_ours = |name: &str| is_partition_index_name(name, &table.name, &self.wanted.name);
        let fits = |index: &&IndexState| {
            index.attached_to.is_none()
                && index.constraint.is_none()
                && self.definition.matches(index)
        };
        let usable =
            |index: &&IndexState| index.partitioned || index.health() == IndexHealth::Valid;
        table.indexes.iter().filter(fits).find(usable).or_else(|| {
            table
                .indexes
                .iter()
                .filter(fits)
                .find(|index| is_ours(&index.name))
        })
    }

    /// An invalid build of this walk's, beside an index that serves in its place.
    fn is_discarded(&self, other: &IndexState, serving: &IndexState, table: &Relation) -> bool {
        other.oid != serving.oid
            && other.health() == IndexHealth::Invalid
            && other.attached_to.is_none()
            && other.constraint.is_none()
            && self.definition.matches(other)
            && is_partition_index_name(&other.name, &table.name, &self.wanted.name)
    }

    /// A name that nothing in the schema has: long names are cut, and partitions' names often begin alike.
    fn free_name(&self, table: &Relation) -> String {
        let taken = |name: &str| {
            table.indexes.iter().any(|index| index.name == name)
                || self
                    .seen
                    .catalog
                    .names
                    .contains(&(table.schema.clone(), name.to_owned()))
                || self
                    .given
                    .contains(&QualifiedName::new(&table.schema, name))
        };
        let mut number = 0;
        loop {
            let name = partition_index_name(&table.name, &self.wanted.name, number);
            if !taken(&name) {
                return name;
            }
            number += 1;
        }
    }

    fn create(&mut self, table: &Relation, name: &str) {
        self.given.insert(QualifiedName::new(&table.schema, name));
        self.sends.push(SqlStatement::Create {
            unique: self.wanted.unique,
            name: name.to_owned(),
            table: table.qualified(),
            definition: self.wanted.definition.clone(),
        });
    }

    fn attach(&mut self, parent: &QualifiedName, child: &QualifiedName) {
        self.sends.push(SqlStatement::Attach {
            parent: parent.clone(),
            child: child.clone(),
            lock_timeout: self.policy.brief_lock_timeout,
        });
    }
}

/// The partition's index that is attached to the parent's.
fn attached<'r>(table: &'r Relation, parent: Option<&IndexState>) -> Option<&'r IndexState> {
    let parent = parent?.oid;
    table
        .indexes
        .iter()
        .find(|index| index.attached_to == Some(parent))
}
