//! Definitions are compared as the server itself reads them.

use super::Deploy;
use crate::support;

/// Written as people write, not as `pg_get_indexdef` prints.
const ODD: &[(u32, &str)] = &[
    (
        13,
        "CREATE INDEX CONCURRENTLY i01 ON \"Odd Schema\".\"Order\" (\"Mixed Case\" desc nulls last, id)",
    ),
    (
        13,
        "create unique index concurrently i02 on \"Odd Schema\".\"Order\" using BTREE (id) include (note) with (FILLFACTOR=70)",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY i03 ON \"Odd Schema\".\"Order\" (lower(note)) WHERE flag = true AND id > 10 OR note IN ('a','b')",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY i04 ON \"Odd Schema\".\"Order\" (note text_pattern_ops)",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY i05 ON \"Odd Schema\".\"Order\" (note COLLATE \"C\")",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY i06 ON \"Odd Schema\".\"Order\" (note /* which; -- one */)",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY i07 ON \"Odd Schema\".\"Order\" USING hash (note)",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY i08 ON \"Odd Schema\".\"Order\" USING gin (tags)",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY i09 ON \"Odd Schema\".\"Order\" USING brin (id) WITH (pages_per_range = 16)",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY i10 ON \"Odd Schema\".\"Order\" USING gist (tsv tsvector_ops (siglen = 100))",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY i11 ON \"Odd Schema\".\"Order\" USING spgist (note)",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY i12 ON \"Odd Schema\".\"Order\" ((id + 1), (note || 'x'))",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY \"I 13; -- \"\"quoted\"\"\" ON \"Odd Schema\".\"Order\" (id, note)",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY i14 ON \"Odd Schema\".\"Order\" (id) TABLESPACE pg_default WHERE note = $q$a'b$q$",
    ),
    (
        13,
        "CREATE INDEX CONCURRENTLY i15 ON \"Odd Schema\".view_m (id)",
    ),
    (13, "CREATE INDEX CONCURRENTLY i16 ON unqualified (id)"),
    (
        15,
        "CREATE UNIQUE INDEX CONCURRENTLY i17 ON \"Odd Schema\".\"Order\" (id, note) NULLS NOT DISTINCT",
    ),
];

const SETUP: &str = "CREATE SCHEMA \"Odd Schema\";
    CREATE TABLE \"Odd Schema\".\"Order\" (
        gone int, id bigint PRIMARY KEY, \"Mixed Case\" text, note text, flag boolean, tags text[], tsv tsvector);
    ALTER TABLE \"Odd Schema\".\"Order\" DROP COLUMN gone;
    INSERT INTO \"Odd Schema\".\"Order\" SELECT i, 'm' || i, 'n' || i, i % 2 = 0, ARRAY['t' || i], 'word' FROM generate_series(1, 200) i;
    CREATE MATERIALIZED VIEW \"Odd Schema\".view_m AS SELECT id FROM \"Odd Schema\".\"Order\";
    CREATE TABLE unqualified (id int);";

#[tokio::test]
async fn every_kind_of_index_is_built_once_and_kept_ever_after() {
    for server in support::servers() {
        let deploy = Deploy::on(server, SETUP).await;
        for (at, (since, sql)) in ODD.iter().enumerate() {
            if *since <= deploy.major {
                deploy.migration(at as u32 + 1, sql);
            }
        }
        let said = deploy.applies(&[]);
        assert!(
            said.actions().iter().all(|action| *action == "create"),
            "{said:#?}"
        );
        let invalid: Vec<_> = deploy
            .indexes()
            .await
            .into_iter()
            .filter(|i| i.contains("INVALID"))
            .collect();
        assert_eq!(invalid, [""; 0]);
    }
}

#[tokio::test]
async fn four_look_alikes_are_four_different_indexes() {
    let alike = [
        "(note)",
        "(note DESC)",
        "(note COLLATE \"C\")",
        "(note text_pattern_ops)",
    ];
    let deploy = Deploy::on(support::server(), "CREATE TABLE t (note text)").await;
    for (at, columns) in alike.iter().enumerate() {
        deploy.migration(
            at as u32 + 1,
            &format!("CREATE INDEX CONCURRENTLY i{at} ON t {columns}"),
        );
    }
    let said = deploy.applies(&[]);
    assert_eq!(said.actions(), ["create"; 4], "{said:#?}");
}

#[tokio::test]
async fn a_changed_definition_is_refused_with_both_and_replaced_when_asked() {
    for server in support::servers() {
        let deploy = Deploy::on(
            server,
            "CREATE TABLE t (a int, b int); CREATE INDEX i ON t (b)",
        )
        .await;
        deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a, b)");
        let refused = deploy.apply(&[]);
        assert_eq!((refused.status, refused.outcome()), (1, "failed"));
        let why = refused.errors();
        assert!(
            why.contains("USING btree (b)") && why.contains("USING btree (a, b)"),
            "{why}"
        );
        assert_eq!(deploy.indexes().await, ["i valid btree (b)"]);
        let replaced = deploy.applies(&["--replace"]);
        assert_eq!(replaced.actions(), ["replace"]);
        assert_eq!(deploy.indexes().await, ["i valid btree (a, b)"]);
    }
}

#[tokio::test]
async fn the_same_index_under_another_name_is_kept_and_named() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int); CREATE INDEX by_hand ON t (a)",
    )
    .await;
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)");
    let said = deploy.applies(&[]);
    assert_eq!(said.actions(), ["keep"]);
    assert!(
        said.steps().next().unwrap()["reason"]
            .as_str()
            .unwrap()
            .contains("public.by_hand")
    );
    deploy.applies(&["--allow-duplicates"]);
    assert_eq!(
        deploy.indexes().await,
        ["by_hand valid btree (a)", "i valid btree (a)"]
    );
}
