//! Faults while more than one plain index is built: unique ones, partition trees, replacements, two at a time, rebuilds.

use nix::sys::signal::Signal;
use tokio_postgres::Client;

use super::scene::{Build, Deploy, Phase, Scene, Shape, until};
use crate::{
    apply_faults::matrix::Fault,
    support::{self, Blow, Proxy, Template, TestDatabase},
};

const FAULTS: [Fault; 4] = [
    Fault::Kill,
    Fault::Signal(Signal::SIGTERM),
    Fault::Terminate,
    Fault::Cut,
];

/// Where a run can be held open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// A build that takes long, of whatever table comes first.
    Build(Phase),
    /// The index of the partitioned table itself waits for its lock.
    Parent,
    /// A part waits to be attached.
    Attach,
    /// The names wait to be swapped.
    Swap,
    /// The replaced index waits to be dropped.
    DropOfTheOld,
}

/// A run held open.
struct Held {
    _database: TestDatabase,
    scene: Scene,
    proxy: Proxy,
    deploy: Deploy,
    /// What holds it open.
    sessions: Vec<Client>,
    build: Option<Build>,
}

async fn session(scene: &Scene, sql: &str) -> Client {
    let client = scene.client().await;
    client
        .batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    client
}

impl Held {
    async fn at(major: u32, shape: Shape, moment: Moment) -> Self {
        let database = support::server_of(major)
            .expect("the server")
            .database(Template::Empty);
        let scene = Scene::of(shape, &database.url).await;
        Self::open(database, scene, moment).await
    }

    async fn open(database: TestDatabase, scene: Scene, moment: Moment) -> Self {
        let proxy = Proxy::to(&database.url).await;
        let url = proxy.url(&database.url);
        let mut sessions = Vec::new();
        let (deploy, build) = match moment {
            Moment::Build(phase) => {
                let (deploy, blocker, build) = scene.hold(phase, &url, &[]).await;
                sessions.extend(blocker.sessions);
                (deploy, Some(build))
            }
            Moment::Parent => {
                let writer = "BEGIN; LOCK TABLE ONLY things IN ROW EXCLUSIVE MODE";
                sessions.push(session(&scene, writer).await);
                let mut deploy = scene.begin(&url, &[]);
                deploy.until_said("attempt 1 failed").await;
                (deploy, None)
            }
            Moment::Attach => {
                let (mut deploy, blocker, _) = scene.hold(Phase::Building, &url, &[]).await;
                // A reader has locked the new index, since the planner looks at all of a table's.
                let reader = "BEGIN; SELECT count(*) FROM things_low";
                sessions.push(session(&scene, reader).await);
                blocker.release().await;
                deploy.until_said("attempt 1 failed").await;
                (deploy, None)
            }
            Moment::Swap => {
                let other = "BEGIN; COMMENT ON INDEX things_held IS 'never committed'";
                sessions.push(session(&scene, other).await);
                let mut deploy = scene.begin(&url, &[]);
                deploy.until_said("attempt 1 failed").await;
                (deploy, None)
            }
            Moment::DropOfTheOld => {
                // A reader that is idle does not hold a build up, but a drop.
                let reader = "BEGIN; SELECT count(*) FROM things";
                sessions.push(session(&scene, reader).await);
                let deploy = scene.begin(&url, &[]);
                until("the drop waits", async || drop_waits(&scene).await).await;
                (deploy, None)
            }
        };
        Self {
            _database: database,
            scene,
            proxy,
            deploy,
            sessions,
            build,
        }
    }

    async fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::Kill => self.deploy.child.kill().await.expect("it is killed"),
            Fault::Signal(signal) => self.deploy.signal(signal),
            Fault::Terminate => {
                let builders = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'dbaudit apply-indexes build'";
                self.scene
                    .admin
                    .batch_execute(builders)
                    .await
                    .expect("they are ended");
            }
            Fault::Cut => {
                self.proxy.strike(Blow::Cut);
                self.deploy.until_said("reconnecting").await;
            }
            Fault::Cancel => panic!("not among these"),
        }
        if let Some(build) = &self.build
            && matches!(fault, Fault::Signal(_) | Fault::Terminate)
        {
            // It ends in spite of what holds it open.
            self.scene.until_ended(build).await;
        }
    }

    async fn ends_well_after(mut self, fault: Fault) {
        self.strike(fault).await;
        for session in self.sessions {
            session
                .batch_execute("ROLLBACK; SELECT pg_advisory_unlock_all()")
                .await
                .expect("it lets go");
        }
        let ended = self.deploy.ended().await;
        match fault {
            Fault::Kill => assert_eq!(ended.status, None, "{}", ended.all()),
            Fault::Signal(_) => {
                ended.assert_status(130);
                assert_eq!(self.scene.invalid().await, [""; 0], "{}", ended.all());
            }
            // These are survived within the run.
            Fault::Terminate | Fault::Cut | Fault::Cancel => ended.assert_status(0),
        }
        self.scene.deploy(&[]).await.assert_status(0);
        self.scene.assert_converged().await;
        self.scene.assert_nobody_is_left().await;
    }
}

