//! Whatever state is found, the end is the same.

use super::Deploy;
use crate::support;

const TABLE: &str =
    "CREATE TABLE t (a int, b int); INSERT INTO t SELECT i, i FROM generate_series(1, 100) i;";
const INDEX: &str = "CREATE INDEX CONCURRENTLY i ON t (a)";

async fn invalidate(deploy: &Deploy, index: &str) {
    deploy
        .execute(&format!(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{index}'::regclass"
        ))
        .await;
}

#[tokio::test]
async fn an_invalid_leftover_is_rebuilt() {
    for server in support::servers() {
        let deploy = Deploy::on(server, TABLE).await;
        deploy.migration(1, INDEX).applies(&[]);
        invalidate(&deploy, "i").await;
        let status = deploy.run("status", &[]);
        assert_eq!((status.status, status.actions()), (1, vec!["rebuild"]));
        assert_eq!(deploy.applies(&[]).actions(), ["rebuild"]);
        assert_eq!(deploy.indexes().await, ["i valid btree (a)"]);
    }
}

#[tokio::test]
async fn leftovers_of_a_broken_off_reindex_are_dropped() {
    let deploy = Deploy::on(support::server(), TABLE).await;
    deploy.migration(1, INDEX).applies(&[]);
    deploy
        .execute("CREATE INDEX i_ccnew ON t (a); CREATE INDEX i_ccold ON t (a)")
        .await;
    invalidate(&deploy, "i_ccnew").await;
    invalidate(&deploy, "i_ccold").await;
    assert_eq!(deploy.applies(&[]).actions(), ["drop"]);
    assert_eq!(deploy.indexes().await, ["i valid btree (a)"]);
}

#[tokio::test]
async fn a_lost_history_is_written_anew_and_nothing_is_built() {
    let deploy = Deploy::on(support::server(), TABLE).await;
    deploy.migration(1, INDEX).applies(&[]);
    let before: u32 = deploy.value("SELECT 'i'::regclass::oid").await;
    deploy.execute("DROP TABLE dbaudit_index_history").await;
    assert_eq!(deploy.applies(&[]).actions(), ["keep"]);
    assert_eq!(
        deploy.value::<u32>("SELECT 'i'::regclass::oid").await,
        before
    );
    assert_eq!(
        deploy
            .value::<i64>("SELECT count(*) FROM dbaudit_index_history")
            .await,
        1
    );
}

#[tokio::test]
async fn an_index_dropped_by_hand_comes_back_although_its_migration_is_recorded() {
    let deploy = Deploy::on(support::server(), TABLE).await;
    deploy.migration(1, INDEX).applies(&[]);
    deploy.execute("DROP INDEX i").await;
    assert_eq!(deploy.applies(&[]).actions(), ["create"]);
}

#[tokio::test]
async fn an_edited_comment_and_a_renamed_file_are_settled_with_a_note() {
    let deploy = Deploy::on(support::server(), TABLE).await;
    deploy.migration(1, INDEX).applies(&[]);
    let folder = deploy.db.folder().join("migrations");
    for edit in ["comment", "name"] {
        match edit {
            "comment" => {
                deploy.migration(1, &format!("-- why\n{INDEX}"));
            }
            _ => std::fs::rename(folder.join("V1__m.sql"), folder.join("V1__n.sql")).unwrap(),
        }
        for command in ["status", "apply-indexes"] {
            let said = deploy.run(command, &[]);
            assert_eq!(said.status, 0, "{said:#?}");
            assert_eq!(said.json["migrations"][0]["status"], "already_applied");
            let note = said.json["notes"][0].as_str().unwrap();
            assert!(note.contains("its indexes still match"), "{note}");
        }
        // Once it is recorded as it reads now, there is nothing to note any more.
        let said = deploy.run("status", &[]);
        assert_eq!(said.json["notes"], serde_json::json!([]), "{said:#?}");
    }
}

#[tokio::test]
async fn a_dropping_migration_drops_once_and_leaves_alone_what_is_made_anew() {
    let deploy = Deploy::on(support::server(), TABLE).await;
    deploy.migration(1, INDEX).applies(&[]);
    deploy.migration(2, "DROP INDEX CONCURRENTLY i");
    assert_eq!(deploy.applies(&[]).actions(), ["keep", "drop"]);
    assert_eq!(deploy.indexes().await, [""; 0]);
    deploy.execute("CREATE INDEX i ON t (b)").await;
    let said = deploy.applies(&[]);
    assert_eq!(said.actions(), ["keep", "keep"]);
    assert_eq!(deploy.indexes().await, ["i valid btree (b)"]);
}

