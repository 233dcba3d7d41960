//! Names, roles, settings and schemas as production databases have them: odd, long, taken, shadowed, forbidden.

use super::Deploy;
use crate::support;

/// A login role of this database's own name, with `sql` run first; `{role}` stands for it.
async fn with_role(deploy: &Deploy, suffix: &str, sql: &str) -> (String, String) {
    let role = format!("{}_{suffix}", deploy.db.name);
    deploy
        .execute(&format!(
            "CREATE ROLE {role} LOGIN; {}",
            sql.replace("{role}", &role)
        ))
        .await;
    let url = deploy.db.url.replacen("postgres@", &format!("{role}@"), 1);
    assert_ne!(url, deploy.db.url);
    (role, url)
}

async fn drop_role(deploy: &Deploy, role: &str) {
    deploy
        .execute(&format!(
            "REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"
        ))
        .await;
}

#[tokio::test]
async fn names_with_dots_quotes_and_unicode_are_built_repaired_and_replaced() {
    for server in support::servers() {
        let deploy = Deploy::on(
            server,
            r#"CREATE SCHEMA "my.Schema"; CREATE TABLE "my.Schema"."T.""q"" ü" ("C.1" int, "ÿ" text);
               INSERT INTO "my.Schema"."T.""q"" ü" SELECT n, 'x' FROM generate_series(1, 100) n"#,
        )
        .await;
        let index = r#""I.""q"" ß""#;
        let sql = |columns: &str| {
            format!(
                r#"CREATE INDEX CONCURRENTLY {index} ON "my.Schema"."T.""q"" ü" {columns} WHERE "C.1" > 3"#
            )
        };
        deploy.migration(1, &sql(r#"("C.1", lower("ÿ"))"#));
        deploy.applies(&[]);
        deploy
            .execute(&format!(
                r#"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"my.Schema".{index}'::regclass"#
            ))
            .await;
        assert_eq!(deploy.applies(&[]).actions(), ["rebuild"]);
        deploy.migration(1, &sql(r#"("C.1")"#));
        assert_eq!(deploy.applies(&["--replace"]).actions(), ["replace"]);
        assert_eq!(
            deploy.indexes().await,
            [r#"I."q" ß valid btree ("C.1") WHERE ("C.1" > 3)"#]
        );
    }
}

#[tokio::test]
async fn two_names_of_63_bytes_that_begin_alike_are_replaced_side_by_side() {
    let (a, b) = (
        format!("{}a", "ü".repeat(31)),
        format!("{}b", "ü".repeat(31)),
    );
    let deploy = Deploy::on(
        support::server(),
        &format!("CREATE TABLE t (x int, y int); CREATE INDEX {a} ON t (y); CREATE TABLE u (x int, y int); CREATE INDEX {b} ON u (y)"),
    )
    .await;
    deploy
        .migration(1, &format!("CREATE INDEX CONCURRENTLY {a} ON t (x)"))
        .migration(2, &format!("CREATE INDEX CONCURRENTLY {b} ON u (x)"));
    // What a killed run left of the first is in nobody's way.
    let built = dbaudit::plan::built_name(&a);
    deploy
        .execute(&format!("CREATE INDEX \"{built}\" ON t (x)"))
        .await;
    assert_eq!(
        deploy.applies(&["--replace", "--jobs", "2"]).actions(),
        ["replace"; 2]
    );
    assert_eq!(
        deploy.indexes().await,
        [
            format!("{a} valid btree (x)"),
            format!("{b} valid btree (x)")
        ]
    );
}

#[tokio::test]
async fn partitions_whose_long_names_begin_alike_all_get_their_part() {
    for server in support::servers() {
        let long = "analytics_events_by_month_and_region_of_the_whole_world";
        let deploy = Deploy::on(
            server,
            &format!(
                "CREATE TABLE t (a int, b int) PARTITION BY LIST (a);
                 CREATE TABLE {long}_01 PARTITION OF t FOR VALUES IN (1);
                 CREATE TABLE {long}_02 PARTITION OF t FOR VALUES IN (2);
                 CREATE TABLE {long}_03 PARTITION OF t FOR VALUES IN (3);
                 INSERT INTO t SELECT 1 + n % 3, n FROM generate_series(1, 90) n;
                 -- Somebody else has the first name.
                 CREATE SEQUENCE analytics_events_by_month_and__analytics_events_by_creation1"
            ),
        )
        .await;
        deploy.migration(
            1,
            "CREATE INDEX CONCURRENTLY analytics_events_by_creation ON t (b)",
        );
        deploy.applies(&[]);
        let parts = "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid IN
                     (SELECT relid FROM pg_partition_tree('analytics_events_by_creation'))";
        assert_eq!(
            deploy.value::<i64>(parts).await,
            4,
            "PostgreSQL {}",
            deploy.major
        );
        assert_eq!(deploy.indexes().await.len(), 4);
    }
}

#[tokio::test]
async fn a_name_that_a_table_sequence_view_or_type_has_is_refused_with_what_has_it() {
    let deploy = Deploy::on(support::server(), "CREATE TABLE t (a int)").await;
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)");
    for (make, unmake, what) in [
        ("CREATE TABLE i (a int)", "DROP TABLE i", "a table"),
        ("CREATE SEQUENCE i", "DROP SEQUENCE i", "a sequence"),
        ("CREATE VIEW i AS SELECT 1", "DROP VIEW i", "a view"),
        (
            "CREATE MATERIALIZED VIEW i AS SELECT 1",
            "DROP MATERIALIZED VIEW i",
            "a materialized view",
        ),
        ("CREATE TYPE i AS (a int)", "DROP TYPE i", "a type"),
    ] {
        deploy.execute(make).await;
        let said = deploy.apply(&[]);
        assert_eq!(said.status, 1);
        assert!(
            said.errors()
                .contains(&format!("the name public.i is already used by {what}")),
            "{make}: {}",
            said.errors()
        );
        deploy.execute(unmake).await;
    }
    // An enum is no relation, and in nobody's way.
    deploy.execute("CREATE TYPE i AS ENUM ('a')").await;
    deploy.applies(&[]);
}

#[tokio::test]
async fn the_same_index_name_in_two_schemas_is_two_indexes() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE SCHEMA s; CREATE TABLE t (a int); CREATE TABLE s.t (a int)",
    )
    .await;
    deploy
        .migration(1, "CREATE INDEX CONCURRENTLY i ON s.t (a)")
        .migration(2, "CREATE INDEX CONCURRENTLY i ON t (a)");
    assert_eq!(deploy.applies(&[]).actions(), ["create"; 2]);
    assert_eq!(deploy.indexes().await, ["i valid btree (a)"; 2]);
    // With and without its schema, one index is still one, and the later file has the last word.
    deploy.migration(3, "CREATE INDEX CONCURRENTLY i ON public.t (a, a)");
    let said = deploy.applies(&["--replace"]);
    assert_eq!(said.actions(), ["keep", "keep", "replace"], "{said:#?}");
    assert_eq!(
        deploy.indexes().await,
        ["i valid btree (a)", "i valid btree (a, a)"]
    );
}

#[tokio::test]
async fn a_roles_search_path_and_tablespaces_are_its_own_affair() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE SCHEMA app; CREATE TABLE app.t (a int, b text); CREATE TABLE public.t (z int);
         CREATE FUNCTION app.f(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1';
         CREATE SCHEMA lib; CREATE FUNCTION lib.g(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1'",
    )
    .await;
    let (space, other) = (
        format!("{}_one", deploy.db.name),
        format!("{}_two", deploy.db.name),
    );
    let client = deploy.db.client().await;
    client
        .batch_execute("SET allow_in_place_tablespaces = on")
        .await
        .unwrap();
    for space in [&space, &other] {
        let create = format!("CREATE TABLESPACE {space} LOCATION ''");
        client.batch_execute(&create).await.unwrap();
    }
    let setup = format!(
        "GRANT ALL ON SCHEMA app TO {{role}}; GRANT USAGE ON SCHEMA lib TO {{role}}; ALTER TABLE app.t OWNER TO {{role}};
         GRANT CREATE ON TABLESPACE {space}, {other} TO {{role}};
         ALTER ROLE {{role}} SET search_path = app, lib; ALTER ROLE {{role}} SET default_tablespace = '{space}';
         ALTER ROLE {{role}} SET temp_tablespaces = '{other}'"
    );
    let (role, url) = with_role(&deploy, "app", &setup).await;
    // Not as the server prints them, so that they are compared on shadows.
    deploy
        .migration(1, "CREATE INDEX CONCURRENTLY i ON t (f(b),a)")
        .migration(2, "CREATE INDEX CONCURRENTLY j ON t (lib.g(b),a)")
        .migration(
            3,
            &format!("CREATE INDEX CONCURRENTLY k ON t (b,a) TABLESPACE {other}"),
        );
    let url = ["-d", url.as_str()];
    deploy.applies(&url);
    let spaces = "SELECT string_agg(c.relname || ' ' || s.spcname, ', ' ORDER BY c.relname)
                  FROM pg_class c JOIN pg_tablespace s ON s.oid = c.reltablespace
                  WHERE c.relkind = 'i' AND c.relnamespace = 'app'::regnamespace AND c.relname IN ('i', 'j', 'k')";
    assert_eq!(
        deploy.value::<String>(spaces).await,
        format!("i {space}, j {space}, k {other}")
    );
    // An index that stands in another tablespace than the file names is another index; where none is named, any will do.
    deploy
        .execute("ALTER INDEX app.i SET TABLESPACE pg_default; ALTER INDEX app.k SET TABLESPACE pg_default")
        .await;
    let said = deploy.apply(&url);
    assert_eq!(said.actions(), ["keep", "keep", "refuse"], "{said:#?}");
    assert!(
        said.errors().contains(&format!("tablespace {other}")),
        "{}",
        said.errors()
    );
    deploy.applies(&[&url[..], &["--replace"]].concat());
    drop_role(&deploy, &role).await;
    deploy.execute("DROP SCHEMA app CASCADE").await;
    deploy.execute(&format!("DROP TABLESPACE {space}")).await;
    deploy.execute(&format!("DROP TABLESPACE {other}")).await;
}

#[tokio::test]
async fn a_table_off_the_search_path_is_found_by_its_schema_and_else_refused() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE SCHEMA s; CREATE TABLE s.t (a int)",
    )
    .await;
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)");
    let said = deploy.apply(&[]);
    assert!(
        said.errors().contains("there is no table t "),
        "{}",
        said.errors()
    );
    deploy
        .migration(1, "CREATE INDEX CONCURRENTLY i ON s.t (a)")
        .applies(&[]);
}