async fn drop_waits(scene: &Scene) -> bool {
    let sql = "SELECT count(*) FROM pg_stat_activity a JOIN pg_locks l USING (pid)
        WHERE a.datname = current_database() AND a.query LIKE 'DROP INDEX CONCURRENTLY%' AND NOT l.granted";
    let row = scene.admin.query_one(sql, &[]).await.expect("the sessions");
    row.get::<_, i64>(0) > 0
}

async fn survives(shape: Shape, moment: Moment) {
    let major = support::server().major();
    for fault in FAULTS {
        eprintln!("{shape:?}, {moment:?}, {fault:?}");
        Held::at(major, shape, moment)
            .await
            .ends_well_after(fault)
            .await;
    }
}

#[tokio::test]
async fn a_unique_build_survives() {
    survives(Shape::Unique, Moment::Build(Phase::Building)).await;
    // By now it rejects duplicates, whether or not it is valid.
    survives(Shape::Unique, Moment::Build(Phase::OldSnapshots)).await;
}

#[tokio::test]
async fn the_parents_index_of_a_tree_survives() {
    survives(Shape::Tree, Moment::Parent).await;
}

#[tokio::test]
async fn a_partitions_build_survives() {
    survives(Shape::Tree, Moment::Build(Phase::Building)).await;
    survives(Shape::Tree, Moment::Build(Phase::Validating)).await;
}

#[tokio::test]
async fn an_attachment_survives() {
    survives(Shape::Tree, Moment::Attach).await;
}

#[tokio::test]
async fn a_replacement_survives_before_its_swap() {
    survives(Shape::Replace, Moment::Build(Phase::Building)).await;
}

#[tokio::test]
async fn a_replacement_survives_between_build_and_swap() {
    survives(Shape::Replace, Moment::Swap).await;
}

#[tokio::test]
async fn a_replacement_survives_before_the_old_one_is_dropped() {
    survives(Shape::Replace, Moment::DropOfTheOld).await;
}

#[tokio::test]
async fn two_builds_at_once_survive() {
    survives(Shape::Jobs, Moment::Build(Phase::Building)).await;
    survives(Shape::Jobs, Moment::Build(Phase::WritersBeforeValidation)).await;
}

#[tokio::test]
async fn a_rebuild_that_a_migration_asks_for_survives() {
    for fault in FAULTS {
        for phase in [
            Phase::Building,
            Phase::WritersBeforeValidation,
            Phase::OldSnapshots,
        ] {
            eprintln!("reindex, {phase:?}, {fault:?}");
            let database = support::server().database(Template::Empty);
            let mut scene = Scene::of(Shape::Unique, &database.url).await;
            scene.deploy(&[]).await.assert_status(0);
            scene.migration("V4__rebuild.sql", "REINDEX INDEX CONCURRENTLY things_held");
            let held = Held::open(database, scene, Moment::Build(phase)).await;
            held.ends_well_after(fault).await;
        }
    }
}

/// The same on every version there is.
async fn core(major: u32) {
    if support::server_of(major).is_none() {
        eprintln!("PostgreSQL {major} is not on this machine");
        return;
    }
    for (shape, moment, fault) in [
        (
            Shape::Unique,
            Moment::Build(Phase::OldSnapshots),
            Fault::Cut,
        ),
        (
            Shape::Tree,
            Moment::Build(Phase::Building),
            Fault::Signal(Signal::SIGTERM),
        ),
        (Shape::Tree, Moment::Attach, Fault::Kill),
        (Shape::Replace, Moment::Swap, Fault::Terminate),
        (Shape::Replace, Moment::DropOfTheOld, Fault::Kill),
        (
            Shape::Jobs,
            Moment::Build(Phase::Building),
            Fault::Terminate,
        ),
    ] {
        Held::at(major, shape, moment)
            .await
            .ends_well_after(fault)
            .await;
    }
}

#[tokio::test]
async fn the_core_shapes_are_survived_on_13() {
    core(13).await;
}

#[tokio::test]
async fn the_core_shapes_are_survived_on_14() {
    core(14).await;
}

#[tokio::test]
async fn the_core_shapes_are_survived_on_16() {
    core(16).await;
}

#[tokio::test]
async fn the_core_shapes_are_survived_on_17() {
    core(17).await;
}

#[tokio::test]
async fn the_core_shapes_are_survived_on_18() {
    core(18).await;
}
