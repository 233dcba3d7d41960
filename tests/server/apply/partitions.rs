//! Partition trees: built piece by piece, repaired, completed.

use super::Deploy;
use crate::support;

const TREE: &str = "CREATE TABLE t (a int, b text) PARTITION BY RANGE (a);
    CREATE TABLE t_low PARTITION OF t FOR VALUES FROM (0) TO (100);
    CREATE TABLE t_high PARTITION OF t FOR VALUES FROM (100) TO (200) PARTITION BY LIST (b);
    CREATE TABLE t_high_x PARTITION OF t_high FOR VALUES IN ('x');
    CREATE TABLE \"T high rest\" PARTITION OF t_high DEFAULT;
    CREATE TABLE t_default PARTITION OF t DEFAULT;
    INSERT INTO t SELECT i, CASE WHEN i % 2 = 0 THEN 'x' ELSE 'y' END FROM generate_series(1, 300) i;";

/// Whether the parent's index is valid and has a part on every leaf.
async fn is_whole(deploy: &Deploy) -> bool {
    deploy
        .value(
            "SELECT (SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass)
                AND (SELECT count(*) FROM pg_partition_tree('i') WHERE isleaf)
                  = (SELECT count(*) FROM pg_partition_tree('t') WHERE isleaf)
                AND (SELECT bool_and(x.indisvalid) FROM pg_partition_tree('i') p JOIN pg_index x ON x.indexrelid = p.relid)",
        )
        .await
}

#[tokio::test]
async fn a_tree_of_three_levels_is_built_piece_by_piece_and_kept() {
    for server in support::servers() {
        let deploy = Deploy::on(server, TREE).await;
        deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (b, a DESC)");
        let said = deploy.applies(&[]);
        assert_eq!(said.actions(), ["create"]);
        assert!(
            is_whole(&deploy).await,
            "PostgreSQL {}: {said:#?}",
            deploy.major
        );
        // A partition that comes later gets its part from Postgres itself.
        deploy
            .execute("CREATE TABLE t_next PARTITION OF t FOR VALUES FROM (1000) TO (2000)")
            .await;
        assert_eq!(deploy.applies(&[]).actions(), ["keep"]);
        assert!(is_whole(&deploy).await);
    }
}

#[tokio::test]
async fn an_attached_part_that_is_not_valid_is_rebuilt_and_the_parent_turns_valid() {
    for server in support::servers()
        .iter()
        .filter(|server| server.major() > 13)
    {
        let deploy = Deploy::on(server, TREE).await;
        deploy
            .migration(1, "CREATE INDEX CONCURRENTLY i ON t (b)")
            .applies(&[]);
        let parents = "('t_high_x_i'::regclass, 't_high_i'::regclass, 'i'::regclass)";
        deploy
            .execute(&format!(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid IN {parents}"
            ))
            .await;
        let said = deploy.applies(&[]);
        assert_eq!(said.actions(), ["rebuild"]);
        assert!(
            is_whole(&deploy).await,
            "PostgreSQL {}: {said:#?}",
            deploy.major
        );
    }
}

#[tokio::test]
async fn a_half_built_tree_is_completed_with_what_is_there() {
    for server in support::servers() {
        let deploy = Deploy::on(server, TREE).await;
        deploy
            .execute(
                "CREATE INDEX i ON ONLY t (b); CREATE INDEX by_hand ON t_low (b); ALTER INDEX i ATTACH PARTITION by_hand;
                 CREATE INDEX t_default_i ON t_default (b); CREATE INDEX other ON t_high_x (b, a);
                 UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_default_i'::regclass",
            )
            .await;
        deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (b)");
        let said = deploy.applies(&[]);
        assert!(
            is_whole(&deploy).await,
            "PostgreSQL {}: {said:#?}",
            deploy.major
        );
        assert!(
            deploy
                .indexes()
                .await
                .contains(&"by_hand valid btree (b)".to_owned())
        );
    }
}

#[tokio::test]
async fn a_parent_left_invalid_over_valid_parts_is_validated() {
    for server in support::servers() {
        let deploy = Deploy::on(server, TREE).await;
        deploy
            .migration(1, "CREATE INDEX CONCURRENTLY i ON t (b)")
            .applies(&[]);
        deploy
            .execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass")
            .await;
        if deploy.major == 13 {
            let refused = deploy.apply(&[]);
            assert!(
                refused
                    .errors()
                    .contains("PostgreSQL 13 cannot be made to check again"),
                "{refused:#?}"
            );
            continue;
        }
        let said = deploy.applies(&[]);
        assert!(
            is_whole(&deploy).await,
            "PostgreSQL {}: {said:#?}",
            deploy.major
        );
    }
}

#[tokio::test]
async fn a_foreign_partition_gets_a_clear_answer() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int) PARTITION BY RANGE (a); CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
         CREATE FOREIGN TABLE far PARTITION OF t FOR VALUES FROM (0) TO (10) SERVER s",
    )
    .await;
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)");
    let said = deploy.apply(&[]);
    assert_eq!(said.status, 1);
    assert!(
        said.errors().contains("public.far is a foreign table"),
        "{said:#?}"
    );
}
