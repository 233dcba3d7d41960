//! What is taken of other tools' files, and what becomes of it.

use std::{collections::BTreeMap, fs, path::Path};

use super::*;

/// The folder's migrations: file name → statements.
fn imported(files: &[(&str, &str)]) -> (Import, BTreeMap<String, Vec<String>>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let import = import(folder.path()).unwrap();
    let migrations = import.migrations.iter().map(|migration| {
        let statements = migration.statements.iter().map(Statement::sql);
        (migration.file_name(), statements.collect())
    });
    let migrations = migrations.collect();
    (import, migrations)
}

fn only(files: &[(&str, &str)]) -> Vec<String> {
    imported(files).1.into_values().flatten().collect()
}

#[test]
fn each_tool_is_known_and_its_up_part_is_taken_in_its_order() {
    let create = "CREATE TABLE t (a int);\nCREATE INDEX CONCURRENTLY i ON t (a);\n";
    let down = "DROP INDEX CONCURRENTLY i;\nDROP TABLE t;\n";
    for (tool, files, names) in [
        (
            Tool::Goose,
            vec![(
                "00003_t_index.sql",
                format!("-- +goose NO TRANSACTION\n-- +goose Up\n{create}-- +goose Down\n{down}"),
            )],
            vec!["V3__t_index.sql"],
        ),
        (
            Tool::SqlMigrate,
            vec![(
                "2_t.sql",
                format!(
                    "-- +migrate Up notransaction\n{create}-- +migrate Down notransaction\n{down}"
                ),
            )],
            vec!["V2__t.sql"],
        ),
        (
            Tool::Dbmate,
            vec![(
                "20260131120000_t.sql",
                format!(
                    "-- migrate:up transaction:false\n{create}\n-- migrate:down transaction:false\n{down}"
                ),
            )],
            vec!["V20260131120000__t.sql"],
        ),
        (
            Tool::GolangMigrate,
            vec![
                ("000012_t.up.sql", create.to_owned()),
                ("000012_t.down.sql", down.to_owned()),
            ],
            vec!["V12__t.sql"],
        ),
        (
            Tool::Flyway,
            vec![
                (
                    "V1.10__second.sql",
                    "CREATE INDEX CONCURRENTLY j ON t (a);".to_owned(),
                ),
                ("V1_2__t.sql", create.to_owned()),
                (
                    "sub/V2__third.sql",
                    "CREATE INDEX CONCURRENTLY k ON t (a);".to_owned(),
                ),
                ("U1.2__t.sql", down.to_owned()),
                ("R__v.sql", "CREATE VIEW v AS SELECT 1;".to_owned()),
                ("afterMigrate.sql", "ANALYZE;".to_owned()),
            ],
            vec!["V1__t.sql", "V2__second.sql", "V3__third.sql"],
        ),
        (
            Tool::Prisma,
            vec![
                ("20260131120000_t/migration.sql", create.to_owned()),
                ("migration_lock.toml", String::new()),
            ],
            vec!["V20260131120000__t.sql"],
        ),
        (
            Tool::Diesel,
            vec![
                ("2026-01-31-120000_t/up.sql", create.to_owned()),
                ("2026-01-31-120000_t/down.sql", down.to_owned()),
            ],
            vec!["V20260131120000__t.sql"],
        ),
        (
            Tool::Atlas,
            vec![
                (
                    "20260131120000_t.sql",
                    format!("-- atlas:txmode none\n\n{create}"),
                ),
                ("atlas.sum", "h1:x".to_owned()),
            ],
            vec!["V20260131120000__t.sql"],
        ),
        (
            Tool::Alembic,
            vec![(
                "upgrade.sql",
                format!(
                    "BEGIN;\n\n-- Running upgrade  -> 1a2b\n\nCOMMIT;\n{create}BEGIN;\n\nINSERT INTO alembic_version \
                         (version_num) VALUES ('1a2b') RETURNING alembic_version.version_num;\n\nCOMMIT;\n"
                ),
            )],
            vec!["V1__upgrade.sql"],
        ),
        (
            Tool::Sql,
            vec![
                (
                    "10-b.sql",
                    "CREATE INDEX CONCURRENTLY j ON t (a);".to_owned(),
                ),
                ("9-a.sql", create.to_owned()),
            ],
            vec!["V9__a.sql", "V10__b.sql"],
        ),
    ] {
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let (import, migrations) = imported(&files);
        assert_eq!(import.tool, tool);
        let found: Vec<String> = import.migrations.iter().map(Imported::file_name).collect();
        assert_eq!(found, names, "{tool}");
        assert_eq!(
            migrations[names[0]],
            ["CREATE INDEX CONCURRENTLY i ON t (a)"],
            "{tool}"
        );
        assert!(import.lost.is_empty(), "{tool}: {:?}", import.lost);
    }
}

