//! Collations whose library sorts by another version: which indexes are found, and that the remedy mends it.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio_postgres::Client;

use super::run;
use crate::support::{self, PrivateServer};

fn drifts(server: &PrivateServer, database: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = support::dbaudit(folder.path());
    command.args(["-d", &server.url(database), "report", "--format", "json"]);
    command.args(["--fail-on", "never"]);
    let report = run(&mut command);
    let skipped = report["skipped"].as_array().unwrap();
    let unread = |one: &&Value| one["check"] == "collation-drift" && one["partial"] == false;
    assert_eq!(skipped.iter().find(unread), None);
    let findings = report["findings"].as_array().unwrap().iter();
    let findings = findings.filter(|finding| finding["check"] == "collation-drift");
    findings.cloned().collect()
}

fn indexes(finding: &Value) -> BTreeSet<&str> {
    let names = finding["evidence"]["indexes"].as_array().unwrap().iter();
    names.map(|name| name.as_str().unwrap()).collect()
}

/// The indexes that the server itself knows to depend on the collation, as its documentation asks for them.
async fn depending(client: &Client, collation: &str) -> BTreeSet<String> {
    let query = format!(
        "SELECT n.nspname || '.' || i.relname FROM pg_depend d
         JOIN pg_class i ON d.classid = 'pg_class'::regclass AND i.oid = d.objid AND i.relkind = 'i'
         JOIN pg_namespace n ON n.oid = i.relnamespace
         WHERE d.refclassid = 'pg_collation'::regclass AND d.refobjid = '{collation}'::regcollation"
    );
    let rows = client.query(&query, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Sorted by the collation, and beside them what only names it.
const TABLES: &str = r#"
CREATE TABLE people (id int PRIMARY KEY, name text COLLATE drifting, tags text[] COLLATE drifting, plain text);
INSERT INTO people SELECT n, 'name ' || n, ARRAY['tag ' || n], 'name ' || n FROM generate_series(1, 500) n;
CREATE INDEX by_name ON people (name);
CREATE UNIQUE INDEX by_plain ON people (plain COLLATE drifting, id);
CREATE INDEX by_expression ON people (lower(name), id);
CREATE INDEX by_tags ON people USING gin (tags);
CREATE INDEX by_block ON people USING brin (name);
CREATE INDEX by_part ON people (id) WHERE plain COLLATE drifting > 'name 3';
ALTER TABLE people ADD CONSTRAINT "one name" EXCLUDE USING btree (name WITH =);
"#;

const LOOK_ALIKES: &str = r#"
CREATE INDEX by_bytes ON people (name text_pattern_ops);
CREATE INDEX by_hash ON people USING hash (name);
CREATE INDEX one_of_them ON people (id) WHERE plain COLLATE drifting = 'name 3';
CREATE INDEX by_c ON people (name COLLATE "C");
CREATE INDEX by_default ON people (plain);
"#;

#[tokio::test]
async fn every_index_sorted_by_a_drifted_collation_is_rebuilt_before_the_version_is_recorded() {
    for major in support::servers().iter().map(support::TestServer::major) {
        let server = PrivateServer::start(major, &[]);
        let client = support::connect(&server.url("postgres")).await;
        let icu = "CREATE COLLATION drifting (provider = icu, locale = 'en')";
        if let Err(error) = client.batch_execute(icu).await {
            // This server was built without.
            assert_eq!(error.code().unwrap().code(), "0A000", "{error:?}");
            continue;
        }
        client.batch_execute(TABLES).await.unwrap();
        let expected = depending(&client, "drifting").await;
        assert_eq!(expected.len(), 7, "{expected:?}");
        client.batch_execute(LOOK_ALIKES).await.unwrap();
        assert_eq!(drifts(&server, "postgres"), Vec::<Value>::new(), "{major}");
        let older = "UPDATE pg_collation SET collversion = '1.2.3' WHERE collname = 'drifting'";
        client.batch_execute(older).await.unwrap();
        let found = drifts(&server, "postgres");
        assert_eq!(found.len(), 1, "{major}: {found:#?}");
        assert_eq!(found[0]["severity"], "error");
        assert_eq!(found[0]["evidence"]["recorded_version"], "1.2.3");
        let named: BTreeSet<String> = indexes(&found[0]).iter().map(|s| (*s).to_owned()).collect();
        assert_eq!(named, expected, "{major}");
        let files =
            "SELECT relname::text || pg_relation_filenode(oid) FROM pg_class WHERE relkind = 'i'
                     AND relnamespace = 'public'::regnamespace";
        let kept = |rows: Vec<tokio_postgres::Row>| -> BTreeSet<String> {
            rows.iter().map(|row| row.get(0)).collect()
        };
        let before = kept(client.query(files, &[]).await.unwrap());
        let remedy = found[0]["remedy"].as_str().unwrap();
        assert!(
            remedy.ends_with("ALTER COLLATION public.drifting REFRESH VERSION;"),
            "{remedy}"
        );
        for statement in remedy.lines() {
            client.batch_execute(statement).await.unwrap();
        }
        let after = kept(client.query(files, &[]).await.unwrap());
        assert_eq!(before.difference(&after).count(), 7, "{major}: built anew");
        assert_eq!(drifts(&server, "postgres"), Vec::<Value>::new(), "{major}");
    }
}

#[tokio::test]
async fn the_databases_own_collation_drifts_for_every_index_that_is_sorted_by_it() {
    for major in support::servers().iter().map(support::TestServer::major) {
        if major < 15 {
            continue;
        }
        let server = PrivateServer::start(major, &[]);
        let client = support::connect(&server.url("postgres")).await;
        let icu = "CREATE DATABASE sorted TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'";
        if client.batch_execute(icu).await.is_err() {
            continue;
        }
        let inside = support::connect(&server.url("sorted")).await;
        inside
            .batch_execute(
                "CREATE TABLE people (id int PRIMARY KEY, name text, code text COLLATE \"C\");
                 INSERT INTO people SELECT n, 'name ' || n, 'c' FROM generate_series(1, 500) n;
                 CREATE INDEX by_name ON people (name);
                 CREATE INDEX by_part ON people (id) WHERE name < 'name 3';
                 CREATE INDEX by_code ON people (code);
                 CREATE INDEX by_bytes ON people (name text_pattern_ops);
                 CREATE INDEX one_of_them ON people (id) WHERE name = 'name 3'",
            )
            .await
            .unwrap();
        assert_eq!(drifts(&server, "sorted"), Vec::<Value>::new(), "{major}");
        let older = "UPDATE pg_database SET datcollversion = '1.2.3' WHERE datname = 'sorted'";
        client.batch_execute(older).await.unwrap();
        let found = drifts(&server, "sorted");
        assert_eq!(found.len(), 1, "{major}: {found:#?}");
        let expected = BTreeSet::from(["public.by_name", "public.by_part"]);
        assert_eq!(indexes(&found[0]), expected, "{major}");
        for statement in found[0]["remedy"].as_str().unwrap().lines() {
            inside.batch_execute(statement).await.unwrap();
        }
        assert_eq!(drifts(&server, "sorted"), Vec::<Value>::new(), "{major}");
    }
}
