//! What files say is what stands: how statements of several files, tools, schemas and releases come together. The whole
//! rule is judged at random in `apply_replay`; here stand the kinds of case that it cannot draw.

use super::Deploy;
use crate::support;

const TABLE: &str = "CREATE TABLE t (a int, b int, s text); INSERT INTO t SELECT n, n % 7, n::text FROM generate_series(1, 100) n;";

#[tokio::test]
async fn a_drop_and_a_create_together_replace_without_being_asked() {
    for server in support::servers() {
        let deploy = Deploy::on(server, TABLE).await;
        deploy
            .migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)")
            .applies(&[]);
        deploy
            .migration(2, "DROP INDEX CONCURRENTLY i")
            .migration(3, "CREATE INDEX CONCURRENTLY i ON t (a, b)");
        let said = deploy.applies(&[]);
        assert_eq!(said.actions(), ["keep", "keep", "replace"]);
        // The new one is built before the old one goes: there is no moment without an index.
        let sent: Vec<String> = said
            .steps()
            .flat_map(|step| step["statements"].as_array().cloned().unwrap_or_default())
            .map(|sql| sql.as_str().unwrap_or_default().to_owned())
            .collect();
        let place = |text: &str| sent.iter().position(|sql| sql.starts_with(text));
        assert!(
            place("CREATE INDEX CONCURRENTLY i_dbaudit_new") < place("DROP INDEX"),
            "{sent:#?}"
        );
        assert_eq!(deploy.indexes().await, ["i valid btree (a, b)"]);
    }
}

#[tokio::test]
async fn an_index_moves_to_another_table_in_one_file() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int); CREATE TABLE w (a int)",
    )
    .await;
    deploy
        .migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)")
        .applies(&[]);
    deploy.migration(
        2,
        "DROP INDEX CONCURRENTLY IF EXISTS i; CREATE INDEX CONCURRENTLY i ON w (a);",
    );
    deploy.applies(&[]);
    let table: String = deploy
        .value("SELECT indrelid::regclass::text FROM pg_index WHERE indexrelid = 'i'::regclass")
        .await;
    assert_eq!(table, "w");
    assert_eq!(deploy.indexes().await, ["i valid btree (a)"]);
}

#[tokio::test]
async fn an_index_that_an_unrecorded_create_would_meet_is_never_dropped() {
    let deploy = Deploy::on(
        support::server(),
        &format!("{TABLE} CREATE INDEX i ON t (b)"),
    )
    .await;
    deploy
        .migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)")
        .migration(2, "DROP INDEX CONCURRENTLY i");
    let said = deploy.apply(&[]);
    assert_eq!(said.status, 1, "{said:#?}");
    assert!(
        said.errors()
            .contains("when version 1 creates this index, another one has its name"),
        "{}",
        said.errors()
    );
    assert_eq!(deploy.indexes().await, ["i valid btree (b)"]);
}

#[tokio::test]
async fn the_down_part_of_another_tools_file_is_left_out_and_an_unmarked_one_refused() {
    let up = "CREATE INDEX CONCURRENTLY i ON t (a);";
    let down = "DROP INDEX CONCURRENTLY i;";
    for (before, between) in [
        (
            "-- +goose NO TRANSACTION\n-- +goose Up\n",
            "\n-- +goose Down\n",
        ),
        (
            "-- +migrate Up notransaction\n",
            "\n-- +migrate Down notransaction\n",
        ),
        (
            "-- migrate:up transaction:false\n",
            "\n-- migrate:down transaction:false\n",
        ),
        ("", "\n---- create above / drop below ----\n"),
        ("-- Up Migration\n", "\n-- Down Migration\n"),
    ] {
        let deploy = Deploy::on(support::server(), TABLE).await;
        deploy.migration(1, &format!("{before}{up}{between}{down}"));
        let said = deploy.applies(&[]);
        let notes = said.json["notes"].to_string();
        assert!(notes.contains("Down section"), "{between}: {notes}");
        assert_eq!(deploy.indexes().await, ["i valid btree (a)"], "{between}");
    }
    let deploy = Deploy::on(support::server(), TABLE).await;
    let said = deploy.migration(1, &format!("{up}\n{down}")).apply(&[]);
    assert_eq!(said.status, 2);
    assert!(
        said.stderr.contains("V1__m.sql:2:1") && said.stderr.contains("+goose Down"),
        "{}",
        said.stderr
    );
    // What only the server knows to be the same index.
    let said = deploy
        .migration(1, &format!("{up}\nDROP INDEX CONCURRENTLY public.i;"))
        .apply(&[]);
    assert_eq!(said.status, 1, "{said:#?}");
    assert!(
        said.errors()
            .contains("creates this index and drops it again"),
        "{}",
        said.errors()
    );
    assert_eq!(deploy.indexes().await, [""; 0]);
}

