//! What `dbaudit config` shows.

use serde::Serialize;

use crate::config::Setting;

/// Every setting and where it came from.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    schema_version: u32,
    command: &'static str,
    pub(crate) settings: Vec<Setting>,
}

impl Settings {
    #[must_use]
    pub fn new(settings: Vec<Setting>) -> Self {
        Self {
            schema_version: 1,
            command: "config",
            settings,
        }
    }
}
