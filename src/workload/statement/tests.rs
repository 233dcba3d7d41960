use super::*;

#[test]
fn a_statement_is_found_between_comments_and_its_parameters_are_counted() {
    let text = "/* a; */ -- b;\nSELECT ';', $$;$$, $2::int + $1 -- c; $9\n;\n-- the end\n";
    let statement = Statement::parse(text).unwrap();
    assert_eq!(statement.sql, "SELECT ';', $$;$$, $2::int + $1");
    assert_eq!((statement.parameters.len(), statement.line), (2, 2));
}

#[test]
fn what_is_not_one_query_is_refused_with_its_line() {
    for (text, line, message) in [
        ("", 1, "the file contains no statement after the header"),
        (
            "-- only\n;",
            2,
            "the file contains no statement after the header",
        ),
        ("SELECT 1;\nSELECT 2", 2, "a second statement begins here"),
        (
            "SELECT 1;\n;\nROLLBACK",
            3,
            "a second statement begins here",
        ),
        ("\nCOMMIT", 2, "`COMMIT` is not a query"),
        ("SELECT $1, $3", 1, "the statement uses $3 but not $2"),
        ("SELECT $0", 1, "`$0` is not a parameter"),
    ] {
        let problem = Statement::parse(text).unwrap_err();
        assert_eq!(
            (problem.line, problem.message.as_str()),
            (line, message),
            "{text}"
        );
    }
}

#[test]
fn named_parameters_are_numbered_and_what_only_looks_like_one_is_left_alone() {
    let names = |statement: &Statement| -> Vec<String> {
        statement.parameters.iter().flatten().cloned().collect()
    };
    for (text, sql, expected) in [
        ("SELECT @a, @b::text, @a", "SELECT $1, $2::text, $1", "a b"),
        (
            "SELECT * FROM t WHERE x=:x AND y::date > :from::date AND t ~ ':z' -- :no",
            "SELECT * FROM t WHERE x=$1 AND y::date > $2::date AND t ~ ':z'",
            "x from",
        ),
        (
            "SELECT sqlc.embed(t) FROM t WHERE a = sqlc.arg(a) OR b = sqlc.narg('b')::int LIMIT sqlc.arg (\"limit\")",
            "SELECT t.* FROM t WHERE a = $1 OR b = $2::int LIMIT $3",
            "a b \"limit\"",
        ),
        (
            "SELECT @a, $1, sqlc.narg('b')::int, @a, $3",
            "SELECT $2, $1, $4::int, $2, $3",
            "a b",
        ),
        (
            "SELECT a[1:2], a[lo:hi], b @> c, b <@c, @ d, e @@ f, 'x'::text, \"q\":: int FROM t",
            "SELECT a[1:2], a[lo:hi], b @> c, b <@c, @ d, e @@ f, 'x'::text, \"q\":: int FROM t",
            "",
        ),
    ] {
        let statement = Statement::parse(text).unwrap();
        assert_eq!(statement.sql, sql);
        assert_eq!(names(&statement).join(" "), expected, "{text}");
    }
}

#[test]
fn what_writes_or_locks_is_told_from_what_reads() {
    for (text, expected) in [
        ("SELECT 1", false),
        ("SELECT \"update\", delete_at FROM t -- insert into", false),
        ("SELECT share FROM t", false),
        ("TABLE t", false),
        ("insert INTO t VALUES (1)", true),
        ("UPDATE t SET a = 1", true),
        ("DELETE FROM t", true),
        (
            "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
            true,
        ),
        ("WITH x AS (SELECT 1) UPDATE t SET a = 1", true),
        ("SELECT * FROM t FOR UPDATE SKIP LOCKED", true),
        ("SELECT * FROM t FOR NO KEY UPDATE", true),
        ("SELECT * FROM t FOR KEY SHARE", true),
        (
            "MERGE INTO t USING s ON true WHEN MATCHED THEN DO NOTHING",
            true,
        ),
    ] {
        let statement = Statement::parse(text).unwrap();
        assert_eq!(statement.writes, expected, "{text}");
    }
}
