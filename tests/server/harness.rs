//! The harness itself: what every other test against a server relies on.

use crate::support::{self, PrivateServer, Template};

#[tokio::test]
async fn every_version_gives_a_test_a_sample_database_of_its_own() {
    for server in support::servers() {
        let first = server.database(Template::Demo);
        let second = server.database(Template::Demo);
        let client = first.client().await;
        client
            .batch_execute("TRUNCATE content CASCADE")
            .await
            .unwrap();
        let row = second
            .client()
            .await
            .query_one(
                "SELECT count(*), current_setting('server_version_num')::int4 / 10000,
                    count(*) FILTER (WHERE user_id = 1) FROM content",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(row.get::<_, i64>(0), 5_000);
        assert_eq!(row.get::<_, i32>(1), server.major() as i32);
        assert!(row.get::<_, i64>(2) > 200, "the whale holds its share");
    }
}

#[tokio::test]
async fn an_empty_database_is_dropped_at_the_end_of_its_test() {
    let server = support::server();
    let database = server.database(Template::Empty);
    let name = database.name.clone();
    let client = database.client().await;
    let tables = "SELECT count(*) FROM pg_stat_user_tables";
    let row = client.query_one(tables, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
    drop(database);
    let other = server.database(Template::Empty);
    let row = other
        .client()
        .await
        .query_one(
            "SELECT count(*) FROM pg_database WHERE datname = $1",
            &[&name],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_private_server_crashes_and_recovers_and_leaves_nothing() {
    let major = support::server().major();
    let mut server = PrivateServer::start(major, &["work_mem=7MB"]);
    let folder = server.socket_dir.clone();
    server.stop_immediate();
    server.start_again();
    let (client, connection) =
        tokio_postgres::connect(&server.url("postgres"), tokio_postgres::NoTls)
            .await
            .unwrap();
    tokio::spawn(connection);
    let row = client.query_one("SHOW work_mem", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "7MB");
    server.stop_fast();
    drop(server);
    assert!(!folder.exists(), "{} is still there", folder.display());
}
