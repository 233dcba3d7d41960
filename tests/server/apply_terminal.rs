//! What a person at a terminal of 80 columns learns of a wait, and of a Ctrl-C.

use std::{process::Command, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    apply::Deploy,
    support::{self, PrivateServer, Terminal, squeeze},
};

const INDEX: &str = "an_index_with_a_name_as_long_as_the_names_of_a_server_can_be";

fn at_a_terminal(url: &str, folder: &std::path::Path) -> Terminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dbaudit"));
    command
        .args(["apply-indexes", "--migrations", "migrations", "-d", url])
        .current_dir(folder)
        .env("HOME", folder)
        .env_remove("NO_COLOR");
    Terminal::run(command, 80)
}

/// A session that writes into the table, and its pid.
async fn writer(deploy: &Deploy, name: &str) -> (tokio_postgres::Client, i32) {
    let client = deploy.db.client().await;
    client
        .batch_execute(&format!(
            "SET application_name = '{name}'; BEGIN; UPDATE t SET b = b + 1 WHERE a = {} AND 'a condition' <> 'another one'",
            name.len()
        ))
        .await
        .unwrap();
    let pid = client
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    // The last query is the one that is shown.
    client
        .batch_execute(&format!("UPDATE t SET b = b + 2 WHERE a = {}", name.len()))
        .await
        .unwrap();
    (client, pid)
}

fn shown_of(pid: i32, name: &str) -> [String; 2] {
    [
        format!(
            "waiting for pid {pid} (postgres, {name}, idle in transaction) in a transaction for"
        ),
        format!(": UPDATE t SET b = b + 2 WHERE a = {}", name.len()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_says_for_whom_and_how_long_and_ctrl_c_answers_at_once() {
    let deploy = Deploy::on(
        support::server(),
        "CREATE TABLE t (a int, b int); INSERT INTO t SELECT n, n FROM generate_series(1, 100) n",
    )
    .await;
    deploy.migration(1, &format!("CREATE INDEX CONCURRENTLY {INDEX} ON t (a)"));
    let (first, first_pid) = writer(&deploy, "billing_service_of_the_morning").await;
    let terminal = at_a_terminal(&deploy.db.url, deploy.db.folder());
    let index = INDEX;
    let [who, query] = shown_of(first_pid, "billing_service_of_the_morning");
    let clock = format!("00:00:02 public.{index}: 2/8 waiting for writers before build");
    terminal.shows(&[&clock, &who, &query]).await;
    // Nothing runs beyond the right edge, and the wait is told once for good and once as it goes on.
    let told = terminal.squeezed().matches(&squeeze(&who)).count();
    assert_eq!(told, 2, "{}", terminal.rows().join("\n"));

    // Who comes later is told when it is waited for.
    let (second, second_pid) = writer(&deploy, "reports").await;
    first.batch_execute("ROLLBACK").await.unwrap();
    let [who, query] = shown_of(second_pid, "reports");
    terminal.shows(&[&who, &query]).await;

    let pid = Pid::from_raw(i32::try_from(terminal.child.id()).unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    let dropping = format!("dropping the unfinished index public.{index}");
    terminal
        .shows(&["interrupted: cancelling the statement", &dropping])
        .await;
    let left = format!(
        "an invalid index remains, because older transactions block its drop (waiting for pid {second_pid} \
         (postgres, reports, idle in transaction)"
    );
    terminal.shows(&[&left, "the next run repairs it"]).await;
    let mut terminal = terminal;
    assert_eq!(terminal.child.wait().unwrap().code(), Some(130));
    second.batch_execute("ROLLBACK").await.unwrap();
    deploy.applies(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronous_standby_that_is_waited_for_is_named() {
    let server = PrivateServer::start(support::server().major(), &[]);
    let client = support::connect(&server.url("postgres")).await;
    client
        .batch_execute("CREATE TABLE t (a int, b int)")
        .await
        .unwrap();
    for sql in [
        "ALTER SYSTEM SET synchronous_standby_names = 'nobody'",
        "ALTER SYSTEM SET synchronous_commit = 'on'",
        "SELECT pg_reload_conf()",
    ] {
        client.batch_execute(sql).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    std::fs::write(
        folder.path().join("migrations/V1__m.sql"),
        "CREATE INDEX CONCURRENTLY i ON t (a)",
    )
    .unwrap();
    // The checkpointer hears of it when it likes: until somebody waits.
    let mut tries = 0;
    loop {
        let probe = support::connect(&server.url("postgres")).await;
        let commit = format!("CREATE TABLE x{tries} ()");
        let committed = probe.batch_execute(&commit);
        if tokio::time::timeout(Duration::from_millis(500), committed)
            .await
            .is_err()
        {
            break;
        }
        tries += 1;
        assert!(tries < 100, "nobody is waited for");
    }
    let terminal = at_a_terminal(&server.url("postgres"), folder.path());
    terminal
        .shows(&[
            "waiting for the synchronous standby to confirm",
            "synchronous_standby_names: nobody",
        ])
        .await;
    client
        .batch_execute("ALTER SYSTEM RESET synchronous_standby_names")
        .await
        .unwrap();
    client
        .batch_execute("SELECT pg_reload_conf()")
        .await
        .unwrap();
    let mut terminal = terminal;
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
}
