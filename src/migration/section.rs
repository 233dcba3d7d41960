//! The Up and Down parts of a file that another tool's folder shares with dbaudit.
//!
//! Migration tools that keep both directions in one file part them by a comment on a line of its own. A Down part
//! undoes the Up part: carried out in order, it would drop what was just built.

use std::ops::Range;

/// The markers, with everything but letters taken out, in lower case; a marker may be followed by options.
/// goose, sql-migrate, dbmate, tern, micrate, rambler, node-pg-migrate, Play evolutions, MyBatis Migrations, shmig.
const UP: [&str; 7] = [
    "gooseup",
    "migrateup",
    "micrateup",
    "ramblerup",
    "upmigration",
    "ups",
    "up",
];
/// `---- create above / drop below ----` begins the Down part of tern.
const DOWN: [&str; 9] = [
    "goosedown",
    "migratedown",
    "micratedown",
    "ramblerdown",
    "downmigration",
    "downs",
    "down",
    "undo",
    "createabovedropbelow",
];
/// The markers that take options behind them: `-- migrate:up transaction:false`.
const WITH_OPTIONS: [&str; 2] = ["migrateup", "migratedown"];

/// The byte ranges of `text` that belong to a Down part, in order.
pub(super) fn down_parts(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut at, mut down_since) = (0, None);
    for line in text.split_inclusive('\n') {
        match direction(line) {
            Some(Direction::Down) => {
                down_since.get_or_insert(at);
            }
            Some(Direction::Up) => parts.extend(down_since.take().map(|since| since..at)),
            None => {}
        }
        at += line.len();
    }
    parts.extend(down_since.map(|since| since..text.len()));
    parts
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

fn direction(line: &str) -> Option<Direction> {
    let comment = line.trim().strip_prefix("--")?;
    let letters: String = comment
        .chars()
        .filter(char::is_ascii_alphabetic)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let is = |markers: &[&str]| {
        markers.iter().any(|marker| {
            letters == *marker || (WITH_OPTIONS.contains(marker) && letters.starts_with(marker))
        })
    };
    if is(&DOWN) {
        Some(Direction::Down)
    } else if is(&UP) {
        Some(Direction::Up)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_down_parts_of_other_tools_are_found() {
        for (up, down) in [
            ("-- +goose Up", "-- +goose Down"),
            ("-- +migrate Up notransaction", "-- +migrate Down"),
            (
                "-- migrate:up transaction:false",
                "-- migrate:down transaction:false",
            ),
            ("", "---- create above / drop below ----"),
            ("-- +micrate Up", "-- +micrate Down"),
            ("-- rambler up", "-- rambler down"),
            ("-- Up Migration", "-- Down Migration"),
            ("-- !Ups", "-- !Downs"),
            ("", "-- //@UNDO"),
            ("-- ==== UP ====", "-- ==== DOWN ===="),
            ("--up", "--down"),
        ] {
            let text = format!("{up}\nCREATE x;\n  {down}\r\nDROP x;\n");
            let parts = down_parts(&text);
            assert_eq!(parts.len(), 1, "{down}");
            assert_eq!(
                text[parts[0].clone()].trim_start(),
                format!("{down}\r\nDROP x;\n")
            );
            let again = format!("{text}{up}\nCREATE y;\n");
            if !up.is_empty() {
                let part = down_parts(&again)[0].clone();
                assert!(!again[part].contains("CREATE y"), "{up}");
            }
        }
    }

    #[test]
    fn a_comment_in_prose_is_no_marker() {
        for line in [
            "-- users go up and down here",
            "-- drop below is never read",
            "-- Upside",
            "DROP INDEX down;",
            "-- +goose StatementBegin",
            "-- +goose NO TRANSACTION",
            "-- rollback is done by hand: see the wiki",
        ] {
            assert_eq!(direction(line), None, "{line}");
        }
    }
}
