//! `apply-indexes` through PgBouncer: session mode works, transaction mode is refused and leaves nothing behind.

use std::{
    os::unix::{fs::chown, process::CommandExt},
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User, geteuid},
};
use tokio_postgres::SimpleQueryMessage;

use crate::{
    apply_faults::scene::{Phase, Scene, connect, until},
    support::{self, Template, TestDatabase},
};

/// A PgBouncer in front of a database's server.
pub(crate) struct PgBouncer {
    process: Child,
    pub(crate) url: String,
    _folder: tempfile::TempDir,
}

impl PgBouncer {
    /// `None` where there is none on this machine and nobody insists.
    pub(crate) async fn start(database: &TestDatabase, mode: &str) -> Option<Self> {
        Self::with(
            database,
            &format!("pool_mode = {mode}\ndefault_pool_size = 10"),
        )
        .await
    }

    /// `settings`: those of the pool.
    async fn with(database: &TestDatabase, settings: &str) -> Option<Self> {
        let program = [
            "/usr/sbin/pgbouncer",
            "/usr/bin/pgbouncer",
            "/usr/local/bin/pgbouncer",
        ]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists());
        let Some(program) = program else {
            assert!(
                std::env::var_os("DBAUDIT_TEST_REQUIRE").is_none(),
                "there is no pgbouncer on this machine: `tests/run` installs it (Debian, Ubuntu: apt-get install \
                 pgbouncer)"
            );
            eprintln!("skipped: there is no pgbouncer on this machine");
            return None;
        };
        let server: tokio_postgres::Config = database.url.parse().expect("a URL");
        let server_port = server.get_ports()[0];
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        let pool = settings;
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\n\
             {pool}\nlogfile = {log}\npidfile = {pid}\n",
            users = at("users.txt"),
            log = at("pgbouncer.log"),
            pid = at("pgbouncer.pid"),
        );
        std::fs::write(at("pgbouncer.ini"), settings).expect("a file");
        std::fs::write(at("users.txt"), "\"postgres\" \"\"\n").expect("a file");
        let mut command = Command::new(program);
        command
            .args(["-q", &at("pgbouncer.ini")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if geteuid().is_root() {
            // It refuses to run as root.
            let user = ["postgres", "nobody"]
                .into_iter()
                .find_map(|name| User::from_name(name).ok().flatten())
                .expect("a user other than root");
            let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
            command.uid(uid).gid(gid);
            for path in ["pgbouncer.ini", "users.txt", ""] {
                chown(folder.path().join(path), Some(uid), Some(gid))
                    .expect("it can be given away");
            }
        }
        let bouncer = Self {
            process: command.spawn().expect("pgbouncer starts"),
            url: database
                .url
                .replace(&format!(":{server_port}/"), &format!(":{port}/")),
            _folder: folder,
        };
        until("pgbouncer answers", async || {
            connect(&bouncer.url).await.is_ok()
        })
        .await;
        Some(bouncer)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let pid = self.process.id().try_into().expect("a process");
        // SIGTERM: at once, without waiting for clients.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_session_pool_is_as_good_as_the_server() {
    let database = support::server().database(Template::Empty);
    let mut scene = Scene::set(&database.url).await;
    let Some(bouncer) = PgBouncer::start(&database, "session").await else {
        return;
    };
    // Both clocks and the cancel reach the backend, whose process the pooler hides.
    let (deploy, blocker, build) = scene
        .hold(
            Phase::TableLock,
            &bouncer.url,
            &[
                "--lock-timeout",
                "200ms",
                "--attempts",
                "2",
                "--drain-timeout",
                "5s",
            ],
        )
        .await;
    deploy_gives_up(&scene, deploy, build.pid).await;
    blocker.release().await;
    let (deploy, blocker, _) = scene.hold(Phase::Building, &bouncer.url, &[]).await;
    deploy.signal(Signal::SIGINT);
    deploy.ended().await.assert_status(130);
    assert_eq!(scene.invalid().await, [""; 0]);
    blocker.release().await;
    scene
        .begin(&bouncer.url, &[])
        .ended()
        .await
        .assert_status(0);
    scene.assert_converged().await;
}

async fn deploy_gives_up(scene: &Scene, deploy: crate::apply_faults::scene::Deploy, pid: i32) {
    let ended = deploy.ended().await;
    ended.assert_status(1);
    assert!(
        ended.out.contains("gave up after 2 attempts") && ended.out.contains("blocked by pid"),
        "{}",
        ended.all()
    );
    assert_eq!(scene.build().await, None, "{pid}");
}

#[tokio::test]
async fn a_transaction_pool_is_refused_and_left_as_it_was() {
    let database = support::server().database(Template::Empty);
    let scene = Scene::set(&database.url).await;
    for setting in ["statement_timeout = '7min'", "lock_timeout = '6min'"] {
        scene
            .admin
            .batch_execute(&format!("ALTER DATABASE {} SET {setting}", database.name))
            .await
            .unwrap();
    }
    let Some(bouncer) = PgBouncer::start(&database, "transaction").await else {
        return;
    };
    let ended = scene.begin(&bouncer.url, &[]).ended().await;
    ended.assert_status(3);
    assert!(
        ended.log.contains("pooler in transaction mode") && ended.log.contains("session mode"),
        "{}",
        ended.all()
    );
    assert_eq!(scene.oid("things_held").await, None);
    let locks: i64 = scene
        .admin
        .query_one(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(locks, 0);
    // Whichever of its sessions the pool hands out.
    let mut clients = Vec::new();
    for _ in 0..3 {
        let client = connect(&bouncer.url).await.unwrap();
        client.batch_execute("BEGIN").await.unwrap();
        clients.push(client);
    }
    for client in &clients {
        for (name, value) in [
            ("statement_timeout", "7min"),
            ("lock_timeout", "6min"),
            ("client_connection_check_interval", "0"),
            ("jit", "on"),
        ] {
            let answer = client.simple_query(&format!("SHOW {name}")).await.unwrap();
            let shown = answer.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            assert_eq!(shown, Some(value), "{name}");
        }
    }
}

#[tokio::test]
async fn a_pool_in_statement_mode_is_refused_like_one_in_transaction_mode() {
    let database = support::server().database(Template::Empty);
    let scene = Scene::set(&database.url).await;
    let Some(bouncer) = PgBouncer::start(&database, "statement").await else {
        return;
    };
    let ended = scene.begin(&bouncer.url, &[]).ended().await;
    ended.assert_status(3);
    assert!(
        ended.log.contains("pooler in statement mode") && ended.log.contains("session mode"),
        "{}",
        ended.all()
    );
    assert_eq!(scene.oid("things_held").await, None);
}

/// A deploy needs two connections. That is said while it waits, and when it gives up: by its deadline, or since the
/// pooler has had enough.
#[tokio::test]
async fn a_pool_of_one_connection_is_said_to_be_too_small() {
    let database = support::server().database(Template::Empty);
    let mut scene = Scene::set(&database.url).await;
    let one = "pool_mode = session\ndefault_pool_size = 1\nquery_wait_timeout";
    for (seconds, args, status) in [(120, ["--deadline", "6s"], 3), (2, ["--attempts", "2"], 3)] {
        let Some(bouncer) = PgBouncer::with(&database, &format!("{one} = {seconds}")).await else {
            return;
        };
        let ended = scene.begin(&bouncer.url, &args).ended().await;
        ended.assert_status(status);
        assert!(
            ended.log.contains("needs two connections") && ended.log.contains("default_pool_size"),
            "{}",
            ended.all()
        );
        let is_said = ended
            .log
            .contains("waiting for a second connection to the server");
        assert_eq!(is_said, seconds > 3, "{}", ended.all());
        assert_eq!(scene.oid("things_held").await, None);
    }
    scene.deploy(&[]).await.assert_status(0);
    scene.assert_converged().await;
}
