//! A refusal says exactly why, and nothing is half done.

use super::Deploy;
use crate::support;

#[tokio::test]
async fn a_missing_table_refuses_its_migration_and_no_other() {
    let deploy = Deploy::on(support::server(), "CREATE TABLE t (a int)").await;
    deploy
        .migration(
            1,
            "CREATE INDEX CONCURRENTLY i ON t (a); CREATE INDEX CONCURRENTLY j ON nowhere (a)",
        )
        .migration(2, "CREATE INDEX CONCURRENTLY k ON t (a)");
    let said = deploy.apply(&[]);
    assert_eq!(said.status, 1);
    assert!(
        said.errors().contains("there is no table nowhere"),
        "{said:#?}"
    );
    // The second is on the first one's table, which may count on it.
    let states: Vec<_> = (0..2)
        .map(|at| said.json["migrations"][at]["status"].clone())
        .collect();
    assert_eq!(states, ["failed", "skipped"]);
    deploy
        .migration(2, "CREATE INDEX CONCURRENTLY k ON u (a)")
        .execute("CREATE TABLE u (a int)")
        .await;
    let said = deploy.apply(&[]);
    assert_eq!(
        (said.status, said.json["migrations"][1]["status"].as_str()),
        (1, Some("applied"))
    );
    assert_eq!(deploy.indexes().await, ["k valid btree (a)"]);
}

#[tokio::test]
async fn a_definition_the_server_does_not_take_is_refused_before_anything_is_built() {
    let deploy = Deploy::on(support::server(), "CREATE TABLE t (a int, j json)").await;
    for (sql, why) in [
        ("(nowhere)", "column \"nowhere\" does not exist"),
        ("(j)", "no default operator class"),
        ("((random()))", "IMMUTABLE"),
        (
            "USING nothing (a)",
            "access method \"nothing\" does not exist",
        ),
    ] {
        deploy.migration(1, &format!("CREATE INDEX CONCURRENTLY i ON t {sql}"));
        let said = deploy.apply(&[]);
        assert_eq!(said.status, 1);
        assert!(said.errors().contains(why), "{sql}: {}", said.errors());
    }
    assert_eq!(deploy.indexes().await, [""; 0]);
}

#[tokio::test]
async fn a_name_taken_elsewhere_is_refused_with_the_taker() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int); CREATE TABLE u (a int); CREATE INDEX i ON u (a)",
    )
    .await;
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)");
    assert!(
        deploy
            .apply(&[])
            .errors()
            .contains("already used by an index of public.u")
    );
}

#[tokio::test]
async fn a_duplicate_key_is_shown_and_the_invalid_index_is_gone_at_once() {
    for server in support::servers() {
        let deploy = Deploy::on(
            server,
            "CREATE TABLE t (a int, \"B\" text); INSERT INTO t VALUES (1, 'x'), (1, 'X'), (2, 'y'), (NULL, 'z'), (NULL, 'z')",
        )
        .await;
        deploy.migration(
            1,
            "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a, lower(\"B\"))",
        );
        let said = deploy.apply(&[]);
        assert_eq!(said.status, 1);
        let why = said.errors();
        assert!(
            why.contains("(a, lower(\"B\"))=(1, x) is duplicated"),
            "{why}"
        );
        assert_eq!(
            deploy.indexes().await,
            [""; 0],
            "PostgreSQL {}",
            deploy.major
        );
        // The query it names lists them.
        let query = why
            .split("list all duplicates with: ")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap();
        assert_eq!(
            deploy
                .db
                .client()
                .await
                .query(query, &[])
                .await
                .unwrap()
                .len(),
            1,
            "{query}"
        );
        let checked = deploy.apply(&["--check-unique"]);
        assert!(
            checked
                .errors()
                .contains("(1, x) occurs 2 times; nothing was built"),
            "{checked:#?}"
        );
        assert_eq!(
            checked.steps().next().unwrap()["statements"],
            serde_json::json!([])
        );
    }
}

#[tokio::test]
async fn a_role_that_may_not_build_is_told_what_to_grant() {
    let deploy = Deploy::on(support::server(), "CREATE TABLE t (a int)").await;
    let role = format!("{}_stranger", deploy.db.name);
    deploy
        .execute(&format!("CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA public TO {role}; GRANT SELECT ON t TO {role}"))
        .await;
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)");
    let url = deploy.db.url.replacen("postgres@", &format!("{role}@"), 1);
    assert_ne!(url, deploy.db.url);
    let said = deploy.apply(&["-d", &url]);
    assert_eq!(said.status, 1, "{said:#?}");
    assert!(
        said.errors().contains(&format!("GRANT postgres TO {role}")),
        "{}",
        said.errors()
    );
    deploy
        .execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
}

#[tokio::test]
async fn an_owner_without_the_right_to_temporary_tables_can_deploy() {
    let deploy = Deploy::on(support::server(), "CREATE TABLE t (a int)").await;
    let role = format!("{}_owner", deploy.db.name);
    deploy
        .execute(&format!(
            "CREATE ROLE {role} LOGIN; REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC;
             GRANT USAGE, CREATE ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role}",
            deploy.db.name
        ))
        .await;
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)");
    let url = deploy.db.url.replacen("postgres@", &format!("{role}@"), 1);
    deploy.applies(&["-d", &url]);
    assert_eq!(
        deploy
            .value::<i64>("SELECT count(*) FROM pg_class WHERE relname LIKE 'dbaudit_shadow%'")
            .await,
        0
    );
    deploy
        .execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
}

#[test]
fn a_wrong_file_is_refused_at_its_place_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("V1__x.sql"),
        "\nCREATE INDEX i ON t (a);",
    )
    .unwrap();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let there = format!("postgres://nobody@{}/none", server.local_addr().unwrap());
    // Where nobody listens, too, it is the file that is complained of.
    for url in [&there, "postgres://nobody@127.0.0.1:1/none"] {
        let output = support::dbaudit(folder.path())
            .args(["-d", url, "apply-indexes", "--migrations", "."])
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.contains("V1__x.sql:2:14") && stderr.contains("CONCURRENTLY"),
            "{stderr}"
        );
    }
    server.set_nonblocking(true).unwrap();
    while let Ok((mut client, _)) = server.accept() {
        let mut sent = Vec::new();
        std::io::Read::read_to_end(&mut client, &mut sent).unwrap();
        assert!(sent.is_empty(), "{sent:?}");
    }
}
