//! Deploys beside each other, and beside other people's sessions.

use nix::sys::signal::Signal;
use serde_json::Value;

use super::scene::{Ended, HELD, Phase, Scene, until};
use crate::support::{self, Blow, Proxy, Template, TestDatabase};

const HELD_BUILD: &str = "CREATE INDEX CONCURRENTLY things_held ON things (held(kind), id DESC)";

async fn scene() -> (TestDatabase, Scene) {
    let database = support::server().database(Template::Empty);
    let scene = Scene::set(&database.url).await;
    (database, scene)
}

/// The statements that a run sent.
fn sent(ended: &Ended) -> Vec<String> {
    let result: Value = serde_json::from_str(&ended.out).expect("a result");
    let all = |value: &Value, key: &str| value[key].as_array().expect("an array").clone();
    all(&result, "migrations")
        .iter()
        .flat_map(|migration| all(migration, "steps"))
        .flat_map(|step| all(&step, "statements"))
        .map(|statement| statement.as_str().expect("a statement").to_owned())
        .collect()
}

/// Begins deploys while the first is at work; each of them names whom it waits for.
async fn deploys_at_once(count: usize) {
    let (_database, mut scene) = scene().await;
    let (first, blocker, _) = scene.hold(Phase::Building, &scene.url, &[]).await;
    let holder: i32 = scene
        .admin
        .query_one(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
             AND classid = x'64626175'::int::oid
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            &[],
        )
        .await
        .expect("the deploy's lock")
        .get(0);
    let mut others = Vec::new();
    for _ in 1..count {
        others.push(scene.begin(&scene.url, &[]));
    }
    for other in &mut others {
        other
            .until_said(&format!(
                "another deploy is running; waiting for it: pid {holder} "
            ))
            .await;
    }
    blocker.release().await;
    let mut statements = Vec::new();
    for deploy in std::iter::once(first).chain(others) {
        let ended = deploy.ended().await;
        ended.assert_status(0);
        statements.extend(sent(&ended));
    }
    statements.sort();
    statements.dedup();
    assert_eq!(statements.len(), 3, "{statements:#?}");
    scene.assert_converged().await;
    scene.assert_nobody_is_left().await;
}

#[tokio::test]
async fn of_two_deploys_one_waits_for_the_other_and_names_it() {
    deploys_at_once(2).await;
}

#[tokio::test]
async fn five_deploys_build_every_index_once() {
    deploys_at_once(5).await;
}

#[tokio::test]
async fn five_deploys_begun_in_the_same_moment_all_succeed() {
    let (_database, mut scene) = scene().await;
    let deploys: Vec<_> = (0..5).map(|_| scene.begin(&scene.url, &[])).collect();
    let mut created = Vec::new();
    for deploy in deploys {
        let ended = deploy.ended().await;
        ended.assert_status(0);
        created.extend(sent(&ended));
    }
    assert_eq!(created.len(), 3, "built once each: {created:#?}");
    scene.assert_converged().await;
}

#[tokio::test]
async fn a_deploy_whose_control_session_is_ended_goes_on() {
    let (_database, mut scene) = scene().await;
    let (mut first, blocker, build) = scene.hold(Phase::Building, &scene.url, &[]).await;
    let mut second = scene.begin(&scene.url, &[]);
    second.until_said("another deploy is running").await;
    let ended: i64 = scene
        .admin
        .query_one(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'dbaudit apply-indexes'",
            &[],
        )
        .await
        .expect("they are ended")
        .get(0);
    assert_eq!(ended, 2);
    first.until_said("reconnecting").await;
    second.until_said("reconnecting").await;
    blocker.release().await;
    first.ended().await.assert_status(0);
    second.ended().await.assert_status(0);
    scene.assert_converged().await;
    assert_eq!(scene.build().await, None, "{build:?}");
}