#[test]
fn what_other_statements_do_to_an_index_is_followed() {
    let create = (
        "1_a.sql",
        "CREATE INDEX CONCURRENTLY i ON t (a, lower(b)) WHERE c > 0; COMMENT ON INDEX i IS 'x';",
    );
    for (then, expected) in [
        ("DROP TABLE IF EXISTS t CASCADE;", &[][..]),
        ("DROP TABLE other, public.t;", &[]),
        ("ALTER TABLE t DROP COLUMN IF EXISTS c;", &[]),
        ("ALTER TABLE t ADD d int, DROP COLUMN b;", &[]),
        ("ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX i;", &[]),
        ("ALTER TABLE t REPLICA IDENTITY USING INDEX i;", &[]),
        (
            "ALTER TABLE t DROP COLUMN d, ALTER a DROP NOT NULL, DROP CONSTRAINT c;",
            &[
                "CREATE INDEX CONCURRENTLY i ON t (a, lower(b)) WHERE c > 0",
                "COMMENT ON INDEX i IS 'x'",
            ],
        ),
        (
            "ALTER INDEX i RENAME TO \"J\";",
            &[
                "CREATE INDEX CONCURRENTLY \"J\" ON t (a, lower(b)) WHERE c > 0",
                "COMMENT ON INDEX \"J\" IS 'x'",
            ],
        ),
        (
            "ALTER TABLE t RENAME TO u; ALTER TABLE u SET SCHEMA app;",
            &[
                "CREATE INDEX CONCURRENTLY i ON app.u (a, lower(b)) WHERE c > 0",
                "COMMENT ON INDEX app.i IS 'x'",
            ],
        ),
        (
            "DROP INDEX CONCURRENTLY i; ALTER TABLE t SET SCHEMA app;",
            &[
                "CREATE INDEX CONCURRENTLY i ON app.t (a, lower(b)) WHERE c > 0",
                "COMMENT ON INDEX app.i IS 'x'",
                "DROP INDEX CONCURRENTLY app.i",
            ],
        ),
        (
            "ALTER TABLE t RENAME COLUMN b TO \"Lower\";",
            &[
                "CREATE INDEX CONCURRENTLY i ON t (a, lower(\"Lower\")) WHERE c > 0",
                "COMMENT ON INDEX i IS 'x'",
            ],
        ),
        (
            "DROP INDEX i;",
            &[
                "CREATE INDEX CONCURRENTLY i ON t (a, lower(b)) WHERE c > 0",
                "COMMENT ON INDEX i IS 'x'",
                "DROP INDEX CONCURRENTLY i",
            ],
        ),
        ("DROP INDEX i; CREATE INDEX i ON t (b);", &[]),
        (
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (b);",
            &[
                "CREATE INDEX CONCURRENTLY i ON t (a, lower(b)) WHERE c > 0",
                "COMMENT ON INDEX i IS 'x'",
            ],
        ),
    ] {
        assert_eq!(only(&[create, ("2_b.sql", then)]), expected, "{then}");
    }
}

