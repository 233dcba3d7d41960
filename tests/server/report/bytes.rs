//! A database in SQL_ASCII holds any bytes, in names and in queries: one that is no UTF-8 costs that one value.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use super::{findings, json};
use crate::support::{self, PrivateServer};

/// A session whose query holds a byte that no client of ours could send; it waits until it is dropped.
fn raw_session(port: u16, database: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let parameters =
        format!("user\0postgres\0database\0{database}\0client_encoding\0SQL_ASCII\0\0");
    let mut startup = 196_608_u32.to_be_bytes().to_vec();
    startup.extend(parameters.as_bytes());
    send(&mut stream, &[], &startup);
    // Ready for a query: Z, its length, I.
    let mut seen = Vec::new();
    while !seen.ends_with(b"Z\0\0\0\x05I") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        seen.extend(byte);
    }
    send(&mut stream, b"Q", b"SELECT 'caf\xe9', pg_sleep(600)\0");
    stream
}

fn send(stream: &mut TcpStream, kind: &[u8], body: &[u8]) {
    let length = u32::try_from(body.len() + 4).unwrap();
    let message = [kind, &length.to_be_bytes(), body].concat();
    stream.write_all(&message).unwrap();
}

#[tokio::test]
async fn one_odd_byte_costs_one_value() {
    for major in support::servers().iter().map(support::TestServer::major) {
        of(major).await;
    }
}

async fn of(major: u32) {
    let server = PrivateServer::start(major, &["shared_preload_libraries=pg_stat_statements"]);
    let admin = support::connect(&server.url("postgres")).await;
    admin
        .batch_execute(
            "CREATE DATABASE raw TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'",
        )
        .await
        .unwrap();
    let client = support::connect(&server.url("raw")).await;
    let statements = client
        .batch_execute("CREATE EXTENSION pg_stat_statements")
        .await;
    client
        .batch_execute(
            r"CREATE TABLE plain (id int PRIMARY KEY);
              DO $$ DECLARE odd text := 'caf' || convert_from('\xe9', 'SQL_ASCII'); BEGIN
                  EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY, %I int)', odd, odd);
                  EXECUTE format('CREATE INDEX %I ON %I (%I)', odd || '_one', odd, odd);
                  EXECUTE format('CREATE INDEX %I ON %I (%I)', odd || '_two', odd, odd);
                  EXECUTE format('CREATE SCHEMA %I', odd);
              END $$",
        )
        .await
        .unwrap();
    let session = raw_session(server.port, "raw");
    let there = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    crate::report_checks::planted::until_true(&admin, there).await;
    let folder = tempfile::tempdir().unwrap();
    for database in ["raw", "postgres"] {
        let mut command = support::dbaudit(folder.path());
        let url = server.url(database);
        command.args([
            "-d",
            &url,
            "report",
            "--format",
            "json",
            "--fail-on",
            "never",
        ]);
        let (_, report) = json(&mut command);
        let said = format!("PostgreSQL {major}, {database}");
        assert!(
            report["connections"]["total"].as_u64() >= Some(3),
            "{said}: {:#}",
            report["skipped"]
        );
        let sessions = serde_json::to_string(&report["sessions"]).unwrap();
        assert!(sessions.contains("caf\u{fffd}"), "{said}: {sessions}");
        for skipped in report["skipped"].as_array().unwrap() {
            let reason = skipped["reason"].as_str().unwrap();
            assert!(
                !reason.contains("UTF") && !reason.contains("utf"),
                "{said}: {skipped}"
            );
        }
        if database == "raw" {
            let table = super::named(&report, "tables", "public", "caf\u{fffd}");
            assert!(table["total_bytes"].as_u64() > Some(0), "{said}");
            assert_eq!(findings(&report, "duplicate-index").len(), 1, "{said}");
            if statements.is_ok() {
                assert!(report["statements"]["kept"].as_u64() > Some(0), "{said}");
                let texts = serde_json::to_string(&report["statements"]).unwrap();
                assert!(texts.contains("CREATE TABLE plain"), "{said}: {texts}");
            }
        }
    }
    drop(session);
}
