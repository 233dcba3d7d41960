//! What the history says.

use std::collections::BTreeMap;

/// The history table's rows: each version recorded, with its checksum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded(pub BTreeMap<i64, u64>);

impl Recorded {
    /// The migration was carried out once.
    #[must_use]
    pub fn has(&self, version: i64) -> bool {
        self.0.contains_key(&version)
    }

    /// The migration was carried out, from a file that read otherwise.
    #[must_use]
    pub fn differs(&self, version: i64, checksum: u64) -> bool {
        self.0.get(&version).is_some_and(|known| *known != checksum)
    }
}
