//! Random faults at random moments: `cargo test --test chaos -- --ignored --nocapture`.
//!
//! `DBAUDIT_CHAOS_ROUNDS` (200) rounds from `DBAUDIT_CHAOS_SEED` (drawn, and printed). In each, a deploy works on
//! tables of some shape (plain, unique, a partition tree, a replacement, two at once) in some state or other, beside a write load and sessions that hold it up, while one to three faults strike.
//! Then one more deploy must end with status 0, and everything must be as written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    dead_code,
    reason = "tests fail by panicking, and the scene is shared with tests that use more of it"
)]

#[path = "server/apply_faults/scene.rs"]
mod scene;
mod support;

use std::{collections::BTreeMap, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use nix::sys::signal::Signal;
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use scene::{Deploy, Scene, Shape, connect};
use support::{Blow, PrivateServer, Proxy};

#[derive(Debug, Clone, Copy)]
enum Fault {
    Kill,
    Interrupt,
    Request,
    /// Of any of dbaudit's sessions.
    Terminate,
    Cancel,
    Cut,
    Crash,
}

const FAULTS: [Fault; 7] = [
    Fault::Kill,
    Fault::Interrupt,
    Fault::Request,
    Fault::Terminate,
    Fault::Cancel,
    Fault::Cut,
    Fault::Crash,
];

/// What went before, on tables that a deploy has been finished on.
const DAMAGES: [&str; 8] = [
    "DROP INDEX things_held",
    "DROP INDEX CONCURRENTLY others_note",
    "DROP TABLE dbaudit_index_history",
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'things_held'::regclass",
    // Of a partitioned table it is always ready: the server knows no other state.
    "UPDATE pg_index SET indisvalid = false, indisready = false FROM pg_class c
     WHERE indexrelid = 'things_note'::regclass AND c.oid = indexrelid AND c.relkind = 'i'",
    "UPDATE pg_index SET indisvalid = false, indisready = false, indislive = false
     WHERE indexrelid = 'others_note'::regclass",
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid IN
     ('things_low_things_held'::regclass, 'things_held'::regclass)",
    "CREATE INDEX others_note_ccnew ON others (note);
     UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'others_note_ccnew'::regclass",
];

/// By the text with which each kind of statement is known on the wire.
const STATEMENTS: [&str; 12] = [
    "set_config",
    "pg_try_advisory_lock",
    "pg_stat_progress_create_index",
    "pg_backend_pid",
    "CREATE INDEX CONCURRENTLY",
    "DROP INDEX CONCURRENTLY",
    "RENAME TO",
    "ON ONLY",
    "ATTACH PARTITION",
    "INTO dbaudit_index_history",
    "COMMIT",
    "pg_advisory_unlock",
];

const BLOWS: [Blow; 5] = [
    Blow::Silence,
    Blow::Cut,
    Blow::Freeze,
    Blow::Stall,
    Blow::Truncate,
];

/// Sessions that hold a build up for a while: what they do, and what ends it.
const NUISANCES: [(&str, &str); 6] = [
    (
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_advisory_unlock_all()",
    ),
    (
        "SELECT pg_advisory_lock(2)",
        "SELECT pg_advisory_unlock_all()",
    ),
    (
        "BEGIN; INSERT INTO things SELECT 5000000 + (random() * 1000000)::int, 2, 'nuisance'",
        "COMMIT",
    ),
    ("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1", "COMMIT"),
    ("BEGIN; LOCK TABLE things IN SHARE MODE", "COMMIT"),
    (
        "BEGIN; LOCK TABLE things IN ACCESS EXCLUSIVE MODE",
        "COMMIT",
    ),
];

struct Round<'a> {
    server: &'a mut PrivateServer,
    rng: ChaCha8Rng,
    story: Vec<String>,
}

#[derive(Default)]
struct Tally {
    failures: Vec<u64>,
    /// Runs that were hit, and ended with status 0 all the same.
    survived: u32,
    hit: u32,
    /// Faults by what the build was at.
    moments: BTreeMap<String, u32>,
    shapes: BTreeMap<String, u32>,
}