#[test]
fn a_files_search_path_stands_before_the_names_and_time_limits_are_left_out_with_a_note() {
    let text = "SET lock_timeout = '5s'; SET LOCAL statement_timeout = 0; SET search_path TO \"App\", pg_catalog;\n\
                CREATE INDEX CONCURRENTLY i ON t (a); DROP INDEX CONCURRENTLY j; RESET search_path;\n\
                CREATE INDEX CONCURRENTLY k ON t (a); SET search_path = a, b; CREATE INDEX CONCURRENTLY l ON t (a);";
    let (import, migrations) = imported(&[("1_a.sql", text)]);
    assert_eq!(
        migrations["V1__a.sql"],
        [
            "CREATE INDEX CONCURRENTLY i ON \"App\".t (a)",
            "DROP INDEX CONCURRENTLY \"App\".j",
            "CREATE INDEX CONCURRENTLY k ON t (a)",
        ]
    );
    assert_eq!(import.lost.len(), 1);
    assert!(import.lost[0].reason.contains("search_path"));
    let told = |statement: &str| {
        import
            .left_out
            .iter()
            .find(|one| one.statement == statement)
            .map(|one| one.reason.as_str())
    };
    assert!(told("SET lock_timeout").unwrap().contains("--lock-timeout"));
    assert!(
        told("SET statement_timeout")
            .unwrap()
            .contains("--deadline")
    );
}

#[test]
fn every_concurrent_index_statement_is_taken_or_told() {
    let text = "CREATE INDEX CONCURRENTLY ON t (lower(a));\nCREATE INDEX CONCURRENTLY i ON ${schema}.t (a);\n\
                DROP INDEX CONCURRENTLY IF EXISTS j CASCADE;\nREINDEX INDEX CONCURRENTLY k;\n\
                COPY t FROM stdin;\n1\t; x\n\\.\n\\connect other\nCREATE INDEX CONCURRENTLY l ON t (a);\n";
    let (import, migrations) = imported(&[("1_a.sql", text)]);
    assert_eq!(
        migrations["V1__a.sql"],
        ["CREATE INDEX CONCURRENTLY l ON t (a)"]
    );
    let lines: Vec<Option<usize>> = import.lost.iter().map(|lost| lost.line).collect();
    assert_eq!(lines, [Some(1), Some(2), Some(3)]);
    assert!(
        import
            .left_out
            .iter()
            .any(|one| one.statement == "REINDEX INDEX" && one.line == Some(4))
    );
}

#[test]
fn partitions_go_with_their_parents_and_copied_indexes_are_told() {
    let text = "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE IF NOT EXISTS c PARTITION OF p DEFAULT;\n\
                CREATE INDEX CONCURRENTLY i ON c (a); CREATE INDEX CONCURRENTLY j ON t (a);\n\
                CREATE TABLE u (LIKE t INCLUDING INDEXES);\nCREATE TABLE v (LIKE t);\nDROP TABLE p;";
    let (import, migrations) = imported(&[("1_a.sql", text)]);
    assert_eq!(
        migrations["V1__a.sql"],
        ["CREATE INDEX CONCURRENTLY j ON t (a)"]
    );
    let lost: Vec<(Option<usize>, &str)> = import
        .lost
        .iter()
        .map(|one| (one.line, one.statement.as_str()))
        .collect();
    assert_eq!(lost, [(Some(3), "CREATE INDEX CONCURRENTLY j")]);
}

#[test]
fn long_names_are_cut_as_postgres_cuts_them_and_that_is_said() {
    let long = "i".repeat(70);
    let text =
        format!("CREATE INDEX CONCURRENTLY {long} ON t (a); DROP INDEX CONCURRENTLY {long}x;");
    let (import, _) = imported(&[
        ("1_a.sql", "CREATE INDEX CONCURRENTLY j ON t (a);"),
        ("2_b.sql", &text),
    ]);
    // It is the same index to Postgres, so the file builds and drops it.
    assert_eq!(import.migrations.len(), 1);
    let (import, migrations) = imported(&[(
        "1_a.sql",
        &format!("CREATE INDEX CONCURRENTLY {long} ON t (a);"),
    )]);
    assert_eq!(
        migrations["V1__a.sql"],
        [format!(
            "CREATE INDEX CONCURRENTLY {} ON t (a)",
            "i".repeat(63)
        )]
    );
    assert!(import.migrations[0].notes[0].contains("63 bytes"));
}