#[tokio::test]
async fn a_definition_may_name_its_table() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE \"T x\" (a int, b text); CREATE SCHEMA s; CREATE TABLE s.\"T x\" (a int, b text)",
    )
    .await;
    deploy
        .migration(
            1,
            "CREATE INDEX CONCURRENTLY i ON \"T x\" (lower(\"T x\".b)) WHERE \"T x\".a > 1",
        )
        .migration(
            2,
            "CREATE INDEX CONCURRENTLY j ON s.\"T x\" (lower(\"T x\".b))",
        );
    deploy.applies(&[]);
}

#[tokio::test]
async fn children_by_inheritance_are_tables_of_their_own() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int); CREATE TABLE child () INHERITS (t); INSERT INTO child VALUES (1)",
    )
    .await;
    deploy
        .migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)")
        .applies(&[]);
    assert_eq!(deploy.indexes().await, ["i valid btree (a)"]);
}

#[tokio::test]
async fn an_index_under_a_constraint_of_the_wanted_name_is_kept_or_refused_naming_the_constraint() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int, b int, CONSTRAINT i UNIQUE (a), EXCLUDE USING btree (b WITH =))",
    )
    .await;
    deploy
        .migration(1, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)")
        .applies(&[]);
    deploy.migration(1, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a, b)");
    for args in [&[][..], &["--replace"]] {
        let said = deploy.apply(args);
        assert_eq!(said.status, 1);
        let why = said.errors();
        assert!(
            why.contains("constraint i uses it") && !why.contains("--replace builds"),
            "{why}"
        );
    }
}

