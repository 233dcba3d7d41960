//! The inputs of a decision.

use std::{collections::BTreeMap, time::Duration};

use super::{Recorded, StatementPosition};
use crate::catalog::index_state::{Definition, IndexCatalog, NoDefinition, Oid, Relation};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployPolicy {
    /// Build an index although the same one stands under another name.
    pub allow_duplicates: bool,
    /// Replace an index of the same name and another definition.
    pub replace: bool,
    /// How long a statement that needs a lock against readers or writers may wait for it.
    pub brief_lock_timeout: Duration,
}

impl Default for DeployPolicy {
    fn default() -> Self {
        Self {
            allow_duplicates: false,
            replace: false,
            // Whoever queues behind such a wait is held up no longer than this.
            brief_lock_timeout: Duration::from_millis(50),
        }
    }
}

/// How the files' `CREATE`s read on this server, or why that cannot be known; by their places. Those whose table is
/// not there are left out.
pub type Definitions = BTreeMap<StatementPosition, Result<Definition, NoDefinition>>;

/// What one look at the server saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub catalog: IndexCatalog,
    pub recorded: Recorded,
    pub definitions: Definitions,
}

impl Snapshot {
    pub(super) fn relation(&self, oid: Oid) -> Option<&Relation> {
        self.catalog
            .relations
            .iter()
            .find(|relation| relation.oid == oid)
    }

    /// The table asked for by this quoted name.
    pub(super) fn table(&self, quoted: &str) -> Option<&Relation> {
        self.relation(self.catalog.table_oid(quoted)?)
    }
}