#[tokio::test]
async fn the_tablespace_of_a_reindex_is_carried_through() {
    for server in support::servers()
        .iter()
        .filter(|server| server.major() >= 15)
    {
        let deploy = Deploy::on(server, TABLE).await;
        let space = format!("fast_{}", deploy.db.name);
        let client = deploy.db.client().await;
        client
            .batch_execute("SET allow_in_place_tablespaces = on")
            .await
            .unwrap();
        client
            .batch_execute(&format!("CREATE TABLESPACE {space} LOCATION ''"))
            .await
            .unwrap();
        deploy
            .migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)")
            .applies(&[]);
        deploy
            .migration(
                2,
                &format!("REINDEX (TABLESPACE {space}, VERBOSE) INDEX CONCURRENTLY i"),
            )
            .applies(&[]);
        let now: String = deploy
            .value("SELECT s.spcname::text FROM pg_class c JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE c.relname = 'i'")
            .await;
        assert_eq!(now, space);
        deploy
            .execute("ALTER INDEX i SET TABLESPACE pg_default")
            .await;
        client
            .batch_execute(&format!("DROP TABLESPACE {space}"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_reindex_table_passes_over_is_a_failure_that_names_it() {
    for server in support::servers() {
        let deploy = Deploy::on(server, &format!("{TABLE} CREATE INDEX odd ON t (b)")).await;
        deploy
            .execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'odd'::regclass")
            .await;
        deploy.migration(1, "REINDEX TABLE CONCURRENTLY t");
        let said = deploy.apply(&[]);
        assert_eq!(said.status, 1, "{said:#?}");
        let why = said.errors();
        assert!(
            why.contains("public.odd") && why.contains("skipping"),
            "{why}"
        );
        deploy.execute("REINDEX INDEX odd").await;
        deploy.applies(&[]);
    }
}

#[tokio::test]
async fn an_index_that_a_foreign_key_relies_on_is_never_begun_to_be_replaced() {
    for server in support::servers() {
        let deploy = Deploy::on(
            server,
            "CREATE TABLE t (a int NOT NULL, b int); CREATE UNIQUE INDEX u ON t (a);
             CREATE TABLE child (a int, CONSTRAINT child_fk FOREIGN KEY (a) REFERENCES t (a))",
        )
        .await;
        for (files, args) in [
            (
                &["CREATE UNIQUE INDEX CONCURRENTLY u ON t (a) INCLUDE (b)"][..],
                &["--replace"][..],
            ),
            (&["DROP INDEX CONCURRENTLY u"], &[]),
            (
                &[
                    "DROP INDEX CONCURRENTLY u; CREATE UNIQUE INDEX CONCURRENTLY u ON t (a) INCLUDE (b)",
                ],
                &[],
            ),
        ] {
            for (version, sql) in (1..).zip(files) {
                deploy.migration(version, sql);
            }
            let said = deploy.apply(args);
            assert_eq!(said.status, 1, "{said:#?}");
            assert!(
                said.errors().contains("foreign key child_fk depends on it"),
                "{}",
                said.errors()
            );
            assert_eq!(deploy.indexes().await, ["u valid btree (a)"]);
        }
    }
}

#[tokio::test]
async fn an_invalid_index_that_still_keeps_duplicates_out_is_repaired_where_it_is() {
    for server in support::servers() {
        let deploy = Deploy::on(server, TABLE).await;
        deploy
            .migration(1, "CREATE UNIQUE INDEX CONCURRENTLY u ON t (a)")
            .applies(&[]);
        deploy
            .execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'u'::regclass")
            .await;
        // Somebody tries to add a duplicate all the while.
        let writer = deploy.db.client().await;
        let (said, accepted) = tokio::join!(run_elsewhere(&deploy), async {
            let mut accepted = 0;
            for _ in 0..300 {
                accepted += u32::from(
                    writer
                        .execute("INSERT INTO t VALUES (1)", &[])
                        .await
                        .is_ok(),
                );
            }
            accepted
        });
        assert_eq!((said.status, accepted), (0, 0), "{said:#?}");
        assert_eq!(said.actions(), ["rebuild"]);
        assert_eq!(
            said.steps().next().unwrap()["statements"],
            serde_json::json!(["REINDEX INDEX CONCURRENTLY public.u"])
        );
        deploy.applies(&[]);
        // One that was never valid goes, as it says why.
        deploy.execute("UPDATE pg_index SET indisvalid = false, indisunique = false WHERE indexrelid = 'u'::regclass").await;
        deploy.execute("INSERT INTO t VALUES (1, 1, 'again')").await;
        deploy
            .execute("UPDATE pg_index SET indisunique = true WHERE indexrelid = 'u'::regclass")
            .await;
        let said = deploy.apply(&[]);
        assert_eq!(said.status, 1);
        assert!(said.errors().contains("(a)=(1)"), "{}", said.errors());
        assert_eq!(deploy.indexes().await, [""; 0]);
    }
}

/// What hangs on an index besides its definition, as the catalog has it.
const HANGING: &str = "
    SELECT concat_ws(' | ', obj_description(x.oid, 'pg_class'), i.indisclustered,
           (SELECT string_agg(e.extname, ',') FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
            WHERE d.objid = x.oid AND d.deptype = 'x'),
           (SELECT string_agg(a.attnum || '=' || a.attstattarget, ',') FROM pg_attribute a
            WHERE a.attrelid = x.oid AND a.attstattarget >= 0))
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE x.relname = 'i'";

#[tokio::test]
async fn what_hangs_on_an_index_outlives_its_repair_and_its_replacement() {
    for server in support::servers() {
        let deploy = Deploy::on(server, &format!("{TABLE} CREATE EXTENSION pg_trgm")).await;
        deploy
            .migration(1, "CREATE INDEX CONCURRENTLY i ON t (b, lower(s))")
            .applies(&[]);
        deploy
            .execute(
                "COMMENT ON INDEX i IS 'for the search''s sake'; ALTER TABLE t CLUSTER ON i;
                 ALTER INDEX i ALTER COLUMN 2 SET STATISTICS 777; ALTER INDEX i DEPENDS ON EXTENSION pg_trgm",
            )
            .await;
        let before: String = deploy.value(HANGING).await;
        assert!(
            before.contains("sake") && before.contains("t | pg_trgm | 2=777"),
            "{before}"
        );
        deploy
            .execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass")
            .await;
        deploy.applies(&[]);
        assert_eq!(deploy.value::<String>(HANGING).await, before, "repaired");
        deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (lower(s), a)");
        let said = deploy.apply(&["--replace"]);
        assert_eq!(said.status, 0, "{said:#?}");
        assert_eq!(
            deploy.value::<String>(HANGING).await,
            before.replace("2=777", "1=777"),
            "replaced"
        );
        // What cannot go over is said before anything is done.
        deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a) WHERE b > 0");
        let plan = deploy.apply(&["--replace", "--dry-run"]);
        let reason = plan.steps().next().unwrap()["reason"].to_string();
        assert!(
            reason.contains("777 of lower(s)") && reason.contains("clustered"),
            "{reason}"
        );
        // Two statements that say to drop it say so of all that hangs on it, as psql would.
        deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (lower(s), a)");
        deploy.applies(&[]);
        deploy.migration(
            2,
            "DROP INDEX CONCURRENTLY i; CREATE INDEX CONCURRENTLY i ON t (lower(s), b)",
        );
        deploy.applies(&[]);
        assert_eq!(deploy.value::<String>(HANGING).await, "f");
    }
}

#[tokio::test]
async fn definitions_that_no_copy_of_the_table_can_have_are_built_and_known_again() {
    for server in support::servers() {
        let deploy = Deploy::on(
            server,
            "CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 2);
             CREATE FUNCTION f(t) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1.a + $1.b'",
        )
        .await;
        deploy
            .migration(1, "CREATE INDEX CONCURRENTLY whole ON t (f(t), f(t.*))")
            .migration(2, "CREATE INDEX CONCURRENTLY qualified ON t ((public.t.a + t.b)) WHERE public.t.a > 0");
        deploy.applies(&[]);
        assert_eq!(
            deploy.indexes().await,
            [
                "qualified valid btree (((a + b))) WHERE (a > 0)",
                "whole valid btree (f(t.*), f(t.*))"
            ]
        );
        // Another one in its place is not taken for it.
        deploy
            .execute("DROP INDEX whole; CREATE INDEX whole ON t (b)")
            .await;
        let said = deploy.apply(&[]);
        assert_eq!(said.status, 1);
        assert!(
            said.errors().contains("exists, but it cannot be compared"),
            "{}",
            said.errors()
        );
    }
}

#[tokio::test]
async fn an_error_inside_a_function_says_where_it_was() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE TABLE looked_up (a int);
         CREATE FUNCTION f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
           $$ BEGIN RETURN (SELECT max(no_such_column) FROM looked_up); END $$",
    )
    .await;
    let said = deploy
        .migration(1, "CREATE INDEX CONCURRENTLY i ON t (f(a))")
        .apply(&[]);
    let why = said.errors();
    assert_eq!(said.status, 1);
    for part in [
        "CONTEXT: ",
        "PL/pgSQL function",
        "QUERY: ",
        "max(no_such_column)",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert_eq!(deploy.indexes().await, [""; 0]);
}

#[tokio::test]
async fn what_the_application_took_away_since_is_settled_and_comes_back_with_its_table() {
    for server in support::servers() {
        let deploy = Deploy::on(server, TABLE).await;
        deploy
            .migration(1, "CREATE INDEX CONCURRENTLY i ON t (a, b)")
            .migration(2, "CREATE INDEX CONCURRENTLY j ON t (s)");
        deploy.applies(&[]);
        deploy.execute("ALTER TABLE t DROP COLUMN b").await;
        for command in ["apply-indexes", "status"] {
            let said = deploy.run(command, &[]);
            assert_eq!(said.status, 0, "{said:#?}");
            assert!(
                said.json["notes"]
                    .to_string()
                    .contains("column no longer exists"),
                "{said:#?}"
            );
        }
        deploy.execute("ALTER TABLE t RENAME s TO text").await;
        let said = deploy.applies(&[]);
        // Its definition is as it was recorded but for the column's new name.
        assert!(
            said.json["notes"].to_string().contains("renamed since"),
            "{said:#?}"
        );
        deploy.execute("DROP TABLE t").await;
        let said = deploy.applies(&[]);
        assert!(
            said.json["notes"]
                .to_string()
                .contains("table t no longer exists"),
            "{said:#?}"
        );
        deploy.migration(3, "CREATE INDEX CONCURRENTLY k ON t (a)");
        let said = deploy.apply(&[]);
        assert_eq!(said.status, 1);
        assert!(said.errors().contains("no table t"), "{}", said.errors());
        deploy.execute(TABLE).await;
        deploy.applies(&[]);
        assert_eq!(
            deploy.indexes().await,
            [
                "i valid btree (a, b)",
                "j valid btree (s)",
                "k valid btree (a)"
            ]
        );
    }
}

#[tokio::test]
async fn an_invalid_index_on_a_table_that_was_renamed_is_named_with_its_drop() {
    let deploy = Deploy::on(
        support::server(),
        &format!("{TABLE} CREATE INDEX i ON t (a)"),
    )
    .await;
    deploy
        .execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass; ALTER TABLE t RENAME TO t_old")
        .await;
    let why = deploy
        .migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)")
        .apply(&[])
        .errors();
    assert!(
        why.contains("no table t") && why.contains("DROP INDEX CONCURRENTLY public.i"),
        "{why}"
    );
}

