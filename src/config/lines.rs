//! On which line of the configuration file each key stands.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

/// The lines by `section.key`.
#[derive(Debug, Default)]
pub struct Lines {
    pub(super) path: PathBuf,
    lines: BTreeMap<String, usize>,
}

impl Lines {
    /// The line of `section.key`, from 1.
    pub(super) fn of(&self, key: &str) -> Option<usize> {
        self.lines.get(key).copied()
    }

    pub(super) fn read(path: &Path, text: &str) -> Self {
        let mut lines = BTreeMap::new();
        if let Ok(document) = DeTable::parse(text) {
            collect(document.get_ref(), "", text, &mut lines);
        }
        Self {
            path: path.to_owned(),
            lines,
        }
    }
}

fn collect(table: &DeTable<'_>, prefix: &str, text: &str, lines: &mut BTreeMap<String, usize>) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        let before = text.get(..key.span().start).unwrap_or_default();
        lines.insert(name.clone(), before.matches('\n').count() + 1);
        if let DeValue::Table(inner) = value.get_ref() {
            collect(inner, &format!("{name}."), text, lines);
        }
    }
}