#[tokio::test]
async fn where_a_trigger_forbids_the_copy_of_a_table_the_build_judges() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int PRIMARY KEY, b int);
         CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$
         BEGIN
           IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() c WHERE c.object_type = 'table'
                      AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.objid AND i.indisprimary)) THEN
             RAISE EXCEPTION 'every table needs a primary key, says the house';
           END IF;
         END $$;
         CREATE EVENT TRIGGER house ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION forbid()",
    )
    .await;
    // Neither reads as the server prints it, so that only what was recorded tells that they stand as written.
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (b,a)");
    deploy.applies(&[]);
    deploy.migration(2, "CREATE INDEX CONCURRENTLY j ON t (b,(a+1))");
    deploy.applies(&[]);
    assert_eq!(
        deploy.indexes().await,
        [
            "i valid btree (b, a)",
            "j valid btree (b, ((a + 1)))",
            "t_pkey valid btree (a)"
        ]
    );
    deploy
        .execute("DROP INDEX i; CREATE INDEX i ON t (a, b)")
        .await;
    let said = deploy.apply(&[]);
    let why = said.errors();
    assert_eq!(said.status, 1);
    assert!(
        why.contains("exists, but it cannot be compared") && why.contains("says the house"),
        "{why}"
    );
    deploy.execute("DROP INDEX i").await;
    assert_eq!(deploy.applies(&[]).actions(), ["create", "keep"]);
}