#[tokio::test]
#[ignore = "takes minutes: run it by name"]
async fn whatever_happens_the_next_run_makes_good() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let rounds: u64 = number("DBAUDIT_CHAOS_ROUNDS").unwrap_or(200);
    let seed: u64 = number("DBAUDIT_CHAOS_SEED").unwrap_or_else(rand::random);
    eprintln!("DBAUDIT_CHAOS_SEED={seed} DBAUDIT_CHAOS_ROUNDS={rounds}");
    let major = support::server().major();
    let mut server = PrivateServer::start(
        major,
        &["synchronous_commit=on", "allow_system_table_mods=on"],
    );
    let mut tally = Tally::default();
    for number in 0..rounds {
        let mut round = Round {
            server: &mut server,
            rng: ChaCha8Rng::seed_from_u64(seed.wrapping_add(number)),
            story: Vec::new(),
        };
        let played = AssertUnwindSafe(round.play(number, &mut tally))
            .catch_unwind()
            .await;
        if played.is_err() {
            eprintln!("round {number} failed: {:#?}", round.story);
            tally.failures.push(number);
        }
        if number % 10 == 9 {
            eprintln!(
                "{} rounds, {} failures; of {} runs hit, {} ended with status 0 themselves",
                number + 1,
                tally.failures.len(),
                tally.hit,
                tally.survived
            );
        }
    }
    eprintln!(
        "PostgreSQL {major}, seed {seed}: {rounds} rounds, {} failures; of {} runs hit, {} ended with status 0 themselves",
        tally.failures.len(),
        tally.hit,
        tally.survived
    );
    eprintln!(
        "faults by what the first index's build was at: {:#?}",
        tally.moments
    );
    eprintln!("rounds by shape: {:#?}", tally.shapes);
    assert!(tally.failures.is_empty(), "failed: {:?}", tally.failures);
}

