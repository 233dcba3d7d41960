//! Packages of npm that the pages of `serve` are held against; `tests/run` fetches them.

use std::path::{Path, PathBuf};

/// A file of a package; nothing where it was not fetched and is not required.
pub fn file(path: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/web/node_modules");
    let file = folder.join(path);
    if file.is_file() {
        return Some(file);
    }
    let required = std::env::var_os("DBAUDIT_TEST_REQUIRE").is_some();
    assert!(!required, "{} is not there: run tests/run", file.display());
    eprintln!(
        "skipped: {} is not there; tests/run fetches it",
        file.display()
    );
    None
}

pub fn text(path: &str) -> Option<String> {
    Some(std::fs::read_to_string(file(path)?).unwrap())
}
