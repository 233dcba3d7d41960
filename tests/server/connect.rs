//! Connecting: what libpq's users expect, on every version, and what is said when it does not work.

mod hosts;
mod orm;
mod pool;
mod refused;
mod tls;
mod wire;

use std::time::Duration;

use dbaudit::{
    Error,
    db::{self, ConnectionConfig, Environment, Session, Target},
};

use crate::support::{self, Template};

/// Resolves in an environment of the test's own: nothing of this machine's gets in.
fn target(text: &str, environment: &Environment) -> Result<Target, Error> {
    Target::resolve(Some(text), &ConnectionConfig::default(), environment)
}

fn nothing() -> Environment {
    Environment::from([("HOME", "/nowhere")])
}

async fn connect(text: &str) -> Result<Session, Error> {
    connect_in(text, &nothing()).await
}

async fn connect_in(text: &str, environment: &Environment) -> Result<Session, Error> {
    db::connect_to(&target(text, environment)?, "test").await
}

/// The first column of the first row.
async fn value(session: &Session, query: &str) -> String {
    let query = format!("SELECT ({query})::text");
    session.query_one(&query, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_session_knows_its_server_without_asking_on_every_version() {
    for server in support::servers() {
        let database = server.database(Template::Empty);
        let session = connect(&database.url).await.unwrap();
        assert_eq!(
            value(&session, "SELECT current_setting('server_version_num')").await,
            session.version.number.to_string()
        );
        assert_eq!(
            value(&session, "SELECT pg_backend_pid()").await,
            session.ask_backend_pid().await.unwrap().to_string()
        );
        assert_eq!(
            value(&session, "SELECT current_setting('application_name')").await,
            "dbaudit test"
        );
        assert!(!session.is_standby().await.unwrap());
        // The question was asked by this very query; nothing else came before it.
        assert_eq!(session.is_superuser(), Some(true));
    }
}

#[tokio::test]
async fn a_cancelled_statement_says_so() {
    let database = support::server().database(Template::Empty);
    let session = connect(&database.url).await.unwrap();
    let watcher = database.client().await;
    let canceller = session.canceller();
    let pid = session.ask_backend_pid().await.unwrap();
    let cancel = async {
        let sleeping =
            "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'";
        while watcher
            .query_one(sleeping, &[&pid])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 0
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        canceller.cancel().await.unwrap();
    };
    let (slept, ()) = tokio::join!(session.batch_execute("SELECT pg_sleep(600)"), cancel);
    assert_eq!(db::sqlstate(&slept.unwrap_err()), Some("57014"));
}

#[tokio::test]
async fn a_terminated_session_knows_that_it_is_closed() {
    let database = support::server().database(Template::Empty);
    let session = connect(&database.url).await.unwrap();
    let pid = session.ask_backend_pid().await.unwrap();
    let admin = database.client().await;
    admin
        .execute("SELECT pg_terminate_backend($1)", &[&pid])
        .await
        .unwrap();
    let error = session.batch_execute("SELECT 1").await.unwrap_err();
    assert!(db::is_connection_loss(&error), "{error:?}");
    while !session.is_closed() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn libpqs_variables_and_the_users_own_name_reach_the_server() {
    let database = support::server().database(Template::Empty);
    let environment = Environment::from([
        ("HOME", "/nowhere"),
        ("PGOPTIONS", "-c statement_timeout=12345"),
        ("PGAPPNAME", "nightly"),
    ]);
    let session = connect_in(&database.url, &environment).await.unwrap();
    assert_eq!(
        value(&session, "SELECT current_setting('statement_timeout')").await,
        "12345ms"
    );
    assert_eq!(
        value(&session, "SELECT current_setting('application_name')").await,
        "dbaudit test (nightly)"
    );
}
