//! Storage parameters, as `reloptions` holds them.

use serde::{Deserialize, Serialize};

/// `{fillfactor=70, autovacuum_enabled=off}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StorageOptions(pub Vec<String>);

impl StorageOptions {
    /// The option's value, where it is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|option| {
            option
                .split_once('=')
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value)
        })
    }

    /// The option's number, where it is set.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.parse().ok()
    }

    /// Whether a boolean option is off: the server accepts several spellings.
    pub fn is_off(&self, name: &str) -> bool {
        matches!(self.get(name), Some("off" | "false" | "no" | "0"))
    }
}
