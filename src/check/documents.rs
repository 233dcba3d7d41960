//! The README's table of checks and the thresholds in the annotated dbaudit.toml are the registry's own.
//! `DBAUDIT_BLESS=1 cargo test --lib check::documents` writes them anew.

use std::{fmt::Write, fs, path::PathBuf};

use super::CHECKS;

fn table() -> String {
    let mut text = String::from("| check | severity | finds |\n| --- | --- | --- |\n");
    for check in CHECKS {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} |",
            check.code, check.severity, check.summary
        );
    }
    text
}

fn thresholds() -> String {
    let mut text = String::new();
    for check in CHECKS.iter().filter(|check| !check.thresholds.is_empty()) {
        let _ = writeln!(text, "\n#[report.checks.{}]", check.code);
        for threshold in check.thresholds {
            let _ = writeln!(text, "# {}", threshold.meaning);
            let _ = writeln!(text, "#{} = {}", threshold.key, threshold.default);
        }
    }
    text
}

/// Compares what stands between the two lines with `expected`, or writes it there.
fn holds(file: &str, begin: &str, end: &str, expected: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).unwrap();
    let from = text
        .find(begin)
        .unwrap_or_else(|| panic!("{file} lacks {begin}"))
        + begin.len()
        + 1;
    let to = from
        + text[from..]
            .find(end)
            .unwrap_or_else(|| panic!("{file} lacks {end}"));
    if std::env::var_os("DBAUDIT_BLESS").is_some() {
        fs::write(&path, format!("{}{expected}{}", &text[..from], &text[to..])).unwrap();
        return;
    }
    assert_eq!(
        &text[from..to],
        expected,
        "{file} is out of date: DBAUDIT_BLESS=1 cargo test --lib check::documents"
    );
}

#[test]
fn the_annotated_configuration_holds_every_threshold() {
    holds(
        "dbaudit.toml",
        "# Every check's thresholds, with their defaults; `dbaudit explain CHECK` says more. {",
        "# }",
        &thresholds(),
    );
}

#[test]
fn the_readme_lists_every_check() {
    holds("README.md", "<!-- checks -->", "<!-- /checks -->", &table());
}
