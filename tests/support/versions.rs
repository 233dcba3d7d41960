//! The server versions on this machine.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use dbaudit::demo::Binaries;

/// One per major version, the oldest first; of two of the same version, the one found first. With `DBAUDIT_TEST_LIGHT`
/// set, one alone: 15, else the newest.
pub(super) fn found() -> Vec<Binaries> {
    let mut versions = BTreeMap::new();
    for binaries in folders().iter().filter_map(|folder| Binaries::at(folder)) {
        versions.entry(binaries.major).or_insert(binaries);
    }
    assert!(
        !versions.is_empty(),
        "no PostgreSQL server on this machine: `tests/run` installs what is missing, or name \
         folders with initdb and postgres in them: DBAUDIT_TEST_PG=dir[:dir…]"
    );
    let required = std::env::var("DBAUDIT_TEST_REQUIRE").unwrap_or_default();
    for required in required.split(',').filter(|text| !text.trim().is_empty()) {
        let major: u32 = required
            .trim()
            .parse()
            .expect("DBAUDIT_TEST_REQUIRE is a list of major versions");
        assert!(
            versions.contains_key(&major),
            "DBAUDIT_TEST_REQUIRE wants PostgreSQL {major}; found {:?}",
            versions.keys()
        );
    }
    if std::env::var_os("DBAUDIT_TEST_LIGHT").is_some() {
        let one = versions
            .remove(&15)
            .or_else(|| versions.pop_last().map(|(_, newest)| newest));
        return one.into_iter().collect();
    }
    versions.into_values().collect()
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("DBAUDIT_TEST_PG")
        .map(|listed| std::env::split_paths(&listed).collect())
        .unwrap_or_default();
    folders.extend(below(Path::new("/usr/lib/postgresql"), "bin"));
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/postgres/node_modules");
    folders.extend(below(&cache, "native/bin"));
    folders.extend(dbaudit::demo::candidate_folders());
    folders
}

fn below(parent: &Path, bin: &str) -> Vec<PathBuf> {
    std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join(bin))
        .collect()
}