#[tokio::test]
async fn a_trigger_that_forbids_all_ddl_is_told_and_nothing_is_left() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int);
         CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'no changes today, says the house'; END $$;
         CREATE EVENT TRIGGER house ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION forbid()",
    )
    .await;
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)");
    let said = deploy.apply(&[]);
    let why = said.errors();
    assert_eq!(said.status, 1);
    // With where it was said: the server's CONTEXT.
    assert!(
        why.contains("says the house") && why.contains("PL/pgSQL function forbid()"),
        "{why}"
    );
    assert_eq!(deploy.indexes().await, [""; 0]);
    deploy.execute("DROP EVENT TRIGGER house").await;
    deploy.applies(&[]);
}

#[tokio::test]
async fn a_role_that_has_to_become_the_owner_is_told_how_and_then_may() {
    let deploy = Deploy::on(support::server(), "CREATE TABLE t (a int)").await;
    let owner = format!("{}_Owner", deploy.db.name);
    let setup = format!(
        "CREATE ROLE \"{owner}\"; GRANT ALL ON SCHEMA public TO \"{owner}\"; ALTER TABLE t OWNER TO \"{owner}\";
         ALTER ROLE {{role}} NOINHERIT; GRANT \"{owner}\" TO {{role}}; GRANT ALL ON SCHEMA public TO {{role}}"
    );
    let (role, url) = with_role(&deploy, "deployer", &setup).await;
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a,a)");
    let said = deploy.apply(&["-d", &url]);
    assert_eq!(said.status, 1, "{said:#?}");
    let option = format!("options=-c%20role%3D{owner}");
    assert!(said.errors().contains(&option), "{}", said.errors());
    let separator = if url.contains('?') { '&' } else { '?' };
    deploy.applies(&["-d", &format!("{url}{separator}{option}")]);
    drop_role(&deploy, &role).await;
    deploy
        .execute(&format!("REASSIGN OWNED BY \"{owner}\" TO postgres; DROP OWNED BY \"{owner}\"; DROP ROLE \"{owner}\""))
        .await;
}

#[tokio::test]
async fn the_shortest_timeouts_of_a_role_do_not_reach_a_deploy() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int, b text); INSERT INTO t SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n",
    )
    .await;
    let (role, url) = with_role(
        &deploy,
        "hasty",
        "GRANT ALL ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role};
         ALTER ROLE {role} SET statement_timeout = 1; ALTER ROLE {role} SET lock_timeout = 1;
         ALTER ROLE {role} SET idle_in_transaction_session_timeout = 1",
    )
    .await;
    for round in 1..=5 {
        deploy.migration(
            round,
            &format!("CREATE INDEX CONCURRENTLY i{round} ON t (b,(a+{round}))"),
        );
        deploy.applies(&["-d", &url]);
    }
    drop_role(&deploy, &role).await;
}

