//! Every wait of a deploy ends: whatever statement the network freezes at, or the server keeps waiting, `--deadline` and
//! the first SIGINT are obeyed, the next run converges, and no session of ours stays behind.

use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::{
    apply::Deploy,
    support::{self, Blow, PrivateServer, Proxy},
};

/// What strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strike {
    Deadline,
    Signal,
}

/// The run's own limit, and what it may take beyond: five seconds, and as much again for a machine that is busy.
const LIMIT: Duration = Duration::from_secs(4);
const BEYOND: Duration = Duration::from_secs(10);

/// A deploy through `url`, whose streams are read.
fn command(deploy: &Deploy, url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dbaudit"));
    command
        .args([
            "apply-indexes",
            "--migrations",
            "migrations",
            "--no-progress",
        ])
        .args(["-d", url])
        .current_dir(deploy.db.folder())
        .env("HOME", deploy.db.folder())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Deploys through `url` until the strike; the exit status, and what was said.
async fn deploy_until(
    deploy: &Deploy,
    url: &str,
    args: &[&str],
    strike: Strike,
    began: impl Future<Output = ()>,
) -> (i32, String) {
    let mut command = command(deploy, url);
    command.args(args);
    if strike == Strike::Deadline {
        command.args(["--deadline", "4s"]);
    }
    let child = command.spawn().unwrap();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap());
    let started = Instant::now();
    let ended = tokio::spawn(child.wait_with_output());
    tokio::time::timeout(Duration::from_secs(30), began)
        .await
        .expect("the statement is reached");
    let struck = match strike {
        Strike::Deadline => started + LIMIT,
        Strike::Signal => {
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
            Instant::now()
        }
    };
    let output = tokio::time::timeout(Duration::from_secs(90), ended)
        .await
        .expect("the run ends at all")
        .unwrap()
        .unwrap();
    let late = Instant::now().saturating_duration_since(struck);
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(late < BEYOND, "{late:?} after the strike\n{said}");
    (output.status.code().unwrap_or(-1), said)
}

