//! Where the values of parameters come from.

use super::bench::{Timed, case, labels};
use crate::support;

/// Letters and digits of which the commonest letter never meets the commonest digit: of 10,000 rows, 4,000 are (a, 1) to
/// (a, 4) in equal parts, 3,000 are (b, 9), 2,000 are (c, 9), and 1,000 are (d, 5).
const PAIRS: &str = "CREATE TABLE pair (id int, letter text, digit int);
    INSERT INTO pair SELECT n, CASE WHEN n <= 4000 THEN 'a' WHEN n <= 7000 THEN 'b' WHEN n <= 9000 THEN 'c' ELSE 'd' END,
        CASE WHEN n <= 4000 THEN 1 + n % 4 WHEN n <= 9000 THEN 9 ELSE 5 END
      FROM generate_series(1, 10000) AS n;
    ANALYZE pair";

const BY_BOTH: &str = "-- budget: 2s\n-- param $1: column pair.letter\n-- param $2: column public.pair.digit\n\
    SELECT * FROM pair WHERE letter = $1 AND digit = $2";

#[tokio::test]
async fn parameters_of_one_table_are_combinations_that_occur_and_the_commonest_is_the_worst() {
    for server in support::servers() {
        let timed = Timed::on(server, PAIRS).await;
        timed.query("both", BY_BOTH);
        let query = timed.run(&[]).query();
        let worst = case(&query, "worst");
        assert_eq!(
            (&worst["params"], &worst["rows"]),
            (&serde_json::json!(["b", "9"]), &3000.into()),
            "{query:#}"
        );
        for label in ["typical", "rare"] {
            assert_ne!(case(&query, label)["rows"], 0, "{label} occurs: {query:#}");
        }
        assert_eq!(case(&query, "absent")["rows"], 0);
        let source = query["sources"][0].as_str().unwrap();
        assert!(
            source.starts_with("$1, $2 are drawn together")
                && source.contains("a sample of 10000 rows (worst: 30.0 %"),
            "{source}"
        );
    }
}

#[tokio::test]
async fn extended_statistics_say_which_combination_is_commonest() {
    let timed = Timed::with(&format!(
        "{PAIRS}; CREATE STATISTICS pair_both (mcv) ON digit, letter FROM pair; ANALYZE pair"
    ))
    .await;
    timed.query("both", BY_BOTH);
    let query = timed.run(&[]).query();
    assert_eq!(
        case(&query, "worst")["params"],
        serde_json::json!(["b", "9"])
    );
    assert_eq!(
        query["sources"][0],
        "$1, $2 are drawn together, as combinations that occur, from the extended statistics public.pair_both \
         (worst: 30.0 % of them)"
    );
    // Shown to people as well.
    let shown = timed.run(&["--format", "markdown"]).stdout;
    assert!(shown.contains("both: $1, $2 are drawn together"), "{shown}");
}

#[tokio::test]
async fn one_column_twice_and_columns_that_never_meet_stand_for_themselves() {
    let timed = Timed::with(
        "CREATE TABLE apart (a int, b int); INSERT INTO apart SELECT CASE WHEN n % 2 = 0 THEN n % 10 END,
             CASE WHEN n % 2 = 1 THEN n % 10 END FROM generate_series(1, 1000) AS n; ANALYZE apart",
    )
    .await;
    timed.query(
        "between",
        "-- budget: 2s\n-- param $1: column apart.a\n-- param $2: column apart.a\n\
         SELECT * FROM apart WHERE a BETWEEN $1 AND $2",
    );
    let query = timed.run(&[]).query();
    assert_eq!(
        query["sources"],
        serde_json::json!([
            "$1 is drawn from the statistics of apart.a",
            "$2 is drawn from the statistics of apart.a"
        ])
    );
    timed.query(
        "between",
        "-- budget: 2s\n-- param $1: column apart.a\n-- param $2: column apart.b\n\
         SELECT * FROM apart WHERE a = $1 OR b = $2",
    );
    let query = timed.run(&[]).query();
    assert!(labels(&query).contains(&"worst"), "{query:#}");
    let note = query["notes"][0].as_str().unwrap();
    assert!(
        note.starts_with(
            "$1, $2 are not known to occur together (no row has a value in all of them)"
        ),
        "{note}"
    );
}

