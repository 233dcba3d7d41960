//! Limits, and servers and roles that do not play along: a clear end, and nothing half done.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use super::scene::{HELD, Phase, Scene, connect, until};
use crate::support::{self, PrivateServer, Template, TestDatabase};

async fn scene() -> (TestDatabase, Scene) {
    let database = support::server().database(Template::Empty);
    let scene = Scene::set(&database.url).await;
    (database, scene)
}

async fn pid(client: &tokio_postgres::Client) -> i32 {
    let row = client.query_one("SELECT pg_backend_pid()", &[]).await;
    row.expect("a process").get(0)
}

#[tokio::test]
async fn a_table_that_stays_locked_is_given_up_naming_the_blocker() {
    let (_database, mut scene) = scene().await;
    // Its blocked writers' snapshots would be waited for by the build on the other table.
    scene.stop_load().await;
    let blocker = scene.client().await;
    blocker
        .batch_execute("BEGIN; LOCK TABLE things IN SHARE MODE")
        .await
        .unwrap();
    let ended = scene
        .deploy(&["--lock-timeout", "100ms", "--attempts", "3"])
        .await;
    ended.assert_status(1);
    assert!(
        ended.out.contains("gave up after 3 attempts")
            && ended.out.contains(&format!("pid {} ", pid(&blocker).await)),
        "{}",
        ended.all()
    );
    assert_eq!(scene.oid(HELD).await, None);
    // What follows on the same table is not begun; another table's index is built.
    assert_eq!(scene.oid("things_note").await, None);
    assert!(scene.oid("others_note").await.is_some());
    blocker.batch_execute("COMMIT").await.unwrap();
    scene.deploy(&[]).await.assert_status(0);
    scene.assert_converged().await;
}