#[tokio::test]
async fn row_security_hides_no_row_from_an_index() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1), (2)",
    )
    .await;
    let (role, url) = with_role(
        &deploy,
        "owner",
        "GRANT ALL ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role};
         ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY;
         CREATE POLICY p ON t USING (a > 1)",
    )
    .await;
    deploy.migration(1, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)");
    for args in [&["-d", &url][..], &["-d", &url, "--check-unique"]] {
        let said = deploy.apply(args);
        assert_eq!(said.status, 1);
        assert!(said.errors().contains("cannot be unique"), "{said:#?}");
        assert_eq!(deploy.indexes().await, [""; 0]);
    }
    deploy.execute("DELETE FROM t WHERE ctid = '(0,1)'").await;
    deploy.applies(&["-d", &url]);
    drop_role(&deploy, &role).await;
}

#[tokio::test]
async fn a_history_that_may_not_be_written_is_refused_before_anything_is_built() {
    let deploy = Deploy::on(support::server(), "CREATE TABLE t (a int)").await;
    let (role, url) = with_role(
        &deploy,
        "deployer",
        "GRANT ALL ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role}",
    )
    .await;
    let as_role = |args: &[&str]| deploy.apply(&[&["-d", url.as_str()], args].concat());
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)");
    // The table of somebody else.
    deploy
        .execute("CREATE TABLE dbaudit_index_history (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255))")
        .await;
    let said = as_role(&[]);
    assert_eq!(said.status, 3);
    assert!(
        said.stderr.contains(&format!(
            "GRANT SELECT, INSERT, UPDATE ON public.dbaudit_index_history TO {role}"
        )),
        "{said:#?}"
    );
    assert_eq!(deploy.indexes().await, [""; 0]);
    deploy
        .execute(&format!(
            "GRANT SELECT, INSERT, UPDATE ON dbaudit_index_history TO {role}"
        ))
        .await;
    assert_eq!(as_role(&[]).outcome(), "applied");
    assert_eq!(as_role(&[]).outcome(), "nothing_to_do");
    // Another tool's table.
    deploy
        .execute("DROP TABLE dbaudit_index_history; DROP INDEX i; CREATE TABLE dbaudit_index_history (id int); GRANT ALL ON dbaudit_index_history TO PUBLIC")
        .await;
    let said = as_role(&[]);
    assert_eq!(said.status, 3);
    assert!(said.stderr.contains("--history-table"), "{said:#?}");
    assert_eq!(deploy.indexes().await, [""; 0]);
    // No schema to make it in, or none that the role may write in.
    deploy
        .execute(&format!("DROP TABLE dbaudit_index_history; CREATE SCHEMA closed; GRANT USAGE ON SCHEMA closed TO {role}"))
        .await;
    for (table, why) in [
        (
            "nowhere.history",
            "has no schema to create the history table nowhere.history in",
        ),
        ("closed.history", "GRANT CREATE ON SCHEMA closed"),
    ] {
        let said = as_role(&["--history-table", table]);
        assert_eq!(said.status, 3);
        assert!(said.stderr.contains(why), "{said:#?}");
        assert_eq!(deploy.indexes().await, [""; 0]);
    }
    drop_role(&deploy, &role).await;
}

#[tokio::test]
async fn a_tree_of_many_partitions_is_built_and_then_read_at_once() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int, b int) PARTITION BY LIST (a);
         DO $$ BEGIN FOR n IN 1..150 LOOP EXECUTE format('CREATE TABLE t_%s PARTITION OF t FOR VALUES IN (%s)', n, n); END LOOP; END $$;
         INSERT INTO t SELECT 1 + n % 150, n FROM generate_series(1, 1500) n",
    )
    .await;
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (b)");
    deploy.applies(&[]);
    assert_eq!(deploy.indexes().await.len(), 151);
    assert!(
        deploy
            .value::<bool>("SELECT bool_and(indisvalid) FROM pg_index")
            .await
    );
}