#[tokio::test]
async fn a_build_whose_table_is_renamed_when_it_fails_leaves_nothing() {
    let deploy = Deploy::on(support::server(), TABLE).await;
    let (blocker, renamer) = (deploy.db.client().await, deploy.db.client().await);
    blocker
        .batch_execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; CREATE TABLE other (); SELECT FROM other",
        )
        .await
        .unwrap();
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)");
    let watcher = deploy.db.client().await;
    let renaming = async {
        loop {
            let building = "SELECT count(*) FROM pg_stat_progress_create_index WHERE datname = current_database()";
            if watcher
                .query_one(building, &[])
                .await
                .unwrap()
                .get::<_, i64>(0)
                > 0
            {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        // Waits for the build, and comes before whatever is done after it.
        renamer
            .batch_execute("ALTER TABLE t RENAME TO t_old")
            .await
            .unwrap();
    };
    let (said, ()) = tokio::join!(run_elsewhere(&deploy), renaming);
    assert_eq!(said.status, 1, "{said:#?}");
    assert_eq!(deploy.indexes().await, [""; 0], "{said:#?}");
}

/// Applies on a thread of its own, so that the test goes on meanwhile.
async fn run_elsewhere(deploy: &Deploy) -> super::Said {
    let mut command = deploy.db.dbaudit(&[
        "apply-indexes",
        "--migrations",
        "migrations",
        "--format",
        "json",
        "--drain-timeout",
        "1s",
        "--attempts",
        "2",
    ]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    super::Said {
        status: output.status.code().unwrap_or(-1),
        json: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[tokio::test]
async fn the_history_of_one_schema_is_refused_for_another_and_follows_a_rename() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE SCHEMA one CREATE TABLE t (a int); CREATE SCHEMA two CREATE TABLE t (a int)",
    )
    .await;
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)");
    let at = |schema: &str| {
        let url = format!("{}?options=-csearch_path%3D{schema}", deploy.db.url);
        let args = ["-d", &url, "--history-table", "public.history"].map(str::to_owned);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        deploy.apply(&args)
    };
    assert_eq!(at("one").status, 0);
    let said = at("two");
    assert_eq!(said.status, 3, "{said:#?}");
    assert!(
        said.stderr.contains("public.history belongs to schema one")
            && said
                .stderr
                .contains("--history-table two.dbaudit_index_history"),
        "{}",
        said.stderr
    );
    deploy
        .execute("DROP SCHEMA two CASCADE; ALTER SCHEMA one RENAME TO two")
        .await;
    let said = at("two");
    assert_eq!(
        (said.status, said.outcome()),
        (0, "nothing_to_do"),
        "{said:#?}"
    );
}

#[tokio::test]
async fn releases_old_and_new_in_turn_and_at_once_end_as_the_newest() {
    let deploy = Deploy::on(support::server(), TABLE).await;
    let new = "V3__m.sql";
    let files = |folder: &str, with_new: bool| {
        let folder = deploy.db.folder().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            folder.join("V1__m.sql"),
            "CREATE INDEX CONCURRENTLY ia ON t (a)",
        )
        .unwrap();
        std::fs::write(
            folder.join("V2__m.sql"),
            "CREATE INDEX CONCURRENTLY ib ON t (b)",
        )
        .unwrap();
        if with_new {
            std::fs::write(
                folder.join(new),
                "DROP INDEX CONCURRENTLY ia; CREATE INDEX CONCURRENTLY ic ON t (s)",
            )
            .unwrap();
        }
    };
    files("old", false);
    files("new", true);
    let run = |folder: &str| {
        let mut command = deploy
            .db
            .dbaudit(&["apply-indexes", "--migrations", folder]);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    for folder in ["new", "old", "new", "old"] {
        let output = run(folder).await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{folder}: {said}");
        assert_eq!(
            deploy.indexes().await,
            ["ib valid btree (b)", "ic valid btree (s)"],
            "{folder}"
        );
    }
    // An index lost by hand is built by either, and the one dropped by the newer release by neither.
    deploy.execute("DROP INDEX ib").await;
    let all: Vec<_> = (0..10)
        .map(|n| run(if n % 2 == 0 { "old" } else { "new" }))
        .collect();
    for one in all {
        let output = one.await.unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(
        deploy.indexes().await,
        ["ib valid btree (b)", "ic valid btree (s)"]
    );
}

#[tokio::test]
async fn the_embedded_migrations_are_refused_where_they_do_not_belong() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE users (id int, last_used_at timestamptz, is_active bool)",
    )
    .await;
    let folder = deploy.db.folder().join("migrations");
    let run = |command: &str| {
        deploy
            .db
            .dbaudit(&[command, "--format", "json"])
            .output()
            .unwrap()
    };
    // The folder in the present one is taken without being named.
    deploy.migration(1, "CREATE INDEX CONCURRENTLY mine ON users (id)");
    assert_eq!(run("apply-indexes").status.code(), Some(0));
    assert_eq!(deploy.indexes().await, ["mine valid btree (id)"]);
    deploy.execute("DROP TABLE dbaudit_index_history").await;
    std::fs::remove_dir_all(&folder).unwrap();
    for command in ["apply-indexes", "status", "advise", "time-queries"] {
        let output = run(command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(
            said.contains("embedded") && said.contains("content/users application"),
            "{command}: {said}"
        );
    }
    assert_eq!(deploy.indexes().await, ["mine valid btree (id)"]);
}

#[tokio::test]
async fn on_a_standby_status_shows_what_is_there_and_what_is_missing() {
    let mut server = support::PrivateServer::start(support::server().major(), &[]);
    {
        let client = support::connect(&server.url("postgres")).await;
        client
            .batch_execute(&format!(
                "{TABLE} CREATE INDEX here ON t (b, a); CREATE INDEX odd ON t (lower(s))"
            ))
            .await
            .unwrap();
    }
    server.stop_fast();
    // With nobody to follow: in recovery for ever.
    std::fs::write(server.data_dir.join("standby.signal"), "").unwrap();
    server.start_again();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    for (version, sql) in [
        (1, "CREATE INDEX CONCURRENTLY here ON t (b,a)"),
        (2, "CREATE INDEX CONCURRENTLY odd ON t (lower( s ))"),
        (3, "CREATE INDEX CONCURRENTLY missing ON t (a)"),
    ] {
        std::fs::write(
            folder.path().join(format!("migrations/V{version}__m.sql")),
            sql,
        )
        .unwrap();
    }
    let output = support::dbaudit(folder.path())
        .args(["status", "-d", &server.url("postgres"), "--format", "json"])
        .output()
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let states: Vec<&str> = (0..3)
        .map(|at| {
            json["migrations"][at]["steps"][0]["state"]
                .as_str()
                .unwrap()
        })
        .collect();
    assert_eq!(
        states,
        ["not recorded", "not recorded", "missing"],
        "{json:#}"
    );
    let statuses: Vec<&str> = (0..3)
        .map(|at| json["migrations"][at]["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["pending"; 3], "{json:#}");
}

#[tokio::test]
async fn the_rows_and_the_sums_of_a_status_agree() {
    let deploy = Deploy::on(support::server(), TABLE).await;
    for version in 1..=5 {
        deploy.migration(
            version,
            &format!("CREATE INDEX CONCURRENTLY i{version} ON t (a, ({version}))"),
        );
    }
    deploy.applies(&[]);
    deploy
        .execute("DELETE FROM dbaudit_index_history WHERE version > 2; DROP INDEX i5")
        .await;
    let text = deploy
        .db
        .dbaudit(&["status", "--migrations", "migrations"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        text.contains("1 pending, 2 as desired, but not recorded, 0 refused, 2 applied"),
        "{text}"
    );
    assert_eq!(text.matches("not recorded").count(), 3, "{text}");
}