#[tokio::test]
async fn a_table_locked_against_readers_is_given_up_naming_the_blocker() {
    let (_database, mut scene) = scene().await;
    let blocker = scene.client().await;
    blocker
        .batch_execute("BEGIN; LOCK TABLE things IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let ended = scene
        .deploy(&["--lock-timeout", "100ms", "--attempts", "2"])
        .await;
    ended.assert_status(3);
    assert!(
        ended.log.contains("gave up after 2 attempts")
            && ended.log.contains(&format!("pid {} ", pid(&blocker).await)),
        "{}",
        ended.all()
    );
    blocker.batch_execute("COMMIT").await.unwrap();
    scene.deploy(&[]).await.assert_status(0);
    scene.assert_converged().await;
}

/// Somebody takes the table for himself again and again, as a pile of schema migrations does.
#[tokio::test]
async fn a_storm_of_exclusive_locks_is_weathered() {
    let (_database, mut scene) = scene().await;
    let calm = Arc::new(AtomicBool::new(false));
    let gusts = Arc::new(AtomicU32::new(0));
    let storm = {
        let (calm, gusts, client) = (Arc::clone(&calm), Arc::clone(&gusts), scene.client().await);
        tokio::spawn(async move {
            client
                .batch_execute("SET lock_timeout = '100ms'")
                .await
                .expect("a setting");
            while !calm.load(Ordering::Relaxed) {
                let gust = "BEGIN; LOCK TABLE things IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.2); COMMIT";
                match client.batch_execute(gust).await {
                    Ok(()) => gusts.fetch_add(1, Ordering::Relaxed),
                    Err(_) => {
                        client.batch_execute("ROLLBACK").await.expect("a rollback");
                        0
                    }
                };
                tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            }
        })
    };
    until("the storm has begun", async || {
        gusts.load(Ordering::Relaxed) > 0
    })
    .await;
    let ended = scene.deploy(&["--lock-timeout", "50ms"]).await;
    calm.store(true, Ordering::Relaxed);
    ended.assert_status(0);
    storm.await.unwrap();
    scene.assert_converged().await;
}

#[tokio::test]
async fn old_snapshots_are_waited_for_no_longer_than_the_drain_timeout() {
    let (_database, mut scene) = scene().await;
    let (deploy, blocker, build) = scene
        .hold(
            Phase::OldSnapshots,
            &scene.url,
            &["--drain-timeout", "300ms"],
        )
        .await;
    let pids: Vec<i32> = scene
        .admin
        .query_one("SELECT pg_blocking_pids($1)", &[&build.pid])
        .await
        .unwrap()
        .get(0);
    let ended = deploy.ended().await;
    ended.assert_status(1);
    assert!(
        ended.out.contains("--drain-timeout")
            && pids
                .iter()
                .any(|pid| ended.out.contains(&format!("pid {pid} "))),
        "{pids:?}: {}",
        ended.all()
    );
    assert_eq!(scene.invalid().await, [""; 0]);
    blocker.release().await;
    scene.deploy(&[]).await.assert_status(0);
    scene.assert_converged().await;
}

#[tokio::test]
async fn the_deadline_ends_a_build_and_leaves_nothing_invalid() {
    let (_database, mut scene) = scene().await;
    let (deploy, blocker, _) = scene
        .hold(Phase::Building, &scene.url, &["--deadline", "8s"])
        .await;
    let ended = deploy.ended().await;
    ended.assert_status(1);
    assert!(ended.out.contains("--deadline expired"), "{}", ended.all());
    assert_eq!(scene.invalid().await, [""; 0]);
    blocker.release().await;
    scene.deploy(&[]).await.assert_status(0);
    scene.assert_converged().await;
}

#[tokio::test]
async fn a_deploy_that_waits_for_another_ends_at_its_deadline() {
    let (_database, mut scene) = scene().await;
    let (first, blocker, _) = scene.hold(Phase::Building, &scene.url, &[]).await;
    let ended = scene.deploy(&["--deadline", "4s"]).await;
    ended.assert_status(3);
    assert!(
        ended.log.contains("another deploy is still running: pid"),
        "{}",
        ended.all()
    );
    blocker.release().await;
    first.ended().await.assert_status(0);
    scene.assert_converged().await;
}

/// A server for tests that need roles, with the scene's tables owned by one of them.
struct WithRoles {
    server: PrivateServer,
    scene: Scene,
}

impl WithRoles {
    async fn set(major: u32) -> Self {
        let server = PrivateServer::start(major, &[]);
        let scene = Scene::set(&server.url("postgres")).await;
        scene
            .admin
            .batch_execute(
                "CREATE ROLE owner; GRANT CREATE ON SCHEMA public TO owner;
                 ALTER TABLE things OWNER TO owner; ALTER TABLE others OWNER TO owner;
                 CREATE ROLE deployer LOGIN IN ROLE owner; GRANT CREATE ON SCHEMA public TO deployer",
            )
            .await
            .expect("the roles");
        Self { server, scene }
    }

    fn url(&self) -> String {
        let url = self.server.url("postgres");
        url.replace("postgres@", "deployer@")
    }
}

#[tokio::test]
async fn a_roles_own_settings_do_not_break_a_build() {
    let with = WithRoles::set(support::server().major()).await;
    let mut scene = with.scene;
    scene
        .admin
        .batch_execute(
            "ALTER ROLE deployer SET statement_timeout = '20ms';
             ALTER ROLE deployer SET lock_timeout = '1ms';
             ALTER ROLE deployer SET idle_in_transaction_session_timeout = '1ms';
             ALTER ROLE deployer SET default_transaction_read_only = on;
             ALTER ROLE deployer SET default_transaction_isolation = 'serializable'",
        )
        .await
        .unwrap();
    let url = with
        .server
        .url("postgres")
        .replace("postgres@", "deployer@");
    let (deploy, blocker, _) = scene.hold(Phase::Validating, &url, &[]).await;
    // Longer than any of these settings.
    scene
        .admin
        .batch_execute("SELECT pg_sleep(0.3)")
        .await
        .unwrap();
    blocker.release().await;
    deploy.ended().await.assert_status(0);
    scene.assert_converged().await;
}

#[tokio::test]
async fn a_role_that_loses_its_permission_half_way_is_told_what_to_grant() {
    let with = WithRoles::set(support::server().major()).await;
    let url = with.url();
    let mut scene = with.scene;
    let (deploy, blocker, _) = scene.hold(Phase::Building, &url, &[]).await;
    scene
        .admin
        .batch_execute("REVOKE owner FROM deployer")
        .await
        .unwrap();
    blocker.release().await;
    let ended = deploy.ended().await;
    ended.assert_status(1);
    assert!(
        ended.out.contains("GRANT owner TO deployer"),
        "{}",
        ended.all()
    );
    assert_eq!(scene.invalid().await, [""; 0]);
    assert!(scene.oid(HELD).await.is_some());
    scene
        .admin
        .batch_execute("GRANT owner TO deployer")
        .await
        .unwrap();
    scene.begin(&url, &[]).ended().await.assert_status(0);
    scene.assert_converged().await;
}

/// The index under way is built to its end; the next one is refused, naming the privilege.
#[tokio::test]
async fn a_role_that_loses_its_schema_half_way_is_told_what_to_grant() {
    let with = WithRoles::set(support::server().major()).await;
    let url = with.url();
    let mut scene = with.scene;
    // The history's table is there, so that only the indexes need the schema.
    scene
        .admin
        .batch_execute(
            "CREATE TABLE dbaudit_index_history (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255),
             checksum varchar(255)); GRANT ALL ON dbaudit_index_history TO deployer",
        )
        .await
        .unwrap();
    let (deploy, blocker, _) = scene.hold(Phase::Building, &url, &[]).await;
    let revoke = "REVOKE CREATE ON SCHEMA public FROM owner, deployer, PUBLIC";
    scene.admin.batch_execute(revoke).await.unwrap();
    blocker.release().await;
    let ended = deploy.ended().await;
    ended.assert_status(1);
    assert!(
        ended
            .out
            .contains("GRANT CREATE ON SCHEMA public TO deployer"),
        "{}",
        ended.all()
    );
    assert_eq!(scene.invalid().await, [""; 0]);
    assert!(scene.oid(HELD).await.is_some() && scene.oid("things_note").await.is_none());
    scene
        .admin
        .batch_execute("GRANT CREATE ON SCHEMA public TO owner, deployer")
        .await
        .unwrap();
    scene.begin(&url, &[]).ended().await.assert_status(0);
    scene.assert_converged().await;
}