/// Waits until a session builds, or no deploy runs any more.
async fn at_work(scene: &Scene, deploys: &mut [Deploy]) {
    let builds = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
        AND application_name = 'dbaudit apply-indexes build' AND query LIKE '%INDEX%'";
    loop {
        let row = scene
            .admin
            .query_one(builds, &[])
            .await
            .expect("the sessions");
        let runs = |deploy: &mut Deploy| deploy.child.try_wait().expect("a child").is_none();
        if row.get::<_, i64>(0) > 0 || !deploys.iter_mut().any(runs) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Round<'_> {
    async fn play(&mut self, number: u64, tally: &mut Tally) {
        let admin = connect(&self.server.url("postgres"))
            .await
            .expect("a connection");
        let name = format!("round_{number}");
        let sql = format!("CREATE DATABASE {name}");
        admin.batch_execute(&sql).await.expect("a database");
        let url = self.server.url(&name);
        let shape = *Shape::ALL.choose(&mut self.rng).expect("some");
        self.story.push(format!("{shape:?}"));
        *tally.shapes.entry(format!("{shape:?}")).or_default() += 1;
        let mut scene = Scene::of(shape, &url).await;
        if self.rng.random_bool(0.4) {
            self.damage(&scene).await;
            if shape == Shape::Replace {
                scene.put_another().await;
            }
        }
        let arguments: &[&str] = if self.rng.random_bool(0.3) {
            &["--deadline", "15s"]
        } else {
            &[]
        };
        let proxy = self.proxy(&url, !arguments.is_empty()).await;
        let nuisances = self.nuisances(&url);
        let mut deploys = vec![scene.begin(&proxy.url(&url), arguments)];
        if self.rng.random_bool(0.3) {
            self.story.push("two deploys".into());
            deploys.push(scene.begin(&proxy.url(&url), arguments));
        }
        let mut signalled = !arguments.is_empty();
        for _ in 0..self.rng.random_range(1..=3) {
            // Mostly when there is something to hit, however slow the machine is.
            if self.rng.random_bool(0.8) {
                at_work(&scene, &mut deploys).await;
            }
            let wait = self.rng.random_range(0..250);
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let fault = *FAULTS.choose(&mut self.rng).expect("some");
            self.story.push(format!("after {wait} ms: {fault:?}"));
            let moment = scene
                .build()
                .await
                .map_or("no build of it".into(), |build| build.moment());
            *tally.moments.entry(moment).or_default() += 1;
            signalled |= matches!(fault, Fault::Kill | Fault::Interrupt | Fault::Request);
            self.strike(fault, &mut scene, &mut deploys, &proxy).await;
        }
        for nuisance in nuisances {
            nuisance.await.expect("it ends");
        }
        for deploy in deploys {
            let ended = deploy.ended().await;
            self.story
                .push(format!("{:?}: {}", ended.status, ended.all()));
            assert!(
                matches!(ended.status, None | Some(0 | 1 | 3 | 130)),
                "{:?}",
                ended.status
            );
            if !signalled {
                tally.hit += 1;
                tally.survived += u32::from(ended.status == Some(0));
                if ended.status != Some(0) {
                    eprintln!(
                        "round {number}: status {:?}: {:#?}",
                        ended.status, self.story
                    );
                }
            }
        }
        // What was frozen ends, as by keepalives.
        drop(proxy);
        let again = scene.deploy(&[]).await;
        self.story
            .push(format!("again: {:?}: {}", again.status, again.all()));
        again.assert_status(0);
        scene.assert_converged().await;
        scene.assert_nobody_is_left().await;
        let admin = connect(&self.server.url("postgres"))
            .await
            .expect("a connection");
        let sql = format!("DROP DATABASE {name} WITH (FORCE)");
        admin.batch_execute(&sql).await.expect("it is dropped");
    }

    /// Half of the rounds go through a network that fails at a chosen statement.
    async fn proxy(&mut self, url: &str, has_deadline: bool) -> Proxy {
        if self.rng.random_bool(0.5) {
            return Proxy::to(url).await;
        }
        let statement = *STATEMENTS.choose(&mut self.rng).expect("some");
        // Of a network that is gone for good only a deadline makes an end soon.
        let blows = if has_deadline {
            &BLOWS[..]
        } else {
            &BLOWS[1..]
        };
        let blow = *blows.choose(&mut self.rng).expect("some");
        self.story.push(format!("at {statement}: {blow:?}"));
        Proxy::striking_at(url, statement, blow).await
    }

    async fn damage(&mut self, scene: &Scene) {
        scene.deploy(&[]).await.assert_status(0);
        for _ in 0..self.rng.random_range(1..=2) {
            let damage = *DAMAGES.choose(&mut self.rng).expect("some");
            self.story.push(damage.to_owned());
            // The second may ask for what the first took away.
            let _ = scene.admin.batch_execute(damage).await;
        }
    }

    fn nuisances(&mut self, url: &str) -> Vec<tokio::task::JoinHandle<()>> {
        let count = self.rng.random_range(2..=4);
        (0..count)
            .map(|_| {
                let (begin, end) = *NUISANCES.choose(&mut self.rng).expect("some");
                let after = self.rng.random_range(0..150);
                let during = self.rng.random_range(200..1200);
                self.story
                    .push(format!("at {after} ms for {during} ms: {begin}"));
                let url = url.to_owned();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(after)).await;
                    // A crash takes it away early.
                    let Ok(client) = connect(&url).await else {
                        return;
                    };
                    let limited = format!("SET lock_timeout = '2s'; {begin}");
                    if client.batch_execute(&limited).await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(during)).await;
                    }
                    let _ = client.batch_execute(end).await;
                })
            })
            .collect()
    }

    async fn strike(
        &mut self,
        fault: Fault,
        scene: &mut Scene,
        deploys: &mut [Deploy],
        proxy: &Proxy,
    ) {
        let struck = self.rng.random_range(0..deploys.len());
        let deploy = &mut deploys[struck];
        let runs = deploy.child.try_wait().expect("a child").is_none();
        let any_session = |function: &str| {
            format!(
                "SELECT {function}(pid) FROM pg_stat_activity WHERE datname = current_database()
                 AND application_name LIKE 'dbaudit%' ORDER BY random() LIMIT 1"
            )
        };
        match fault {
            Fault::Kill if runs => deploy.child.kill().await.expect("it is killed"),
            Fault::Interrupt if runs => deploy.signal(Signal::SIGINT),
            Fault::Request if runs => deploy.signal(Signal::SIGTERM),
            Fault::Kill | Fault::Interrupt | Fault::Request => {}
            Fault::Terminate => {
                let sql = any_session("pg_terminate_backend");
                scene.admin.batch_execute(&sql).await.expect("it is called");
            }
            Fault::Cancel => {
                let sql = any_session("pg_cancel_backend");
                scene.admin.batch_execute(&sql).await.expect("it is called");
            }
            Fault::Cut => proxy.strike(Blow::Cut),
            Fault::Crash => {
                self.server.stop_immediate();
                self.server.start_again();
                scene.reconnect().await;
            }
        }
    }
}
