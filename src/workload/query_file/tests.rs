use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<QueryFile, FileProblem> {
    let mut all = QueryFile::parse(Path::new("q/search.sql"), text, None)?;
    assert_eq!(all.len(), 1, "{text}");
    Ok(all.remove(0))
}

#[test]
fn every_key_of_the_header_is_read() {
    let query = parse(
        "-- name: search\n-- Written by the search team; see https://example.org/search\n\
         -- description: finds: things\n-- budget: 50ms p99\n\
         -- param $2: values 20\n-- param $1: column content.user_id\n-- buffers: 1_000\n\
         -- rows: 1..20\n-- tags: nightly, search\n-- skip: not yet\n\nSELECT $1, $2;\n",
    )
    .unwrap();
    assert_eq!(query.name, "search");
    assert_eq!(query.description.as_deref(), Some("finds: things"));
    assert_eq!(query.budget, Duration::from_millis(50));
    assert_eq!(query.percentile.to_string(), "p99");
    assert_eq!(query.buffers, Some(1_000));
    assert_eq!(query.rows.map(|r| r.to_string()).as_deref(), Some("1..20"));
    assert_eq!(query.tags, ["nightly", "search"]);
    assert_eq!(query.skip.as_deref(), Some("not yet"));
    assert_eq!(query.parameters.len(), 2);
    assert_eq!(query.parameters[1], Source::Values(vec![Some("20".into())]));
    assert_eq!(query.sql, "SELECT $1, $2");
}

#[test]
fn the_name_is_the_files_where_the_header_has_none() {
    assert_eq!(parse("-- budget: 1s\nSELECT 1").unwrap().name, "search");
}

