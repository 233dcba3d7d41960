//! The maximum age of the counters, if the server is older than the objects that they count.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Catalog, reader::Reader};

/// When the database was made, and what tells which tables are newer than the last checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Births {
    /// When the database was made; `None`: not visible to the role.
    pub database: Option<Timestamp>,
    /// Transactions since the last checkpoint began; `None`: not told.
    pub checkpoint_xid_age: Option<u32>,
}

impl Catalog {
    /// A table or index whose row in `pg_class` is this many transactions old was created, emptied or rebuilt since the last
    /// checkpoint: some minutes ago at most, by the server's `checkpoint_timeout`.
    pub fn is_fresh(&self, row_xid_age: Option<u32>) -> bool {
        let ages = row_xid_age.zip(self.births.checkpoint_xid_age);
        ages.is_some_and(|(row, checkpoint)| row <= checkpoint)
    }
}

/// Reads them. If they cannot be read, findings keep their certainty, and the report has no gap.
pub(super) async fn read(reader: &Reader<'_>, superuser: bool) -> Births {
    let one = |sql| reader.rows(sql, &[], |row| row.optional_small_count());
    let checkpoint = one(include_str!("birth.sql")).await;
    let database = if superuser {
        let sql = include_str!("birth_of_database.sql");
        let read = reader.rows(sql, &[], |row| row.get::<Option<Timestamp>>());
        read.await.ok()
    } else {
        None
    };
    Births {
        database: database.and_then(|rows| rows.into_iter().next().flatten()),
        checkpoint_xid_age: checkpoint
            .ok()
            .and_then(|rows| rows.into_iter().next().flatten()),
    }
}