#[tokio::test]
async fn another_sessions_live_build_is_adopted_and_not_harmed() {
    let (_database, mut scene) = scene().await;
    let key = scene.client().await;
    key.batch_execute("SELECT pg_advisory_lock(1)")
        .await
        .unwrap();
    let other = scene.client().await;
    let building = tokio::spawn(async move { other.batch_execute(HELD_BUILD).await });
    until("it is being built", async || scene.build().await.is_some()).await;
    until("it is in the catalog", async || {
        scene.oid(HELD).await.is_some()
    })
    .await;
    let begun = scene.oid(HELD).await;
    let pid = scene.build().await.expect("the build").pid;
    let mut deploy = scene.begin(&scene.url, &[]);
    deploy.until_said(&format!("waiting for pid {pid} ")).await;
    drop(key);
    let ended = deploy.ended().await;
    ended.assert_status(0);
    building.await.unwrap().expect("the other build ends well");
    assert_eq!(scene.oid(HELD).await, begun);
    scene.assert_converged().await;
}

#[tokio::test]
async fn a_build_of_another_index_of_the_table_is_waited_for() {
    let (_database, mut scene) = scene().await;
    let key = scene.client().await;
    key.batch_execute("SELECT pg_advisory_lock(1)")
        .await
        .unwrap();
    let other = scene.client().await;
    let name = "CREATE INDEX CONCURRENTLY not_ours_things_held ON things (held(kind))";
    let building = tokio::spawn(async move { other.batch_execute(name).await });
    until("it is being built", async || scene.build().await.is_some()).await;
    let mut deploy = scene.begin(&scene.url, &["--attempts", "1", "--lock-timeout", "100ms"]);
    deploy.until_said("waiting for pid").await;
    drop(key);
    deploy.ended().await.assert_status(0);
    building.await.unwrap().expect("the other build ends well");
    scene
        .admin
        .batch_execute("DROP INDEX not_ours_things_held")
        .await
        .unwrap();
    scene.assert_converged().await;
}

/// An index that a broken-off `DROP INDEX CONCURRENTLY` turned invalid.
#[tokio::test]
async fn a_broken_off_drop_is_mended() {
    let (_database, mut scene) = scene().await;
    scene.deploy(&[]).await.assert_status(0);
    let reader = scene.client().await;
    reader
        .batch_execute("BEGIN; SELECT count(*) FROM things")
        .await
        .unwrap();
    let dropper = scene.client().await;
    dropper
        .batch_execute("SET lock_timeout = '50ms'")
        .await
        .unwrap();
    let dropped = dropper
        .batch_execute("DROP INDEX CONCURRENTLY things_held")
        .await;
    assert!(dropped.is_err());
    assert_eq!(scene.invalid().await, [HELD]);
    reader.batch_execute("COMMIT").await.unwrap();
    scene.deploy(&[]).await.assert_status(0);
    scene.assert_converged().await;
}

/// The leftover is dropped, the build after it fails, and its own leftover has to be dropped again.
#[tokio::test]
async fn a_rebuild_whose_build_is_broken_off_begins_again_with_its_drop() {
    let (_database, mut scene) = scene().await;
    let (deploy, blocker, build) = scene.hold(Phase::Building, &scene.url, &[]).await;
    let kill = format!("SELECT pg_terminate_backend({})", build.pid);
    drop(deploy);
    scene.admin.batch_execute(&kill).await.unwrap();
    scene.until_ended(&build).await;
    assert_eq!(scene.invalid().await, [HELD]);
    blocker.release().await;
    let (mut deploy, blocker, build) = scene.hold(Phase::OldSnapshots, &scene.url, &[]).await;
    let kill = format!("SELECT pg_terminate_backend({})", build.pid);
    scene.admin.batch_execute(&kill).await.unwrap();
    deploy.until_said("attempt 1 failed").await;
    blocker.release().await;
    deploy.ended().await.assert_status(0);
    scene.assert_converged().await;
}

#[tokio::test]
async fn a_live_drop_is_waited_for_and_then_made_good() {
    let (_database, mut scene) = scene().await;
    scene.deploy(&[]).await.assert_status(0);
    let reader = scene.client().await;
    reader
        .batch_execute("BEGIN; SELECT count(*) FROM things")
        .await
        .unwrap();
    let dropper = scene.client().await;
    let dropping = tokio::spawn(async move {
        dropper
            .batch_execute("DROP INDEX CONCURRENTLY things_held")
            .await
    });
    until("the drop has begun", async || {
        !scene.invalid().await.is_empty()
    })
    .await;
    let mut deploy = scene.begin(&scene.url, &[]);
    deploy.until_said("waiting for pid").await;
    reader.batch_execute("COMMIT").await.unwrap();
    deploy.ended().await.assert_status(0);
    dropping.await.unwrap().expect("the other drop ends well");
    scene.assert_converged().await;
}

