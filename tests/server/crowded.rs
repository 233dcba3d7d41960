//! Databases full of what others made: implicit casts, and operators and functions by the names of the server's own in
//! the schema of the application. None of them may come into dbaudit's questions: each command
//! ends as in a database without them, and the server's log has no other error.

use std::{collections::BTreeSet, path::Path};

use crate::{
    support::{self, PrivateServer},
    twin::path_with_dump,
};

/// What others made. None may be executed by the role that dbaudit connects as, so that one is seen before a row is.
const CROWD: [&str; 3] = [
    include_str!("crowded/functions.sql"),
    include_str!("crowded/operators.sql"),
    include_str!("crowded/casts.sql"),
];

const MIGRATIONS: [(&str, &str); 5] = [
    (
        "V1__orders",
        "CREATE INDEX CONCURRENTLY idx_orders ON orders (customer_id, (lower(state)) text_pattern_ops) WHERE total > 5; \
         COMMENT ON INDEX idx_orders IS 'by customer';",
    ),
    (
        "V2__events",
        "CREATE UNIQUE INDEX CONCURRENTLY idx_events ON events (id, at) INCLUDE (kind);",
    ),
    ("V3__gone", "DROP INDEX CONCURRENTLY old_index;"),
    ("V4__again", "REINDEX INDEX CONCURRENTLY bloated_index;"),
    (
        "V5__tags",
        "CREATE INDEX CONCURRENTLY idx_tags ON orders USING gin (tags) WITH (fastupdate = off);",
    ),
];

const QUERIES: [(&str, &str); 3] = [
    (
        "by_customer",
        "-- name: by_customer\n-- budget: 10s\n-- param $1: column orders.customer_id\n\
         SELECT o.id, o.total FROM orders o WHERE o.customer_id = $1",
    ),
    (
        "events",
        "-- name: events\n-- budget: 10s\nSELECT e.kind FROM events e WHERE e.id = $1",
    ),
    (
        "state",
        "-- name: state\n-- budget: 10s\nSELECT o.id FROM orders o WHERE o.state = $1 ORDER BY o.id LIMIT 3",
    ),
];

/// What is run, in this order: the lock on orders that somebody holds meanwhile, the command, and its status.
const COMMANDS: [(&str, &str, i32); 17] = [
    ("", "report --fail-on never --exact-bloat", 0),
    ("", "status", 1),
    ("", "apply-indexes --dry-run", 0),
    ("ROW EXCLUSIVE", "apply-indexes --deadline 4s", 1),
    (
        "ACCESS EXCLUSIVE",
        "apply-indexes --deadline 4s --lock-timeout 300ms",
        3,
    ),
    ("", "apply-indexes", 0),
    ("", "apply-indexes", 0),
    ("", "time-queries --plans-only", 0),
    (
        "",
        "time-queries --ab-without-index idx_orders --disposable --max-samples 5 --allow-inconclusive",
        0,
    ),
    (
        "",
        "time-queries --from-statements 5 --max-samples 5 --allow-inconclusive",
        0,
    ),
    ("", "advise --max-time 5s", 0),
    ("", "advise --from-statements --plans-only --max-time 5s", 0),
    ("", "advise --without idx_orders --disposable", 0),
    ("", "advise --prove --disposable --max-time 5s", 0),
    ("", "snapshot --statements --output snapshot.json", 0),
    ("", "init", 0),
    ("", "report --fail-on never", 0),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_others_made_comes_into_no_question() {
    hold(support::servers().last().unwrap().major()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: every version"]
async fn what_others_made_comes_into_no_question_of_any_version() {
    for server in support::servers() {
        hold(server.major()).await;
    }
}

async fn hold(major: u32) {
    let settings = [
        "logging_collector=on",
        "log_filename=log",
        "log_line_prefix=<%d>",
    ];
    let server = PrivateServer::start(major, &settings);
    let admin = support::connect(&server.url("postgres")).await;
    admin
        .batch_execute("CREATE ROLE app LOGIN; GRANT pg_monitor TO app")
        .await
        .unwrap();
    let plain = run_all(&server, "plain", &[]).await;
    let crowded = run_all(&server, "crowded", &CROWD).await;
    let others: Vec<_> = crowded.difference(&plain).collect();
    assert!(others.is_empty(), "PostgreSQL {major}: {others:?}");
}

/// The errors in the server's log, figures left out, and what time limits cancel: that is another statement each time.
async fn run_all(server: &PrivateServer, database: &str, crowd: &[&str]) -> BTreeSet<String> {
    let admin = support::connect(&server.url("postgres")).await;
    let create = format!("CREATE DATABASE {database} OWNER app");
    admin.batch_execute(&create).await.unwrap();
    let own = support::connect(&server.url(database)).await;
    let has_statements = own
        .batch_execute("CREATE EXTENSION pg_stat_statements")
        .await
        .is_ok();
    for made in [include_str!("crowded/schema.sql")].iter().chain(crowd) {
        own.batch_execute(made).await.unwrap();
    }
    drop(own);
    drop(admin);
    let url = server.url(database).replacen("postgres@", "app@", 1);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    for (lock, command, status) in COMMANDS {
        if command.contains("statements") && !has_statements {
            continue;
        }
        // Alone, where no lock is to be held: an experiment wants that.
        let mut holder = None;
        if !lock.is_empty() {
            let session = support::connect(&server.url(database)).await;
            let lock = format!("BEGIN; LOCK TABLE orders IN {lock} MODE");
            session.batch_execute(&lock).await.unwrap();
            holder = Some(session);
        }
        let output = support::dbaudit(folder.path())
            .args(["-d", &url, "--format", "json"])
            .args(command.split(' '))
            .env("PATH", path_with_dump())
            .output()
            .unwrap();
        drop(holder);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{database} {command}: {told}"
        );
    }
    let log = std::fs::read_to_string(server.data_dir.join("log/log")).unwrap();
    log.lines()
        .filter_map(|line| line.strip_prefix(&format!("<{database}>ERROR:  ")))
        .filter(|line| !line.starts_with("canceling statement"))
        .map(|line| line.replace(|c: char| c.is_ascii_digit(), ""))
        .collect()
}

fn write(folder: &Path) {
    for (kind, files) in [("migrations", &MIGRATIONS[..]), ("queries", &QUERIES[..])] {
        let folder = folder.join(kind);
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(format!("{name}.sql")), text).unwrap();
        }
    }
}