/// Its sessions live on until they are lost; then there is no way back in.
#[tokio::test]
async fn a_role_that_may_no_longer_connect_ends_the_run_and_the_next_one_makes_good() {
    let with = WithRoles::set(support::server().major()).await;
    let url = with.url();
    let mut scene = with.scene;
    let (deploy, blocker, build) = scene
        .hold(Phase::Building, &url, &["--deadline", "10s"])
        .await;
    // Two transactions: a session that is ended before the first is committed may connect again.
    for sql in [
        "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC, deployer",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'dbaudit%'",
    ] {
        scene.admin.batch_execute(sql).await.unwrap();
    }
    scene.until_ended(&build).await;
    blocker.release().await;
    let ended = deploy.ended().await;
    ended.assert_status(3);
    assert!(
        ended.log.contains("permission denied for database"),
        "{}",
        ended.all()
    );
    scene
        .admin
        .batch_execute("GRANT CONNECT ON DATABASE postgres TO deployer, PUBLIC")
        .await
        .unwrap();
    scene.begin(&url, &[]).ended().await.assert_status(0);
    scene.assert_converged().await;
}

/// `temp_file_limit` stands for a disk that is full: the sort of the build runs out of it.
#[tokio::test]
async fn a_full_disk_is_reported_and_leaves_nothing_invalid() {
    let with = WithRoles::set(support::server().major()).await;
    let url = with.url();
    let mut scene = with.scene;
    scene
        .admin
        .batch_execute(
            "INSERT INTO things SELECT n, 0, repeat('disk full ', 10) || n FROM generate_series(20000, 50000) AS n;
             ALTER ROLE deployer SET temp_file_limit = '64kB'",
        )
        .await
        .unwrap();
    let arguments = ["--maintenance-work-mem", "1MB"];
    let ended = scene.begin(&url, &arguments).ended().await;
    ended.assert_status(1);
    assert!(
        ended.out.contains("53400") && ended.out.contains("--maintenance-work-mem"),
        "{}",
        ended.all()
    );
    assert_eq!(scene.invalid().await, [""; 0]);
    scene
        .admin
        .batch_execute("ALTER ROLE deployer RESET temp_file_limit")
        .await
        .unwrap();
    scene.begin(&url, &arguments).ended().await.assert_status(0);
    scene.assert_converged().await;
}

#[tokio::test]
async fn a_standby_is_refused_and_pointed_to_the_primary() {
    let mut server = PrivateServer::start(support::server().major(), &[]);
    let mut scene = Scene::set(&server.url("postgres")).await;
    scene.stop_load().await;
    server.stop_fast();
    std::fs::write(server.data_dir.join("standby.signal"), "").unwrap();
    server.start_again();
    until("it answers", async || connect(&scene.url).await.is_ok()).await;
    let ended = scene.deploy(&[]).await;
    ended.assert_status(3);
    assert!(
        ended.log.contains("the server is a standby") && ended.log.contains("primary"),
        "{}",
        ended.all()
    );
}

#[tokio::test]
async fn a_server_that_is_gone_for_good_ends_the_run_at_its_deadline() {
    let mut server = PrivateServer::start(support::server().major(), &["synchronous_commit=on"]);
    let mut scene = Scene::set(&server.url("postgres")).await;
    let (deploy, blocker, _) = scene
        .hold(Phase::Building, &scene.url, &["--deadline", "10s"])
        .await;
    server.stop_immediate();
    let ended = deploy.ended().await;
    ended.assert_status(3);
    assert!(ended.log.contains("cannot connect"), "{}", ended.all());
    drop(blocker);
    server.start_again();
    scene.reconnect().await;
    scene.deploy(&[]).await.assert_status(0);
    scene.assert_converged().await;
}