/// The connections die without either side being told, as where a firewall forgets them.
#[tokio::test]
async fn an_answer_that_never_comes_is_not_waited_for() {
    let (database, mut scene) = scene().await;
    let proxy = Proxy::to(&database.url).await;
    let (deploy, blocker, _) = scene
        .hold(Phase::Building, &proxy.url(&database.url), &[])
        .await;
    let begun = scene.oid(HELD).await;
    proxy.strike(Blow::Freeze);
    blocker.release().await;
    let ended = deploy.ended().await;
    ended.assert_status(0);
    assert_eq!(scene.oid(HELD).await, begun, "{}", ended.all());
    scene.assert_converged().await;
}

#[tokio::test]
async fn a_lost_history_is_written_again_and_nothing_is_built() {
    let (_database, mut scene) = scene().await;
    scene.deploy(&[]).await.assert_status(0);
    scene
        .admin
        .batch_execute("DROP TABLE dbaudit_index_history")
        .await
        .unwrap();
    let ended = scene.deploy(&[]).await;
    ended.assert_status(0);
    assert_eq!(sent(&ended), [""; 0]);
    scene.assert_converged().await;
}

#[tokio::test]
async fn an_index_dropped_by_hand_comes_back_and_one_changed_by_hand_is_refused() {
    let (_database, mut scene) = scene().await;
    scene.deploy(&[]).await.assert_status(0);
    scene
        .admin
        .batch_execute(
            "DROP INDEX others_note; DROP INDEX things_note; CREATE INDEX things_note ON things (id, note)",
        )
        .await
        .unwrap();
    let ended = scene.deploy(&[]).await;
    ended.assert_status(1);
    assert!(
        ended.out.contains("(note, id) WHERE (kind < 9)") && ended.out.contains("(id, note)"),
        "{}",
        ended.all()
    );
    assert!(scene.oid("others_note").await.is_some());
    scene.deploy(&["--replace"]).await.assert_status(0);
    scene.assert_converged().await;
}

/// The drop that tidies up has to wait for whoever uses the table: a second signal does not.
#[tokio::test]
async fn a_second_signal_leaves_at_once_and_the_next_run_repairs() {
    let (_database, mut scene) = scene().await;
    let (deploy, blocker, _) = scene.hold(Phase::WritersBeforeBuild, &scene.url, &[]).await;
    deploy.signal(Signal::SIGINT);
    until("the drop waits", async || drop_waits(&scene).await).await;
    deploy.signal(Signal::SIGTERM);
    deploy.ended().await.assert_status(130);
    assert_eq!(scene.invalid().await, [HELD]);
    blocker.release().await;
    scene.deploy(&[]).await.assert_status(0);
    scene.assert_converged().await;
}

#[tokio::test]
async fn tidying_up_behind_an_open_writer_is_given_up_and_the_next_run_repairs() {
    let (_database, mut scene) = scene().await;
    let (deploy, blocker, _) = scene.hold(Phase::WritersBeforeBuild, &scene.url, &[]).await;
    deploy.signal(Signal::SIGINT);
    let ended = deploy.ended().await;
    ended.assert_status(130);
    assert!(
        ended.out.contains("an invalid index remains"),
        "{}",
        ended.all()
    );
    blocker.release().await;
    scene.deploy(&[]).await.assert_status(0);
    scene.assert_converged().await;
}

async fn drop_waits(scene: &Scene) -> bool {
    scene
        .admin
        .query_one(
            "SELECT count(*) FROM pg_stat_activity a JOIN pg_locks l USING (pid)
             WHERE a.datname = current_database() AND a.query LIKE 'DROP INDEX CONCURRENTLY%' AND NOT l.granted",
            &[],
        )
        .await
        .expect("the sessions")
        .get::<_, i64>(0)
        > 0
}