#[tokio::test]
async fn a_rename_by_create_and_drop_keeps_an_index_at_all_times() {
    let deploy = Deploy::on(support::server(), TABLE).await;
    deploy
        .migration(1, "CREATE INDEX CONCURRENTLY old ON t (a)")
        .applies(&[]);
    deploy
        .migration(2, "CREATE INDEX CONCURRENTLY new ON t (a)")
        .migration(3, "DROP INDEX CONCURRENTLY old");
    assert_eq!(deploy.applies(&[]).actions(), ["keep", "create", "drop"]);
    assert_eq!(deploy.indexes().await, ["new valid btree (a)"]);
}

#[tokio::test]
async fn reindex_and_comment_are_carried_out_once() {
    for server in support::servers() {
        let deploy = Deploy::on(server, TABLE).await;
        deploy.migration(1, INDEX).applies(&[]);
        let before: u32 = deploy.value("SELECT pg_relation_filenode('i')").await;
        deploy.migration(
            2,
            "REINDEX INDEX CONCURRENTLY i; COMMENT ON INDEX i IS 'it''s for \\ search';",
        );
        deploy.applies(&[]);
        assert_ne!(
            deploy
                .value::<u32>("SELECT pg_relation_filenode('i')")
                .await,
            before
        );
        let comment: String = deploy.value("SELECT obj_description('i'::regclass)").await;
        assert_eq!(comment, "it's for \\ search");
    }
}

#[tokio::test]
async fn a_comment_that_somebody_changed_is_as_written_after_the_next_run() {
    let deploy = Deploy::on(support::server(), TABLE).await;
    for (written, expected) in [("'ours'", Some("ours")), ("NULL", None)] {
        deploy
            .migration(1, &format!("{INDEX}; COMMENT ON INDEX i IS {written}"))
            .applies(&[]);
        deploy.execute("COMMENT ON INDEX i IS 'theirs'").await;
        deploy.applies(&[]);
        let comment: Option<String> = deploy.value("SELECT obj_description('i'::regclass)").await;
        assert_eq!(comment.as_deref(), expected);
        deploy.execute("DROP TABLE dbaudit_index_history").await;
    }
}

#[tokio::test]
async fn a_dry_run_shows_the_statements_and_changes_nothing() {
    let deploy = Deploy::on(support::server(), TABLE).await;
    deploy.migration(1, INDEX);
    let client = deploy.db.client().await;
    client
        .batch_execute("BEGIN; INSERT INTO t VALUES (0, 0)")
        .await
        .unwrap();
    let said = deploy.apply(&["--dry-run"]);
    assert_eq!((said.status, said.outcome()), (0, "planned"));
    let step = said.steps().next().unwrap();
    assert_eq!(
        step["statements"][0],
        "CREATE INDEX CONCURRENTLY i ON public.t (a)"
    );
    let blockers = said.json["held_up_by"].as_array().unwrap();
    assert!(
        blockers
            .iter()
            .any(|b| b["query"].as_str().unwrap().contains("INSERT INTO t")),
        "{said:#?}"
    );
    assert_eq!(deploy.indexes().await, [""; 0]);
    assert!(
        deploy
            .value::<bool>("SELECT to_regclass('dbaudit_index_history') IS NULL")
            .await
    );
}

#[tokio::test]
async fn two_jobs_build_on_two_tables_and_events_stream_as_json_lines() {
    let deploy = Deploy::on(
        support::server(),
        &format!("{TABLE} CREATE TABLE u (a int);"),
    )
    .await;
    deploy
        .migration(1, INDEX)
        .migration(2, "CREATE INDEX CONCURRENTLY j ON u (a)")
        .migration(3, "CREATE INDEX CONCURRENTLY k ON t (b)");
    let args = [
        "apply-indexes",
        "--migrations",
        "migrations",
        "--jobs",
        "2",
        "--format",
        "json-lines",
    ];
    let output = deploy.db.dbaudit(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let events: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |name: &str| events.iter().filter(|e| e["event"] == name).count();
    assert_eq!((of("sending"), of("finished"), of("result")), (3, 3, 1));
    assert_eq!(events.last().unwrap()["outcome"], "applied");
    assert_eq!(deploy.indexes().await.len(), 3);
}
