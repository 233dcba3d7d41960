//! Settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio_postgres::Error as PgError;

use super::{
    Fact,
    reader::{Entity, Fields},
};

/// One row of `pg_settings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// `shared_buffers`.
    pub name: String,
    /// Its value in `unit`s, as the server keeps it.
    pub value: String,
    /// `8kB`, `ms`, …
    pub unit: Option<String>,
    /// `default`, `configuration file`, …
    pub source: String,
    /// The file says otherwise, and a restart is needed.
    pub pending_restart: bool,
    /// The value before anyone changed it.
    pub boot_value: Option<String>,
}

/// All settings that the role may see, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(pub BTreeMap<String, Setting>);

impl Settings {
    /// The setting's value as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|setting| setting.value.as_str())
    }

    /// Those that someone set, or that wait for a restart.
    pub fn changed(&self) -> impl Iterator<Item = &Setting> {
        self.0.values().filter(|setting| {
            let set = !matches!(
                setting.source.as_str(),
                "default" | "override" | "client" | "session"
            );
            (set && setting.boot_value.as_ref() != Some(&setting.value)) || setting.pending_restart
        })
    }

    /// Whether a boolean setting is on; `None` where it is not visible.
    pub fn is_on(&self, name: &str) -> Option<bool> {
        self.text(name).map(|value| value == "on")
    }

    /// The setting's number, in its own unit.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    /// The setting in bytes, where its unit is one of memory; negative values (-1: off) give `None`.
    pub fn bytes(&self, name: &str) -> Option<u64> {
        let setting = self.0.get(name)?;
        let unit: u64 = match setting.unit.as_deref()? {
            "B" => 1,
            "kB" => 1 << 10,
            "8kB" => 8 << 10,
            "16kB" => 16 << 10,
            "MB" => 1 << 20,
            _ => return None,
        };
        Some(setting.value.parse::<u64>().ok()? * unit)
    }

    /// The setting in milliseconds, where its unit is one of time; -1 (off) gives `None`.
    pub fn milliseconds(&self, name: &str) -> Option<f64> {
        let setting = self.0.get(name)?;
        let unit = match setting.unit.as_deref()? {
            "us" => 0.001,
            "ms" => 1.0,
            "s" => 1_000.0,
            "min" => 60_000.0,
            _ => return None,
        };
        let value: f64 = setting.value.parse().ok()?;
        (value >= 0.0).then_some(value * unit)
    }
}

impl FromIterator<Setting> for Settings {
    fn from_iter<I: IntoIterator<Item = Setting>>(settings: I) -> Self {
        Self(
            settings
                .into_iter()
                .map(|setting| (setting.name.clone(), setting))
                .collect(),
        )
    }
}

impl Entity for Setting {
    const FACT: Fact = Fact::Settings;
    const SQL: &'static str = include_str!("setting.sql");

    fn from_row(row: &mut Fields<'_>) -> Result<Self, PgError> {
        Ok(Self {
            name: row.get()?,
            value: row.get::<Option<String>>()?.unwrap_or_default(),
            unit: row.get()?,
            source: row.get()?,
            pending_restart: row.get()?,
            boot_value: row.get()?,
        })
    }
}
