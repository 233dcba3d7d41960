//! Every way not to get in: what is said, and that it never says the password.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use dbaudit::{
    Error, Outcome,
    db::{self, ConnectionConfig, Environment, Target},
};

use super::{connect, connect_in, nothing, target, wire};
use crate::support::{self, PrivateServer, Template};

/// The message and the hint; the error must be one of not connecting, and keep the password to itself.
fn told(error: Error) -> String {
    assert_eq!(error.outcome(), Outcome::CannotJudge, "{error}");
    let text = format!("{error} | {}", error.hint().unwrap_or_default());
    assert!(!text.contains("s3cret"), "{text}");
    text
}

async fn refused(text: &str) -> String {
    told(connect(text).await.unwrap_err())
}

#[tokio::test]
async fn passwords_are_asked_for_taken_and_refused_on_every_version() {
    for server in support::servers() {
        let server = PrivateServer::start(server.major(), &["password_encryption=scram-sha-256"]);
        let admin = connect(&server.url("postgres")).await.unwrap();
        admin
            .batch_execute("CREATE ROLE ann LOGIN PASSWORD 's3cret:\\'")
            .await
            .unwrap();
        std::fs::write(
            server.data_dir.join("pg_hba.conf"),
            "local all all trust\nhost all ann 127.0.0.1/32 scram-sha-256\nhost all postgres 127.0.0.1/32 trust\n",
        )
        .unwrap();
        admin
            .batch_execute("SELECT pg_reload_conf()")
            .await
            .unwrap();
        let at = format!("host=127.0.0.1 port={} dbname=postgres", server.port);
        // Until the new rules hold.
        while connect(&format!("{at} user=ann")).await.is_ok() {}

        let text = refused(&format!("{at} user=ann")).await;
        assert!(
            text.contains("requires a password, but none was given"),
            "{text}"
        );
        assert!(text.contains(&format!(
            "127.0.0.1:{} as ann, database postgres",
            server.port
        )));

        let text = refused(&format!("{at} user=ann password=s3cret-wrong")).await;
        assert!(text.contains("(SQLSTATE 28P01)"), "{text}");
        assert!(text.contains("came from the connection string"), "{text}");

        assert!(
            connect(&format!(r"{at} user=ann password=s3cret:\\"))
                .await
                .is_ok()
        );
        let url = format!(
            "postgres://ann:s3cret%3A%5C@127.0.0.1:{}/postgres",
            server.port
        );
        assert!(connect(&url).await.is_ok());

        let file = tempfile::NamedTempFile::new().unwrap();
        let line = format!(r"127.0.0.1:{}:*:ann:s3cret\:\\", server.port);
        std::fs::write(file.path(), line).unwrap();
        let environment = Environment::from([("PGPASSFILE", file.path().to_str().unwrap())]);
        assert!(
            connect_in(&format!("{at} user=ann"), &environment)
                .await
                .is_ok()
        );
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o644)).unwrap();
        assert!(
            connect_in(&format!("{at} user=ann"), &environment)
                .await
                .is_err()
        );

        let text = refused(&format!("{at} user=zoe")).await;
        assert!(text.contains("pg_hba.conf"), "{text}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let database = support::server().database(Template::Empty);
    let admin = database.client().await;
    let role = format!("{}_full", database.name);
    admin
        .batch_execute(&format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT 0"))
        .await
        .unwrap();
    for (keys, says) in [
        (
            "dbname=no_such_db",
            &[
                "\"no_such_db\" does not exist",
                "CREATE DATABASE no_such_db",
            ],
        ),
        (
            "user=no_such_role",
            &[
                "\"no_such_role\" does not exist",
                "CREATE ROLE no_such_role",
            ],
        ),
        (
            &format!("user={role}"),
            &["SQLSTATE 53300", "connection slot"],
        ),
        (
            "sslmode=require",
            &["does not support TLS", "sslmode=prefer"],
        ),
    ] {
        let url = format!("{}?{}&password=s3cret", database.url, keys);
        let text = refused(&url).await;
        assert!(
            says.iter().all(|says| text.contains(says)),
            "{keys}: {text}"
        );
    }
    let drop = format!("DROP ROLE {role}");
    admin.batch_execute(&drop).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_by_name() {
    let port = wire::listen(|stream| wire::greet(stream, "12.4 (Debian 12.4-1)")).await;
    let text = refused(&format!("host=127.0.0.1 port={port} user=u")).await;
    assert!(
        text.contains("PostgreSQL 12.4 (Debian 12.4-1), which is too old"),
        "{text}"
    );
    assert!(text.contains("13 and later"), "{text}");
    let port = wire::listen(|stream| wire::greet(stream, "13.0")).await;
    let session = connect(&format!("host=127.0.0.1 port={port} user=u")).await;
    assert_eq!(session.unwrap().version.number, 130_000);
}

#[tokio::test]
async fn a_server_that_never_answers_does_not_hang_us() {
    let port = wire::listen(|stream| async move {
        let _held = stream;
        std::future::pending().await
    })
    .await;
    let settings = ConnectionConfig {
        timeout: Duration::from_millis(50),
        timeout_is_explicit: true,
        ..ConnectionConfig::default()
    };
    // The flag wins over the connection string's own.
    let text = format!("host=127.0.0.1 port={port} user=u connect_timeout=600 password=s3cret");
    let target = Target::resolve(Some(&text), &settings, &nothing()).unwrap();
    let text = told(db::connect_to(&target, "test").await.unwrap_err());
    assert!(text.contains("no answer within 50ms"), "{text}");
}

#[tokio::test]
async fn a_peer_that_is_no_postgres_server_is_suspected() {
    let port = wire::listen(|stream| async move {
        drop(stream);
        Ok(())
    })
    .await;
    let text = refused(&format!(
        "host=127.0.0.1 port={port} user=u password=s3cret"
    ))
    .await;
    assert!(
        text.contains("check that this is a PostgreSQL server"),
        "{text}"
    );
}

#[tokio::test]
async fn nobody_there_is_said_for_ports_sockets_and_names() {
    // Nobody listens on a port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    for (text, says) in [
        (
            format!("host=127.0.0.1 port={port} user=u"),
            "connection refused",
        ),
        (
            "host=/nowhere user=u".to_owned(),
            "the socket /nowhere/.s.PGSQL.5432",
        ),
        (
            "host=no-such-host.invalid user=u".to_owned(),
            "cannot be resolved",
        ),
    ] {
        let text = refused(&format!("{text} password=s3cret")).await;
        assert!(text.contains(says), "{text}");
        assert!(text.contains("as u, database u"), "{text}");
    }
}

#[test]
fn a_string_that_cannot_be_read_is_status_2() {
    let error = target("postgres://ann:s3cret@h/d?slmode=require", &nothing()).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Invalid);
    assert!(error.to_string().contains("`slmode`"), "{error}");
    assert!(error.hint().unwrap().contains("`sslmode`"), "{error}");
}