#[test]
fn several_queries_of_a_file_are_read_as_sqlc_and_yesql_write_them() {
    let text = "-- The authors' queries. See also: the wiki\n\n-- name: GetAuthor :one\n-- Note: by key\n\
        SELECT * FROM authors\nWHERE id = $1 LIMIT 1;\n\n-- name: ListAuthors :many\n-- budget: 5ms p99\n\
        SELECT * FROM authors WHERE name = @name AND bio = sqlc.narg('bio') ORDER BY name;\n\
        /* name: Truncate :exec */\nTRUNCATE authors;\n-- name: save-author<!\n\
        -- param :bio: values x\nINSERT INTO authors (name, bio) VALUES (:name, :bio)\n\n-- name: count^\n\
        SELECT count(*) FROM authors -- the end\n";
    let default = Some((Duration::from_millis(20), Percentile::P95));
    let all = QueryFile::parse(Path::new("q/authors.sql"), text, default).unwrap();
    let shown: Vec<String> = all
        .iter()
        .map(|query| {
            format!(
                "{} at {}, {}ms {}: {}{}",
                query.name,
                query.line,
                query.budget.as_millis(),
                query.percentile,
                query.sql.replace('\n', " "),
                query.skip.as_deref().unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "GetAuthor at 3, 20ms p95: SELECT * FROM authors WHERE id = $1 LIMIT 1",
            "ListAuthors at 8, 5ms p99: SELECT * FROM authors WHERE name = $1 AND bio = $2 ORDER BY name",
            "Truncate at 11, 20ms p95: TRUNCATE authorsa `TRUNCATE` statement cannot be timed",
            "save-author at 13, 20ms p95: INSERT INTO authors (name, bio) VALUES ($1, $2)",
            "count at 17, 20ms p95: SELECT count(*) FROM authors",
        ]
    );
    assert_eq!(
        (&all[3].parameters[0], &all[3].parameters[1], all[3].writes),
        (
            &Source::Unsaid,
            &Source::Values(vec![Some("x".into())]),
            true
        )
    );
    assert_eq!(all[1].parameter_names[1].as_deref(), Some("bio"));
}

#[test]
fn only_a_near_miss_of_a_key_is_an_error() {
    for comment in [
        "Note: by key",
        "Returns: rows",
        "game: chess",
        "ship: it",
        "cows: two",
        "owner: ann",
        "Description: what",
        "author: ben",
        "see: x",
        "param: x",
        "params: a, b",
        "todo: all",
    ] {
        let text = format!("-- budget: 1s\n-- {comment}\nSELECT 1");
        assert!(parse(&text).is_ok(), "{comment}");
    }
    for (mistyped, meant) in [
        ("bugdet", "budget"),
        ("budgets", "budget"),
        ("bugget", "budget"),
        ("percentil", "percentile"),
        ("row", "rows"),
        ("tgas", "tags"),
        ("decription", "description"),
        ("Buffers", "buffers"),
    ] {
        let problem = parse(&format!("-- budget: 1s\n-- {mistyped}: x\nSELECT 1")).unwrap_err();
        assert!(
            problem
                .hint
                .starts_with(&format!("did you mean `{meant}`?")),
            "{problem:?}"
        );
    }
}

#[test]
fn what_is_wrong_is_told_with_file_and_line() {
    for (text, expected) in [
        (
            "-- budget: 100ms\n-- bugdet: 1s\nSELECT 1",
            "q/search.sql:2: unknown key `bugdet`",
        ),
        (
            "-- budget: 100\nSELECT 1",
            "q/search.sql:1: `budget`: `100` is not a duration (try 100ms, 5s, 10m or 2h)",
        ),
        (
            "-- budget: 0\nSELECT 1",
            "q/search.sql:1: `budget`: the budget is 0",
        ),
        (
            "-- budget: 1s p100\nSELECT 1",
            "q/search.sql:1: `budget`: `p100` is not a percentile (try p50, p95, p99 or p99.9)",
        ),
        (
            "-- budget: 1s p99\n-- percentile: p95\nSELECT 1",
            "q/search.sql:2: the percentile is also given in `budget`",
        ),
        (
            "-- budget: 1s\n-- budget: 2s\nSELECT 1",
            "q/search.sql:2: `budget` appears twice, first on line 1",
        ),
        ("SELECT 1", "q/search.sql: the header has no budget"),
        (
            "-- budget: 1s\n-- param $2: values 1\nSELECT 1",
            "q/search.sql:2: the statement has no parameter $2",
        ),
        (
            "-- budget: 1s\n-- param $x: values 1\nSELECT 1",
            "q/search.sql:2: `param $x` is not a parameter",
        ),
        (
            "-- budget: 1s\n-- param $99999: values 1\nSELECT 1",
            "q/search.sql:2: `param $99999` is not a parameter",
        ),
        (
            "-- budget: 1s\n-- param $1: value 1\nSELECT $1",
            "q/search.sql:2: `param $1`: `value 1` is not a source; write `values a, b`, `column table.column` or `query SELECT …`",
        ),
        (
            "-- budget: 1s\n\nSELECT 1;\nDELETE FROM t",
            "q/search.sql:4: a second statement begins here",
        ),
        (
            "-- budget: 1s\n-- rows: 5..1\nSELECT 1",
            "q/search.sql:2: `rows`: `5..1` is not a number of rows (try 20 or 1..20)",
        ),
        (
            "-- budget: 1s\n-- tags: a b\nSELECT 1",
            "q/search.sql:2: `tags`: `a b` is not a valid tag; a name consists of letters, digits, `_`, `-` and `.`",
        ),
        (
            "-- budget: 1s\n-- skip:\nSELECT 1",
            "q/search.sql:2: `skip` has no value",
        ),
        (
            "-- name: a b\n-- budget: 1s\nSELECT 1",
            "q/search.sql:1: `a b` is not a valid name",
        ),
        (
            "-- budget: 1s\n",
            "q/search.sql:2: the file contains no statement after the header",
        ),
        (
            "-- budget: 1s\n-- Budget: 2s\nSELECT 1",
            "q/search.sql:2: unknown key `Budget`",
        ),
        (
            "-- name: a :one\n-- budget: 1s\nSELECT 1;\n-- name: b\nSELECT 2",
            "q/search.sql:4: the header has no budget",
        ),
        (
            "-- budget: 1s\n-- param @b: values 1\nSELECT @a",
            "q/search.sql:2: the statement has no parameter @b",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*") {
        let _ = parse(&text);
    }

    #[test]
    fn nothing_like_a_header_makes_the_parser_panic(
        lines in proptest::collection::vec("-- (name|budget|percentile|param \\$[0-9]{0,6}|buffers|rows|tags|skip|x): ?[ -~é]{0,20}", 0..6),
        sql in "[ -~é\n]{0,40}",
    ) {
        let _ = parse(&format!("{}\n{sql}", lines.join("\n")));
    }

    #[test]
    fn a_value_is_read_back_as_it_was_quoted(values in proptest::collection::vec("[ -~é]{0,12}", 1..5)) {
        let list: Vec<String> = values.iter().map(|v| format!("'{}'", v.replace('\'', "''"))).collect();
        let source = Source::parse(&format!("values {}", list.join(" , "))).unwrap();
        prop_assert_eq!(source, Source::Values(values.into_iter().map(Some).collect()));
    }
}
