//! What a decision stands on.

use std::time::Duration;

use crate::catalog::index_state::{Definition, IndexCatalog, Oid, Relation};

/// What the user allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Build an index although the same one stands under another name.
    pub allow_duplicates: bool,
    /// Replace an index of the same name and another definition.
    pub replace: bool,
    /// How long a statement that needs a lock against readers or writers may wait for it.
    pub brief_lock_timeout: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allow_duplicates: false,
            replace: false,
            // Whoever queues behind such a wait is held up no longer than this.
            brief_lock_timeout: Duration::from_millis(50),
        }
    }
}

/// The catalog, with the desired indexes' definitions beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What the server holds.
    pub catalog: IndexCatalog,
    /// For each desired statement, in their order: how its definition reads on this server, or why the
    /// server would not have it. `None` for drops and rebuilds, and where the table does not exist.
    pub definitions: Vec<Option<Result<Definition, String>>>,
}

impl Seen {
    pub(super) fn relation(&self, oid: Oid) -> Option<&Relation> {
        self.catalog
            .relations
            .iter()
            .find(|relation| relation.oid == oid)
    }

    /// The table asked for by this quoted name.
    pub(super) fn table(&self, quoted: &str) -> Option<&Relation> {
        let oid = self
            .catalog
            .tables
            .iter()
            .find(|table| table.asked == quoted)?
            .oid?;
        self.relation(oid)
    }
}