/// No session of ours is left, once the server has had the time to notice.
async fn nobody_stays(deploy: &Deploy) {
    let client = deploy.db.client().await;
    let ours = "SELECT count(*), coalesce(string_agg(concat_ws(' ', pid, state, wait_event, left(query, 80)), '; '), '')
                FROM pg_stat_activity WHERE application_name LIKE 'dbaudit%' AND datname = current_database()";
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let row = client.query_one(ours, &[]).await.unwrap();
        if row.get::<_, i64>(0) == 0 {
            return;
        }
        assert!(
            Instant::now() < until,
            "still there: {}",
            row.get::<_, String>(1)
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

const SETUP: &str = "CREATE TABLE t (a int, b int); INSERT INTO t SELECT n, n FROM generate_series(1, 100) n;
    CREATE INDEX old ON t (b); CREATE INDEX r ON t (b, a); CREATE INDEX other ON t (a, b);
    CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)";

const FILES: [&str; 5] = [
    "CREATE INDEX CONCURRENTLY i ON t (a)",
    "DROP INDEX CONCURRENTLY old",
    "REINDEX INDEX CONCURRENTLY other; COMMENT ON INDEX i IS 'made here'",
    "DROP INDEX CONCURRENTLY r; CREATE INDEX CONCURRENTLY r ON t (a, b, a)",
    "CREATE INDEX CONCURRENTLY q ON p (a)",
];

/// By the text with which each kind of statement is known on the wire.
const STATEMENTS: [&str; 12] = [
    "set_config",
    "pg_try_advisory_lock",
    "pg_stat_progress_create_index",
    "ADD COLUMN",
    "CREATE INDEX CONCURRENTLY",
    "DROP INDEX CONCURRENTLY",
    "REINDEX INDEX CONCURRENTLY",
    "COMMENT ON INDEX",
    "RENAME TO",
    "ON ONLY",
    "ATTACH PARTITION",
    "INTO dbaudit_index_history",
];

async fn a_frozen_connection(strike: Strike) {
    let server = support::server();
    for statement in STATEMENTS {
        let deploy = Deploy::on(server, SETUP).await;
        for (version, sql) in (1..).zip(FILES) {
            deploy.migration(version, sql);
        }
        if statement == "pg_stat_progress_create_index" {
            // Only a build that lasts is looked at: a writer of the table holds it up.
            deploy.migration(1, FILES[0]);
        }
        let writer = deploy.db.client().await;
        if statement == "pg_stat_progress_create_index" {
            writer
                .batch_execute("BEGIN; INSERT INTO t VALUES (1, 1)")
                .await
                .unwrap();
        }
        let proxy = Proxy::striking_at(&deploy.db.url, statement, Blow::Silence).await;
        let url = proxy.url(&deploy.db.url);
        let (status, said) = deploy_until(&deploy, &url, &[], strike, proxy.reached()).await;
        let good: &[i32] = match strike {
            Strike::Deadline => &[1, 3],
            Strike::Signal => &[130],
        };
        assert!(
            good.contains(&status),
            "{statement}, {strike:?}: {status}\n{said}"
        );
        drop(proxy);
        writer.batch_execute("ROLLBACK").await.unwrap();
        nobody_stays(&deploy).await;
        let again = deploy.apply(&[]);
        assert_eq!(
            again.status, 0,
            "{statement}, {strike:?}: {again:#?}\nbefore: {said}"
        );
        let invalid: i64 = deploy
            .value("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
            .await;
        assert_eq!(invalid, 0, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_holds_whatever_statement_the_network_freezes_at() {
    a_frozen_connection(Strike::Deadline).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_signal_is_obeyed_whatever_statement_the_network_freezes_at() {
    a_frozen_connection(Strike::Signal).await;
}

/// What a connection that is lost at a statement does to a run that nobody hurries: it ends by itself, mostly well.
async fn a_lost_connection(statement: &str, blow: Blow) {
    let deploy = Deploy::on(support::server(), SETUP).await;
    for (version, sql) in (1..).zip(FILES) {
        deploy.migration(version, sql);
    }
    let proxy = Proxy::striking_at(&deploy.db.url, statement, blow).await;
    let mut command = command(&deploy, &proxy.url(&deploy.db.url));
    let ended = tokio::time::timeout(Duration::from_secs(90), command.output()).await;
    let output = ended
        .unwrap_or_else(|_| panic!("{statement}, {blow:?}: it hangs"))
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        matches!(output.status.code(), Some(0 | 1 | 3)),
        "{statement}, {blow:?}: {said}"
    );
    drop(proxy);
    nobody_stays(&deploy).await;
    let again = deploy.apply(&[]);
    assert_eq!(
        again.status, 0,
        "{statement}, {blow:?}: {again:#?}\nbefore: {said}"
    );
    assert!(
        deploy
            .indexes()
            .await
            .iter()
            .all(|index| index.contains(" valid ")),
        "{statement}, {blow:?}"
    );
}

const LOSSES: [Blow; 4] = [Blow::Truncate, Blow::Stall, Blow::Cut, Blow::Freeze];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_at_any_statement_ends_the_run_or_is_made_good() {
    for (at, statement) in STATEMENTS.into_iter().enumerate() {
        a_lost_connection(statement, LOSSES[at % LOSSES.len()]).await;
    }
    // While the first session to build with is being opened, the one that controls is lost as well.
    a_lost_connection("set_config", Blow::Stall).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes: each statement with each loss"]
async fn a_connection_lost_in_any_way_at_any_statement_ends_the_run_or_is_made_good() {
    for statement in STATEMENTS {
        for blow in LOSSES {
            a_lost_connection(statement, blow).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_and_a_signal_hold_while_the_server_itself_waits() {
    for (what, tag) in [
        ("a swap", "ALTER INDEX"),
        ("a comment", "COMMENT"),
        ("a build", "CREATE INDEX"),
    ] {
        for strike in [Strike::Deadline, Strike::Signal] {
            let deploy = Deploy::on(support::server(), SETUP).await;
            deploy
                .execute(&format!(
                    "CREATE FUNCTION sleepy() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); END $$;
                     CREATE EVENT TRIGGER sleepy ON ddl_command_start WHEN TAG IN ('{tag}') EXECUTE FUNCTION sleepy()"
                ))
                .await;
            for (version, sql) in (1..).zip(FILES) {
                deploy.migration(version, sql);
            }
            let client = deploy.db.client().await;
            let asleep = async {
                let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
                while client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let (status, said) = deploy_until(&deploy, &deploy.db.url, &[], strike, asleep).await;
            // 3 where it was still looking, and could judge nothing.
            let good: &[i32] = if strike == Strike::Signal {
                &[130]
            } else {
                &[1, 3]
            };
            assert!(
                good.contains(&status),
                "{what}, {strike:?}: {status}\n{said}"
            );
            nobody_stays(&deploy).await;
            deploy.execute("DROP EVENT TRIGGER sleepy").await;
            let again = deploy.apply(&[]);
            assert_eq!(again.status, 0, "{what}, {strike:?}: {again:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_gone_holds_no_deploy_past_its_deadline() {
    let server = PrivateServer::start(support::server().major(), &[]);
    let connect = async || support::connect(&server.url("postgres")).await;
    let client = connect().await;
    client
        .batch_execute("CREATE TABLE t (a int, b int); CREATE INDEX i ON t (b)")
        .await
        .unwrap();
    client
        .batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        .await
        .unwrap();
    client
        .batch_execute("ALTER SYSTEM SET synchronous_commit = 'on'")
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    std::fs::write(
        folder.path().join("migrations/V1__m.sql"),
        "DROP INDEX CONCURRENTLY i; CREATE INDEX CONCURRENTLY i ON t (a);",
    )
    .unwrap();
    client.query("SELECT pg_reload_conf()", &[]).await.unwrap();
    // The checkpointer hears of it when it likes.
    let commit = async |name: usize| {
        connect()
            .await
            .batch_execute(&format!("CREATE TABLE x{name} ()"))
            .await
    };
    let mut tries = 0;
    while tokio::time::timeout(Duration::from_millis(500), commit(tries))
        .await
        .is_ok()
    {
        tries += 1;
        assert!(tries < 100, "nobody is waited for");
    }
    let began = Instant::now();
    let output = tokio::time::timeout(
        Duration::from_secs(60),
        Command::new(env!("CARGO_BIN_EXE_dbaudit"))
            .args([
                "apply-indexes",
                "-d",
                &server.url("postgres"),
                "--deadline",
                "4s",
            ])
            .current_dir(folder.path())
            .kill_on_drop(true)
            .output(),
    )
    .await
    .expect("the run ends")
    .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(began.elapsed() < LIMIT + BEYOND, "{said}");
    assert_ne!(output.status.code(), Some(0), "{said}");
    client
        .batch_execute("ALTER SYSTEM RESET synchronous_standby_names")
        .await
        .unwrap();
    client.query("SELECT pg_reload_conf()", &[]).await.unwrap();
    let again = support::dbaudit(folder.path())
        .args(["apply-indexes", "-d", &server.url("postgres")])
        .output()
        .unwrap();
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
}

/// Before anything is built, and within `--lock-timeout` a try.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_locked_the_history_table_is_named_before_the_first_build() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int, b int); CREATE TABLE dbaudit_index_history
         (version int8 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255))",
    )
    .await;
    deploy.migration(1, "CREATE INDEX CONCURRENTLY i ON t (a)");
    let holder = deploy.db.client().await;
    let pid: i32 = holder
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    // Readers are kept away; writers; nobody, but for an ALTER TABLE.
    for mode in ["ACCESS EXCLUSIVE", "SHARE", "ROW EXCLUSIVE"] {
        holder
            .batch_execute(&format!(
                "BEGIN; LOCK TABLE dbaudit_index_history IN {mode} MODE"
            ))
            .await
            .unwrap();
        let said = deploy.apply(&["--lock-timeout", "200ms", "--attempts", "2"]);
        assert_eq!(said.status, 3, "{mode}: {said:#?}");
        for text in [
            "gave up after 2 attempts",
            &format!("blocked by pid {pid}"),
            "dbaudit_index_history",
        ] {
            assert!(said.stderr.contains(text), "{mode}: {text}: {said:#?}");
        }
        assert_eq!(deploy.indexes().await, [""; 0], "{mode}");
        holder.batch_execute("ROLLBACK").await.unwrap();
    }
    // Locked only once the build is done: the record is tried again, and the lock's holder named.
    deploy.applies(&[]);
    deploy.migration(2, "CREATE INDEX CONCURRENTLY j ON t (b)");
    holder
        .batch_execute("BEGIN; LOCK TABLE dbaudit_index_history IN SHARE MODE")
        .await
        .unwrap();
    let said = deploy.apply(&["--lock-timeout", "200ms", "--attempts", "2"]);
    assert!(
        said.stderr.contains(&format!("blocked by pid {pid}")),
        "{said:#?}"
    );
    holder.batch_execute("ROLLBACK").await.unwrap();
    deploy.applies(&[]);
}

/// No slot is free for a while, for the server or for the role: that passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lack_of_connection_slots_is_waited_out() {
    let deploy = Deploy::on(support::server(), SETUP).await;
    deploy.migration(1, FILES[0]);
    let role = format!("few_{}", deploy.db.name);
    deploy
        .execute(&format!(
            "CREATE ROLE {role} LOGIN CONNECTION LIMIT 1; GRANT ALL ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role}"
        ))
        .await;
    let url = deploy.db.url.replace("postgres@", &format!("{role}@"));
    let mut taken = Some(support::connect(&url).await);
    let mut command = command(&deploy, &url);
    let mut child = command.spawn().unwrap();
    let mut lines =
        tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(child.stderr.take().unwrap()));
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        said.push_str(&line);
        said.push('\n');
        // First none for the control session, then none for the one that builds.
        if line.contains("too many connections for role") && taken.take().is_none() {
            deploy
                .execute(&format!("ALTER ROLE {role} CONNECTION LIMIT -1"))
                .await;
        }
    }
    assert_eq!(child.wait().await.unwrap().code(), Some(0), "{said}");
    assert!(
        said.matches("too many connections for role").count() >= 2,
        "{said}"
    );
    deploy
        .execute(&format!(
            "REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"
        ))
        .await;
}
