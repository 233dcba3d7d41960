//! A catalog with nothing in it, for tests.

use std::collections::HashMap;

use super::{Births, Catalog, Cost, Database, Server, Settings, snapshot::Lookup};

impl Catalog {
    /// Nothing but the server and the database.
    pub(crate) fn bare(server: Server, database: Database) -> Self {
        Self {
            server,
            database,
            settings: Settings::default(),
            neighbours: Vec::new(),
            extensions: Vec::new(),
            activity: Vec::new(),
            locks: Vec::new(),
            prepared: Vec::new(),
            slots: Vec::new(),
            senders: Vec::new(),
            standby: None,
            tables: Vec::new(),
            columns: Vec::new(),
            indexes: Vec::new(),
            constraints: Vec::new(),
            triggers: Vec::new(),
            sequences: Vec::new(),
            statements: None,
            wal: None,
            checkpoints: None,
            archiver: None,
            io: Vec::new(),
            vacuums: Vec::new(),
            builds: Vec::new(),
            exact_bloat: Vec::new(),
            operator_classes: HashMap::new(),
            collations: HashMap::new(),
            collation_drifts: Vec::new(),
            births: Births::default(),
            host: None,
            unread: Vec::new(),
            cost: Cost::default(),
            lookup: Lookup::default(),
        }
    }
}
