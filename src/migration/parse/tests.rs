use super::*;
use crate::migration::Name;

fn parsed(text: &str) -> Vec<Statement> {
    parse(Path::new("V1__x.sql"), text).unwrap().statements
}

fn refused(text: &str) -> (Option<usize>, Option<usize>, String) {
    match parse(Path::new("V1__x.sql"), text) {
        Err(problems) => {
            let problem = problems[0].clone();
            (problem.line, problem.column, problem.message)
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn an_index_is_read_with_its_definition_as_written() {
    let text = "-- a comment; with a semicolon\n/* and /* a nested */ one */\n\
                CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"Odd; -- \"\"name\" ON Shop.\"Orders\"\n  \
                USING btree (lower(email) DESC /* why */, id) INCLUDE (x) WITH (fillfactor = 70) \
                WHERE note <> $q$;--$q$;";
    let [Statement::Create(create)] = &parsed(text)[..] else {
        panic!()
    };
    assert!(create.unique);
    assert_eq!(create.name, "Odd; -- \"name");
    assert_eq!(
        create.table,
        Name {
            schema: Some("shop".into()),
            name: "Orders".into()
        }
    );
    assert_eq!(
        create.definition,
        "USING btree (lower(email) DESC , id) INCLUDE (x) WITH (fillfactor = 70) WHERE note <> $q$;--$q$"
    );
}

#[test]
fn only_the_text_that_the_server_prints_is_taken_for_the_same_index() {
    for (definition, printed, same) in [
        ("(a, b DESC)", "USING btree (a, b DESC)", true),
        ("( a,  b /* x */ DESC )", "USING btree ( a, b DESC )", true),
        ("USING hash (a)", "USING hash (a)", true),
        (
            "(a) WHERE b = true",
            "USING btree (a) WHERE (b = true)",
            true,
        ),
        (
            "(a) WHERE (b = true)",
            "USING btree (a) WHERE (b = true)",
            true,
        ),
        ("(a) WHERE b OR c", "USING btree (a) WHERE (b OR c)", true),
        ("(a)", "USING btree (a DESC)", false),
        ("(a)", "USING hash (a)", false),
        ("(a)", "USING btree (a) WHERE (b = true)", false),
        ("(a text_pattern_ops)", "USING btree (a)", false),
        (
            "((CASE WHEN a THEN 1 END)) WHERE c",
            "USING btree ((CASE WHEN a THEN 1 END)) WHERE (c)",
            true,
        ),
    ] {
        let text = format!("CREATE INDEX CONCURRENTLY i ON t {definition};");
        let [Statement::Create(create)] = &parsed(&text)[..] else {
            panic!()
        };
        assert_eq!(create.reads_as(printed), same, "{definition} as {printed}");
    }
}

#[test]
fn every_kind_of_statement_is_read() {
    let text = "CREATE INDEX CONCURRENTLY a ON t (x); DROP INDEX CONCURRENTLY IF EXISTS s.b;\n\
                REINDEX INDEX CONCURRENTLY c; REINDEX (VERBOSE, CONCURRENTLY) TABLE t;\n\
                COMMENT ON INDEX a IS 'it''s'; COMMENT ON INDEX a IS NULL;;";
    let statements = parsed(text);
    assert_eq!(statements.len(), 6);
    assert_eq!(
        statements[4],
        Statement::Comment(Comment {
            index: Name {
                schema: None,
                name: "a".into()
            },
            text: Some("it's".into())
        })
    );
    assert!(matches!(&statements[3], Statement::Reindex(r) if r.target == ReindexTarget::Table));
}

#[test]
fn what_may_not_stand_in_a_migration_is_refused_at_its_place() {
    for (text, line, column, part) in [
        ("CREATE INDEX i ON t (a);", 1, 14, "CONCURRENTLY is missing"),
        ("\n  CREATE INDEX CONCURRENTLY ON t (a);", 2, 29, "no name"),
        ("DROP INDEX i;", 1, 12, "CONCURRENTLY is missing"),
        ("DROP INDEX CONCURRENTLY a, b;", 1, 26, "one index"),
        ("REINDEX INDEX i;", 1, 1, "CONCURRENTLY is missing"),
        ("REINDEX SCHEMA CONCURRENTLY s;", 1, 9, "REINDEX SCHEMA"),
        (
            "CREATE INDEX CONCURRENTLY i ON t (a);\nALTER TABLE t ADD x int;",
            2,
            1,
            "ALTER TABLE",
        ),
        ("COMMENT ON TABLE t IS 'x';", 1, 1, "COMMENT ON INDEX"),
        ("CREATE INDEX CONCURRENTLY i ON ONLY t (a);", 1, 32, "ONLY"),
        (
            "BEGIN; CREATE INDEX CONCURRENTLY i ON t (a); COMMIT;",
            1,
            1,
            "BEGIN",
        ),
        (" \n", 1, 1, "no statement"),
        ("-- +goose Down\nDROP INDEX i;", 1, 1, "no statement"),
        (
            "REINDEX (CONCURRENTLY off) INDEX i;",
            1,
            1,
            "CONCURRENTLY is missing",
        ),
        (
            "DROP INDEX CONCURRENTLY i CASCADE;",
            1,
            27,
            "without CASCADE",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON s.t (a);\n DROP INDEX CONCURRENTLY IF EXISTS s.i;",
            2,
            2,
            "drops it again",
        ),
    ] {
        let (at_line, at_column, message) = refused(text);
        assert_eq!(
            (at_line, at_column),
            (Some(line), Some(column)),
            "{text}: {message}"
        );
        assert!(message.contains(part), "{text}: {message}");
    }
    assert!(
        refused("CREATE INDEX CONCURRENTLY i ON t (a")
            .2
            .contains("syntax error")
    );
    let long = "i".repeat(64);
    assert!(
        refused(&format!("CREATE INDEX CONCURRENTLY {long} ON t (a)"))
            .2
            .contains("63 bytes")
    );
}

#[test]
fn everything_wrong_with_a_file_is_told_at_once() {
    let problems = parse(Path::new("V1__x.sql"), "VACUUM;\nDROP INDEX i;\nANALYZE t;").unwrap_err();
    let lines: Vec<_> = problems.iter().filter_map(|problem| problem.line).collect();
    assert_eq!(lines, [1, 2, 3]);
}

#[test]
fn the_options_of_a_reindex_are_carried_through() {
    for (text, tablespace) in [
        (
            "REINDEX (TABLESPACE fast) INDEX CONCURRENTLY i",
            Some("fast"),
        ),
        (
            "REINDEX (TABLESPACE \"Fast \", VERBOSE, CONCURRENTLY true) INDEX i",
            Some("Fast "),
        ),
        ("REINDEX (VERBOSE off) TABLE CONCURRENTLY i", None),
        ("REINDEX (CONCURRENTLY) TABLE i", None),
    ] {
        let [Statement::Reindex(reindex)] = &parsed(text)[..] else {
            panic!("{text}")
        };
        assert_eq!(reindex.tablespace.as_deref(), tablespace, "{text}");
    }
}

#[test]
fn a_comment_may_be_written_in_every_form_of_a_string() {
    for (literal, text) in [
        ("'it''s'", Some("it's")),
        (r"E'a\nb'", Some("a\nb")),
        ("$x$plain$x$", Some("plain")),
        (r"U&'\00e9'", Some("é")),
        ("''", None),
        ("NULL", None),
    ] {
        let [Statement::Comment(comment)] =
            &parsed(&format!("COMMENT ON INDEX i IS {literal}"))[..]
        else {
            panic!("{literal}")
        };
        assert_eq!(comment.text.as_deref(), text, "{literal}");
    }
}

#[test]
fn columns_qualified_by_the_table_lose_its_schema() {
    for (sql, definition) in [
        (
            "public.t ((public.t.a)) WHERE public.t.b > 0",
            "((t.a)) WHERE t.b > 0",
        ),
        ("t ((public . t . a))", "(( t . a))"),
        ("s.\"T\" ((s.\"T\".a), (s.f(a)))", "((\"T\".a), (s.f(a)))"),
        ("s.t ((x.t.a))", "((x.t.a))"),
    ] {
        let [Statement::Create(create)] =
            &parsed(&format!("CREATE INDEX CONCURRENTLY i ON {sql}"))[..]
        else {
            panic!("{sql}")
        };
        assert_eq!(create.definition, definition);
    }
}

#[test]
fn a_down_part_is_left_out_and_counted() {
    let text = "-- +goose Up\n-- +goose NO TRANSACTION\nCREATE INDEX CONCURRENTLY i ON t (a);\n\
                -- +goose Down\nDROP INDEX CONCURRENTLY i;\nDROP TABLE t;";
    let parsed = parse(Path::new("V1__x.sql"), text).unwrap();
    assert_eq!((parsed.statements.len(), parsed.left_out), (1, 2));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
        let _ = parse(Path::new("V1__x.sql"), &text);
    }

    #[test]
    fn no_broken_statement_makes_the_parser_panic(cut in 0usize..120, with in "[\"'();$/*-]{0,3}") {
        let text = "CREATE UNIQUE INDEX CONCURRENTLY \"é\" ON s.t USING gin (lower(a) gin_trgm_ops, b) \
                    WHERE a <> 'x'; COMMENT ON INDEX i IS 'x';";
        let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let _ = parse(Path::new("V1__x.sql"), &format!("{}{with}", &text[..at]));
        let _ = parse(Path::new("V1__x.sql"), &format!("{}{with}{}", &text[..at], &text[at..]));
    }
}