#[test]
fn a_name_for_a_file_is_letters_digits_and_underscores() {
    assert_eq!(name("__add-index on.users!"), "add_index_on_users");
    assert_eq!(name("größe"), "größe");
    assert_eq!(name("gro\u{308}\u{df}e"), "gro\u{308}\u{df}e");
    assert_eq!(name("--"), "indexes");
    assert!(import(Path::new("/nowhere")).is_err());
}

#[test]
fn an_index_that_moves_with_its_table_comes_behind_the_one_whose_name_it_gets() {
    let files = [
        ("1.sql", "CREATE INDEX CONCURRENTLY j ON app.v (x);"),
        (
            "2.sql",
            "CREATE INDEX CONCURRENTLY j ON t (x);\nDROP INDEX CONCURRENTLY app.j;\nALTER TABLE t SET SCHEMA app;",
        ),
    ];
    let (import, migrations) = imported(&files);
    assert!(import.lost.is_empty(), "{:?}", import.lost);
    assert_eq!(
        migrations["V2__indexes.sql"],
        [
            "DROP INDEX CONCURRENTLY app.j",
            "CREATE INDEX CONCURRENTLY j ON app.t (x)"
        ]
    );
}

/// Whatever the statements come to, and in whatever order, servers that would refuse them included.
#[test]
fn no_order_of_statements_stops_an_import() {
    use rand::{SeedableRng, seq::IndexedRandom};

    for seed in 0..400_u64 {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut any = |list: &[&'static str]| *list.choose(&mut rng).unwrap();
        let mut statement = || {
            let table = any(&["t", "u", "app.t", "\"T; --\""]);
            let (index, other) = (any(&["i", "j"]), any(&["i", "j", "\"K; --\""]));
            let of_index = format!("{}{index}", any(&["", "", "app."]));
            match any(&[
                "create",
                "create",
                "create",
                "plain",
                "drop",
                "plain drop",
                "rename",
                "comment",
                "comment",
                "drop table",
                "rename table",
                "rename column",
                "drop column",
                "move",
                "path",
            ]) {
                "create" => format!(
                    "CREATE INDEX CONCURRENTLY {}{index} ON {table} {}",
                    any(&["", "IF NOT EXISTS "]),
                    any(&["(x)", "((x + y))", "(x) WHERE y > 0"])
                ),
                "plain" => format!("CREATE INDEX {index} ON {table} (x)"),
                "drop" => format!("DROP INDEX CONCURRENTLY {of_index}"),
                "plain drop" => format!("DROP INDEX {of_index}"),
                "rename" => format!("ALTER INDEX {of_index} RENAME TO {other}"),
                "comment" => format!("COMMENT ON INDEX {of_index} IS 'it''s; {other}'"),
                "drop table" => format!("DROP TABLE {table}"),
                "rename table" => format!("ALTER TABLE {table} RENAME TO {}", any(&["t", "u"])),
                "rename column" => {
                    format!("ALTER TABLE {table} RENAME x TO {}", any(&["y", "\"X\""]))
                }
                "drop column" => format!("ALTER TABLE {table} DROP COLUMN {}", any(&["x", "y"])),
                "move" => format!("ALTER TABLE {table} SET SCHEMA app"),
                _ => format!("SET search_path TO {}", any(&["app", "public"])),
            }
        };
        let files: Vec<(String, String)> = (1..5)
            .map(|n| {
                let text: String = (0..6).map(|_| statement() + ";\n").collect();
                (format!("{n}_step.sql"), text)
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in &files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        if let Err(error) = import(folder.path()) {
            panic!("seed {seed}: {error}\n{files:#?}");
        }
    }
}
