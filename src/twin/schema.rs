//! The schema as pg_dump writes it, its indexes in the order of their creation.

use std::{collections::HashMap, path::PathBuf, process::Stdio, time::Duration};

use tokio::process::Command;

use crate::{Error, Result, demo::candidate_folders};

/// Catalog tables, by the oids that they have everywhere.
const PG_CLASS: u32 = 1259;
const PG_CONSTRAINT: u32 = 2606;

/// pg_dump itself limits its waits for locks alone.
const PATIENCE: Duration = Duration::from_secs(600);

/// Where an index stands in the order of creation: by what pg_dump names it, itself or its constraint.
#[derive(Debug, Default)]
pub(super) struct Creation(HashMap<(u32, u32), u32>);

impl Creation {
    pub(super) fn of_index(&mut self, index: u32) {
        self.0.insert((PG_CLASS, index), index);
    }

    pub(super) fn of_constraint(&mut self, constraint: u32, index: u32) {
        self.0.insert((PG_CONSTRAINT, constraint), index);
    }
}

/// pg_dump of this major version or a later one.
///
/// # Errors
/// There is none, or it failed; with its words.
pub(super) async fn dump(variables: Vec<(&str, String)>, major: u32) -> Result<String> {
    let program = find(major).await.ok_or_else(|| Error::CannotJudge {
        message: format!("found no pg_dump of PostgreSQL {major} or newer on this machine"),
        hint: format!(
            "install one (Debian, Ubuntu: apt-get install postgresql-client-{major}; macOS: brew install libpq)"
        ),
    })?;
    let mut command = Command::new(&program);
    command
        .args([
            "--schema-only",
            "--verbose",
            "--no-owner",
            "--no-privileges",
        ])
        .args([
            "--no-comments",
            "--no-publications",
            "--no-subscriptions",
            "--no-security-labels",
        ])
        .args(["--no-password", "--lock-wait-timeout=3s"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .envs(variables);
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .map_err(|_| Error::CannotJudge {
            message: format!("{}: not done after ten minutes", program.display()),
            hint: "look in pg_stat_activity for what it waits for (application_name pg_dump)"
                .into(),
        })?
        .map_err(|source| Error::File {
            doing: "running",
            path: program.clone(),
            source,
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let errors: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("error:"))
            .collect();
        return Err(Error::CannotJudge {
            message: format!(
                "{}: {}",
                program.display(),
                crate::db::mask_text(&errors.join("\n"))
            ),
            hint:
                "it needs the right to read each table's definition; see `dbaudit snapshot --help`"
                    .into(),
        });
    }
    String::from_utf8(output.stdout).map_err(|_| Error::CannotJudge {
        message: "pg_dump wrote a schema that is not UTF-8".into(),
        hint: "a database in SQL_ASCII has no twin".into(),
    })
}

async fn find(major: u32) -> Option<PathBuf> {
    let mut found = Vec::new();
    for folder in candidate_folders() {
        let program = folder.join("pg_dump");
        let said = Command::new(&program)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .await;
        let Ok(said) = said else { continue };
        let said = String::from_utf8_lossy(&said.stdout);
        let version = said.split_ascii_whitespace().find_map(|word| {
            let digits = word.split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse::<u32>().ok()
        });
        found.extend(version.map(|version| (version, program)));
    }
    oldest(found, major)
}

/// The oldest that can read the server: what a newer one writes, an older server may not understand.
fn oldest(found: Vec<(u32, PathBuf)>, major: u32) -> Option<PathBuf> {
    let new_enough = found.into_iter().filter(|(version, _)| *version >= major);
    new_enough
        .min_by_key(|(version, _)| *version)
        .map(|(_, program)| program)
}

/// Each entry of a verbose dump begins with these two lines.
const ENTRY: &str = "--\n-- TOC entry ";

/// Lines of a dump; a setting of PostgreSQL 17 among them, which pg_dump writes for every server.
const FOREIGN: [&str; 3] = [
    "\\restrict ",
    "\\unrestrict ",
    "SET transaction_timeout = 0;",
];

/// What pg_dump sets ahead of an entry, for it and those that follow.
const DEFAULTS: [&str; 2] = [
    "SET default_tablespace = ",
    "SET default_table_access_method = ",
];

/// The dump with its indexes, and the constraints that have one, in the order of creation: of two that cost the same, the
/// planner takes the older one. Without what only psql understands, or only a server as new as pg_dump.
pub(super) fn in_order(dump: &str, creation: &Creation) -> String {
    let mut defaults = [""; 2];
    let mut entries = Vec::new();
    for part in dump.split(ENTRY) {
        entries.push((part, defaults));
        for (default, start) in defaults.iter_mut().zip(DEFAULTS) {
            let last = part
                .split_inclusive('\n')
                .rfind(|line| line.starts_with(start));
            *default = last.unwrap_or(default);
        }
    }
    let age = |(entry, _): &(&str, _)| creation.0.get(&object(entry)?).copied();
    let mut indexes: Vec<_> = entries
        .iter()
        .filter(|entry| age(entry).is_some())
        .collect();
    indexes.sort_by_key(|entry| age(entry));
    let mut indexes = indexes.into_iter();
    let mut text = String::new();
    let mut current = [""; 2];
    for (number, entry) in entries.iter().enumerate() {
        let next = age(entry).and_then(|_| indexes.next());
        let (part, defaults) = next.unwrap_or(entry);
        for (current, default) in current.iter_mut().zip(defaults) {
            if current != default {
                text.push_str(default);
                *current = default;
            }
        }
        if number > 0 {
            text.push_str(ENTRY);
        }
        let apart = FOREIGN.iter().chain(&DEFAULTS);
        let lines = part.split_inclusive('\n');
        text.extend(lines.filter(|line| !apart.clone().any(|start| line.starts_with(start))));
    }
    text
}

/// The catalog table and oid of `3315 (class 1259 OID 16390)`.
fn object(entry: &str) -> Option<(u32, u32)> {
    let (_, rest) = entry.lines().next()?.split_once("(class ")?;
    let (class, oid) = rest.trim_end_matches(')').split_once(" OID ")?;
    Some((class.parse().ok()?, oid.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_pg_dump_that_can_read_the_server_is_taken() {
        let found = [(18, "/a"), (15, "/b"), (16, "/c"), (16, "/d")];
        let found = found.map(|(version, program)| (version, PathBuf::from(program)));
        for (major, expected) in [
            (13, Some("/b")),
            (16, Some("/c")),
            (17, Some("/a")),
            (19, None),
        ] {
            assert_eq!(oldest(found.to_vec(), major), expected.map(PathBuf::from));
        }
    }

    #[test]
    fn indexes_change_places_and_nothing_else_does() {
        let entry = |class: u32, oid: u32, sql: &str| {
            format!("--\n-- TOC entry 1 (class {class} OID {oid})\n-- Name: x\n--\n\n{sql}\n\n\n")
        };
        let table = entry(1259, 10, "CREATE TABLE t ();");
        let key = entry(2606, 40, "ALTER TABLE t ADD PRIMARY KEY (id);");
        let old = entry(1259, 20, "CREATE INDEX z ON t (a);");
        let young = entry(1259, 30, "CREATE INDEX a ON t (a);");
        let fk = entry(2606, 50, "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES t;");
        let mut creation = Creation::default();
        creation.of_index(20);
        creation.of_index(30);
        creation.of_constraint(40, 25);
        let own = "SET default_tablespace = '';\n";
        let slow = "SET default_tablespace = slow;\n";
        let dump = format!(
            "-- head\n\\restrict abc\nSET transaction_timeout = 0;\n{own}{table}{key}{young}{slow}{old}{fk}\\unrestrict abc\n"
        );
        let expected = format!("-- head\n{own}{table}{slow}{old}{own}{key}{young}{slow}{fk}");
        assert_eq!(in_order(&dump, &creation), expected);
    }
}
