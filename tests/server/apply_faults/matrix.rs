//! Every fault in every phase: the run in which it happens, or at the latest the one after it, ends well.

use nix::sys::signal::Signal;

use super::scene::{Build, Deploy, HELD, Phase, Scene};
use crate::support::{self, Blow, PrivateServer, Proxy, Template};

/// What happens to a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of dbaudit.
    Kill,
    /// SIGINT or SIGTERM to dbaudit.
    Signal(Signal),
    /// `pg_terminate_backend` of the build.
    Terminate,
    /// `pg_cancel_backend` of the build.
    Cancel,
    /// Every connection of dbaudit is cut.
    Cut,
}

async fn strike(fault: Fault, scene: &Scene, deploy: &mut Deploy, proxy: &Proxy, build: &Build) {
    let call = async |function: &str| {
        let sql = format!("SELECT {function}({})", build.pid);
        scene.admin.batch_execute(&sql).await.expect("it is called");
    };
    match fault {
        Fault::Kill => deploy.child.kill().await.expect("it is killed"),
        Fault::Signal(signal) => deploy.signal(signal),
        Fault::Terminate => call("pg_terminate_backend").await,
        Fault::Cancel => call("pg_cancel_backend").await,
        Fault::Cut => {
            proxy.strike(Blow::Cut);
            deploy.until_said("reconnecting").await;
        }
    }
    // A killed or cut client's backend builds on; the others end in spite of the blocker.
    if !matches!(fault, Fault::Kill | Fault::Cut) {
        scene.until_ended(build).await;
    }
}

/// One field of the matrix.
async fn survives(major: u32, fault: Fault, phase: Phase) {
    let began = std::time::Instant::now();
    let server = support::server_of(major).expect("the server");
    let database = server.database(Template::Empty);
    let mut scene = Scene::set(&database.url).await;
    let proxy = Proxy::to(&database.url).await;
    let (mut deploy, blocker, build) = scene.hold(phase, &proxy.url(&database.url), &[]).await;
    let begun = scene.oid(HELD).await;
    strike(fault, &scene, &mut deploy, &proxy, &build).await;
    let mut again = None;
    if fault == Fault::Kill {
        // The next run finds the orphan at work.
        let mut next = scene.begin(&database.url, &[]);
        if phase != Phase::TableLock {
            next.until_said(&format!("waiting for pid {} ", build.pid))
                .await;
        }
        again = Some(next);
    }
    blocker.release().await;
    let ended = deploy.ended().await;
    match fault {
        Fault::Kill => assert_eq!(ended.status, None, "{}", ended.all()),
        Fault::Signal(_) => {
            ended.assert_status(130);
            assert_eq!(scene.invalid().await, [""; 0], "{}", ended.all());
        }
        // These are survived within the run.
        Fault::Terminate | Fault::Cancel | Fault::Cut => ended.assert_status(0),
    }
    let again = again.unwrap_or_else(|| scene.begin(&database.url, &[]));
    let again = again.ended().await;
    again.assert_status(0);
    if matches!(fault, Fault::Kill | Fault::Cut) && phase != Phase::TableLock {
        assert_eq!(
            scene.oid(HELD).await,
            begun,
            "the orphan was not adopted:\n{}\n{}",
            ended.all(),
            again.all()
        );
    }
    scene.assert_converged().await;
    scene.assert_nobody_is_left().await;
    eprintln!(
        "{major} {fault:?} while {}: {:?}",
        build.moment(),
        began.elapsed()
    );
}

async fn survives_in_every_phase(fault: Fault) {
    let major = support::server().major();
    for phase in Phase::ALL {
        survives(major, fault, phase).await;
    }
}

#[tokio::test]
async fn a_killed_run_is_finished_by_the_next_in_every_phase() {
    survives_in_every_phase(Fault::Kill).await;
}

#[tokio::test]
async fn an_interrupt_leaves_nothing_invalid_in_every_phase() {
    survives_in_every_phase(Fault::Signal(Signal::SIGINT)).await;
}

#[tokio::test]
async fn a_request_to_end_leaves_nothing_invalid_in_every_phase() {
    survives_in_every_phase(Fault::Signal(Signal::SIGTERM)).await;
}

#[tokio::test]
async fn a_terminated_build_is_built_again_in_every_phase() {
    survives_in_every_phase(Fault::Terminate).await;
}

#[tokio::test]
async fn a_cancelled_build_is_built_again_in_every_phase() {
    survives_in_every_phase(Fault::Cancel).await;
}

#[tokio::test]
async fn a_build_whose_connections_are_cut_is_found_again_in_every_phase() {
    survives_in_every_phase(Fault::Cut).await;
}

/// The server crashes and comes back while dbaudit is at work.
async fn survives_a_crash(major: u32, phases: &[Phase]) {
    let mut server = PrivateServer::start(major, &["synchronous_commit=on"]);
    for phase in phases {
        let began = std::time::Instant::now();
        let admin = super::scene::connect(&server.url("postgres"))
            .await
            .expect("a connection");
        let name = format!("crash_{phase:?}").to_lowercase();
        let create = format!("CREATE DATABASE {name}");
        admin.batch_execute(&create).await.expect("a database");
        let url = server.url(&name);
        let mut scene = Scene::set(&url).await;
        let (deploy, blocker, _) = scene.hold(*phase, &url, &[]).await;
        server.stop_immediate();
        server.start_again();
        blocker.release().await;
        scene.reconnect().await;
        let ended = deploy.ended().await;
        ended.assert_status(0);
        scene.deploy(&[]).await.assert_status(0);
        scene.assert_converged().await;
        eprintln!("{major} crash {phase:?}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_crash_of_the_server_is_survived_in_every_phase() {
    survives_a_crash(support::server().major(), &Phase::ALL).await;
}

/// A core of the matrix on every version there is.
async fn core(major: u32) {
    if support::server_of(major).is_none() {
        eprintln!("PostgreSQL {major} is not on this machine");
        return;
    }
    survives(major, Fault::Kill, Phase::Building).await;
    survives(major, Fault::Signal(Signal::SIGINT), Phase::Validating).await;
    survives(major, Fault::Terminate, Phase::WritersBeforeBuild).await;
    survives(major, Fault::Cancel, Phase::OldSnapshots).await;
    survives(major, Fault::Cut, Phase::WritersBeforeValidation).await;
    survives_a_crash(major, &[Phase::Building]).await;
}

#[tokio::test]
async fn the_core_faults_are_survived_on_13() {
    core(13).await;
}

#[tokio::test]
async fn the_core_faults_are_survived_on_14() {
    core(14).await;
}

#[tokio::test]
async fn the_core_faults_are_survived_on_16() {
    core(16).await;
}

#[tokio::test]
async fn the_core_faults_are_survived_on_17() {
    core(17).await;
}

#[tokio::test]
async fn the_core_faults_are_survived_on_18() {
    core(18).await;
}
