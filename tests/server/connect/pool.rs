//! The pool: its bounds, and that it never hands out a dead connection.

use std::time::Duration;

use dbaudit::db::{ConnectionConfig, Pool, PoolConfig};

use crate::support::{self, Template, TestDatabase};

fn pool(database: &TestDatabase, size: usize, wait: Duration, lifetime: Duration) -> Pool {
    let config = ConnectionConfig {
        url: Some(database.url.clone()),
        use_environment: false,
        pool: PoolConfig {
            size,
            wait,
            lifetime,
        },
        ..ConnectionConfig::default()
    };
    Pool::new(&config, "pool test").unwrap()
}

const LONG: Duration = Duration::from_secs(600);

async fn pid(client: &tokio_postgres::Client) -> i32 {
    client
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn no_more_connections_than_allowed_are_open_and_waiting_for_one_ends() {
    let database = support::server().database(Template::Empty);
    let pool = pool(&database, 2, Duration::from_millis(20), LONG);
    let (first, second) = (pool.get().await.unwrap(), pool.get().await.unwrap());
    assert_ne!(pid(&first).await, pid(&second).await);
    let error = pool.get().await.unwrap_err();
    assert!(
        error.to_string().contains("all 2 connections of the pool"),
        "{error}"
    );
    let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dbaudit pool test' AND datname = current_database()";
    assert_eq!(
        first.query_one(open, &[]).await.unwrap().get::<_, i64>(0),
        2
    );
    let known = pid(&second).await;
    drop(second);
    assert_eq!(pid(&pool.get().await.unwrap()).await, known);
}

#[tokio::test]
async fn a_killed_connection_is_replaced() {
    let database = support::server().database(Template::Empty);
    let pool = pool(&database, 1, LONG, LONG);
    let client = pool.get().await.unwrap();
    let dead = pid(&client).await;
    drop(client);
    let admin = database.client().await;
    let kill = "SELECT pg_terminate_backend($1)";
    admin.execute(kill, &[&dead]).await.unwrap();
    assert_ne!(pid(&pool.get().await.unwrap()).await, dead);
    assert_eq!(pool.size(), 1);
}

#[tokio::test]
async fn a_connection_past_its_lifetime_is_replaced() {
    let database = support::server().database(Template::Empty);
    let pool = pool(&database, 1, LONG, Duration::ZERO);
    let first = pid(&pool.get().await.unwrap()).await;
    assert_ne!(pid(&pool.get().await.unwrap()).await, first);
}

#[tokio::test]
async fn the_reason_for_not_connecting_comes_through_the_pool() {
    let mut database = support::server().database(Template::Empty);
    let name = format!("/{}", database.name);
    let real = database.url.clone();
    database.url = real.replace(&name, "/no_such_db");
    let error = pool(&database, 1, LONG, LONG).get().await.unwrap_err();
    assert!(
        error.to_string().contains("\"no_such_db\" does not exist"),
        "{error}"
    );
}