#[tokio::test]
async fn a_large_table_without_statistics_is_sampled_all_over_not_from_its_start() {
    // The whale comes last: the first rows would never show it. 200,000 rows, partitioned.
    let timed = Timed::with(
        "CREATE TABLE late (id int, customer int) PARTITION BY RANGE (id);
         CREATE TABLE late_1 PARTITION OF late FOR VALUES FROM (0) TO (150000);
         CREATE TABLE late_2 PARTITION OF late FOR VALUES FROM (150000) TO (1000000);
         ALTER TABLE late_1 SET (autovacuum_enabled = off); ALTER TABLE late_2 SET (autovacuum_enabled = off);
         INSERT INTO late SELECT n, CASE WHEN n > 140000 THEN 7 ELSE n END FROM generate_series(1, 200000) AS n",
    )
    .await;
    timed
        .database
        .client()
        .await
        .batch_execute("VACUUM late_1, late_2")
        .await
        .unwrap();
    timed.query(
        "late",
        "-- budget: 2s\n-- param $1: column late.customer\nSELECT count(*) FROM late WHERE customer = $1",
    );
    let query = timed.run(&[]).query();
    assert_eq!(case(&query, "worst")["params"][0], "7", "{query:#}");
}

#[tokio::test]
async fn a_column_of_whatever_has_no_rows_is_said_to_have_no_values() {
    let timed = Timed::with(
        "CREATE TABLE nothing (a int); CREATE TABLE no_parts (a int) PARTITION BY RANGE (a);
         CREATE TABLE no_leaves (a int) PARTITION BY RANGE (a);
         CREATE TABLE no_leaves_1 PARTITION OF no_leaves FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (a);
         CREATE VIEW no_rows AS SELECT a FROM nothing; CREATE MATERIALIZED VIEW unpopulated AS SELECT a FROM nothing WITH NO DATA;
         CREATE MATERIALIZED VIEW empty AS SELECT a FROM nothing",
    )
    .await;
    for relation in "nothing no_parts no_leaves no_rows unpopulated empty".split(' ') {
        timed.query(
            relation,
            &format!("-- budget: 2s\n-- param $1: column {relation}.a\nSELECT * FROM {relation} WHERE a = $1"),
        );
    }
    let result = timed.run(&[]).json();
    let queries = result["queries"].as_array().unwrap();
    assert_eq!(queries.len(), 6);
    for query in queries {
        let error = query["error"].as_str().unwrap();
        let expected = match query["name"].as_str().unwrap() {
            "unpopulated" => "has not been populated",
            _ => "has no values to draw a parameter from",
        };
        assert!(error.contains(expected), "{error}");
    }
}

/// As files for sqlc have it: the parameter is a text, and what the statement makes of it is not.
#[tokio::test]
async fn a_text_that_is_cast_on_is_one_of_that_type() {
    let timed = Timed::with("").await;
    timed.query(
        "cast",
        "-- budget: 2s\nSELECT $1::text::jsonb, (@number::text)::numeric(9, 2), $2::varchar::uuid, $3::text, $4::int::text",
    );
    let query = timed.run(&[]).query();
    assert_eq!(
        case(&query, "given")["params"],
        serde_json::json!(["{}", "00000000-0000-4000-8000-000000000000", "a", "4", "5"]),
        "{query:#}"
    );
    let sources = query["sources"].as_array().unwrap();
    let told = "$1 is cast to jsonb, and there is no source for its values: an arbitrary value of the type is used";
    assert!(sources.iter().any(|source| source == told), "{sources:?}");
}
