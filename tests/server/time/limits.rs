//! What must not keep a run from ending, nor cut it short.

use super::{
    ORDERS,
    bench::{Timed, case},
};
use crate::{
    apply_pooler::PgBouncer,
    support::{Blow, Proxy, dbaudit},
};

#[tokio::test]
async fn timeouts_of_the_database_do_not_cut_a_measurement_short() {
    let timed = Timed::with(ORDERS).await;
    let name = &timed.database.name;
    let client = timed.database.client().await;
    for setting in [
        "statement_timeout = '20ms'",
        "idle_in_transaction_session_timeout = '1ms'",
        "lock_timeout = '1ms'",
    ] {
        client
            .batch_execute(&format!("ALTER DATABASE {name} SET {setting}"))
            .await
            .unwrap();
    }
    timed.query("q", "-- budget: 2s\nSELECT pg_sleep(0.025)");
    let run = timed.run(&[]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(case(&run.query(), "given")["verdict"], "within");
}

#[tokio::test]
async fn a_server_that_falls_silent_ends_the_run_soon_after_its_time() {
    let timed = Timed::with("CREATE TABLE begun (id int)").await;
    timed.query("q", "-- budget: 100ms\n-- rows: 1\nSELECT pg_sleep(0.05)");
    let proxy = Proxy::to(&timed.database.url).await;
    let mut command = dbaudit(timed.database.folder());
    let url = proxy.url(&timed.database.url);
    command.args(["-d", &url, "time-queries", "--queries", "queries"]);
    command.args(["--total-time", "5s"]);
    let run = std::thread::spawn(move || command.output().unwrap());
    let client = timed.database.client().await;
    let sampling = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
        AND application_name LIKE 'dbaudit%' AND query LIKE '%pg_sleep(0.05)%')";
    while !client
        .query_one(sampling, &[])
        .await
        .unwrap()
        .get::<_, bool>(0)
    {
        tokio::task::yield_now().await;
    }
    proxy.strike(Blow::Freeze);
    let output = tokio::task::spawn_blocking(|| run.join().unwrap())
        .await
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("--total-time 5s by far, and the server still does not respond"),
        "{stderr}"
    );
}

#[tokio::test]
async fn a_pool_in_transaction_mode_is_refused_and_one_in_session_mode_is_not() {
    for (mode, status) in [("transaction", 3), ("session", 0)] {
        let timed = Timed::with(ORDERS).await;
        timed.query(
            "q",
            "-- budget: 2s\n-- param $1: values 1\nSELECT * FROM orders WHERE id = $1",
        );
        let Some(bouncer) = PgBouncer::start(&timed.database, mode).await else {
            return;
        };
        let output = dbaudit(timed.database.folder())
            .args([
                "-d",
                &bouncer.url,
                "time-queries",
                "--queries",
                "queries",
                "--max-time",
                "5s",
            ])
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{mode}: {stderr}");
        assert_eq!(stderr.contains("pooler in transaction mode"), status == 3);
    }
}

#[tokio::test]
async fn when_the_time_is_up_what_is_left_is_inconclusive_and_said_to_be() {
    let timed = Timed::with("").await;
    timed.query("a", "-- budget: 60s\nSELECT pg_sleep(0.3)");
    timed.query("b", "-- budget: 2s\nSELECT * FROM nowhere");
    let run = timed.run(&["--total-time", "100ms"]);
    let json = run.json();
    assert_eq!((run.status, &json["verdict"]), (3, &"inconclusive".into()));
    assert_eq!(
        json["queries"][1]["notes"][0],
        "not timed: --total-time expired"
    );
}

#[tokio::test]
async fn a_query_with_side_effects_is_told_why_it_is_refused() {
    let timed = Timed::with("CREATE SEQUENCE numbers; CREATE TABLE t (id int)").await;
    timed.query("counts", "-- budget: 2s\nSELECT nextval('numbers')");
    timed.query(
        "makes_by_function",
        "-- budget: 2s\nSELECT setval('numbers', 5)",
    );
    timed.query("makes", "-- budget: 2s\nSELECT 1 AS a INTO made");
    let json = timed.run(&[]).json();
    for query in json["queries"].as_array().unwrap() {
        assert_eq!(query["verdict"], "error");
        let hint = query["hint"].as_str().unwrap();
        assert!(
            hint.contains("timed in a read-only transaction that is rolled back"),
            "{hint}"
        );
    }
    let client = timed.database.client().await;
    let untouched: bool = client
        .query_one(
            "SELECT NOT is_called AND to_regclass('made') IS NULL FROM numbers",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert!(untouched);
    // One that the driver cannot read at all.
    timed.query(
        "counts",
        "-- budget: 2s\nSELECT datacl FROM pg_database WHERE datacl IS NOT NULL",
    );
    let json = timed.run(&["--only", "counts"]).json();
    let hint = json["queries"][0]["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("cast that column to text"), "{json:#}");
}

#[tokio::test]
async fn a_file_in_another_encoding_is_told_with_its_line() {
    let timed = Timed::with("").await;
    timed.query("q", "-- budget: 2s\nSELECT 1");
    let file = timed.database.folder().join("queries/q.sql");
    std::fs::write(&file, b"-- budget: 2s\n-- description: caf\xe9\nSELECT 1").unwrap();
    let run = timed.run(&[]);
    assert_eq!(run.status, 2);
    assert!(
        run.stderr
            .contains("queries/q.sql:2: the file is not UTF-8 text"),
        "{}",
        run.stderr
    );
    // With the mark that Windows editors put first, and their line ends.
    std::fs::write(
        &file,
        b"\xef\xbb\xbf-- budget: 2s\r\n-- param $1: values 1\r\nSELECT $1::int\r\n;\r\n",
    )
    .unwrap();
    assert_eq!(timed.run(&[]).status, 0);
}
